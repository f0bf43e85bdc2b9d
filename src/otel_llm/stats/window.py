"""The last minutes, hours or days of calls, by event time and by label set.

A window of length L keeps tallies in steps of about L/30 and their running total. A call counts
from the moment it ended until L later: never longer, and at most one step shorter. Calls that
arrive late are put where they belong; those from before the window are counted as ``late``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache

from .tally import ALL, Distribution, Example, Tally

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
    """One label set: tallies by step, and their sum. Steps for which no calls come are packed."""

    __slots__ = ("_distributions", "_own", "_steps", "counts", "oldest")

    def __init__(self) -> None:
        self.counts = Tally()
        """The sums, to be read only; of distributions those that ``sums`` was asked for, or all
        while it is of one step. Other series may hold the same one then."""
        self._distributions: tuple[Distribution, ...] = ()
        """Those that were asked for: they take most of the memory, and few rules look at any."""
        self.oldest: int | None = None
        """The first step that holds calls; times the window's step: Unix seconds."""
        self._steps: dict[int, Tally | bytes] | None = None
        """``None`` while all calls are of one step: most label sets hardly ever have more."""
        self._own: tuple[int, ...] = ()
        """The steps whose tally nobody else has."""

    def add(self, step: int, tally: Tally) -> tuple[int, ...]:
        """Count ``tally`` in ``step``, and keep it: nobody may change it any more. Return the steps
        to ``pack`` when no more calls come for them."""
        if self.oldest is None:
            self.oldest, self.counts = step, tally
            return ()
        if self._steps is not None:
            self._add(self._steps, step, tally)
            return (step,)
        if step == self.oldest:
            self.counts = self._joined(step, self.counts, tally)
            return ()
        first, steps = self.oldest, dict[int, Tally | bytes]({self.oldest: self.counts})
        self._steps, self.counts = steps, self.counts.sums(self._distributions)
        self._add(steps, step, tally)
        return first, step

    def _add(self, steps: dict[int, Tally | bytes], step: int, tally: Tally) -> None:
        self.counts.combine(tally, 1, self._distributions)
        known = steps.get(step)
        steps[step] = tally if known is None else self._joined(step, known, tally)
        if self.oldest is None or step < self.oldest:
            self.oldest = step

    def _joined(self, step: int, known: Tally | bytes, tally: Tally) -> Tally:
        """Return the sum for ``step``, of which nobody else knows."""
        if step not in self._own:
            self._own = (*self._own, step)
            known = Tally.unpack(known) if isinstance(known, bytes) else known.copy()
        mine = _unpacked(known)
        mine.merge(tally)
        return mine

    def pack(self, step: int, packed: Packed) -> None:
        """Keep the tally of ``step`` in a fraction of the memory, shared by whose it is."""
        known = None if self._steps is None else self._steps.get(step)
        if self._steps is not None and isinstance(known, Tally):
            found = packed.get(id(known)) or packed.setdefault(id(known), (known, known.pack()))
            self._steps[step] = found[1]
            self._disown(step)

    def _disown(self, step: int) -> None:
        if step in self._own:
            self._own = tuple([own for own in self._own if own != step])

    def forget(self, until: int) -> bool:
        """Drop steps up to and with ``until``; return whether anything is left."""
        if self.oldest is not None and self.oldest <= until:
            self._drop([step for step in self._steps or (self.oldest,) if step <= until])
        return self.oldest is not None

    def forget_after(self, last: int) -> None:
        """Drop steps after ``last``."""
        if self.oldest is not None:
            self._drop([step for step in self._steps or (self.oldest,) if step > last])

    def _drop(self, gone: Sequence[int]) -> None:
        if not gone:
            return
        steps = self._steps or {}
        dropped = [steps.pop(step) for step in gone if step in steps]
        if not steps:  # what they held need not be known
            self.oldest = self._steps = None
            self.counts, self._own = Tally(), ()
            return
        for tally in dropped:
            self.counts.combine(_unpacked(tally), -1, self._distributions)
        self._own = tuple([step for step in self._own if step in steps])
        self.oldest = min(steps)

    @property
    def total(self) -> Tally:
        """Everything but the examples, to be read only."""
        return self.sums(ALL)

    def sums(self, distributions: tuple[Distribution, ...]) -> Tally:
        """Return the sums with these ``distributions``, to be read only. Those that were asked for
        once are kept up to date."""
        if distributions is not self._distributions:
            for name in distributions:
                if name not in self._distributions:
                    self._learn(name)
        return self.counts

    def _learn(self, name: Distribution) -> None:
        for tally in self.steps.values() if self._steps else ():
            getattr(self.counts, name).merge(getattr(tally, name))
        self._distributions = _with(self._distributions, name)

    @property
    def steps(self) -> dict[int, Tally]:
        """What was counted in each step, to be read only."""
        if self._steps is None:
            return {} if self.oldest is None else {self.oldest: self.counts}
        return {step: _unpacked(tally) for step, tally in self._steps.items()}

    def example(self, kind: Example) -> str | None:
        """Return the trace id of the strongest example in the window."""
        found = [tally.examples[kind] for tally in self.steps.values() if kind in tally.examples]
        return max(found)[1] if found else None


Packed = dict[int, tuple[Tally, bytes]]
"""What was packed, by its ``id``."""


@cache
def _with(some: tuple[Distribution, ...], name: Distribution) -> tuple[Distribution, ...]:
    """Return both, the same for all who ask: there may be very many label sets."""
    return (*some, name)


def _unpacked(tally: Tally | bytes) -> Tally:
    return Tally.unpack(tally) if isinstance(tally, bytes) else tally


_Place = tuple[Series, int]
"""A label set's step."""


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
        self._warm: set[_Place] = set()
        self._cool: set[_Place] = set()
        """Where calls came since ``pack`` was called last, and in the time before."""

    def add(self, key: Key, at_s: float, tally: Tally) -> None:
        """Count ``tally``, of calls that ended at ``at_s`` (Unix seconds), and keep it."""
        step = int(at_s // self.step_s)
        if self._cutoff is not None and step <= self._cutoff:
            self.late += tally.calls
            return
        series = self._room(key, tally)
        for changed in series.add(step, tally):
            self._warm.add((series, changed))

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
        gone = [
            key
            for key, series in self._series.items()
            if (series.oldest is None or series.oldest <= cutoff) and not series.forget(cutoff)
        ]
        for key in gone:
            del self._series[key]

    def pack(self, packed: Packed) -> None:
        """Pack the steps for which no calls came since the last time."""
        for series, step in self._cool - self._warm:
            series.pack(step, packed)
        self._cool, self._warm = self._warm, set()

    def get(self, key: Key) -> Series | None:
        """Return the calls of one label set, ``None`` when there were none in the window."""
        return self._series.get(key)

    def __iter__(self) -> Iterator[tuple[Key, Series]]:
        return iter(self._series.items())

    def __len__(self) -> int:
        return len(self._series)
