"""Attributes that a processor writes onto many spans, encoded once but for the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct

from ..wire.values import Value, span_attribute
from . import facts
from .facts import Facts

_SIZE = Struct("<d").size


class Template:
    """Numbers that differ from span to span, and values that do not. Make one and keep it."""

    __slots__ = ("_constant_facts", "_constants", "_doubles", "_integers", "_number_facts",
                 "_pack", "_parts", "_tail", "counts", "names")  # fmt: skip

    def __init__(
        self,
        doubles: Sequence[str] = (),
        constants: Mapping[str, Value] | None = None,
        *,
        integers: Sequence[str] = (),
    ) -> None:
        """``doubles`` and then ``integers`` are the names of the numbers that ``encode`` gets."""
        self._doubles, self._integers = tuple(doubles), tuple(integers)
        self._constants = dict(constants or {})
        self.names = frozenset((*doubles, *integers, *self._constants))
        """Of all attributes in it."""
        heads = [span_attribute(name, 0.0)[:-_SIZE] for name in doubles]
        self._pack = Struct("<" + "".join(f"{len(head)}sd" for head in heads)).pack
        self._parts: list[bytes | float] = [part for head in heads for part in (head, 0.0)]
        self._tail = b"".join(span_attribute(n, value) for n, value in self._constants.items())
        self.counts = not self.names.isdisjoint(facts.COUNTED)
        """Whether it writes counts of tokens."""
        numbers = (*doubles, *integers)
        self._number_facts = [(facts.AT[n], at) for at, n in enumerate(numbers) if n in facts.AT]
        self._constant_facts = [
            (facts.AT[name], facts.READ[facts.AT[name]](value))
            for name, value in self._constants.items()
            if name in facts.AT
        ]

    def encode(self, numbers: Sequence[float]) -> bytes:
        """Return the attributes as they are appended to a span's bytes."""
        if not numbers:
            return self._tail
        parts, count = self._parts.copy(), len(self._doubles)
        parts[1::2] = numbers[:count]
        encoded = self._pack(*parts) + self._tail
        if self._integers:
            rest = zip(self._integers, numbers[count:], strict=True)
            encoded += b"".join([span_attribute(name, number) for name, number in rest])
        return encoded

    def values(self, numbers: Sequence[float]) -> dict[str, Value]:
        """Return the attributes by name."""
        named = zip((*self._doubles, *self._integers), numbers, strict=True)
        return {**dict(named), **self._constants}

    def note(self, known: Facts, numbers: Sequence[float]) -> None:
        """Put what is written among the facts of the span."""
        for place, at in self._number_facts:
            known[place] = numbers[at]
        for place, value in self._constant_facts:
            known[place] = value
