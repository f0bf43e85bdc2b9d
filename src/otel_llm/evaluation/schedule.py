"""Runs suites again and again, one after the other, in a thread of its own.

When each ran last is kept, so that a restart neither repeats a run nor leaves one out.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .config import ScheduledSuite
from .history import History
from .runner import SuiteOutcome
from .side_by_side import Halted
from .state import opened

_log = logging.getLogger(__name__)
_SCHEMA = "create table if not exists runs (suite text primary key, at real not null)"
_LONGEST_WAIT_S = 60.0

Run = Callable[[ScheduledSuite], SuiteOutcome]
"""Runs one suite. What it raises is logged; the suite is tried again when it is due again."""


class Schedule:
    """Suites by when they are due. ``start`` and ``stop`` once each."""

    def __init__(
        self,
        suites: Sequence[ScheduledSuite],
        path: Path,
        run: Run,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises ``OSError`` for a file that cannot be used."""
        self._suites = suites
        self._run = run
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="suites", daemon=True)
        self._db = opened(path, _SCHEMA)
        self.history = History(path)
        weakref.finalize(self, self._db.close)
        self.outcomes: Mapping[ScheduledSuite, SuiteOutcome] = {}
        """How each suite went when it was last run by this process."""

    def start(self) -> None:
        """Begin to run what is due."""
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Begin no further run; one under way has ``grace_s`` seconds. Safe to call twice."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(grace_s)

    def due_in(self, suite: ScheduledSuite) -> float:
        """Return in how many seconds ``suite`` is due; zero or below: now. A clock that was set
        back puts a run off by no more than the usual time from when that is seen."""
        ran, now = self._ran_at(suite), self._clock()
        if ran is None:
            return 0.0
        if ran > now:
            self._note(suite, now)
        return min(ran, now) + suite.every - now

    def run_due(self) -> None:
        """Run every suite that is due."""
        for suite in self._suites:
            if not self._stopping.is_set() and self.due_in(suite) <= 0:
                self._run_one(suite)

    def _run_one(self, suite: ScheduledSuite) -> None:
        # Noted before it runs: a suite that brings the process down must not do so at every start.
        before = self._ran_at(suite)
        self._note(suite, self._clock())
        try:
            outcome = self._run(suite)
            self.history.add(outcome)
        except Halted:  # as if it had not begun: the next start makes up for it
            self._note(suite, before)
            return
        except Exception as error:  # noqa: BLE001  # the other suites go on
            _log.error("the suite %s could not be run: %s", suite.file, error)
            return
        self.outcomes = {**self.outcomes, suite: outcome}
        passed = sum(case.passed for case in outcome.cases)
        _log.info(
            "suite %s with %s: %d of %d passed%s",
            *(outcome.suite.name, outcome.model, passed, len(outcome.cases)),
            "" if outcome.passed else ", which is too few",
        )

    def _ran_at(self, suite: ScheduledSuite) -> float | None:
        row = self._db.execute("select at from runs where suite = ?", (_key(suite),)).fetchone()
        return row[0] if row else None

    def _note(self, suite: ScheduledSuite, at: float | None) -> None:
        if at is None:
            self._db.execute("delete from runs where suite = ?", (_key(suite),))
        else:
            self._db.execute("insert or replace into runs values (?, ?)", (_key(suite), at))

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(min(max(self._turn(), 0.05), _LONGEST_WAIT_S))

    def _turn(self) -> float:
        """Run what is due, and return in how many seconds something is due again."""
        try:
            self.run_due()
            return min((self.due_in(suite) for suite in self._suites), default=_LONGEST_WAIT_S)
        except sqlite3.Error as error:  # full, locked for long: it may be well again later
            _log.error("suites wait: the state file cannot be used: %s", error)
            return _LONGEST_WAIT_S


def _key(suite: ScheduledSuite) -> str:
    return f"{suite.file} {suite.target.endpoint} {suite.target.model}"
