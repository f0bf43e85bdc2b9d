"""Measured values on their way to ``/metrics``: families of samples, as Prometheus knows them.

Whoever counts something gives a ``Measure``; the API writes the text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Labels = Mapping[str, str]
Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One observation that stands for its bucket, with the trace that shows it."""

    value: float
    trace_id: str
    span_id: str
    at_s: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number. ``suffix`` is what its name has beyond the family's: ``_total``, ``_bucket``."""

    value: float
    labels: Labels = field(default_factory=dict[str, str])
    suffix: str = ""
    exemplar: Exemplar | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """Samples of one name. ``name`` has no ``_total``: counters add it."""

    name: str
    kind: Kind
    help: str
    samples: Sequence[Sample]


Measure = Callable[[], Iterable[Family]]
"""Gives the present values. Called for every scrape, from any thread; quick and without I/O."""


def counter(name: str, help: str, value: float) -> Family:
    """A counter without labels."""
    return Family(name, "counter", help, (Sample(value, suffix="_total"),))


def gauge(name: str, help: str, value: float) -> Family:
    """A gauge without labels."""
    return Family(name, "gauge", help, (Sample(value),))


Shown = tuple[str, str, int]
"""An observation on its way to be an exemplar: trace id, span id, Unix nanoseconds."""


def merged(families: Iterable[Family]) -> Iterator[Family]:
    """Add up what several have counted: samples of one name, suffix and label set become one. Of
    exemplars the latest stays."""
    by_name: dict[str, list[Family]] = {}
    for family in families:
        by_name.setdefault(family.name, []).append(family)
    for same in by_name.values():
        yield replace(same[0], samples=_summed(s for family in same for s in family.samples))


def _summed(samples: Iterable[Sample]) -> list[Sample]:
    sums: dict[tuple[str, tuple[tuple[str, str], ...]], Sample] = {}
    for sample in samples:
        key = sample.suffix, tuple(sample.labels.items())
        known = sums.get(key)
        if known is None:
            sums[key] = sample
        else:
            shown = sample.exemplar or known.exemplar
            sums[key] = replace(known, value=known.value + sample.value, exemplar=shown)
    return list(sums.values())


class Histogram:
    """Observations by bucket, each with the last exemplar that fell into it. Not thread-safe."""

    __slots__ = ("_bounds", "_counts", "_exemplars", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._exemplars: list[tuple[float, str, str, int] | None] = [None] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float, shown: Shown | None = None) -> None:
        """Count ``value`` in the first bucket whose bound is not below it. ``shown``: trace id,
        span id and the Unix nanoseconds of what was observed."""
        index = bisect_left(self._bounds, value)
        self._counts[index] += 1
        self._sum += value
        if shown is not None:
            self._exemplars[index] = (value, *shown)

    def samples(self, labels: Labels) -> Iterator[Sample]:
        """The cumulative buckets, the count and the sum; nothing before the first observation."""
        if not any(self._counts):
            return
        total = 0
        bounds = [*map(_bound, self._bounds), "+Inf"]
        for bound, count, last in zip(bounds, self._counts, self._exemplars, strict=True):
            total += count
            yield Sample(total, {**labels, "le": bound}, "_bucket", last and _exemplar(*last))
        yield Sample(total, labels, "_count")
        yield Sample(self._sum, labels, "_sum")


def _exemplar(value: float, trace_id: str, span_id: str, at_ns: int) -> Exemplar:
    return Exemplar(value, trace_id, span_id, at_ns / 1e9)


def _bound(value: float) -> str:
    # OpenMetrics wants "1.0": the same text whether a bound was written as 1 or 1.0.
    return repr(float(value))
