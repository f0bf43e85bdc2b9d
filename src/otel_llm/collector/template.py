"""Attributes that a processor writes onto many spans, encoded once but for the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from struct import Struct

from . import facts
from .facts import Facts
from .values import Value, span_attribute

_SIZE = Struct("<d").size


class Template:
    """Numbers that differ from span to span, and values that do not. Make one and keep it."""

    __slots__ = ("_constant_facts", "_constants", "_doubles", "_heads", "_integers",
                 "_number_facts", "_pack", "_tail", "names")  # fmt: skip

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
        self._heads = [span_attribute(name, 0.0)[:-_SIZE] for name in doubles]
        self._pack = Struct("<" + "".join(f"{len(head)}sd" for head in self._heads)).pack
        self._tail = b"".join(span_attribute(n, value) for n, value in self._constants.items())
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
        floats = zip(self._heads, numbers, strict=False)
        encoded = self._pack(*chain.from_iterable(floats)) + self._tail
        for name, number in zip(self._integers, numbers[len(self._heads) :], strict=True):
            encoded += span_attribute(name, number)
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
