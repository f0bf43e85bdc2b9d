"""What was before this start: windows and budgets learn it from the store, in the background.

Calls are received meanwhile. The newest are learned first, so that rules over minutes know all they
need within a moment; a rule over days and a budget wait for theirs: what they say is too little,
so they may fire where it is too much already, and resolve nothing.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

from otel_llm.genai import Call
from otel_llm.stats.tally import NANO

from .budgets import Budgets
from .engine import Clock, RuleEngine

_log = logging.getLogger(__name__)

History = Callable[[int, int | None], Iterable[Call]]
"""Returns the stored calls that started at the first time or later and before the second, if one
is given (Unix nanoseconds), oldest first."""

_KNOWN_S: Final = 60.0
"""Calls that ended so long before the last save and were not in it came unusually late: they are
not looked for after a restart. Less than what ``Seen`` keeps."""
_AT_ONCE: Final = 200
"""Calls that are counted at one time: others wait that long."""
_PAUSE_S: Final = 0.001
"""Between them, for those who receive."""
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86_400.0
_LONG_CALL_S: Final = 600.0
"""Calls are learned by when they started: those that took longer than this are not waited for."""
_AGAIN_S: Final = 5.0
"""After which a store that could not answer is asked again."""

_Id = tuple[str, str]


class _Stopped(Exception):
    """There is no time left to look at the past."""


class Past:
    """Learns it once. Thread-safe."""

    def __init__(
        self, engine: RuleEngine, budgets: Budgets, saved_at: float | None, clock: Clock
    ) -> None:
        """``saved_at`` is when the budgets were written to the state file last, Unix seconds."""
        self._engine, self._budgets, self._clock = engine, budgets, clock
        self._saved_at = saved_at
        self._stopping = threading.Event()
        self._learning: threading.Thread | None = None
        self._lock = threading.Lock()
        self.settling = threading.Lock()
        """Who holds it sees ``booked_at`` and the budgets as they belong together."""
        self._missing = False
        self._until_ns = -math.inf
        """Calls that started later are learned, or were observed."""
        self._observed: dict[_Id, int] = {}
        """Those that started before that and came through the front door: the store gets them
        too. By when they started."""

    @property
    def missing(self) -> bool:
        """Whether windows do not know yet all that the store has of their time."""
        return self._missing

    @property
    def booked_at(self) -> float | None:
        """Until when (Unix seconds) the state file may say that budgets know everything."""
        return self._saved_at if self._missing else self._clock()

    def learn(self, history: History) -> None:
        """Begin to tell windows and budgets what was before now. Call it before calls are
        observed; ``history`` is asked in a thread of its own."""
        now = self._clock()
        reach_s, older_s = self._windows_s(now), self._budgets.await_past(now)
        self._engine.await_past()
        self._missing, self._until_ns = True, math.inf
        self._learning = threading.Thread(
            target=self._learn, args=(history, now, reach_s, older_s), name="past", daemon=True
        )
        self._learning.start()

    def _windows_s(self, now: float) -> float:
        """How far back windows, and budgets that are not new, can use history."""
        away_s = 0.0 if self._saved_at is None else now - self._saved_at + _KNOWN_S
        return max(self._engine.longest_window_s, away_s)

    def observed(self, calls: Sequence[Call]) -> None:
        """Note calls before they are counted, and before the store has them: what it tells of
        them is no news."""
        if self._until_ns == -math.inf:
            return
        with self._lock:
            for call in calls:
                if call.start_ns < self._until_ns:
                    self._observed[call.trace_id, call.span_id] = call.start_ns

    def stop(self, grace_s: float) -> None:
        """Learn no more; return when that is so, after ``grace_s`` seconds at most."""
        self._stopping.set()
        self.wait(grace_s)

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when all is learnt, after ``timeout_s`` at most."""
        if self._learning is not None:
            self._learning.join(timeout_s)

    # In the thread

    def _learn(self, history: History, now: float, reach_s: float, older_s: float) -> None:
        try:
            count = self._learn_windows(history, now, reach_s)
            count += self._learn_older(history, now, reach_s, older_s)
        except _Stopped:
            return
        except Exception:  # noqa: BLE001  # the thread's end; what failed is in the log
            _log.exception("alerts do not know all that was before this start")
            self._settle(older=True)
        else:
            if count:
                _log.info("alerts know of %d calls from before this start", count)
        finally:
            self._until_ns, self._observed = -math.inf, {}

    def _learn_windows(self, history: History, now: float, reach_s: float) -> int:
        counted_until = None if self._saved_at is None else self._saved_at - _KNOWN_S
        count = 0
        for since, until in _spans(now, 0.0, reach_s):
            for calls in self._told(history, since, until):
                self._budgets.learn(calls, counted_until, self._clock())
                self._engine.remember(calls)
                count += len(calls)
            whole = now - since >= reach_s
            self._engine.complete(since if whole else since + _LONG_CALL_S)
            self._go_on(since)
        self._settle(older=False)
        return count

    def _learn_older(self, history: History, now: float, reach_s: float, older_s: float) -> int:
        """Let budgets that are new learn what windows have no use for."""
        count = 0
        for since, until in _spans(now, reach_s, older_s):
            for calls in self._told(history, since, until):
                self._budgets.learn(calls, math.inf, self._clock())
                count += len(calls)
            self._go_on(since)
        self._settle(older=True)
        return count

    def _settle(self, *, older: bool) -> None:
        with self.settling:
            self._budgets.settle(older=older)
            self._missing = False
        self._engine.settle()

    def _go_on(self, since: float) -> None:
        """What started after ``since`` is learned: who observes need not note it any more."""
        with self._lock:
            self._until_ns = until_ns = int(since * NANO)
            self._observed = {key: at for key, at in self._observed.items() if at < until_ns}

    def _told(self, history: History, since: float, until: float) -> Iterator[list[Call]]:
        """Yield what nobody observed, some at a time."""
        calls = self._reading(history, since, until)
        while found := list(islice(calls, _AT_ONCE)):
            with self._lock:
                fresh = [c for c in found if (c.trace_id, c.span_id) not in self._observed]
            yield fresh
            if self._stopping.wait(_PAUSE_S):
                raise _Stopped

    def _reading(self, history: History, since: float, until: float) -> Iterator[Call]:
        """Yield each call once, also when the store fails in between."""
        since_ns, until_ns = int(since * NANO), None if until == math.inf else int(until * NANO)
        last: tuple[int, str, str] | None = None
        while not self._stopping.is_set():
            behind = last
            try:
                for call in history(since_ns, until_ns):
                    place = (call.start_ns, call.trace_id, call.span_id)
                    if behind is None or place > behind:
                        yield call
                        last = place
            except Exception as error:  # noqa: BLE001  # asked again: too little is too bad to go on
                _log.error("the store does not tell alerts what was before: %s", error)
                self._stopping.wait(_AGAIN_S)
            else:
                return
        raise _Stopped


def _spans(now: float, nearest_s: float, farthest_s: float) -> Iterator[tuple[float, float]]:
    """Yield times from ``nearest_s`` before ``now`` to ``farthest_s``, the latest first."""
    days = (day * _DAY_S for day in range(1, math.ceil(farthest_s / _DAY_S)))
    until = math.inf if nearest_s == 0.0 else now - nearest_s
    for age_s in chain((_HOUR_S, 6 * _HOUR_S), days, (farthest_s,)):
        if nearest_s < age_s < farthest_s or age_s == farthest_s > nearest_s:
            yield now - age_s, until
            until = now - age_s
