"""Curves over time: what a page draws, and writes as a table for who cannot see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from otel_llm.store import Bucket, Dimension, Stats, Store

from .asked import Asked

_STEPS: Final = {
    60: "minute",
    3_600: "hour",
    10_800: "3 hours",
    21_600: "6 hours",
    43_200: "12 hours",
    86_400: "day",
    604_800: "week",
}
Unit = Literal["count", "money", "ms", "percent", "score"]
Value = float | None
Read = Callable[[Stats], Value]

CURVES: Final = 6
"""Of a grouped plot; what is below them is drawn as one."""
OTHERS: Final = "others"
NOTHING: Final = "Nothing is known of this range."
NO_PARTS: Final = "No answer was scored in this range."
UNKNOWN: Final = "not said"
RATERS: Final = {
    "human": "people",
    "automatic": "programs",
    "heuristic": "rules of thumb",
    "tone": "tone",
}
"""Source of a score, as a reader would call it."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: a value per step, ``None`` where nothing is known."""

    label: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over the same steps of time."""

    title: str
    unit: Unit
    step_s: int
    times: Sequence[int]
    """Starts of the steps, Unix seconds."""
    curves: Sequence[Curve]
    nothing: str = NOTHING
    """What is said instead of a picture when there is nothing to draw."""

    @property
    def empty(self) -> bool:
        """Whether no curve has a value anywhere."""
        return all(value is None for curve in self.curves for value in curve.values)

    @property
    def per(self) -> str:
        """How long a step is, for people."""
        return _STEPS.get(self.step_s) or f"{self.step_s / 60:g} min"

    def to_json(self) -> dict[str, Any]:
        """What the page's script draws."""
        return asdict(self)


def plot(title: str, unit: Unit, asked: Asked, store: Store, **reads: Read) -> Plot:
    """One curve per name in ``reads``, over all calls. A step without a call reads as a
    ``Stats`` of nothing, so that counts are zero there and the rest is unknown."""
    found = {b.start_ns // 10**9: b.stats for b in store.series(asked.step_s, asked.where)}
    curves = [
        Curve(name, [_read(read, found.get(at), unit) for at in asked.times])
        for name, read in reads.items()
    ]
    return Plot(title, unit, asked.step_s, asked.times, curves)


def plot_by(
    title: str,
    unit: Unit,
    asked: Asked,
    store: Store,
    by: Dimension,
    read: Read,
    nothing: str = NOTHING,
) -> Plot:
    """One curve per value of ``by``, for something that adds up; the smaller ones as one."""
    buckets = store.series(asked.step_s, asked.where, by=by)
    labels = _largest(buckets, read)
    sums: dict[str, dict[int, float]] = {}
    for bucket in buckets:
        value = read(bucket.stats)
        if value is not None:
            name = _label(bucket)
            line = sums.setdefault(name if name in labels else OTHERS, {})
            at = bucket.start_ns // 10**9
            line[at] = line.get(at, 0) + value
    ordered = [*(name for name in labels if name in sums), *([OTHERS] if OTHERS in sums else [])]
    curves = [Curve(name, [sums[name].get(at, 0) for at in asked.times]) for name in ordered]
    return Plot(title, unit, asked.step_s, asked.times, curves, nothing)


def plot_scores(title: str, asked: Asked, store: Store) -> Plot:
    """The mean score of people, of programs and by rules of thumb, each as a curve."""
    found = store.score_series(asked.step_s, asked.where)
    means = {(bucket.source, bucket.start_ns // 10**9): bucket.mean for bucket in found}
    sources = sorted({bucket.source for bucket in found})
    curves = [
        Curve(RATERS[name], [means.get((name, at)) for at in asked.times]) for name in sources
    ]
    nothing = "Nobody and nothing gave a score in this range."
    return Plot(title, "score", asked.step_s, asked.times, curves, nothing)


def plot_parts(title: str, asked: Asked, store: Store) -> Plot:
    """The mean of each part of the scores by rules of thumb, each as a curve."""
    found = store.score_parts(asked.where, step_s=asked.step_s)
    means = {one.start_ns // 10**9: one.means for one in found}
    names = dict.fromkeys(name for one in found for name in one.means)
    curves = [Curve(name, [means.get(at, {}).get(name) for at in asked.times]) for name in names]
    return Plot(title, "score", asked.step_s, asked.times, curves, NO_PARTS)


def _largest(buckets: Sequence[Bucket], read: Read) -> Sequence[str]:
    totals = Counter[str]()
    for bucket in buckets:
        totals[_label(bucket)] += read(bucket.stats) or 0  # pyright: ignore[reportArgumentType] - a Counter adds floats as well
    return [name for name, _ in totals.most_common(CURVES)]


def _label(bucket: Bucket) -> str:
    return UNKNOWN if bucket.key is None else bucket.key


def _read(read: Read, stats: Stats | None, unit: Unit) -> Value:
    if stats is None:
        return 0 if unit == "count" else None
    return read(stats)
