"""A suite: questions with what is expected of the answers, as YAML.

name: capitals
system: Answer in one word.
thresholds: {factual_accuracy: 0.7}
cases:
  - query: What is the capital of France?
    keywords: [Paris]
    truth: Paris
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from otel_llm.config import ConfigError, Problem, build, load
from otel_llm.config.problem import suggestion
from otel_llm.config.units import Duration
from otel_llm.quality.messages import whole

from .criteria import CRITERIA, FACTUAL_ACCURACY
from .schemas import check_schema
from .semantic import SEMANTIC_RELEVANCE


@dataclass(frozen=True, slots=True)
class Case:
    """One question. What is not given is not looked at."""

    query: str
    """What the target is asked."""
    name: str = ""
    """What the report calls it; its number without one."""
    system: str | None = None
    """Instructions to the target, in place of the suite's."""
    keywords: tuple[str, ...] = ()
    """Words or phrases that the answer must have, in any case."""
    forbidden: tuple[str, ...] = ()
    """Words or phrases that it must not have."""
    pattern: str | None = None
    """A regular expression (Python's) that must be found in the answer."""
    json_schema: dict[str, Any] | None = None
    """The answer must be JSON that this schema takes."""
    truth: str | None = None
    """What a right answer says: the judge gives a ``factual_accuracy``."""
    judge: tuple[str, ...] = ()
    """Criteria by which the judge scores the answer."""
    thresholds: dict[str, float] = field(default_factory=dict[str, float])
    """The least score by name, beside and before those of the suite."""
    max_latency: Duration | None = None
    """How long the answer may take."""

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise ValueError("query: is empty")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"pattern: {error}") from None
        if self.json_schema is not None:
            check_schema(self.json_schema)
        _check_thresholds(self.thresholds)

    @property
    def judged(self) -> bool:
        """Whether it takes a judge."""
        return bool(self.judge) or self.truth is not None

    @property
    def scores(self) -> frozenset[str]:
        """What its answer is scored by; by embeddings any answer can be."""
        checks = {name for name in _ALWAYS if getattr(self, name) not in (None, ())}
        truth = {FACTUAL_ACCURACY} if self.truth is not None else set[str]()
        return frozenset({SEMANTIC_RELEVANCE, *self.judge, *checks, *truth})


@dataclass(frozen=True, slots=True)
class Suite:
    """Questions to ask a target, and from when on it has passed."""

    cases: tuple[Case, ...]
    name: str = ""
    """What it is called in reports and on spans; its file's name without one."""
    model: str | None = None
    """The model to ask the target for, unless the command line or the schedule names one."""
    system: str | None = None
    """Instructions to the target."""
    criteria: dict[str, str] = field(default_factory=dict[str, str])
    """Criteria of your own for the judge: name to what a good answer does."""
    thresholds: dict[str, float] = field(default_factory=dict[str, float])
    """The least score by name in every case that has it: ``relevance``, ``factual_accuracy``,
    ``semantic_relevance``. ``keywords`` is the share of the keywords, 1 if not said otherwise.
    Scores without a threshold are only reported."""
    pass_rate: float = 1.0
    """Share of the cases that must pass."""

    def __post_init__(self) -> None:
        problems = [*self._unknown_criteria(), *self._unknown_scores(), *self._same_names()]
        if not self.cases:
            problems.append(Problem("cases", "there are none"))
        if not 0 <= self.pass_rate <= 1:
            problems.append(Problem("pass_rate", "expected a share from 0 to 1"))
        if problems:
            raise ConfigError(problems)
        _check_thresholds(self.thresholds)

    def _unknown_criteria(self) -> list[Problem]:
        known = {**CRITERIA, **self.criteria}
        return [
            Problem(f"cases[{at}].judge", f"no criterion {name!r}; known: {', '.join(known)}")
            for at, case in enumerate(self.cases)
            for name in case.judge
            if name not in known
        ]

    def _unknown_scores(self) -> list[Problem]:
        """Return thresholds of scores that nothing gives: no answer could ever fall short."""
        anywhere = frozenset(score for case in self.cases for score in case.scores)
        problems = self._never("thresholds", self.thresholds, anywhere)
        for at, case in enumerate(self.cases):
            problems += self._never(f"cases[{at}].thresholds", case.thresholds, case.scores)
        return problems

    def _never(
        self, path: str, thresholds: Mapping[str, float], given: frozenset[str]
    ) -> list[Problem]:
        known = (*CRITERIA, *self.criteria, *_ALWAYS, FACTUAL_ACCURACY, SEMANTIC_RELEVANCE)
        wrong = [n for n, least in thresholds.items() if n not in known or 0 <= least <= 1]
        return [
            Problem(
                f"{path}.{name}",
                f"no case has this score: it takes {_giver(name)}"
                if name in known
                else f"no score is called so{suggestion(name, known)}",
            )
            for name in wrong
            if name not in given
        ]

    def _same_names(self) -> list[Problem]:
        names = [case.name or str(at + 1) for at, case in enumerate(self.cases)]
        twice = sorted({name for name in names if names.count(name) > 1})
        return [Problem("cases", f"two are called {name!r}") for name in twice]

    @property
    def judged(self) -> bool:
        """Whether any case takes a judge."""
        return any(case.judged for case in self.cases)

    @property
    def semantic(self) -> bool:
        """Whether anything asks for a semantic relevance."""
        wanted = [self.thresholds, *(case.thresholds for case in self.cases)]
        return any(SEMANTIC_RELEVANCE in thresholds for thresholds in wanted)

    def least(self, case: Case, score: str) -> float | None:
        """Return the least value of ``score`` with which ``case`` passes, if there is one."""
        return case.thresholds.get(score, self.thresholds.get(score, _ALWAYS.get(score)))

    def meanings(self, case: Case) -> dict[str, str]:
        """Return the criteria of ``case`` with what they mean."""
        known = {**CRITERIA, **self.criteria}
        return {name: known[name] for name in case.judge}


_ALWAYS = {"keywords": 1.0, "forbidden": 1.0, "pattern": 1.0, "json_schema": 1.0}
"""Checks that a case must pass unless it says otherwise."""


def _giver(score: str) -> str:
    """Return the setting of a case that has it scored so."""
    if score == FACTUAL_ACCURACY:
        return "truth"
    return score if score in _ALWAYS else f"judge: [{score}]"


def read_suite(file: Path) -> Suite:
    """Read a suite. Raises ``ConfigError`` with every mistake."""
    suite = build(Suite, load(file), "")
    cases = (_named(case, number) for number, case in enumerate(suite.cases, 1))
    return replace(suite, name=suite.name or file.stem, cases=tuple(cases))


def _named(case: Case, number: int) -> Case:
    return replace(case, name=whole(case.name) or str(number))


def _check_thresholds(thresholds: dict[str, float]) -> None:
    wrong = [name for name, least in thresholds.items() if not 0 <= least <= 1]
    if wrong:
        raise ValueError(f"thresholds: {', '.join(wrong)}: expected a number from 0 to 1")
