"""Phrases as patterns that fit text and the encoded bytes of messages alike.

Messages are scanned as they are encoded, mostly as JSON inside a protobuf string: a line break is
``\\n`` in two characters there, and an accent may be ``\\u00e9``. Patterns are written in the
subset that Python's ``re`` and RE2 share: no look-around, no back-references.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, NamedTuple, cast

_SPACE = r"(?:(?:\s|\\+[nrt])+)"
START = "(?:^|[^a-z])"
"""Where a word starts, in lower case."""
_AUTOMATON_BYTES = 32 * 2**20
_APOSTROPHE = "(?:'|\u2019|\\\\u2019)"


class Pattern(NamedTuple):
    """A regular expression, and literals of which every match holds one.

    Without RE2 the literals go first: the expression runs only where one of them is.
    """

    regex: str
    stems: tuple[bytes, ...]
    """In lower case. None: too many to look for, the pattern is for RE2 alone."""


class Phrase(NamedTuple):
    """A sentence as a regular expression, around a part of it that is quick to look for."""

    sign: str
    """What each such sentence holds: looked for in encoded content, all of it."""
    stems: str
    """Literals with ``|`` between them, of which every sign holds one."""
    after: str = ""
    before: str = START

    @property
    def whole(self) -> str:
        """The sentence, to be looked for in decoded text."""
        return f"{self.before}{self.sign}{self.after}"


def signs(phrases: Iterable[Phrase]) -> tuple[Pattern, ...]:
    """Return a pattern for the sign of each of ``phrases``."""
    return patterns({phrase.sign: phrase.stems for phrase in phrases})


def sentences(phrases: Iterable[Phrase]) -> Callable[[bytes], bool]:
    """Return whether a text, as ``lowered`` returns it, holds one of ``phrases``.

    They are looked for in bytes, where both engines agree on what a letter is and RE2's automaton
    stays a tenth of the size: no class of characters may go beyond ASCII.
    """
    search = _of_bytes(phrases).search
    return lambda text: search(text) is not None


def counter(phrases: Iterable[Phrase]) -> Callable[[bytes], int]:
    """Return how often a text holds any of ``phrases``, looked for like ``sentences``."""
    found = _of_bytes(phrases).finditer
    return lambda text: sum(1 for _ in found(text))


def lowered(text: str) -> bytes:
    """Return ``text``, as ``voice`` returns it, ready to look for sentences."""
    return text.lower().encode()


def _of_bytes(phrases: Iterable[Phrase]) -> re.Pattern[bytes]:
    regex = "|".join(phrase.whole for phrase in phrases).encode()
    if (engine := re2()) is None:
        return re.compile(regex)
    options = engine.Options()
    options.encoding = engine.Options.Encoding.LATIN1
    options.max_mem = _AUTOMATON_BYTES
    return cast("re.Pattern[bytes]", engine.compile(regex, options))


def gap(words: int) -> str:
    """Return a regular expression of up to so many words within one sentence."""
    return rf"(?: [^\s.!?;:]+){{0,{words}}}"


def one_of(words: str) -> str:
    """Return a regular expression of any of ``words``; ``_`` in one is a space."""
    return f"(?:{'|'.join(words.split())})".replace("_", " ")


def patterns(phrases: Mapping[str, str]) -> tuple[Pattern, ...]:
    """Return a pattern for each ``phrase: "stem|stem"``, in any case and any spelling."""
    return tuple(
        Pattern(any_of([phrase]), tuple(_spellings(stems))) for phrase, stems in phrases.items()
    )


def _spellings(stems: str) -> Iterable[bytes]:
    """Yield the stems as UTF-8, and with everything beyond ASCII as JSON escapes."""
    for stem in stems.split("|"):
        yield stem.encode()
        if not stem.isascii():
            escapes = (c if c.isascii() else f"\\u{ord(c):04x}" for c in stem)
            yield "".join(escapes).encode()


def finder(phrases: Iterable[str]) -> re.Pattern[str]:
    """Compile ``phrases`` to look for in decoded text, with room for what many of them take:
    without it, RE2 does without an automaton, which takes eight times as long."""
    return compiled(any_of(phrases), _AUTOMATON_BYTES)


def compiled(regex: str, max_bytes: int = 8 * 2**20) -> re.Pattern[str]:
    """Compile for decoded text: in linear time with RE2, which has ``re``'s interface, else by
    ``re``, whose time is bounded by the length of what it is given. RE2 takes up to ``max_bytes``
    of memory."""
    if (engine := re2()) is None:
        return re.compile(regex)
    options = engine.Options()
    options.max_mem = max_bytes
    options.log_errors = False  # who asked is told
    return cast("re.Pattern[str]", engine.compile(regex, options))


def re2() -> Any:
    """Return Google's RE2, which has no types; ``None`` where it is not installed."""
    try:
        return import_module("re2")
    except ImportError:
        return None


def any_of(phrases: Iterable[str]) -> str:
    """Return one regular expression for all ``phrases``, in any case."""
    return f"(?i:{'|'.join(map(spelled, phrases))})"


def listed(words: str) -> frozenset[str]:
    """Return the words in ``words``, which has white space between them."""
    return frozenset(words.split())


def spelled(phrase: str) -> str:
    """Return a regular expression of ``phrase``, itself one, with any white space for a space,
    either apostrophe, and characters beyond ASCII also as JSON escapes."""
    return "".join(map(_letter, phrase))


def _letter(char: str) -> str:
    if char == " ":
        return _SPACE
    if char == "'":
        return _APOSTROPHE
    if char.isascii():
        return char
    escapes = [rf"\\u{ord(case):04x}" for case in sorted({char, char.upper()}) if len(case) == 1]
    return f"(?:{'|'.join((char, *escapes))})"
