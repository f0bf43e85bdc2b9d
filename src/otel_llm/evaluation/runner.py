"""Asks a target the questions of a suite and says how each answer did."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from threading import Event
from typing import Literal

from otel_llm.pricing import PriceBook

from .checks import check
from .endpoint import Endpoint, Message, Reply
from .judge import Judge
from .otlp import SERVICE, OwnCall, call_span, result_events, suite_attributes
from .result import OfSuite, Result, Subject
from .semantic import SemanticRelevance
from .side_by_side import side_by_side
from .suite import Case, Suite

Take = Callable[[bytes], object]
"""Gets an export request."""
Verdict = Literal["passed", "failed", "error"]


def _drop(_: object) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who takes part in a run, beside the target."""

    judge: Judge | None = None
    semantic: SemanticRelevance | None = None
    book: PriceBook | None = None
    """Prices the answers of the target."""
    traces: Take = _drop
    """Gets the span of every question."""
    logs: Take = _drop
    """Gets the results, as events of those spans."""


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """How one question went."""

    case: Case
    reply: Reply
    results: Sequence[Result]
    problems: Sequence[str] = ()
    """Why it did not pass; nothing when it did."""
    errors: Sequence[str] = ()
    """What could not be found out: no answer, no score."""
    cost: Decimal | None = None
    """US dollars for the answer; ``None`` when unknown. What judging costs is not in it."""
    trace_id: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.problems and not self.errors

    @property
    def verdict(self) -> Verdict:
        """``passed``; ``failed``; or ``error``, where something could not be found out."""
        return "error" if self.errors else "failed" if self.problems else "passed"

    @property
    def latency_s(self) -> float:
        """How long the answer took."""
        return (self.reply.ended_ns - self.reply.started_ns) / 1e9


@dataclass(frozen=True, slots=True)
class SuiteOutcome:
    """How a whole suite went."""

    suite: Suite
    model: str
    """The model that was asked for."""
    cases: Sequence[CaseOutcome]
    started_ns: int
    ended_ns: int
    run: str = ""
    """What its spans and events say that they are of."""

    @property
    def pass_rate(self) -> float:
        """Share of the cases that passed."""
        return sum(case.passed for case in self.cases) / len(self.cases)

    @property
    def passed(self) -> bool:
        """Whether as many cases passed as must."""
        return self.pass_rate >= self.suite.pass_rate

    def means(self) -> dict[str, float]:
        """Return the mean of each score over the cases that have it."""
        values: dict[str, list[float]] = {}
        for case in self.cases:
            for result in case.results:
                if result.value is not None:
                    values.setdefault(result.name, []).append(result.value)
        return {name: sum(given) / len(given) for name, given in sorted(values.items())}


def run(
    suite: Suite,
    target: Endpoint,
    asker: Asker | None = None,
    *,
    concurrency: int = 4,
    on_case: Callable[[CaseOutcome], object] = _drop,
    halted: Event | None = None,
) -> SuiteOutcome:
    """Ask every question, several at a time; ``on_case`` hears of each as it ends. Raises
    ``Halted`` soon after ``halted`` is set."""
    started, outcomes, name = time.time_ns(), dict[int, CaseOutcome](), secrets.token_hex(8)
    ask = partial(_ask, suite, name, target, asker or Asker())
    for at, outcome in side_by_side(ask, suite.cases, concurrency, halted):
        on_case(outcome)
        outcomes[at] = outcome
    in_order = [outcomes[at] for at in sorted(outcomes)]
    return SuiteOutcome(suite, target.config.model, in_order, started, time.time_ns(), name)


def messages(suite: Suite, case: Case) -> tuple[Message, ...]:
    """Return what the target is asked."""
    system = case.system if case.system is not None else suite.system
    said: Message = {"role": "user", "content": case.query}
    return ({"role": "system", "content": system}, said) if system else (said,)


def _ask(suite: Suite, run: str, target: Endpoint, asker: Asker, case: Case) -> CaseOutcome:
    of_suite = OfSuite(suite.name, case.name, run)
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    # Spans of an application that is asked, if it has any, belong to the same trace.
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01"}
    reply = target.chat(messages(suite, case), headers=headers)
    asker.traces(call_span(_own_call(of_suite, target, reply, trace_id, span_id)))
    subject = Subject(
        case.query,
        reply.text or "",
        truth=case.truth,
        trace_id=trace_id,
        span_id=span_id,
        response_id=reply.response_id,
        service=SERVICE,
        model=reply.model or target.config.model,
        prompt_name=suite.name,
        of_suite=of_suite,
    )
    outcome = _judged(suite, case, reply, subject, asker, _cost(target, reply, asker.book))
    if outcome.results:
        asker.logs(result_events(outcome.results, subject))
    return outcome


def _judged(
    suite: Suite, case: Case, reply: Reply, subject: Subject, asker: Asker, cost: Decimal | None
) -> CaseOutcome:
    trace_id = subject.trace_id or ""
    if reply.error_type:
        why = [f"no answer: {reply.error_type}"]
        return CaseOutcome(case, reply, (), errors=why, cost=cost, trace_id=trace_id)
    outcome = _Outcome(suite, case)
    for checked in check(case, subject.answer):
        outcome.add(Result(checked.name, checked.value, "suite", time.time_ns()), checked.problem)
    for result in _opinions(suite, case, subject, asker):
        outcome.add(result)
    outcome.add_latency((reply.ended_ns - reply.started_ns) / 1e9)
    return CaseOutcome(
        case, reply, outcome.results, outcome.problems, outcome.errors, cost, trace_id
    )


def _opinions(suite: Suite, case: Case, subject: Subject, asker: Asker) -> Iterator[Result]:
    if asker.judge and case.judged:
        yield from asker.judge.judge(subject, suite.meanings(case))
    if asker.semantic and suite.semantic:
        yield asker.semantic.judge(subject)


@dataclass(slots=True)
class _Outcome:
    """Results as they come in, held against the thresholds."""

    suite: Suite
    case: Case
    results: list[Result] = field(default_factory=list[Result])
    problems: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])

    def add(self, result: Result, problem: str | None = None) -> None:
        """Keep ``result``; a score below its threshold is a problem, a missing one an error."""
        self.results.append(result)
        least = self.suite.least(self.case, result.name)
        if least is None:
            return
        if result.value is None:
            self.errors.append(f"{result.name}: no score ({result.error_type})")
        elif result.value < least:
            why = problem or result.explanation
            below = f"{result.name}: {result.value:.2f}, expected {least:g}"
            self.problems.append(f"{below} ({why})" if why else below)

    def add_latency(self, took_s: float) -> None:
        """Hold the time an answer took against what it may take."""
        most = self.case.max_latency
        if most is not None and took_s > most:
            self.problems.append(f"latency: {took_s:.2f} s, expected {most:g} s")


def _own_call(
    of_suite: OfSuite, target: Endpoint, reply: Reply, trace_id: str, span_id: str
) -> OwnCall:
    return OwnCall(
        "suite",
        "chat",
        target.config.provider,
        target.config.model,
        target.server,
        reply,
        more=suite_attributes(of_suite),
        trace_id=trace_id,
        span_id=span_id,
    )


def _cost(target: Endpoint, reply: Reply, book: PriceBook | None) -> Decimal | None:
    if book is None:
        return None
    model, (host, _) = reply.model or target.config.model, target.server
    bill = book.cost(target.config.provider, model, reply.usage, reply.started_ns, server=host)
    return bill.total if bill else None
