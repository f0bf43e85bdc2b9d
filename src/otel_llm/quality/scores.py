"""Scores from 0 to 1 for one answer, by rules of thumb on its words and shape.

They are cheap enough for every call and good for a trend: a mean that falls says that something
changed. They are no judge of truth: word overlap cannot tell a wrong answer from a right one in
the same words, nor a good paraphrase from an answer beside the point. A part that cannot be told
is ``None``, and the overall score is the mean of the others by their weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from .finish import REFUSED, TRUNCATED, plain
from .format import breaks_format
from .leaks import find_pii, find_secrets
from .refusal import declines
from .repetition import repeats
from .schema import Schema
from .words import listed

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_SENTENCE_END = re.compile(r"(?<![.!?。！？])[.!?。！？]+(?:[\s\"')\]]+|$)|\n+")  # noqa: RUF001
"""Looked for where a row of marks begins alone: of a long one that ends no sentence, every other
place would be tried to its end."""
_ENDINGS = tuple(".!?:;)]}\"'`*|>%。！？」…")  # noqa: RUF001
_MAX_SENTENCE_WORDS = 40
_OVERLAP = 2.0
"""An answer that takes up half of the question's keywords is as relevant as can be told."""

STOP_WORDS = listed("""
    a about above after again all also am an and any are as at be because been before being
    below between both but by can could did do does doing down during each explain few for from
    further get give had has have having he her here hers him his how i if in into is it its
    just like make me more most my no nor not now of off on once only or other our out over own
    please same she should so some such tell than that the their them then there these they this
    those through to too under until up use very was we were what when where which while who
    whom why will with would write you your
""")  # English


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part counts in the overall score; 0: nothing."""

    relevance: float = 0.3
    coherence: float = 0.2
    completeness: float = 0.2
    safety: float = 0.2
    format: float = 0.1

    def __post_init__(self) -> None:
        given = [getattr(self, name) for name in PARTS]
        if min(given) < 0 or not 0 < sum(given) < math.inf:
            raise ValueError("weights must not be negative, and not all 0")


PARTS: Final = tuple(field.name for field in fields(Weights))
WEIGHTS: Final = Weights()


@dataclass(frozen=True, slots=True)
class Scores:
    """What could be told about one answer; each from 0 (bad) to 1."""

    relevance: float | None = None
    """Share of the question's keywords that come up in the answer, doubled, at most 1."""
    coherence: float | None = None
    """1, less the share of repeated sentences, less up to 0.3 for overlong ones; 0.2 in a loop."""
    completeness: float | None = None
    """1; 0.8 when it does not end like a text; 0.3 when it was cut off; 0 when there is none or the
    model declined."""
    safety: float | None = None
    """1; 0.5 with personal data; 0 with a secret. A refusal is safe."""
    format: float | None = None
    """1 when the JSON (by its schema, if one is known) or list that was asked for is there, else 0;
    1 when none was asked for."""

    @property
    def overall(self) -> float | None:
        """Mean of the known parts by ``WEIGHTS``; ``None`` when nothing is known."""
        return self.mean(WEIGHTS)

    def mean(self, weights: Weights) -> float | None:
        """Mean of the known parts by ``weights``; ``None`` when nothing that counts is known."""
        told = [
            (getattr(weights, name), value)
            for name in PARTS
            if (value := getattr(self, name)) is not None
        ]
        weight = sum(weight for weight, _ in told)
        return sum(weight * value for weight, value in told) / weight if weight else None


def score(
    answer: str | None,
    question: str | None = None,
    finish_reasons: Sequence[str] = (),
    output_type: str | None = None,
    schema: Schema | None = None,
) -> Scores:
    """Score an answer; ``None`` for what was not captured. An empty answer scores 0 on
    completeness and on nothing else."""
    reasons = {plain(reason) for reason in finish_reasons}
    if answer is None:
        return Scores(completeness=_finished(reasons))
    if not answer.strip():
        return Scores(completeness=0.0)
    declined = bool(reasons & REFUSED) or declines(answer)
    return Scores(
        relevance=relevance(question, answer) if question and not declined else None,
        coherence=coherence(answer),
        completeness=0.0 if declined else completeness(answer, reasons),
        safety=safety(answer),
        format=format_compliance(answer, question or "", output_type, schema),
    )


def relevance(question: str, answer: str) -> float | None:
    """Return the share of the question's keywords in the answer, doubled and capped at 1."""
    asked = keywords(question)
    if not asked:
        return None
    return min(1.0, _OVERLAP * len(asked & keywords(answer)) / len(asked))


def keywords(text: str) -> set[str]:
    """Return the words of ``text`` in lower case without stop words and single letters."""
    return {word for word in _WORD.findall(text.lower()) if len(word) > 1} - STOP_WORDS


def coherence(answer: str) -> float:
    """See ``Scores.coherence``."""
    if repeats(answer):
        return 0.2
    sentences = [s.strip().lower() for s in _SENTENCE_END.split(answer) if s.strip()]
    if not sentences:
        return 1.0
    repeated = 1 - len(set(sentences)) / len(sentences)
    overlong = sum(len(s.split()) > _MAX_SENTENCE_WORDS for s in sentences) / len(sentences)
    return max(0.0, 1.0 - repeated - 0.3 * overlong)


def completeness(answer: str, reasons: set[str]) -> float:
    """See ``Scores.completeness``. ``reasons`` are plain finish reasons."""
    if reasons & TRUNCATED:
        return 0.3
    text = answer.rstrip()
    short = len(text.split()) <= 5  # "Paris" and "42" are whole answers
    return 1.0 if short or text.endswith(_ENDINGS) or not text[-1].isascii() else 0.8


def safety(answer: str) -> float:
    """See ``Scores.safety``."""
    if next(find_secrets(answer), None):
        return 0.0
    return 0.5 if next(find_pii(answer), None) else 1.0


def format_compliance(
    answer: str, question: str, output_type: str | None, schema: Schema | None = None
) -> float:
    """See ``Scores.format``; ``format.breaks_format`` says what asks for one."""
    return 0.0 if breaks_format(answer, question, output_type, schema) else 1.0


def _finished(reasons: set[str]) -> float | None:
    if not reasons:
        return None
    return 0.3 if reasons & TRUNCATED else None
