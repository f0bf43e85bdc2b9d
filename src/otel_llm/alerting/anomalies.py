"""Is this hour of a model unusual? Judged by the hours of two weeks before.

Once there are eight hours of the same time of day it is compared with those, before that with all.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from otel_llm.stats import Tally
from otel_llm.stats.anomaly import (
    LEAST_HISTORY,
    Anomaly,
    Detector,
    Severities,
    Severity,
    combined,
    ewma,
    median_score,
    z_score,
)
from otel_llm.stats.drift import share_change

from .signals import call_signal

HOUR_S, DAY_HOURS = 3600, 24
HISTORY_HOURS = 14 * DAY_HOURS
_KEYS = 2_000
"""The most services' models that are remembered."""

Key = tuple[str, str]
"""Service and model."""
_Values = deque[tuple[int, float]]
"""Hour and value."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """A measure in which a signal's values are spread evenly, as detectors want them."""

    to: Callable[[float], float]
    back: Callable[[float], float]


_PLAIN = _Scale(lambda value: value, lambda value: value)
_LOGARITHM = _Scale(math.log, math.exp)
_ARCSINE = _Scale(lambda share: math.asin(math.sqrt(share)), lambda angle: math.sin(angle) ** 2)

SIGNALS: Mapping[str, _Scale] = {
    "calls": _LOGARITHM,
    "cost": _LOGARITHM,
    "mean_cost": _LOGARITHM,
    "mean_tokens": _LOGARITHM,
    "duration_p95": _LOGARITHM,
    "time_to_first_chunk_p95": _LOGARITHM,
    "error_rate": _ARCSINE,
    "refusal_rate": _ARCSINE,
}

DetectorName = Literal["z_score", "median_score", "ewma", "combined"]
_DETECTORS: Final[Mapping[DetectorName, Detector]] = {
    "z_score": z_score,
    "median_score": median_score,
    "ewma": ewma,
    "combined": combined,
}
"""Those that judge the last of many values."""


@dataclass(frozen=True, slots=True)
class FoundAnomaly:
    """An hour that was unusual."""

    at: float
    """When the hour began (Unix seconds)."""
    labels: Mapping[str, str]
    signal: str
    value: float
    usual: float
    distance: float
    """In standard deviations; above is positive."""
    severity: Severity


class Anomalies:
    """The hours that were, and those that were unusual. Not thread-safe."""

    def __init__(self, *, min_calls: int, detector: DetectorName, severities: Severities) -> None:
        self._min_calls = min_calls
        self._severities = severities
        self._detect = _DETECTORS[detector]
        self._values: dict[Key, dict[str, _Values]] = {}
        self._found: deque[FoundAnomaly] = deque(maxlen=1000)

    def judge(self, key: Key, hour: int, tally: Tally) -> None:
        """Compare an hour with the past, and remember it. Few calls do neither."""
        full = key not in self._values and len(self._values) >= _KEYS
        if tally.calls < self._min_calls or full:
            return
        signals = self._values.setdefault(key, {})
        for name, scale in SIGNALS.items():
            signal = call_signal(name)
            value = signal.read(tally) if signal else None
            if value is not None:
                values = signals.setdefault(name, deque(maxlen=HISTORY_HOURS))
                values.append((hour, value))
                self._compare(key, name, scale, values, tally)

    def _compare(self, key: Key, name: str, scale: _Scale, values: _Values, tally: Tally) -> None:
        hour, value = values[-1]
        usable = _comparable(values)
        if scale is _LOGARITHM and min(usable) <= 0:
            scale = _PLAIN
        found = self._detect([scale.to(one) for one in usable])
        if found is not None and scale is _ARCSINE:
            found = _milder(found, usable, tally.calls)
        severity = self._severities.of(found.distance) if found else None
        if found is not None and severity is not None:
            labels = {n: v for n, v in zip(("service", "model"), key, strict=True) if v}
            usual = scale.back(found.expected)
            at = float(hour * HOUR_S)
            one = FoundAnomaly(at, labels, name, value, usual, found.distance, severity)
            self._found.append(one)

    def found(self, *, hour: int | None = None) -> tuple[FoundAnomaly, ...]:
        """Return the unusual hours of late, the latest first; or those of one ``hour``."""
        newest_first = reversed(self._found)
        return tuple(one for one in newest_first if hour in (None, int(one.at // HOUR_S)))

    def forget(self, first: int) -> None:
        """Let go of models that had no call since the hour ``first``."""
        self._values = {
            key: signals
            for key, signals in self._values.items()
            if any(values[-1][0] >= first for values in signals.values())
        }

    def export(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        values = [
            [key, {name: list(values) for name, values in signals.items()}]
            for key, signals in self._values.items()
        ]
        return {"values": values, "found": [asdict(one) for one in self._found]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what ``export`` gave."""
        for key, signals in state["values"]:
            self._values[key[0], key[1]] = {n: _restored(values) for n, values in signals.items()}
        self._found.extend(FoundAnomaly(**given) for given in state["found"])


def _comparable(values: _Values) -> list[float]:
    """Return the values to judge the last one by, and that one: of its hour of the day, or all."""
    hour = values[-1][0]
    same = [value for at, value in values if (hour - at) % DAY_HOURS == 0]
    return same if len(same) > LEAST_HISTORY else [value for _, value in values]


def _milder(found: Anomaly, values: Sequence[float], calls: int) -> Anomaly:
    """After hours without any failure the first one is infinitely far from usual, but one of a
    hundred calls may be chance: count the calls, too."""
    *past, value = values
    before = calls * len(past)
    hits = (round(sum(past) / len(past) * before), round(value * calls))
    change = share_change((hits[0], before), (hits[1], calls), limit=1.0)
    if change is None or abs(change.distance) >= abs(found.distance):
        return found
    return Anomaly(found.value, found.expected, change.distance)


def _restored(values: Iterable[Sequence[Any]]) -> _Values:
    return deque(((hour, value) for hour, value in values), maxlen=HISTORY_HOURS)
