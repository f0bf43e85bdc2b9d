"""What a model says in its own voice: an answer without what it quotes, drafts or codes.

A letter that somebody asked for, a line of a play or a sample of an error declines and doubts as
well as a model does, and is no sign of anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

from .messages import whole
from .words import compiled

_PLAIN = (("\u00a0", " "), ("\u202f", " "), ("\u3000", " "), ("\u2019", "'"))
_GREETING = (
    "Dear|Hi|Hello|Hey|Sehr geehrte[rn]?|Lieber?|Hallo|Cher|Ch\u00e8re|Estimad[oa]|Querid[oa]"
)
_OTHERS = compiled(
    "|".join(
        (
            r"```[^`]*(?:```|$)",
            r"^\s*<think(?:ing)?>(?s:.*)$",  # reasoning that found no end
            r"(?m:^ ?>.*$)",
            r"(?m:^[A-Z][A-Z .]+: .*$)",  # a line of a play
            r"\b(?:said|says|wrote|writes|replied|answered|asked)\b[^.:!?\n]{0,40}: .*",
            '"[^"\n]*"',
            "\u201c[^\u201c\u201d\n]*\u201d",
            "\u201e[^\u201e\u201c\u201d\n]*[\u201c\u201d]",
            "\u00ab[^\u00ab\u00bb\n]*\u00bb",
            "\u300c[^\u300c\u300d]*\u300d",
            r"(?:^|[\s(:])'(?:[^'\n]|'[a-z]){2,120}'(?:[\s.,;:!?)]|$)",
        )
    )
)
_LETTER = compiled(
    r"(?m:^[*_ ]*(?:Subject|Betreff|Objet|Asunto|件名)[*_ ]*:)|"
    rf"\n(?:{_GREETING}) [^\n!?]{{1,40}}[,:] ?\n"
)
"""Where a letter starts: a model that answers with a letter of its own has nothing before it."""


def own_words(text: str) -> str:
    """Return ``all_words`` of ``text`` without quotations, code, lines of plays and letters. Takes
    longer than looking for something in all of them first."""
    text = _OTHERS.sub(" ", all_words(text))
    letter = _LETTER.search(text)
    return text[: letter.start()] if letter else text


def all_words(text: str) -> str:
    """Return ``text`` with straight apostrophes and plain spaces. Of a JSON object, the texts in
    it are what is said."""
    if text.startswith("{"):
        text = "\n".join(_values(text))
    if not text.isascii():
        for fancy, plain in _PLAIN:  # several times faster than str.translate
            text = text.replace(fancy, plain)
    return text


def _values(text: str) -> Iterator[str]:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, Mapping):
        yield text
        return
    for value in cast("Mapping[str, object]", parsed).values():
        if isinstance(value, str):
            yield whole(value)
