"""How the runs of suites went, case by case: what a dashboard shows of them.

Holds no question and no answer: who may read traces finds what was said by the ``trace_id``. Kept
in the state file of evaluation, which workers share.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from .runner import CaseOutcome, SuiteOutcome, Verdict
from .state import opened

_KEPT = 100
"""Runs of one suite with one model."""
_SCHEMA = """
create table if not exists suite_runs (
    run text primary key, suite text not null, model text not null, started_ns integer not null,
    ended_ns integer not null, passed integer not null, pass_rate real not null
);
create table if not exists suite_cases (
    run text not null, place integer not null, name text not null, verdict text not null,
    reasons text not null, scores text not null, latency_s real not null, cost_usd real,
    model text, trace_id text not null, primary key (run, place)
);
"""
_FORGET = """
delete from suite_runs where run in (
    select run from suite_runs where suite = ? and model = ?
    order by started_ns desc limit -1 offset ?
)
"""


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One run of a suite."""

    run: str
    """``otel_llm.evaluation.run`` of its spans and scores."""
    suite: str
    model: str
    """The model that was asked for."""
    started_ns: int
    ended_ns: int
    passed: bool
    pass_rate: float
    """Share of the cases that passed."""


@dataclass(frozen=True, slots=True)
class SuiteCase:
    """One case in a run."""

    name: str
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why it did not pass. With ``explanations`` of a judge they may quote the answer."""
    scores: Mapping[str, float]
    latency_s: float
    cost_usd: float | None
    """What the answer cost; ``None`` when unknown."""
    model: str | None
    """The model that served."""
    trace_id: str


class History:
    """The last runs of each suite. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Raises ``OSError`` for a file that cannot be used."""
        self._lock = Lock()
        self._db = opened(path, _SCHEMA)
        weakref.finalize(self, self._db.close)

    def add(self, outcome: SuiteOutcome) -> None:
        """Keep a run; one that is known already stays as it is."""
        cases = [_row(outcome.run, at, case) for at, case in enumerate(outcome.cases)]
        told = (outcome.passed, outcome.pass_rate)
        suite, model = outcome.suite.name, outcome.model
        run = (outcome.run, suite, model, outcome.started_ns, outcome.ended_ns, *told)
        with self._lock, self._writing() as db:
            db.execute("insert or ignore into suite_runs values (?, ?, ?, ?, ?, ?, ?)", run)
            marks = ", ".join("?" * len(cases[0]))
            db.executemany(f"insert or ignore into suite_cases values ({marks})", cases)
            db.execute(_FORGET, (suite, model, _KEPT))
            db.execute("delete from suite_cases where run not in (select run from suite_runs)")

    def runs(self, suite: str | None = None, limit: int = 100) -> Sequence[SuiteRun]:
        """Return runs, newest first: those of ``suite``, or of all."""
        asked = "select * from suite_runs where suite = coalesce(?, suite)"
        return list(
            map(_run, self._read(f"{asked} order by started_ns desc limit ?", (suite, limit)))
        )

    def run(self, run: str) -> SuiteRun | None:
        """Return one run; ``None`` when it is unknown, or no longer kept."""
        rows = self._read("select * from suite_runs where run = ?", (run,))
        return _run(rows[0]) if rows else None

    def cases(self, run: str) -> Sequence[SuiteCase]:
        """Return the cases of a run in the order of the suite; none of an unknown run."""
        asked = "select * from suite_cases where run = ? order by place"
        return [_case(row[2:]) for row in self._read(asked, (run,))]

    def _writing(self) -> sqlite3.Connection:
        """Begin a transaction; leaving the connection's context ends it."""
        self._db.execute("begin immediate")
        return self._db

    def _read(self, asked: str, given: tuple[object, ...]) -> list[Any]:
        with self._lock:
            return self._db.execute(asked, given).fetchall()


def _row(run: str, place: int, outcome: CaseOutcome) -> tuple[object, ...]:
    scores = {one.name: one.value for one in outcome.results if one.value is not None}
    return (
        *(run, place, outcome.case.name, outcome.verdict),
        json.dumps([*outcome.errors, *outcome.problems]),
        json.dumps(scores),
        outcome.latency_s,
        None if outcome.cost is None else float(outcome.cost),
        *(outcome.reply.model, outcome.trace_id),
    )


def _run(row: Sequence[Any]) -> SuiteRun:
    return SuiteRun(*row[:5], passed=bool(row[5]), pass_rate=row[6])


def _case(row: Sequence[Any]) -> SuiteCase:
    name, verdict, reasons, scores, *rest = row
    return SuiteCase(name, verdict, tuple(json.loads(reasons)), json.loads(scores), *rest)
