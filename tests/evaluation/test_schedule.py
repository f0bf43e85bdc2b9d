"""Suites on a schedule: run when due, noted over restarts, their scores in the store."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from otel_llm.config import ConfigError
from otel_llm.evaluation.config import EvaluationConfig, ScheduledSuite
from otel_llm.evaluation.endpoint import Reply
from otel_llm.evaluation.runner import CaseOutcome, SuiteOutcome
from otel_llm.evaluation.schedule import Schedule
from otel_llm.evaluation.side_by_side import Halted
from otel_llm.evaluation.suite import Case, Suite
from otel_llm.store import Filter
from otel_llm.testing import FakeProvider

from .world import MODEL, PATIENCE_S, collector, config, judge_route, said

SUITE = "name: small\ncases: [{name: one, query: q, keywords: [see], judge: [relevance]}]"


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "suite.yaml"
    file.write_text(SUITE)
    return file


def scheduled(file: Path, every: float = 3600.0) -> ScheduledSuite:
    with FakeProvider() as provider:
        return ScheduledSuite(str(file), config(provider), every)


def test_a_suite_runs_when_it_is_due_also_after_a_restart(file: Path, tmp_path: Path):
    suite, clock, ran = scheduled(file), Clock(), []

    def run(due: ScheduledSuite) -> SuiteOutcome:
        ran.append((due, clock.now))
        case = Case("q")
        return SuiteOutcome(Suite((case,)), MODEL, [CaseOutcome(case, Reply(0, 1, "a"), ())], 0, 1)

    for step_s in (0, 3599, 1, 3599):
        clock.now += step_s
        Schedule([suite], tmp_path / "state.sqlite", run, clock).run_due()

    assert ran == [(suite, 1_790_000_000.0), (suite, 1_790_003_600.0)]


@pytest.mark.parametrize("ran_before", [True, False])
def test_a_run_that_a_stop_broke_off_is_made_up_for_at_the_next_start(
    file: Path, tmp_path: Path, ran_before: bool
):
    suite, clock, began = scheduled(file), Clock(), []

    def run(due: ScheduledSuite) -> SuiteOutcome:
        began.append(clock.now)
        if len(began) > ran_before:
            raise Halted("stopped")
        case = Case("q")
        return SuiteOutcome(Suite((case,)), MODEL, [CaseOutcome(case, Reply(0, 1, "a"), ())], 0, 1)

    for step_s in (0, 3600, 1):
        clock.now += step_s
        Schedule([suite], tmp_path / "state.sqlite", run, clock).run_due()

    assert began == [1_790_000_000.0, 1_790_003_600.0, 1_790_003_601.0]


def test_a_clock_that_was_a_year_ahead_puts_a_suite_off_by_no_more_than_usual(
    file: Path, tmp_path: Path
):
    clock, ran = Clock(), []
    schedule = Schedule(
        [scheduled(file)], tmp_path / "state.sqlite", lambda _: ran.append(clock.now), clock
    )
    for step_s in (365 * 86_400, -365 * 86_400, 3599, 1):
        clock.now += step_s
        schedule.run_due()

    assert ran == [1_790_000_000.0 + 365 * 86_400, 1_790_003_600.0]


def test_a_suite_that_cannot_be_run_does_not_keep_the_next_from_running(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    tried: list[ScheduledSuite] = []

    def fails(suite: ScheduledSuite):
        tried.append(suite)
        raise OSError("gone")

    one, other = scheduled(file), scheduled(file)
    schedule = Schedule([one, other], tmp_path / "state.sqlite", fails, Clock())
    schedule.run_due()
    schedule.run_due()

    assert tried == [one, other]
    assert "could not be run: gone" in caplog.text


def test_the_collector_runs_suites_and_keeps_their_scores(file: Path, tmp_path: Path):
    answer = {r"^POST /v1/chat/completions": lambda _: said("I see.")}
    with FakeProvider(answer) as target, FakeProvider(judge_route(lambda q, a: 10)) as judge:
        evaluation = {
            "judge": {
                "model": {"endpoint": judge.url + "/v1", "model": MODEL},
                "sample": {"rate": 0},
            },
            "suites": [
                {
                    "file": str(file),
                    "target": {"endpoint": target.url + "/v1", "model": "gpt-4o"},
                    "every": "1h",
                }
            ],
            "state_path": str(tmp_path / "evaluation.sqlite"),
        }
        with collector(tmp_path, evaluation) as service:
            until = time.monotonic() + PATIENCE_S
            while not service.office.evaluation.suites_passed() and time.monotonic() < until:
                time.sleep(0.01)
            passed = service.office.evaluation.suites_passed()
            while service.office.scores.kept < 2 and time.monotonic() < until:
                time.sleep(0.01)
            assert service.office.writer.flush(PATIENCE_S)
            stats = service.office.store.score_stats()
            calls = service.office.store.calls(Filter(service="otel-llm-evaluation")).calls
            [run] = service.office.evaluation.history.runs()
            [case] = service.office.evaluation.history.cases(run.run)

    assert passed == [({"suite": "small", "model": "gpt-4o"}, 1.0)]
    assert (run.suite, run.passed, case.verdict) == ("small", True, "passed")
    assert case.scores == {"keywords": 1.0, "relevance": 1.0}
    assert {(one.name, one.source, one.mean) for one in stats} == {
        ("keywords", "automatic", 1.0),
        ("relevance", "automatic", 1.0),
    }
    assert {call.request_model for call in calls} == {"gpt-4o", MODEL}
    assert len(target.requests) == 1


def test_a_suite_with_mistakes_is_named_before_the_collector_starts(tmp_path: Path):
    file = tmp_path / "suite.yaml"
    file.write_text("cases: [{query: q, kywords: [a]}]")

    with pytest.raises(ConfigError, match=r"suite.yaml: cases\[0\].kywords: unknown setting"):
        scheduled(file)


def test_a_suite_that_asks_for_semantic_relevance_needs_embeddings(tmp_path: Path):
    file = tmp_path / "suite.yaml"
    file.write_text("thresholds: {semantic_relevance: 0.5}\ncases: [{query: q}]")

    with pytest.raises(ValueError, match="embeddings: is missing"):
        EvaluationConfig(suites=(scheduled(file),), state_path="x")


def test_a_suite_that_takes_a_judge_needs_one(file: Path):
    with pytest.raises(ValueError, match="judge: is missing"):
        EvaluationConfig(suites=(scheduled(file),), state_path="x")
