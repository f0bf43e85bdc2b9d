"""What was spent when: exact by period; by five minutes for 6 hours, by the hour for 15 days.

Money is counted in billionths, so that adding up is exact in any order and merges over workers.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .periods import Period

FINE_S, HOUR_S, DAY_S = 300, 3600, 86_400
_FINE_KEPT_S = 6 * HOUR_S
ACCOUNTED_S = 15 * DAY_S
"""So far back hours are known."""
_PERIODS_KEPT = 3

_NORMAL_95 = 1.6449
"""Standard deviations either way that hold 90 % of a normal distribution."""
_LEAST_HISTORY = 3
"""So many complete hours or days are needed to say anything about the future."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What will be spent by the end of a period: likely, and the range that holds 90 %."""

    likely: float
    low: float
    high: float


@dataclass(slots=True)
class Account:
    """The spending of one budget's one label set. Whole billionths, by time."""

    fine: dict[int, int] = field(default_factory=dict[int, int])
    hours: dict[int, int] = field(default_factory=dict[int, int])
    periods: dict[float, int] = field(default_factory=dict[float, int])
    """By the period's start."""
    days: dict[float, int] = field(default_factory=dict[float, int])
    """By the day's start."""
    unpriced: dict[float, int] = field(default_factory=dict[float, int])
    """Calls of unknown cost, by the period's start: so much the sums may be too low."""
    since: float = math.inf
    """The first spending (Unix seconds)."""
    memo: bytes = field(default=b"", init=False, repr=False, compare=False)
    """What somebody worked out of it; gone when more is booked."""

    def add(self, at: float, period: Period, nano: int | None, day: Period | None = None) -> None:
        """Book ``nano`` billionths at ``at``; ``None``: nobody knows how much."""
        if nano is None:
            self.unpriced[period.start] = self.unpriced.get(period.start, 0) + 1
            return
        self.memo = b""
        self.since = min(self.since, at)
        for book, key in ((self.fine, int(at // FINE_S)), (self.hours, int(at // HOUR_S))):
            book[key] = book.get(key, 0) + nano
        self.periods[period.start] = self.periods.get(period.start, 0) + nano
        if day is not None:
            self.days[day.start] = self.days.get(day.start, 0) + nano

    def forget(self, now: float) -> None:
        """Let go of what nothing asks for any more."""
        _drop_before(self.fine, int((now - _FINE_KEPT_S) // FINE_S))
        _drop_before(self.hours, int((now - ACCOUNTED_S) // HOUR_S))
        for book in (self.periods, self.days, self.unpriced):
            # Where the clock was ahead for a while, what it booked then makes nothing of today go.
            if len(book) > _PERIODS_KEPT:
                for start in sorted(start for start in book if start <= now)[:-_PERIODS_KEPT]:
                    del book[start]

    def rests(self, period: Period, since: float) -> bool:
        """Whether nothing was booked in ``period``, and nothing was spent ``since``."""
        recent = any(hour >= since // HOUR_S for hour in self.hours)
        return not (recent or period.start in self.periods or period.start in self.unpriced)

    def spent(self, period: Period) -> int:
        """Return the billionths of ``period``, to the last one."""
        return self.periods.get(period.start, 0)

    def rate(self, now: float, over_s: float) -> float:
        """Return billionths per second over the last ``over_s``, or since the first spending."""
        book, step = (self.fine, FINE_S) if over_s <= _FINE_KEPT_S else (self.hours, HOUR_S)
        first, last = int((now - over_s) // step) + 1, int(now // step)
        if last - first < len(book):
            return sum([book[key] for key in range(first, last + 1) if key in book]) / over_s
        return sum([nano for key, nano in book.items() if first <= key <= last]) / over_s

    def rate_within(self, now: float, long_s: float, short_s: float) -> float:
        """Return the lower of the rates over two times; after a quiet short one that is none."""
        short = self.rate(now, short_s)
        return min(self.rate(now, long_s), short) if short else 0.0

    def forecast(self, period: Period, now: float) -> Forecast | None:
        """Return what will be spent by the end of ``period``; ``None`` with too little history.

        What is left of the period is taken to go on like the last complete days (14 at most; for
        a daily budget: hours, 24 at most), as independent of each other.
        """
        return self.foresee(period, now, self.complete(period, now), *self.usual(period, now))

    def foresee(
        self, period: Period, now: float, known: int, mean: float, deviation: float
    ) -> Forecast | None:
        """Return ``forecast``, given how many days or hours are ``complete`` and what is ``usual``
        for them."""
        if known < _LEAST_HISTORY:
            return None
        left = max(0.0, period.end - now) / _unit(period)[0]
        rest, spread = mean * left, deviation * _prediction(known, left)
        spent = self.spent(period)
        return Forecast(spent + rest, spent + max(0.0, rest - spread), spent + rest + spread)

    def usual(self, period: Period, now: float) -> tuple[float, float]:
        """Return the mean of the last complete days, or hours, and the standard deviation: the
        same throughout an hour, as long as as many are ``complete``."""
        known = self.complete(period, now)
        if known < _LEAST_HISTORY:
            return 0.0, 0.0
        history = self._history(now, _unit(period)[0], known)
        return statistics.fmean(history), _deviation(history)

    def complete(self, period: Period, now: float) -> int:
        """Return how many days, or hours, since the first spending a forecast rests on."""
        unit, most = _unit(period)
        return min(most, int((now - self.since) // unit)) if self.since < math.inf else 0

    def _history(self, now: float, unit: int, count: int) -> list[int]:
        """Return the sums of the last ``count`` complete units, newest first."""
        sums = [0] * count
        newest = int(now // HOUR_S) * HOUR_S
        for hour, nano in self.hours.items():
            age = (newest - (hour + 1) * HOUR_S) // unit
            if 0 <= age < count:
                sums[age] += nano
        return sums

    def to_json(self) -> dict[str, Any]:
        """Return everything, for ``from_json``."""
        books = {name: _pairs(getattr(self, name)) for name in _BOOKS}
        return {**books, "since": None if self.since == math.inf else self.since}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Account:
        """Read back what ``to_json`` gave."""
        books = {name: {key: value for key, value in given.get(name, ())} for name in _BOOKS}
        return cls(**books, since=math.inf if given["since"] is None else given["since"])


def _unit(period: Period) -> tuple[int, int]:
    """Return of what length complete units tell the future, and of how many at most."""
    return (DAY_S, 14) if period.length_s > 2 * DAY_S else (HOUR_S, 24)


def _deviation(values: Sequence[int]) -> float:
    """Return the standard deviation; ``statistics.stdev`` counts in fractions, at ten times the
    price."""
    count, total = len(values), sum(values)
    return math.sqrt((count * sum(v * v for v in values) - total * total) / (count * (count - 1)))


@lru_cache(maxsize=64)  # that of accounts looked at in one moment is the same
def _prediction(known: int, left: float) -> float:
    """Return half the 90 % range of a sum of ``left`` values, in standard deviations of one, when
    their mean and spread are themselves estimated from ``known`` (Student's t, expanded for its
    quantile as in Abramowitz and Stegun 26.7.5)."""
    z, free = _NORMAL_95, known - 1
    t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return t * math.sqrt(left + left * left / known)


_BOOKS = ("fine", "hours", "periods", "days", "unpriced")


def _pairs(book: Mapping[float, int]) -> list[tuple[float, int]]:
    return list(book.items())


def _drop_before(book: dict[int, int], first: int) -> None:
    if book and min(book) < first:
        for key in [key for key in book if key < first]:
            del book[key]
