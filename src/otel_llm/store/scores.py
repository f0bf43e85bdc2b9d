"""Judgements of answers, by people and by programs, kept beside the calls and apart from each
other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Source = Literal["human", "automatic"]
Rater = Literal["human", "automatic", "heuristic", "tone"]
"""``heuristic``: the score that a call got by rules of thumb when it came; apart from those of
``automatic``, which a judge, a suite or another program gave, as it is not worth as much. ``tone``:
how friendly its answer sounds, which is not how good it is."""
BY_RULE: Final[Mapping[str, tuple[Rater, str]]] = {
    "overall": ("heuristic", "score"),
    "sentiment": ("tone", "(sentiment + 1) / 2"),
}
"""What the scores by rules of thumb are called among the others, their source, and how they are
read of a call: ``otel_llm.quality.score``, and ``otel_llm.quality.sentiment`` moved to 0 to 1."""


@dataclass(frozen=True, slots=True)
class Score:
    """One judgement of a trace, or of one span of it."""

    id: str
    """The same id again replaces the score: sending twice counts once, a changed mind counts."""
    trace_id: str
    span_id: str | None
    name: str
    """What was judged: ``rating``, ``relevance``, ``factual_accuracy``, ..."""
    value: float
    """From 0 (worst) to 1 (best)."""
    source: Source
    at_ns: int
    """When it was given, Unix nanoseconds."""
    rater: str | None = None
    """Who or what judged."""
    comment: str | None = None
    """A person's words; never shown as anything but text."""


@dataclass(frozen=True, slots=True)
class ScoreStats:
    """The scores of one name from one kind of source."""

    name: str
    source: Rater
    count: int
    mean: float
    median: float
    below: int
    """How many are below the threshold that was asked for."""


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """What the scores by rules of thumb of one step of time rest on."""

    start_ns: int
    means: Mapping[str, float]
    """Part, such as ``relevance``, to its mean; what nothing is known of is left out."""


@dataclass(frozen=True, slots=True)
class ScoreBucket:
    """The mean score of one kind of source in one step of time."""

    start_ns: int
    source: Rater
    mean: float
    count: int
