"""``hedging``: words by which a model says that it does not really know."""

from __future__ import annotations

from .check import Check
from .doubting import DOUBTING, SOFT
from .evidence import Content, Evidence
from .voice import all_words, own_words
from .words import counter, lowered, sentences, signs

_DOUBTS, _SOFTLY = sentences(DOUBTING), counter(SOFT)
_EITHER = sentences((*DOUBTING, *SOFT))
"""One look where two would find nothing, as in most texts that only hold a sign."""
_WORDS_PER_SOFT = 50
"""A long answer may think aloud once in a while: soft hedges count where they are dense."""


def hedges(text: str, soft_enough: int = 2) -> bool:
    """Return whether ``text`` holds a plain hedge, or many soft ones for its length. What others
    are quoted with does not count."""
    said = lowered(all_words(text))
    if not _EITHER(said) or (not _DOUBTS(said) and _SOFTLY(said) < soft_enough):
        return False
    said = lowered(own_words(text))
    if _DOUBTS(said):
        return True
    soft = _SOFTLY(said)
    return soft >= soft_enough and soft * _WORDS_PER_SOFT >= len(said.split())


def _hedged(seen: Evidence, output: Content) -> bool:
    return hedges(output.opening, seen.thresholds.hedges)


HEDGING = Check(
    name="hedging",
    family="voice",
    about="The answer says that it may be wrong, outdated or guessed (a hallucination marker).",
    patterns=signs((*DOUBTING, *SOFT)),
    judge=_hedged,
)
