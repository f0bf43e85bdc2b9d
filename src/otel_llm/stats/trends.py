"""Do days rise or fall, by how much a week, and is that more than chance?

A day is held against the same days of other weeks once there are three weeks, so that weekends
are no trend and hide none; amounts are judged by their logarithm, as they grow by shares.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Container, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from .anomaly import robust_trend, trend
from .drift import SURE, chance_of, significant
from .normal import LARGEST

K = TypeVar("K", bound=Hashable)

Method = Literal["robust", "regression"]
Direction = Literal["rising", "falling", "steady"]
FLAT: Final[Direction] = "steady"

WEEK: Final = 7
USUAL_DAYS: Final = 8 * WEEK
"""Looked at unless asked otherwise: with fewer, days that depend on each other alarm more often."""
MOST_DAYS: Final = 26 * WEEK
"""Of more the last so many count."""
_BY_WEEKDAY: Final = 3 * WEEK
"""From so many days on weekdays are told apart."""
_METHODS: Final = {"robust": robust_trend, "regression": trend}


@dataclass(frozen=True, slots=True)
class Trend:
    """Where a series of days goes."""

    days: int
    """With a value."""
    before: float
    """The line's value on the first of them."""
    after: float
    """And on the last."""
    per_week: float
    """Of an amount how it grows in a week, as a share (0.1: by 10 %); of a share or a score the
    difference."""
    distance: float
    """In standard deviations; above 0 it rises."""
    direction: Direction
    """``steady``: what it moves may be chance, in view of how many series were looked at."""


def trends(
    series: Mapping[K, Mapping[int, float]],
    *,
    amounts: Container[K] = (),
    method: Method = "robust",
) -> dict[K, Trend]:
    """Return the trend of each series of values by day, counted from any one, of those with enough
    days. ``amounts`` names those that grow by shares."""
    lines = {
        name: line
        for name, days in series.items()
        if (line := _line(days, name in amounts, method)) is not None
    }
    told = significant({name: chance_of(line.distance) for name, line in lines.items()})
    return {
        name: line if name in told and abs(line.distance) >= SURE else replace(line, direction=FLAT)
        for name, line in lines.items()
    }


def _line(days: Mapping[int, float], amount: bool, method: Method) -> Trend | None:
    known = {day: value for day, value in days.items() if abs(value) < LARGEST}
    if not known:
        return None
    last = max(known)
    first = max(min(known), last - MOST_DAYS + 1)
    known = {day: value for day, value in known.items() if day >= first}
    grows = amount and min(known.values()) > 0
    to, back = (math.log, math.exp) if grows else (float, float)
    values = [to(known[day]) if day in known else math.nan for day in range(first, last + 1)]
    season = WEEK if len(known) >= _BY_WEEKDAY else 1
    found = _METHODS[method](values, season=season)
    if found is None:
        return None
    slope = found.value / (last - first)
    start = statistics.median(to(value) - slope * (day - first) for day, value in known.items())
    before, after = back(start), back(start + found.value)
    return Trend(
        len(known),
        before,
        after,
        _per_week(slope * WEEK, known.values(), amount, grows),
        found.distance,
        "rising" if found.distance > 0 else "falling",
    )


def _per_week(change: float, values: Collection[float], amount: bool, grows: bool) -> float:
    if grows:
        return math.expm1(change)
    usual = statistics.fmean(values)
    return change / usual if amount and usual else change
