"""What an operator writes under ``evaluation:``. Without the section nothing is judged."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from otel_llm.config import ConfigError, Problem
from otel_llm.config.units import Duration

from .criteria import CRITERIA
from .endpoint import EndpointConfig
from .suite import read_suite


def parse_dollars(written: object) -> Decimal:
    """Return US dollars as written. Raises ``ValueError`` below zero."""
    if isinstance(written, bool) or not isinstance(written, int | float | str | Decimal):
        raise ValueError(f"expected an amount such as 0.50, found {written!r}")
    try:
        amount = Decimal(str(written))
    except ArithmeticError:
        raise ValueError(f"expected an amount such as 0.50, found {written!r}") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"expected an amount of zero or more, found {written!r}")
    return amount


Dollars = Annotated[Decimal, parse_dollars]


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """Which calls are judged: those that any of these chooses."""

    rate: float = 0.01
    """Share of all calls, 0 to 1; the same calls on every replica."""
    flags: tuple[str, ...] = ()
    """All calls with one of these quality flags, such as ``hedging``."""
    min_cost: Dollars | None = None
    """All calls that cost at least so many US dollars."""

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1 or math.isnan(self.rate):
            raise ValueError("rate: expected a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class JudgeConfig:
    """A model that judges answers as they pass by. It sees what was asked and answered."""

    model: EndpointConfig
    """Who judges."""
    criteria: tuple[str, ...] = ("relevance", "completeness", "coherence")
    """By what: built-in criteria, or names from ``custom_criteria``."""
    custom_criteria: dict[str, str] = field(default_factory=dict[str, str])
    """Criteria of your own: name to what a good answer does."""
    explanations: bool = False
    """Whether to ask for a sentence of reason with each score. It may quote what was said, and
    goes where the events go."""
    sample: SampleConfig = field(default_factory=SampleConfig)
    """Which calls."""
    max_chars: int = 20_000
    """Calls whose question or answer is longer are not judged: a part of it would be judged
    wrongly, and all of it would cost too much."""
    concurrency: int = 2
    """Calls that are judged at the same time."""
    max_waiting: int = 200
    """Calls that wait to be judged, with their content; further ones are left out and counted."""

    def __post_init__(self) -> None:
        known = {**CRITERIA, **self.custom_criteria}
        unknown = [name for name in self.criteria if name not in known]
        if unknown:
            raise ValueError(f"criteria: no {', '.join(unknown)}; known: {', '.join(known)}")
        if self.concurrency < 1 or self.max_waiting < 1:
            raise ValueError("concurrency and max_waiting must be at least 1")

    def meanings(self) -> dict[str, str]:
        """Return the chosen criteria with what they mean."""
        known = {**CRITERIA, **self.custom_criteria}
        return {name: known[name] for name in self.criteria}


@dataclass(frozen=True, slots=True)
class ScheduledSuite:
    """A suite that is run again and again."""

    file: str
    """The suite (YAML)."""
    target: EndpointConfig
    """Who is asked."""
    every: Duration = 86_400.0
    """How often."""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError("every: must be at least 1s")
        try:
            read_suite(Path(self.file))
        except ConfigError as error:
            problems = [Problem(f"file: {self.file}: {p.path}", p.text) for p in error.problems]
            raise ConfigError(problems) from None

    def __hash__(self) -> int:
        return hash((self.file, self.target.endpoint, self.target.model))


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """Models that judge, and suites on a schedule."""

    judge: JudgeConfig | None = None
    """Judges a sample of all calls with content, and what suites want judged."""
    embeddings: EndpointConfig | None = None
    """An embeddings model: with it judged calls, and suites that ask for it, get a
    ``semantic_relevance``."""
    suites: tuple[ScheduledSuite, ...] = ()
    """Suites to run on a schedule."""
    daily_budget: Dollars | None = Decimal(1)
    """US dollars that judge and embeddings may cost together in a day (UTC); ``null``: no cap."""
    state_path: str | None = None
    """A SQLite file that keeps what was spent today, and when each suite ran; with a budget or
    suites it is needed, or a restart would forget."""

    def __post_init__(self) -> None:
        paid = self.judge or self.embeddings
        if self.state_path is None and (self.suites or (paid and self.daily_budget is not None)):
            raise ValueError("state_path: needed to keep the daily budget over restarts")
        suites = [read_suite(Path(scheduled.file)) for scheduled in self.suites]
        if not self.judge and any(suite.judged for suite in suites):
            raise ValueError("judge: is missing, and a suite has cases that take one")
        semantic = any(suite.semantic for suite in suites)
        if semantic and not self.embeddings:
            raise ValueError("embeddings: is missing, and a suite asks for semantic_relevance")
        if self.embeddings and not self.judge and not semantic:
            raise ValueError("embeddings: nothing asks for it; the sample is set under judge")
