"""Has it changed? A baseline against the present: shares, means, whole distributions, one series.

The rules of thumb (a refusal rate that moves by 0.1, lengths by 30 %, quality below its mean by two
deviations) say when a change matters; a test says whether it is more than chance. Both are needed:
a rule alone cries wolf over few calls, a test alone over many.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeVar

from .normal import LARGEST, distance_of, from_student, two_sided
from .sketch import Sketch

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", int, float)
"""A bucket of a sketch, or a value: what counts are of."""

SURE = 3.0
"""From this distance on a change is more than chance: 2.7 false alarms per 1,000 comparisons."""

_LEAST_SPREAD = 0.01
"""Of the mean: less is taken for that much."""
_PSI_LEAST = 1e-4
"""An empty bin counts as this share, or its logarithm would be infinite."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one time: how many, their mean and their standard deviation."""

    count: int
    mean: float
    deviation: float

    @classmethod
    def of_sums(cls, count: int, total: int, squared: int, unit: int = 1) -> Sample:
        """Return what a count, a sum and a sum of squares say, of values in parts of ``unit``."""
        if count < 2:
            return cls(count, 0.0, 0.0)
        variance = (squared * count - total * total) / (count * (count - 1))
        return cls(count, total / count / unit, math.sqrt(max(0.0, variance)) / unit)


@dataclass(frozen=True, slots=True)
class Change:
    """What was, what is, and how far apart that is."""

    before: float
    after: float
    size: float
    """In units of the rule's limit; from 1 on it matters."""
    distance: float
    """In standard deviations: whether it is more than chance."""

    @property
    def drifted(self) -> bool:
        """Whether it matters and is no chance."""
        return abs(self.size) >= 1 and abs(self.distance) >= SURE


def share_change(before: tuple[int, int], after: tuple[int, int], *, limit: float) -> Change | None:
    """Compare two shares, each ``(hits, of)``, by a limit on their difference.

    The distance is that of Fisher's exact test, which holds for the rarest hits too. ``None``
    when one is empty.
    """
    if not before[1] or not after[1]:
        return None
    was, now = before[0] / before[1], after[0] / after[1]
    distance = distance_of(min(1.0, 2 * _at_least_so_far(before, after)))
    return Change(was, now, (now - was) / limit, math.copysign(distance, now - was))


def _at_least_so_far(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return how probable it is that as many of all hits, or more, fall to the side that has
    more, if hits fall blindly (the hypergeometric distribution's tail)."""
    if after[0] * before[1] < before[0] * after[1]:
        before, after = after, before
    hits, size = before[0] + after[0], before[1] + after[1]
    whole = _log_choose(size, after[1])
    total = 0.0
    for mine in range(after[0], min(hits, after[1]) + 1):
        others = _log_choose(size - hits, after[1] - mine)
        term = math.exp(_log_choose(hits, mine) + others - whole)
        total += term
        if term <= total * 1e-12:  # both are 0 where the whole tail is too small for a float
            break
    return total


def _log_choose(of: int, some: int) -> float:
    if not 0 <= some <= of:
        return -math.inf
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)


def mean_change(before: Sample, after: Sample, *, limit: float) -> Change | None:
    """Compare two means by a limit on their relative difference (0.3: 30 %).

    The distance is Welch's test's. ``None`` with less than two values on a side or a mean of zero.
    """
    if min(before.count, after.count) < 2 or not before.mean:
        return None
    relative = (after.mean - before.mean) / abs(before.mean)
    return Change(before.mean, after.mean, relative / limit, _welch(before, after))


def mean_drop(before: Sample, after: Sample, *, deviations: float = 2.0) -> Change | None:
    """Compare means by how many of the baseline's deviations the present lies below it.

    A baseline that hardly varies, as where every answer was right, counts as varying a little.
    """
    if min(before.count, after.count) < 2:
        return None
    spread = max(before.deviation, _LEAST_SPREAD * abs(before.mean))
    below = (before.mean - after.mean) / (deviations * spread) if spread else 0.0
    return Change(before.mean, after.mean, max(0.0, below), _welch(before, after))


def _welch(before: Sample, after: Sample) -> float:
    parts = [sample.deviation**2 / sample.count for sample in (before, after)]
    error = math.sqrt(sum(parts))
    apart = after.mean - before.mean
    if not error:
        return from_student(math.copysign(math.inf, apart), 1) if apart else 0.0
    counts = (before.count, after.count)
    free = sum(parts) ** 2 / sum(p * p / (n - 1) for p, n in zip(parts, counts, strict=True) if p)
    return from_student(apart / error, free)


def ks(before: Iterable[float], after: Iterable[float]) -> tuple[float, float]:
    """Return Kolmogorov and Smirnov's largest distance of two distributions, and its probability
    by chance (Stephens' correction of the asymptotic, good from about eight values a side)."""
    return _shift(_counted(before), _counted(after))


def sketch_ks(before: Sketch, after: Sketch) -> tuple[float, float]:
    """Return ``ks`` of what two sketches have counted."""
    return _shift(before.counts(), after.counts())


def _counted(values: Iterable[float]) -> Mapping[float, int]:
    return Counter(value for value in values if abs(value) < LARGEST)  # nor what is not a number


def _shift(left: Mapping[V, int], right: Mapping[V, int]) -> tuple[float, float]:
    sizes = (sum(left.values()), sum(right.values()))
    if not all(sizes):
        return 0.0, 1.0
    places = sorted({*left, *right})
    sums = [
        list(accumulate(book.get(place, 0) / size for place in places))
        for book, size in zip((left, right), sizes, strict=True)
    ]
    apart = max(abs(a - b) for a, b in zip(*sums, strict=True))
    size = math.sqrt(sizes[0] * sizes[1] / sum(sizes))
    return apart, _kolmogorov((size + 0.12 + 0.11 / size) * apart)


def _kolmogorov(x: float) -> float:
    """Return the probability that the largest distance exceeds ``x`` (in its own units)."""
    if x < 0.2:
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def psi(before: Iterable[float], after: Iterable[float], *, bins: int = 10) -> tuple[float, float]:
    """Return the population stability index over the baseline's quantiles, and its distance.

    By custom 0.1 is a shift and 0.25 a large one; with few values chance alone reaches that, so
    the distance (of Pearson's test over the same bins) says how far beyond chance it is. Without
    values on a side both are 0.
    """
    return _stability(_counted(before), _counted(after), bins)


def sketch_psi(before: Sketch, after: Sketch, *, bins: int = 10) -> tuple[float, float]:
    """Return ``psi`` of what two sketches have counted."""
    return _stability(before.counts(), after.counts(), bins)


def _stability(before: Mapping[V, int], after: Mapping[V, int], bins: int) -> tuple[float, float]:
    if not before or not after:
        return 0.0, 0.0
    edges = _edges(before, bins)
    counts = [_binned(values, edges) for values in (before, after)]
    shares = [[max(n / sum(each), _PSI_LEAST) for n in each] for each in counts]
    index = math.fsum((now - was) * math.log(now / was) for was, now in zip(*shares, strict=True))
    return index, _homogeneity(*counts)


def _edges(counts: Mapping[V, int], bins: int) -> list[float]:
    """Return where bins begin; a value that is several quantiles is a bin by itself."""
    values = sorted(counts)
    ends = list(accumulate(counts[value] for value in values))
    found: list[float] = [values[bisect_right(ends, ends[-1] * i // bins)] for i in range(1, bins)]
    alone = {math.nextafter(one, math.inf) for one, next_ in pairwise(found) if one == next_}
    return sorted({*found, *alone})


def _binned(values: Mapping[V, int], edges: Sequence[float]) -> list[int]:
    counts = [0] * (len(edges) + 1)
    for value, times in values.items():
        counts[bisect_right(edges, value)] += times
    return counts


def _homogeneity(before: Sequence[int], after: Sequence[int]) -> float:
    """Return the distance of Pearson's test that both counts come from one distribution."""
    ratio = math.sqrt(sum(after) / sum(before))
    used = [(b, a) for b, a in zip(before, after, strict=True) if b + a]
    total = math.fsum((ratio * b - a / ratio) ** 2 / (b + a) for b, a in used)
    return distance_of(_chi_squared(total, len(used) - 1)) if len(used) > 1 else 0.0


def _chi_squared(x: float, free: int) -> float:
    """Return the probability of at least ``x`` (Wilson and Hilferty's cube root)."""
    if x <= 0:
        return 1.0
    mean, spread = 1 - 2 / (9 * free), math.sqrt(2 / (9 * free))
    z = ((x / free) ** (1 / 3) - mean) / spread
    return math.erfc(z / math.sqrt(2)) / 2


def significant(chances: Mapping[K, float], *, rate: float = 0.05) -> frozenset[K]:
    """Return the names of changes that hold when many were looked at: of these at most a share
    ``rate`` is chance (Benjamini and Hochberg)."""
    ordered = sorted(chances.items(), key=lambda item: item[1])
    last = max(
        (i for i, (_, p) in enumerate(ordered, 1) if p <= rate * i / len(ordered)), default=0
    )
    return frozenset(name for name, _ in ordered[:last])


def chance_of(distance: float) -> float:
    """Return how probable a change of this distance is by chance, for ``significant``."""
    return two_sided(distance)


def change_point(sums: Sequence[tuple[int, int]]) -> int | None:
    """Return where the mean of a series has moved: the first index of what came after, so that the
    two parts differ most (least squares). Each step is a count and the sum of that many values.

    It says where, and not whether: that is for a test. ``None`` where nothing moves.
    """
    count, total = (sum(one[which] for one in sums) for which in (0, 1))
    best, found, past, so_far = 0.0, None, 0, 0
    for at, (more, value) in enumerate(sums[:-1], 1):
        past, so_far = past + more, so_far + value
        if 0 < past < count:
            apart = so_far / past - (total - so_far) / (count - past)
            between = apart * apart * past * (count - past)
            if between > best:
                best, found = between, at
    return found
