"""Attributes that a processor writes onto many spans, encoded once but for the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from struct import Struct

from . import facts
from .facts import Facts
from .values import Value, span_attribute

_NUMBER = Struct("<d").size


class Template:
    """Doubles that differ from span to span, and values that do not. Make one and keep it."""

    __slots__ = ("_constant_facts", "_constants", "_doubles", "_fact_places", "_heads", "_pack",
                 "_tail", "names")  # fmt: skip

    def __init__(self, doubles: Sequence[str], constants: Mapping[str, Value]) -> None:
        """``doubles`` are the names of the numbers that ``encode`` gets, in order."""
        self.names = frozenset((*doubles, *constants))
        """Of all attributes in it."""
        self._doubles, self._constants = tuple(doubles), dict(constants)
        self._heads = [span_attribute(name, 0.0)[:-_NUMBER] for name in doubles]
        self._pack = Struct("<" + "".join(f"{len(head)}sd" for head in self._heads)).pack
        self._tail = b"".join(span_attribute(name, value) for name, value in constants.items())
        self._fact_places = [(facts.AT[n], i) for i, n in enumerate(doubles) if n in facts.AT]
        self._constant_facts = [
            (facts.AT[name], facts.READ[facts.AT[name]](value))
            for name, value in constants.items()
            if name in facts.AT
        ]

    def encode(self, numbers: Sequence[float]) -> bytes:
        """Return the attributes as they are appended to a span's bytes."""
        if not self._heads:
            return self._tail
        return self._pack(*chain.from_iterable(zip(self._heads, numbers, strict=True))) + self._tail

    def values(self, numbers: Sequence[float]) -> dict[str, Value]:
        """Return the attributes by name."""
        return {**dict(zip(self._doubles, numbers, strict=True)), **self._constants}

    def note(self, known: Facts, numbers: Sequence[float]) -> None:
        """Put what is written among the facts of the span."""
        for place, at in self._fact_places:
            known[place] = numbers[at]
        for place, value in self._constant_facts:
            known[place] = value
