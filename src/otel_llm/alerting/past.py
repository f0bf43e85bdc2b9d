"""What was before this start: windows and budgets learn it from the store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from otel_llm.genai import Call

from .budgets import Budgets
from .engine import Clock, RuleEngine

_log = logging.getLogger(__name__)

_KNOWN_S = 60.0
"""Calls that ended so long before the last save and were not in it came unusually late: they are
not looked for after a restart. Less than what ``Seen`` keeps."""
_AT_ONCE = 10_000
"""Calls of the past that are in memory at one time."""


class _Stopped(Exception):
    """There is no time left to look at the past."""


class Past:
    """Learns it once, before calls are observed."""

    def __init__(
        self, engine: RuleEngine, budgets: Budgets, saved_at: float | None, clock: Clock
    ) -> None:
        """``saved_at`` is when the state file was written last, Unix seconds."""
        self._engine, self._budgets, self._clock = engine, budgets, clock
        self._saved_at = saved_at
        self._stopping = threading.Event()
        self._learning: threading.Thread | None = None

    @property
    def longest_s(self) -> float:
        """How far back ``remember`` can use history, in seconds."""
        now = self._clock()
        away = 0.0 if self._saved_at is None else now - self._saved_at + _KNOWN_S
        return max(self._engine.longest_window_s, away)

    def remember(self, history: Iterable[Call], since: float) -> None:
        """Fill the windows with what the store holds from ``since`` (Unix seconds) on; call it
        before the first ``observe``. Budgets have their own memory in the state file; what it does
        not know, because a budget is new or the collector was killed, they learn too, as far as it
        lies in that time."""
        left = iter(history)
        counted_until = None if self._saved_at is None else self._saved_at - _KNOWN_S
        while True:
            calls = list(islice(left, _AT_ONCE))
            self._engine.remember(calls, since)
            self._budgets.learn(calls, counted_until, self._clock())
            if not calls:
                return

    def remember_older(self, history: Callable[[float], Iterable[Call]]) -> None:
        """Let budgets that are new learn from what the store holds of the time before ``remember``
        got it, from so many Unix seconds on: in the background, as a month of calls takes minutes.
        Call it after ``remember`` and before calls are observed."""
        now = self._clock()
        wanted_s = self._budgets.await_older(now)
        if wanted_s > self.longest_s:
            given = history, now - wanted_s, now
            self._learning = threading.Thread(
                target=self._learn_older, args=given, name="budgets", daemon=True
            )
            self._learning.start()
        else:
            self._budgets.learn_older((), now)

    def stop(self, grace_s: float) -> None:
        """Learn no more; return when that is so, after ``grace_s`` seconds at most."""
        self._stopping.set()
        self.wait(grace_s)

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when all is learnt, after ``timeout_s`` at most."""
        if self._learning is not None:
            self._learning.join(timeout_s)

    def _learn_older(
        self, history: Callable[[float], Iterable[Call]], since: float, now: float
    ) -> None:
        try:
            count = self._budgets.learn_older(self._while_running(history(since)), now)
        except Exception:  # noqa: BLE001  # the thread's end; what failed is in the log
            if not self._stopping.is_set():
                _log.exception("new budgets do not know all that was spent before")
        else:
            if count:
                _log.info("new budgets know what %d calls before this start cost", count)

    def _while_running(self, calls: Iterable[Call]) -> Iterator[Call]:
        for call in calls:
            if self._stopping.is_set():
                raise _Stopped
            yield call
