"""Is this value unusual? Detectors over a series of windows' values, each with its false alarms.

All detectors answer in the same measure: the distance from what was expected, in standard
deviations of a normal distribution, corrected for how little history there is. At the default
limit of 3 chance alone raises an alarm in 2.7 of 1,000 windows of independent, roughly normal
values; ``benchmarks/detectors.py`` measures it. What looks at several windows takes into account
that each may be like the one before it; a daily rhythm is compared by season.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from .dependence import correlation, correlation_beside_steps, inflation, spread_factor
from .kendall import distance_of_balance
from .normal import LARGEST, from_student

Severity = Literal["info", "warning", "error", "critical"]
Direction = Literal["above", "below"]


@dataclass(frozen=True, slots=True)
class Severities:
    """From how many standard deviations on an anomaly is how grave."""

    info: float = 3.0
    """What is nearer is usual. By chance one hour of 370 is farther than 3."""
    warning: float = 3.5
    """By chance one hour of 2,100 is farther than 3.5."""
    error: float = 4.0
    """By chance one hour of 15,800 is farther than 4."""
    critical: float = 5.0
    """By chance one hour of 1.7 million is farther than 5."""

    def __post_init__(self) -> None:
        rising = 0 < self.info <= self.warning <= self.error <= self.critical
        if not (rising and self.critical < math.inf):
            raise ValueError(
                "info, warning, error and critical: expected numbers above 0, none below the last"
            )

    def of(self, distance: float) -> Severity | None:
        """Return how grave a distance is; ``None``: nothing unusual."""
        least: tuple[tuple[float, Severity], ...] = (
            (self.critical, "critical"),
            (self.error, "error"),
            (self.warning, "warning"),
            (self.info, "info"),
        )
        return next((name for limit, name in least if abs(distance) >= limit), None)


LEAST_HISTORY = 8
"""With fewer values nothing is known about what is usual."""

_MAD_TO_DEVIATION = 1.4826
_MAD_FREE, _MAD_FREE_MORE = 0.425, 0.55
"""Degrees of freedom of the median deviation, for each value but one and beside: simulated so that
chance reaches a distance of 3 as often as stated with 8 to 100 values."""
_LEAST_FREE = 3.0
"""Degrees of freedom that are left however much values depend on each other."""
_TREND_POINTS = 200
"""The robust slope looks at every pair: of longer series the last so many values count."""


_Point = tuple[int, float]
"""Place in the series, and value."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A value, what was expected instead, and how far apart they are."""

    value: float
    expected: float
    distance: float
    """In standard deviations; above is positive."""

    @property
    def severity(self) -> Severity | None:
        """How grave it is unless other limits are set; ``None``: nothing unusual."""
        return _USUAL.of(self.distance)

    @property
    def direction(self) -> Direction:
        """On which side of the expected the value lies."""
        return "above" if self.distance > 0 else "below"


Detector = Callable[[Sequence[float]], Anomaly | None]
"""Judges the last value by those before it; ``None`` with too little history, and where the last
one is not a finite number. Others that are not are left out."""


_USUAL = Severities()


def z_score(values: Sequence[float]) -> Anomaly | None:
    """Judge the last value by mean and standard deviation of those before it."""
    history, value = _parted(values)
    if value is None:
        return None
    mean, spread = _moments(history)
    return _judge(value, mean, spread, 1 + 1 / len(history), len(history) - 1)


def median_score(values: Sequence[float]) -> Anomaly | None:
    """Judge the last value by median and median deviation: outliers in the past do not count.

    Where more than half the past values are equal, the mean deviation takes over.
    """
    history, value = _parted(values)
    if value is None:
        return None
    count = len(history)
    middle = statistics.median(history)
    apart = [abs(past - middle) for past in history]
    spread = statistics.median(apart) * _MAD_TO_DEVIATION * count / (count - 0.8)
    if spread == 0:
        spread = statistics.fmean(apart) * math.sqrt(math.pi / 2)
    free = _MAD_FREE * (count - 1) + _MAD_FREE_MORE
    return _judge(value, middle, spread, 1 + math.pi / 2 / count, free)


def ewma(values: Sequence[float], *, recent: int = 10, weight: float = 0.3) -> Anomaly | None:
    """Judge the weighted mean of the last ``recent`` values by those before: notices small shifts
    that last, which no single value shows (Roberts' control chart)."""
    values = _known(values)
    history, last = values[:-recent], values[-recent:]
    if len(history) < LEAST_HISTORY:
        return None
    mean, spread = _moments(history)
    smooth = mean
    for value in last:
        smooth += weight * (value - smooth)
    alike, count = correlation(history), len(history)
    wider = inflation(alike)
    variance = _smoothed(weight, len(last), alike)
    variance += (1 - (1 - weight) ** len(last)) ** 2 * wider / count
    free = max(_LEAST_FREE, (count - 1) * (1 - alike**2) / (1 + alike**2))
    return _judge(smooth, mean, spread * spread_factor(count, 1, wider), variance, free)


def _smoothed(weight: float, count: int, alike: float) -> float:
    """Return the variance of the weighted mean of ``count`` values of variance 1, each ``alike`` to
    the one before it."""
    if not alike:
        return weight / (2 - weight) * (1 - (1 - weight) ** (2 * count))
    weights = [weight * (1 - weight) ** age for age in range(count)]
    return math.fsum(
        a * b * alike ** abs(i - j) for i, a in enumerate(weights) for j, b in enumerate(weights)
    )


def trend(values: Sequence[float], *, season: int = 1) -> Anomaly | None:
    """Judge the slope of the least-squares line; the value is the change over the whole series.

    With a ``season`` each place in it has a level of its own: a weekly rhythm of days is neither
    taken for a trend nor hides one. Values that are not finite are gaps.
    """
    points = _points(values)
    places = _by_season(points, season)
    known = 1 + len(places)
    count, free = len(points), len(points) - known
    if free < LEAST_HISTORY - 2:
        return None
    apart = [pair for place in places for pair in _centred(place)]
    size = math.fsum(at * at for at, _ in apart)
    slope = math.fsum(at / size * value for at, value in apart)
    spread = math.hypot(*[value - slope * at for at, value in apart]) / math.sqrt(free)
    wider = inflation(correlation_beside_steps(_levelled(points, places, season, slope)))
    spread *= spread_factor(count, known, wider)
    span = points[-1][0] - points[0][0]
    return _judge(slope * span, 0.0, spread, span * span / size * wider, _free(count, known, wider))


def robust_trend(values: Sequence[float], *, season: int = 1) -> Anomaly | None:
    """Judge the median slope of all pairs (Theil and Sen) by how many of them rise (Mann and
    Kendall): single outliers do not matter.

    With a ``season`` only pairs of the same place in it count (Hirsch, Slack and Smith, Water
    Resources Research 18, 1982). Values that are not finite are gaps.
    """
    points = _points(values)[-_TREND_POINTS:]
    places = _by_season(points, season)
    known = 1 + len(places)
    if len(points) - known < LEAST_HISTORY - 2:
        return None
    pairs = [
        (then - at, after - before)
        for place in places
        for (at, before), (then, after) in combinations(place, 2)
    ]
    slope = statistics.median(rise / run for run, rise in pairs)
    balance = sum((rise > 0) - (rise < 0) for _, rise in pairs)
    groups = [[value for _, value in place] for place in places]
    distance = distance_of_balance(groups, abs(balance))
    alike = correlation_beside_steps(_levelled(points, places, season, slope))
    if alike:  # Yue and Wang, Water Resources Management 18, 2004
        wider = inflation(alike)
        distance = from_student(distance / math.sqrt(wider), _free(len(points), known, wider))
    span = points[-1][0] - points[0][0]
    return Anomaly(slope * span, 0.0, math.copysign(distance, balance))


def _points(values: Sequence[float]) -> list[_Point]:
    """Return the values that are known, each with its place."""
    known = enumerate(values if _known(values) else ())
    return [(at, value) for at, value in known if _usable(value)]


def _by_season(points: Iterable[_Point], season: int) -> list[list[_Point]]:
    places: dict[int, list[_Point]] = {}
    for at, value in points:
        places.setdefault(at % season, []).append((at, value))
    return [*places.values()]


def _centred(points: Sequence[_Point]) -> Iterable[tuple[float, float]]:
    middle, mean = (statistics.fmean(each) for each in zip(*points, strict=True))
    return [(at - middle, value - mean) for at, value in points]


def _levelled(
    points: Sequence[_Point], places: Sequence[Sequence[_Point]], season: int, slope: float
) -> Sequence[float]:
    """Return the values in their order; with a season without the slope and the levels of their
    places in it, which would look like a dependence."""
    if season == 1:
        return [value for _, value in points]
    levels = {p[0][0] % season: statistics.fmean(v - slope * at for at, v in p) for p in places}
    return [value - slope * at - levels[at % season] for at, value in points]


def _free(count: int, known: int, wider: float) -> float:
    return max(_LEAST_FREE, count / wider - known)


def seasonal(
    values: Sequence[float], *, season: int, detector: Detector = z_score
) -> Anomaly | None:
    """Judge the last value by those a whole number of ``season`` steps before it: the same hour
    of the days before, for hourly values and a season of 24."""
    return detector(values[(len(values) - 1) % season :: season])


@dataclass(frozen=True, slots=True)
class Threshold:
    """Fixed limits: what is beyond ``critical`` is critical, beyond ``warning`` a warning."""

    warning: float
    critical: float
    direction: Direction = "above"

    def __post_init__(self) -> None:
        ordered = (self.critical - self.warning) * (1 if self.direction == "above" else -1)
        if ordered < 0:
            raise ValueError("critical must lie beyond warning")

    def severity(self, value: float) -> Severity | None:
        """Return how grave ``value`` is; ``None``: within the limits."""
        sign = 1 if self.direction == "above" else -1
        if value * sign > self.critical * sign:
            return "critical"
        return "warning" if value * sign > self.warning * sign else None


def combined(
    values: Sequence[float], detectors: Iterable[Detector] = (z_score, median_score, ewma)
) -> Anomaly | None:
    """Judge by several detectors: unusual is what at least two see, on the same side; the answer
    is the second farthest, so that no single one decides."""
    found = [anomaly for detector in detectors if (anomaly := detector(values)) is not None]
    above = sorted((a for a in found if a.distance > 0), key=lambda a: -a.distance)
    below = sorted((a for a in found if a.distance <= 0), key=lambda a: a.distance)
    seconds = [side[1] for side in (above, below) if len(side) > 1]
    return max(seconds, key=lambda a: abs(a.distance), default=None)


def _known(values: Sequence[float]) -> Sequence[float]:
    """Return the values that are finite, and not absurdly large; none when the last one is not, of
    which nothing can be said."""
    if all(map(_usable, values)):
        return values
    return [v for v in values if _usable(v)] if _usable(values[-1]) else ()


def _usable(value: float) -> bool:
    return abs(value) < LARGEST  # nor is what is not a number


def _parted(values: Sequence[float]) -> tuple[Sequence[float], float | None]:
    """Return what is known of the past, and the last value if that is enough to judge it by."""
    known = _known(values)
    return known[:-1], known[-1] if len(known) > LEAST_HISTORY else None


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation; ``statistics.stdev`` counts in fractions, at twenty times
    the price."""
    mean = statistics.fmean(values)
    return mean, math.hypot(*[v - mean for v in values]) / math.sqrt(len(values) - 1)


def _judge(value: float, expected: float, spread: float, variance: float, free: float) -> Anomaly:
    """Return the distance of ``value``, when its variance is ``variance`` times the square of a
    spread that was estimated with ``free`` degrees of freedom."""
    apart = value - expected
    error = spread * math.sqrt(variance)
    if error <= abs(expected) * 1e-12:
        t = 0.0 if abs(apart) <= abs(expected) * 1e-12 else math.copysign(math.inf, apart)
    else:
        t = apart / error
    return Anomaly(value, expected, from_student(t, free))
