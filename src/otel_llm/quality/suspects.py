"""What looks like a leak: taken out where in doubt, unlike a check, which must not cry wolf.

Whether an address or a key is only an example is not asked. Only what is a number or a word to
most people is proven first: cards by their check digit, bank accounts by their remainder, numbers
of persons by their state's rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from .leaks import PII, SECRETS
from .national import NATIONAL, NATIONAL_SIGN
from .shape import Leak, Shape, leaking
from .words import compiled

_NUMBERS = frozenset(shape.kind for shape in NATIONAL)
PROVEN = frozenset({"bearer_token", "card", "cookie", "iban", "password", *_NUMBERS})
"""Kinds of which the shape alone says too little."""

_NUMBERED = compiled(NATIONAL_SIGN.regex)


def suspects(text: str, shapes: tuple[Shape, ...] = SECRETS + PII) -> Iterator[Leak]:
    """Yield everything in ``text`` that has one of the shapes, by kind and then by place."""
    numbered = _NUMBERED.search(text) is not None
    for shape in shapes:
        if numbered or shape.kind not in _NUMBERS:
            yield from _of_shape(text, shape)


@cache
def _pattern(shape: Shape) -> re.Pattern[str]:
    return compiled(shape.pattern.regex)


def _of_shape(text: str, shape: Shape) -> Iterator[Leak]:
    for match in _pattern(shape).finditer(text):
        start, end = leaking(match)
        if shape.kind not in PROVEN or shape.proves(text[start:end]):
            yield Leak(shape.kind, start, end)
