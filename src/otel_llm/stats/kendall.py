"""How unusual it is that so many more pairs of values rise than fall (Mann and Kendall's test)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, reduce
from itertools import accumulate

from .normal import distance_of

_EXACT = 60
"""Up to so many values without ties the distribution is counted out. The normal one, which further
ones are near to, would raise a third of the stated alarms with 8 values, two thirds with 30."""


def distance_of_balance(groups: Sequence[Sequence[float]], balance: int) -> float:
    """Return as a normal distance how unusual it is that ``balance`` more pairs of values of the
    same group rise than fall, or fall than rise."""
    sizes = tuple(sorted(map(len, groups)))
    ties = [times for values in groups for times in Counter(values).values()]
    if len(ties) == sum(sizes) <= _EXACT:
        return _distances(sizes)[balance]
    variance = (sum(map(_spread, sizes)) - sum(map(_spread, ties))) / 18
    return max(0, balance - 1) / math.sqrt(variance or 1.0)


@lru_cache(maxsize=_EXACT)
def _distances(sizes: tuple[int, ...]) -> list[float]:
    """Return the distance for each balance. Half of the chance of the very balance counts, as
    there are few different ones."""
    chances = reduce(_sums, map(_inversions, sizes))
    pairs = len(chances) - 1
    found, beyond = [0.0] * (pairs + 1), 0.0
    for inverted, chance in enumerate(chances[: pairs // 2 + 1]):
        balance = pairs - 2 * inverted
        found[balance] = distance_of(min(1.0, 2 * beyond + chance)) if balance else 0.0
        beyond += chance
    return found


def _inversions(count: int) -> list[float]:
    """Return how probable each number of inversions is in a random order of ``count`` things."""
    chances = [1.0]
    for size in range(2, count + 1):
        below, most = [0.0, *accumulate(chances)], len(chances)
        chances = [
            (below[min(at + 1, most)] - below[max(0, at + 1 - size)]) / size
            for at in range(size * (size - 1) // 2 + 1)
        ]
    return chances


def _sums(some: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return how probable each sum is of two numbers whose chances are given from zero on."""
    found = [0.0] * (len(some) + len(others) - 1)
    for at, chance in enumerate(some):
        for more, other in enumerate(others):
            found[at + more] += chance * other
    return found


def _spread(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)
