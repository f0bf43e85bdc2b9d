"""What the API and the pages ask of a store, whatever engine is behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from otel_llm.genai import Call

from .calls import CallPage
from .config import StoreConfig
from .filters import Dimension, Filter, Measure, Most
from .incidents import Incident
from .kinds import Kind
from .scores import Score, ScoreBucket, ScoreParts, ScoreStats
from .spans import PlainSpan
from .summary import Bucket, Group, Stats, Summary
from .traces import Trace

EVERYTHING = Filter()


class StoreError(Exception):
    """The store cannot be opened, read or written: the message says why."""


class StoreUnavailable(StoreError):
    """The engine cannot be reached now; the same may work later."""


class Store(Protocol):
    """Holds calls and answers questions about them. Safe to use from several threads.

    A question without a matching call has an answer: empty, with zero counts and unknown rest.
    Each raises ``StoreError`` when the store is closed or broken, ``StoreUnavailable`` when the
    engine cannot be reached.
    """

    config: StoreConfig

    def write(self, calls: Sequence[Call]) -> int:
        """Keep ``calls``; a span that is already there is not kept twice. Returns how many are
        new. Raises ``StoreError`` when none could be kept."""
        ...

    def retain(self, now_ns: int | None = None) -> int:
        """Remove what is too old or too much by the configuration; returns how many calls went,
        as far as the engine says. ``now_ns`` is Unix time, by default the clock's."""
        ...

    def size_bytes(self) -> int:
        """Size of the data."""
        ...

    def close(self) -> None:
        """Write everything out and let go of the engine. Safe to call twice."""
        ...

    def history(self, since_ns: int, where: Filter = EVERYTHING) -> Iterator[Call]:
        """Matching calls that started at ``since_ns`` (Unix) or later, oldest first."""
        ...

    def to_parquet(self, file: Path, where: Filter = EVERYTHING) -> None:
        """Write the matching calls, oldest first, one column for each of ``schema.COLUMNS``."""
        ...

    def stats(self, where: Filter = EVERYTHING) -> Stats:
        """The aggregates of all matching calls."""
        ...

    def summary(self, where: Filter = EVERYTHING) -> Summary:
        """The aggregates with errors by type, flags and models."""
        ...

    def counts(
        self, by: Dimension, where: Filter = EVERYTHING, *, limit: int = 100
    ) -> Mapping[str, int]:
        """Calls per value of ``by``, those that did not say left out, most first."""
        ...

    def breakdown(
        self,
        by: Dimension,
        where: Filter = EVERYTHING,
        *,
        most: Most = "calls",
        limit: int = 100,
    ) -> Sequence[Group]:
        """One group per value of ``by``, those with ``most`` of something first, at most
        ``limit``."""
        ...

    def series(
        self,
        step_s: int,
        where: Filter = EVERYTHING,
        *,
        by: Dimension | None = None,
        limit: int | None = None,
    ) -> Sequence[Bucket]:
        """One bucket per ``step_s`` seconds of Unix time (and per value of ``by``), in order, the
        first ``limit`` of them."""
        ...

    def calls(
        self, where: Filter = EVERYTHING, *, limit: int = 50, cursor: str | None = None
    ) -> CallPage:
        """Matching calls, newest first, behind ``cursor``. Raises ``ValueError`` on a cursor
        that is none of ours."""
        ...

    def unpriced(self, where: Filter = EVERYTHING) -> Sequence[Kind]:
        """The matching calls without a cost that should have one, in no order."""
        ...

    def top(self, by: Measure, where: Filter = EVERYTHING, *, limit: int = 20) -> Sequence[Call]:
        """The matching calls with most of ``by``; those where it is unknown are left out."""
        ...

    def trace(self, trace_id: str) -> Trace | None:
        """The GenAI spans of one trace, with its other spans where those are kept, the earliest
        10,000 of either kind and the sums of all; ``None`` when there is no GenAI span."""
        ...

    def add_spans(self, spans: Sequence[PlainSpan]) -> int:
        """Keep spans that are no GenAI spans; one that is already there is not kept twice. Returns
        how many are new."""
        ...

    def find_response(self, response_id: str) -> Call | None:
        """The newest call whose provider named its answer ``response_id``."""
        ...

    def put_costs(self, calls: Sequence[Call]) -> None:
        """Replace the cost of calls that are there by the one they have now; a call that is not
        there is left out."""
        ...

    def baselines(self) -> Mapping[str, str]:
        """What is kept under which name (see ``baselines``)."""
        ...

    def put_baseline(self, name: str, value: str | None) -> None:
        """Keep ``value`` under ``name``, in place of what was there; ``None`` removes it."""
        ...

    def add_scores(self, scores: Sequence[Score]) -> None:
        """Keep ``scores``; one with a known id replaces what was there."""
        ...

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        """Keep ``incidents``; one with a known id replaces what was there."""
        ...

    def incidents(
        self, *, of: str = "", since_ns: int = 0, until_ns: int | None = None, limit: int = 100
    ) -> Sequence[Incident]:
        """Those that began at or after ``since_ns`` and before ``until_ns``, the latest first; only
        those of the alert with the id ``of``, where it is given."""
        ...

    def scores(self, trace_id: str) -> Sequence[Score]:
        """The scores of one trace, oldest first."""
        ...

    def scores_given(
        self, where: Filter = EVERYTHING, *, below: float | None = None, limit: int = 100
    ) -> Sequence[Score]:
        """What people and programs gave, the latest first, by the conditions of ``score_stats``;
        only what is ``below``, where that is given."""
        ...

    def scores_since(self, at_ns: int) -> Sequence[Score]:
        """The scores that were given at ``at_ns`` (Unix) or later, oldest first."""
        ...

    def score_stats(
        self, where: Filter = EVERYTHING, *, threshold: float | None = None
    ) -> Sequence[ScoreStats]:
        """By name and source, the score of calls by rules of thumb among them. Times are those at
        which scores were given, the other conditions those of a call of the same trace. Without a
        ``threshold`` that of the configuration (``good_enough``) counts."""
        ...

    def score_parts(
        self, where: Filter = EVERYTHING, *, step_s: int | None = None
    ) -> Sequence[ScoreParts]:
        """Means of the parts of calls' scores by rules of thumb, per step; without one, of all."""
        ...

    def score_series(self, step_s: int, where: Filter = EVERYTHING) -> Sequence[ScoreBucket]:
        """Mean scores per step and source, by the same conditions."""
        ...
