"""Phrases as patterns that fit text and the encoded bytes of messages alike.

Messages are scanned as they are encoded, mostly as JSON inside a protobuf string: a line break is
``\\n`` in two characters there, and an accent may be ``\\u00e9``. Patterns are written in the
subset that Python's ``re`` and RE2 share: no look-around, no back-references.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPACE = r"(?:(?:\s|\\+[nrt])+)"
_APOSTROPHE = "(?:'|\u2019|\\\\u2019)"


def spelled(phrase: str) -> str:
    """Return a regular expression of ``phrase``, itself one, with any white space for a space,
    either apostrophe, and characters beyond ASCII also as JSON escapes."""
    return "".join(map(_letter, phrase))


def _letter(char: str) -> str:
    if char == " ":
        return _SPACE
    if char == "'":
        return _APOSTROPHE
    return char if char.isascii() else rf"(?:{char}|\\u{ord(char):04x})"


def any_of(phrases: Iterable[str]) -> str:
    """Return one regular expression for all ``phrases``, in any case."""
    return f"(?i:{'|'.join(map(spelled, phrases))})"


def finder(phrases: Iterable[str]) -> re.Pattern[str]:
    """Compile ``phrases`` to look for in decoded text."""
    return re.compile(any_of(phrases))
