"""Unit tests of rules on a virtual clock, in the manner of ``promtool test rules``.

A test file names rule files, makes calls at given times, and says which alerts fire when::

    rule_files: [rules.yaml]          # beside this file; the built-in rules when there are none
    evaluation_interval: 15s
    tests:
      - name: slow answers page
        calls:
          - {from: 0s, to: 5m, every: 15s, model: gpt-4o, duration: 12s}
        readings:
          - {signal: lost_spans, labels: {exporter: jaeger}, values: {0s: 0, 2m: 7}}
        alert_rule_test:
          - eval_time: 5m
            alertname: LatencyCritical
            exp_alerts:
              - exp_labels: {model: gpt-4o}
                exp_annotations: {summary: "…"}

``exp_labels`` leaves out ``alertname`` and ``severity``; annotations are compared where given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_llm.config import build, load
from otel_llm.config.units import Duration, parse_duration
from otel_llm.genai import Call, Cost, Usage
from otel_llm.stats import Windows

from .alert import Alert
from .config import default_rules, read
from .engine import RuleEngine
from .readings import Reading, Readings
from .rule import Rule

_START = 1_767_225_600.0
"""Midnight UTC, so that windows of every length begin with a test."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Equal calls at equal distances. What is not given is unknown."""

    from_: Duration = 0.0
    """When the first one ends, from the start of the test."""
    to: Duration | None = None
    """When the last one ends; without it there is one."""
    every: Duration = 15.0
    """How far they are apart."""
    count: int = 1
    """How many at each time."""
    duration: Duration = 1.0
    time_to_first_chunk: Duration | None = None
    model: str | None = None
    provider: str | None = None
    operation: str = "chat"
    service: str | None = None
    environment: str | None = None
    user: str | None = None
    session: str | None = None
    feature: str | None = None
    team: str | None = None
    tenant: str | None = None
    prompt: str | None = None
    prompt_version: str | None = None
    error_type: str | None = None
    finish_reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] | None = None
    score: float | None = None
    """Quality score, 0 to 1."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    tags: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if self.every <= 0:
            raise ValueError("every must be more than 0s")


@dataclass(frozen=True, slots=True)
class ReadingSeries:
    """A reported signal of one label set."""

    signal: str
    values: dict[str, float]
    """From when on (``2m``) it says what; nothing before the first."""
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """An alert that fires."""

    exp_labels: dict[str, str] = field(default_factory=dict[str, str])
    exp_annotations: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AlertRuleTest:
    """Which alerts of one rule fire at one time; none is an expectation too."""

    eval_time: Duration
    alertname: str
    exp_alerts: tuple[ExpectedAlert, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A story, and what is to fire in it."""

    alert_rule_test: tuple[AlertRuleTest, ...]
    name: str = ""
    calls: tuple[Calls, ...] = ()
    readings: tuple[ReadingSeries, ...] = ()


@dataclass(frozen=True, slots=True)
class TestFile:
    """A file of tests."""

    __test__ = False  # not one of pytest's, whatever its name

    tests: tuple[RuleTest, ...]
    rule_files: tuple[str, ...] = ()
    evaluation_interval: Duration = 15.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that did not hold."""

    test: str
    eval_time: float
    alertname: str
    expected: tuple[str, ...]
    got: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.test or 'test'}: {self.alertname} at {self.eval_time:g}s\n"
            f"  expected: {'; '.join(self.expected) or 'nothing'}\n"
            f"  got:      {'; '.join(self.got) or 'nothing'}"
        )


def run(path: Path) -> tuple[int, list[Failure]]:
    """Run the tests of a file; return how many expectations there were and those that failed.

    Raises ``ConfigError`` for a file that cannot be read, or a rule it names that cannot.
    """
    file = build(TestFile, load(path), "")
    rules = _rules(file, path.parent)
    failures = [
        failure
        for test in file.tests
        for failure in run_test(test, rules, interval_s=file.evaluation_interval)
    ]
    return sum(len(test.alert_rule_test) for test in file.tests), failures


def _rules(file: TestFile, folder: Path) -> Sequence[Rule]:
    if not file.rule_files:
        return default_rules().rules
    return [rule for name in file.rule_files for rule in read(folder / name).rules]


def run_test(test: RuleTest, rules: Sequence[Rule], *, interval_s: float) -> Iterator[Failure]:
    """Live through one story and yield every expectation that does not hold."""
    now = _START
    readings = Readings(
        {s: _reading(test, s, lambda: now) for s in {r.signal for r in test.readings}}
    )
    engine = RuleEngine(rules, Windows(), lambda alerts, at: None, lambda: now, readings=readings)
    calls = sorted(_calls(test), key=lambda call: call.end_ns)
    for expected in sorted(test.alert_rule_test, key=lambda t: t.eval_time):
        while now < _START + expected.eval_time:
            now = min(now + interval_s, _START + expected.eval_time)
            calls = _observe(engine, calls, now)
            engine.evaluate(now)
        if expected.eval_time == 0:
            calls = _observe(engine, calls, now)
            engine.evaluate(now)
        yield from _compare(test, expected, engine.alerts())


def _observe(engine: RuleEngine, calls: list[Call], now: float) -> list[Call]:
    """Let everything happen that has happened by ``now``; return the rest."""
    past = [call for call in calls if call.end_ns <= now * 1e9]
    engine.observe(past)
    return calls[len(past) :]


def _calls(test: RuleTest) -> Iterator[Call]:
    for row in test.calls:
        at = row.from_
        while at <= (row.from_ if row.to is None else row.to):
            yield from (_call(row, _START + at) for _ in range(row.count))
            at += row.every


def _call(row: Calls, ended: float) -> Call:
    return Call(
        trace_id="0" * 32,
        span_id="0" * 16,
        parent_id=None,
        name=row.operation,
        start_ns=round((ended - row.duration) * 1e9),
        end_ns=round(ended * 1e9),
        service=row.service,
        environment=row.environment,
        operation=row.operation,
        provider=row.provider,
        response_model=row.model,
        finish_reasons=row.finish_reasons,
        error_type=row.error_type,
        usage=Usage(row.input_tokens, row.output_tokens),
        time_to_first_chunk_s=row.time_to_first_chunk,
        conversation_id=row.session,
        user_id=row.user,
        feature=row.feature,
        team=row.team,
        tenant=row.tenant,
        prompt_name=row.prompt,
        prompt_version=row.prompt_version,
        cost=None if row.cost is None else Cost(row.cost),
        flags=row.flags,
        tags=row.tags,
        score=row.score,
    )


def _reading(test: RuleTest, signal: str, clock: Any) -> Reading:
    def read() -> list[tuple[Mapping[str, str], float]]:
        found: list[tuple[Mapping[str, str], float]] = []
        for series in test.readings:
            said = {parse_duration(at): value for at, value in series.values.items()}
            past = [at for at in said if _START + at <= clock()]
            if series.signal == signal and past:
                found.append((series.labels, said[max(past)]))
        return found

    return read


def _compare(test: RuleTest, expected: AlertRuleTest, alerts: Sequence[Alert]) -> Iterator[Failure]:
    firing = [a for a in alerts if a.rule == expected.alertname and a.state == "firing"]
    wanted = sorted(_spelled(e.exp_labels, e.exp_annotations) for e in expected.exp_alerts)
    with_words = any(e.exp_annotations is not None for e in expected.exp_alerts)
    got = sorted(_spelled(_own(a), dict(a.annotations) if with_words else None) for a in firing)
    if wanted != got:
        yield Failure(test.name, expected.eval_time, expected.alertname, tuple(wanted), tuple(got))


def _own(alert: Alert) -> dict[str, str]:
    return {k: v for k, v in alert.labels.items() if k not in ("alertname", "severity")}


def _spelled(labels: Mapping[str, str], annotations: Mapping[str, str] | None) -> str:
    where = ", ".join(f"{k}={v}" for k, v in sorted(labels.items()))
    words = "" if annotations is None else f" {dict(sorted(annotations.items()))}"
    return f"{{{where}}}{words}"
