"""The last minutes, hours or days of calls, by event time and by label set.

A window of length L keeps tallies in steps of about L/30 and their running total. A call counts
from the moment it ended until L later: never longer, and at most one step shorter. Calls that
arrive late are put where they belong; those from before the window are counted as ``late``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from .tally import Example, Tally, summed

Key = tuple[str, ...]
"""Values of the dimensions a window is grouped by; empty where unknown."""

OVERFLOW = "otel.metric.overflow"
"""The label of what did not fit (OpenTelemetry metrics SDK, "Cardinality limits")."""

_STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 86400)
"""Each divides the next, so that a short step lies wholly within a longer one."""


def step_for(length_s: float) -> int:
    """Return the step in seconds in which a window of ``length_s`` moves on."""
    return max((step for step in _STEPS if step * 30 <= length_s), default=1)


class Series:
    """One label set: tallies by step, and their sum."""

    __slots__ = ("_oldest", "_own", "steps", "total")

    def __init__(self) -> None:
        self.steps: dict[int, Tally] = {}
        """To be read only: other series may hold the same tally."""
        self.total = Tally()
        self._oldest: int | None = None
        self._own: set[int] | None = None
        """The steps whose tally nobody else has; most label sets never have one."""

    def add(self, step: int, tally: Tally) -> None:
        """Count ``tally`` in ``step``, and keep it: nobody may change it any more."""
        self.total.merge(tally)
        known = self.steps.get(step)
        if known is None:
            self.steps[step] = tally
            self._oldest = step if self._oldest is None else min(self._oldest, step)
        elif self._own and step in self._own:
            known.merge(tally)
        else:
            self.steps[step] = summed((known, tally))
            self._own = {step, *(self._own or ())}

    def forget(self, until: int) -> bool:
        """Drop steps up to and with ``until``; return whether anything is left."""
        if self._oldest is None or self._oldest > until:
            return self._oldest is not None
        self._drop([step for step in self.steps if step <= until])
        return bool(self.steps)

    def forget_after(self, last: int) -> None:
        """Drop steps after ``last``."""
        self._drop([step for step in self.steps if step > last])

    def _drop(self, steps: Iterable[int]) -> None:
        for step in steps:
            self.total.subtract(self.steps.pop(step))
            if self._own:
                self._own.discard(step)
        self._oldest = min(self.steps, default=None)

    @property
    def oldest(self) -> int | None:
        """The first step that holds calls; times the window's step: Unix seconds."""
        return self._oldest

    def example(self, kind: Example) -> str | None:
        """Return the trace id of the strongest example in the window."""
        found = [tally.examples[kind] for tally in self.steps.values() if kind in tally.examples]
        return max(found)[1] if found else None


class Window:
    """All label sets of one grouping over one length of time. Not thread-safe."""

    def __init__(self, length_s: float, *, max_series: int = 10_000) -> None:
        self.length_s = length_s
        self.step_s = step_for(length_s)
        self.since = -math.inf
        """From when on (Unix seconds) it was shown calls, where others were before it."""
        self.late = 0
        """Calls that came after their window had closed."""
        self.overflowed = 0
        """Calls counted under ``OVERFLOW`` because there were too many label sets."""
        self._max_series = max_series
        self._series: dict[Key, Series] = {}
        self._cutoff: int | None = None

    def add(self, key: Key, at_s: float, tally: Tally) -> None:
        """Count ``tally``, of calls that ended at ``at_s`` (Unix seconds), and keep it."""
        step = int(at_s // self.step_s)
        if self._cutoff is not None and step <= self._cutoff:
            self.late += tally.calls
            return
        self._room(key, tally).add(step, tally)

    def _room(self, key: Key, tally: Tally) -> Series:
        found = self._series.get(key)
        if found is None and len(self._series) >= self._max_series:
            self.overflowed += tally.calls
            key = (OVERFLOW,)
            found = self._series.get(key)
        if found is None:
            found = self._series[key] = Series()
        return found

    def advance(self, now_s: float) -> None:
        """Let go of everything that is older than the window at ``now_s``, and of what is still to
        come after a clock was set back: nobody knows when it was."""
        cutoff = int((now_s - self.length_s) // self.step_s)
        if cutoff == self._cutoff:
            return
        if self._cutoff is not None and cutoff < self._cutoff:
            for series in self._series.values():
                series.forget_after(int(now_s // self.step_s))
            self.since = min(self.since, now_s)
        self._cutoff = cutoff
        gone = [key for key, series in self._series.items() if not series.forget(cutoff)]
        for key in gone:
            del self._series[key]

    def get(self, key: Key) -> Series | None:
        """Return the calls of one label set, ``None`` when there were none in the window."""
        return self._series.get(key)

    def __iter__(self) -> Iterator[tuple[Key, Series]]:
        return iter(self._series.items())

    def __len__(self) -> int:
        return len(self._series)
