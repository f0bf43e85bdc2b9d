"""Is this day of a model and prompt version unlike the week before it?

Told is what is beyond the limit and beyond chance: the refusal rate, the rate of hedging answers,
their length, their quality score; and a model that answers in place of the one that used to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from otel_llm.stats import Tally
from otel_llm.stats.drift import (
    Change,
    Sample,
    chance_of,
    change_point,
    mean_change,
    mean_drop,
    share_change,
    significant,
)
from otel_llm.stats.tally import MICRO

HOUR_S, DAY_HOURS = 3_600, 24
OPEN_HOURS = 2
"""At most so many follow the last hour that was judged; a later one was told by a clock that was
ahead."""
_BASELINE_HOURS = 7 * DAY_HOURS
_LEAST_BASELINE_HOURS = DAY_HOURS
_MODELS = 1_000
"""The most names of models that are remembered: applications send them."""

Key = tuple[str, ...]
"""Model, prompt and prompt version."""
Kind = Literal["refusal_rate", "hedging_rate", "output_length", "quality", "score", "served_model"]

_SUMS: Final[Mapping[Kind, tuple[str, str]]] = {
    "refusal_rate": ("refusable", "refused"),
    "hedging_rate": ("judged", "hedging"),
    "output_length": ("measured", "chars"),
    "quality": ("scored", "score"),
}
"""What is counted and what is summed up of an hour."""


@dataclass(frozen=True, slots=True)
class DriftLimits:
    """From when on which change matters."""

    refusal_rate: float = 0.1
    """How far a refusal rate may move."""
    hedging_rate: float = 0.15
    """How far the rate of hedging answers (hallucination markers) may move."""
    output_length: float = 0.3
    """How far the mean length of answers may move, as a share of it."""
    quality: float = 2.0
    """How many standard deviations below the baseline's mean the mean quality score may fall."""


@dataclass(frozen=True, slots=True)
class FoundDrift:
    """A day that is unlike the week before it."""

    kind: Kind
    labels: Mapping[str, str]
    before: float | None
    after: float | None
    size: float
    """In units of the limit."""
    distance: float | None
    """In standard deviations."""
    since: float | None = None
    """When it began (Unix seconds): the hour from which on the values differ most from those
    before."""


@dataclass(frozen=True, slots=True)
class _Hour:
    """What is needed of one hour."""

    hour: int
    refused: int
    refusable: int
    hedging: int
    judged: int
    measured: int
    chars: int
    squared: int
    scored: int = 0
    score: int = 0
    """Millionths."""
    score_squared: int = 0

    @classmethod
    def of(cls, hour: int, tally: Tally) -> _Hour:
        return cls(
            hour,
            tally.refused,
            tally.refusable,
            tally.flags.get("hedging", 0),
            tally.judged,
            tally.measured,
            tally.output_chars,
            tally.output_chars_squared,
            tally.scored,
            tally.score_micro,
            tally.score_micro_squared,
        )


class Drifts:
    """The hours of eight days by model and prompt version. Not thread-safe."""

    def __init__(self, limits: DriftLimits) -> None:
        self._limits = limits
        self._hours: dict[Key, deque[_Hour]] = {}
        self._served: dict[Key, dict[str, int]] = {}
        """By provider and model asked for: the models that answered, and since which hour."""

    def see(self, provider: str, asked: str, model: str, *, hour: int) -> None:
        """Note which ``model`` answered when another was ``asked``; unknown ones are empty."""
        key = (provider, asked)
        if not asked or not model or (key not in self._served and len(self._served) >= _MODELS):
            return
        served = self._served.setdefault(key, {})
        if model in served or len(served) < _MODELS:
            served[model] = min(hour, served.get(model, hour))

    def add(self, key: Key, hour: int, tally: Tally) -> None:
        """Remember an hour."""
        room = _BASELINE_HOURS + DAY_HOURS
        self._hours.setdefault(key, deque(maxlen=room)).append(_Hour.of(hour, tally))

    def found(self, last: int) -> tuple[FoundDrift, ...]:
        """Return what has drifted in the day up to the hour ``last``, the largest first."""
        found = [*self._changes(last), *self._replaced(last)]
        return tuple(sorted(found, key=lambda one: -abs(one.size)))

    def _changes(self, last: int) -> Iterator[FoundDrift]:
        """Yield what matters and is no chance, also in view of how many series were looked at."""
        changes = dict(self._all_changes(last))
        told = significant({at: chance_of(change.distance) for at, change in changes.items()})
        for (key, kind), change in changes.items():
            if change.drifted and (key, kind) in told:
                labels = _named(("model", "prompt", "prompt_version"), key)
                sizes = (change.before, change.after, change.size, change.distance)
                yield FoundDrift(kind, labels, *sizes, self._since(key, *_SUMS[kind], last))

    def _since(self, key: Key, count: str, total: str, last: int) -> float | None:
        first = last - DAY_HOURS - _BASELINE_HOURS
        hours = [hour for hour in self._hours[key] if first < hour.hour <= last]
        return since([(h.hour, getattr(h, count), getattr(h, total)) for h in hours])

    def _all_changes(self, last: int) -> Iterator[tuple[tuple[Key, Kind], Change]]:
        border = last - DAY_HOURS
        for key, hours in self._hours.items():
            before = [h for h in hours if border - _BASELINE_HOURS < h.hour <= border]
            after = [h for h in hours if border < h.hour <= last]  # a clock may have been ahead
            if len(before) >= _LEAST_BASELINE_HOURS:
                for kind, change in self._compared(before, after):
                    if change is not None:
                        yield (key, kind), change

    def _compared(
        self, before: Sequence[_Hour], after: Sequence[_Hour]
    ) -> Iterator[tuple[Kind, Change | None]]:
        limits = self._limits
        refused, hedging = (_refused(before), _refused(after)), (_hedging(before), _hedging(after))
        yield "refusal_rate", share_change(*refused, limit=limits.refusal_rate)
        yield "hedging_rate", share_change(*hedging, limit=limits.hedging_rate)
        length = mean_change(_length(before), _length(after), limit=limits.output_length)
        yield "output_length", length
        yield "quality", mean_drop(_quality(before), _quality(after), deviations=limits.quality)

    def _replaced(self, last: int) -> Iterator[FoundDrift]:
        border, open_ = last - DAY_HOURS, last + OPEN_HOURS
        for (provider, asked), served in self._served.items():
            if min(served.values()) <= border:
                for model, hour in served.items():
                    if border < hour <= open_:
                        names = ("provider", "request_model", "model")
                        labels = _named(names, (provider, asked, model))
                        began = float(hour * HOUR_S)
                        yield FoundDrift("served_model", labels, None, None, 1.0, None, began)

    def forget(self, first: int) -> None:
        """Let go of what had no call since the hour ``first``."""
        self._hours = {key: hours for key, hours in self._hours.items() if hours[-1].hour >= first}

    def export(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        hours = [[key, [asdict(hour) for hour in given]] for key, given in self._hours.items()]
        return {"hours": hours, "served": [[key, served] for key, served in self._served.items()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what ``export`` gave."""
        room = _BASELINE_HOURS + DAY_HOURS
        for key, hours in state["hours"]:
            self._hours[tuple(key)] = deque((_Hour(**hour) for hour in hours), maxlen=room)
        self._served = {tuple(key): dict(served) for key, served in state["served"]}


def since(hours: Sequence[tuple[int, int, int]]) -> float | None:
    """Return when the mean of values has moved, which are given by hour as count and sum."""
    at = change_point([(count, total) for _, count, total in hours])
    return None if at is None else float(hours[at][0] * HOUR_S)


def _named(names: Sequence[str], key: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in zip(names, key, strict=True) if value}


def _refused(hours: Iterable[_Hour]) -> tuple[int, int]:
    return _sum(hours, "refused"), _sum(hours, "refusable")


def _hedging(hours: Iterable[_Hour]) -> tuple[int, int]:
    return _sum(hours, "hedging"), _sum(hours, "judged")


def _length(hours: Sequence[_Hour]) -> Sample:
    return Sample.of_sums(*(_sum(hours, name) for name in ("measured", "chars", "squared")))


def _quality(hours: Sequence[_Hour]) -> Sample:
    names = ("scored", "score", "score_squared")
    return Sample.of_sums(*(_sum(hours, name) for name in names), unit=MICRO)


def _sum(hours: Iterable[_Hour], name: str) -> int:
    return sum(getattr(hour, name) for hour in hours)
