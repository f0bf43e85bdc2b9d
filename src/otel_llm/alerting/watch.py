"""Watches every model, hour by hour: what is unusual, and what has drifted.

Calls are counted into the hour in which they ended; an hour is judged ten minutes after its end.
Only sums are kept, and they survive a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_llm.stats import Tally, Windows
from otel_llm.stats.anomaly import Severities

from .anomalies import HISTORY_HOURS, HOUR_S, Anomalies, DetectorName, FoundAnomaly
from .drifts import DriftLimits, Drifts, FoundDrift
from .score_drifts import ScoreDrifts

_GRACE_S = 600
"""An hour is judged so long after its end: calls arrive late."""
_PLACE = ("service", "model", "prompt", "prompt_version")
_SERVED = ("provider", "request_model", "response_model")
_CELLS = 5_000
"""The most combinations of service, model and prompt version that open hours keep apart."""

Key = tuple[str, ...]
Told = list[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """Whether and how models are watched for anomalies and drift."""

    enabled: bool = True
    """``false`` watches nothing."""
    min_calls: int = 20
    """An hour with fewer calls is not judged and does not count as usual."""
    detector: DetectorName = "z_score"
    """How an hour is held against those before: by mean and standard deviation; by medians, for
    which single odd hours of the past do not count; by the weighted mean of the last ten, for small
    shifts that last; or ``combined``: what at least two of the three see."""
    severities: Severities = field(default_factory=Severities)
    """From how many standard deviations on an hour is unusual, and how grave that is. A severity
    whose limit is that of the next one is left out."""
    drift: DriftLimits = field(default_factory=DriftLimits)
    """From when on which change matters."""


class Watch:
    """Follows windows of calls, judges hours. Thread-safe; the clock is passed in."""

    def __init__(self, config: WatchConfig) -> None:
        self._enabled = config.enabled
        self._lock = threading.Lock()
        self._cells: dict[tuple[int, Key], Tally] = {}
        self._anomalies = Anomalies(
            min_calls=config.min_calls, detector=config.detector, severities=config.severities
        )
        self._drifts = Drifts(config.drift)
        self._scores = ScoreDrifts(config.drift)
        self._closed: int | None = None
        """The last hour that was judged."""
        self._dirty = False

    def follow(self, windows: Windows) -> None:
        """See the calls that ``windows`` see, when they look at them."""
        if self._enabled:
            windows.follow((*_PLACE, *_SERVED), self._take)

    def _take(self, billed: bool, at: float, labels: Mapping[str, str], tally: Tally) -> None:
        """Count model calls into their hours; those of an hour that was judged are left out."""
        hour = int(at // HOUR_S)
        cell = (hour, tuple(labels[name] for name in _PLACE))
        with self._lock:
            late = self._closed is not None and hour <= self._closed
            full = cell not in self._cells and len(self._cells) >= _CELLS
            if billed and not late and not full:
                self._cells.setdefault(cell, Tally()).merge(tally)
                self._drifts.see(*(labels[name] for name in _SERVED), hour=hour)

    def advance(self, now: float) -> None:
        """Judge every hour that is over."""
        last = int((now - _GRACE_S) // HOUR_S) - 1
        with self._lock:
            for hour in sorted({hour for hour, _ in self._cells if hour <= last}):
                self._close(hour)
            self._closed = last

    def _close(self, hour: int) -> None:
        keys = [key for at, key in self._cells if at == hour]
        tallies = {key: self._cells.pop((hour, key)) for key in keys}
        for (service, model), tally in _summed(tallies, slice(0, 2)).items():
            self._anomalies.judge((service, model), hour, tally)
        for key, tally in _summed(tallies, slice(1, 4)).items():
            self._drifts.add(key, hour, tally)
        self._anomalies.forget(hour - HISTORY_HOURS)
        self._drifts.forget(hour - HISTORY_HOURS)
        self._scores.forget(hour - HISTORY_HOURS)
        self._dirty = True

    def anomalies(self) -> tuple[FoundAnomaly, ...]:
        """Return the unusual hours of late, the latest first."""
        with self._lock:
            return self._anomalies.found()

    def drift(self) -> tuple[FoundDrift, ...]:
        """Return what has drifted as of the last hour that was judged, the largest first."""
        with self._lock:
            if self._closed is None:
                return ()
            found = [*self._drifts.found(self._closed), *self._scores.found(self._closed)]
        return tuple(sorted(found, key=lambda one: -abs(one.size)))

    def score(self, name: str, value: float, labels: Mapping[str, str], at: float) -> None:
        """Count one automatic score called ``name``, given at ``at`` (Unix seconds)."""
        if self._enabled:
            with self._lock:
                self._scores.add(name, value, labels, int(at // HOUR_S))
                self._dirty = True

    def anomaly_reading(self) -> Told:
        """The signal ``anomaly``: what was unusual in the last hour that was judged."""
        with self._lock:
            found = () if self._closed is None else self._anomalies.found(hour=self._closed)
        return [({**one.labels, "signal": one.signal}, abs(one.distance)) for one in found]

    def drift_reading(self) -> Told:
        """The signal ``drift``."""
        return [({**one.labels, "kind": one.kind}, abs(one.size)) for one in self.drift()]

    def export(self) -> dict[str, Any]:
        """Return what is known of the past, when it changed since the last call; else nothing."""
        with self._lock:
            if not self._dirty:
                return {}
            self._dirty = False
            parts = {
                "anomalies": self._anomalies.export(),
                "drifts": self._drifts.export(),
                "scores": self._scores.export(),
            }
            return {"watch": {"closed": self._closed, **parts}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what ``export`` gave."""
        with self._lock:
            if given := state.get("watch"):
                self._closed = given["closed"]
                self._anomalies.restore(given["anomalies"])
                self._drifts.restore(given["drifts"])
                self._scores.restore(given.get("scores", ()))


def _summed(tallies: Mapping[Key, Tally], part: slice) -> dict[Key, Tally]:
    """Add up the tallies whose keys are equal in ``part``."""
    sums: dict[Key, Tally] = {}
    for key, tally in tallies.items():
        sums.setdefault(key[part], Tally()).merge(tally)
    return sums
