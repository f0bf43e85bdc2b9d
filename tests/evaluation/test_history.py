"""The runs of suites, case by case, in the state file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from otel_llm.evaluation.endpoint import Reply
from otel_llm.evaluation.history import _KEPT, History, SuiteCase, SuiteRun
from otel_llm.evaluation.result import Result
from otel_llm.evaluation.runner import CaseOutcome, SuiteOutcome
from otel_llm.evaluation.suite import Case, Suite

WELL = CaseOutcome(
    Case("Where?", name="well"),
    Reply(10**9, 3 * 10**9, text="Oslo", model="gpt-4o-2024-08-06"),
    [Result("keywords", 1.0, "suite", 1), Result("charm", None, "m", 1, error_type="429")],
    cost=Decimal("0.0002"),
    trace_id="a" * 32,
)
BADLY = CaseOutcome(
    Case("When?", name="badly"),
    Reply(10**9, 2 * 10**9, error_type="timeout"),
    [],
    errors=["no answer: timeout"],
    trace_id="b" * 32,
)
SUITE = Suite((WELL.case, BADLY.case), name="small", pass_rate=0.5)


def outcome(run: str, at: int = 0, **more: object) -> SuiteOutcome:
    whole = SuiteOutcome(SUITE, "gpt-4o", [WELL, BADLY], at, at + 5, run)
    return replace(whole, **more)


def test_a_run_is_kept_case_by_case_also_over_a_restart(tmp_path: Path):
    History(tmp_path / "state.sqlite").add(outcome("r1"))

    history = History(tmp_path / "state.sqlite")

    assert history.runs() == [SuiteRun("r1", "small", "gpt-4o", 0, 5, True, 0.5)]
    assert history.cases("r1") == [
        SuiteCase(
            *("well", "passed", (), {"keywords": 1.0}),
            *(2.0, 0.0002, "gpt-4o-2024-08-06", "a" * 32),
        ),
        SuiteCase("badly", "error", ("no answer: timeout",), {}, 1.0, None, None, "b" * 32),
    ]


def test_neither_questions_nor_answers_are_kept(tmp_path: Path):
    History(tmp_path / "state.sqlite").add(outcome("r1"))

    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"well" in written
    assert b"Where?" not in written
    assert b"Oslo" not in written


def test_runs_come_newest_first_and_by_suite(tmp_path: Path):
    history = History(tmp_path / "state.sqlite")
    for at, name in enumerate(["small", "other", "small"]):
        history.add(outcome(f"r{at}", at, suite=replace(SUITE, name=name)))

    assert [run.run for run in history.runs()] == ["r2", "r1", "r0"]
    assert [run.run for run in history.runs("small")] == ["r2", "r0"]
    assert [run.run for run in history.runs(limit=1)] == ["r2"]
    assert history.cases("unknown") == []


def test_a_run_that_comes_twice_is_one(tmp_path: Path):
    history = History(tmp_path / "state.sqlite")

    history.add(outcome("r1"))
    history.add(outcome("r1", cases=[BADLY, BADLY]))

    assert [case.verdict for case in history.cases("r1")] == ["passed", "error"]


def test_old_runs_of_a_suite_go_and_those_of_others_stay(tmp_path: Path):
    history = History(tmp_path / "state.sqlite")
    history.add(outcome("other", 0, suite=replace(SUITE, name="other")))
    for at in range(_KEPT + 2):
        history.add(outcome(f"r{at}", at + 1))

    runs = [run.run for run in history.runs(limit=1000)]
    assert len(runs) == _KEPT + 1
    assert runs[-1] == "other"
    assert history.cases("r1") == []
    assert len(history.cases("r2")) == 2


def test_workers_share_the_file(tmp_path: Path):
    histories = [History(tmp_path / "state.sqlite") for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: histories[at % 4].add(outcome(f"r{at}", at)), range(40)))

    assert len(histories[0].runs()) == 40


def test_a_file_that_is_no_database_is_a_mistake(tmp_path: Path):
    (tmp_path / "state.sqlite").write_text("nothing of the kind, and long enough" * 10)

    with pytest.raises(OSError, match=r"state\.sqlite"):
        History(tmp_path / "state.sqlite")
