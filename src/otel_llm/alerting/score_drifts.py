"""Do judges and suites think less of a model's answers today than in the week before?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from otel_llm.stats.drift import Sample, mean_drop
from otel_llm.stats.tally import MICRO

from .drifts import OPEN_HOURS, DriftLimits, FoundDrift, since

_DAY_HOURS = 24
_BASELINE_HOURS = 7 * _DAY_HOURS
_SERIES = 2_000
"""The most series that are remembered: names come from the outside."""
_LABELS = ("score", "model", "prompt", "prompt_version")

_Sums = list[int]
"""Count, sum and sum of squares; scores in millionths."""


class ScoreDrifts:
    """The scores of eight days by name, model and prompt version. Not thread-safe."""

    def __init__(self, limits: DriftLimits) -> None:
        self._deviations = limits.quality
        self._series: dict[tuple[str, ...], dict[int, _Sums]] = {}

    def add(self, name: str, value: float, labels: Mapping[str, str], hour: int) -> None:
        """Count one score."""
        key = (name, *(labels.get(label, "") for label in _LABELS[1:]))
        if key not in self._series and len(self._series) >= _SERIES:
            return
        sums = self._series.setdefault(key, {}).setdefault(hour, [0, 0, 0])
        micro = round(value * MICRO)
        for at, more in enumerate((1, micro, micro * micro)):
            sums[at] += more

    def found(self, last: int) -> Iterator[FoundDrift]:
        """Yield the series whose mean of the day up to the hour ``last``, and of what came since,
        lies beyond the limit below that of the week before, and beyond chance."""
        border = last - _DAY_HOURS
        for key, hours in self._series.items():
            before = [s for hour, s in hours.items() if border - _BASELINE_HOURS < hour <= border]
            after = [sums for hour, sums in hours.items() if border < hour <= last + OPEN_HOURS]
            change = mean_drop(_sample(before), _sample(after), deviations=self._deviations)
            if change is not None and change.drifted:
                labels = {n: v for n, v in zip(_LABELS, key, strict=True) if v}
                sizes = (change.before, change.after, change.size, change.distance)
                known = sorted((at, sums) for at, sums in hours.items() if at <= last + OPEN_HOURS)
                began = since([(at, sums[0], sums[1]) for at, sums in known])
                yield FoundDrift("score", labels, *sizes, began)

    def forget(self, first: int) -> None:
        """Let go of what is older than the hour ``first``."""
        for key in [*self._series]:
            hours = {hour: sums for hour, sums in self._series[key].items() if hour >= first}
            if hours:
                self._series[key] = hours
            else:
                del self._series[key]

    def export(self) -> list[Any]:
        """Return everything as plain JSON values."""
        return [[key, [*hours.items()]] for key, hours in self._series.items()]

    def restore(self, state: Iterable[Any]) -> None:
        """Take up what ``export`` gave."""
        for key, hours in state:
            self._series[tuple(key)] = {hour: list(sums) for hour, sums in hours}


def _sample(given: Sequence[_Sums]) -> Sample:
    count, total, squared = (sum(sums[at] for sums in given) for at in range(3))
    return Sample.of_sums(count, total, squared, MICRO)
