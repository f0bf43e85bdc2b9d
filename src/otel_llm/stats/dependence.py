"""How much values depend on those before them, and how much less they say because of that.

A series of which each value is half like the one before it wanders: its mean and its slope vary as
if there were a third of the values. Detectors that look at several windows at once take that into
account, where the past shows it beyond chance.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

_BEYOND_CHANCE = 1.8
"""In standard deviations of the correlation of values that do not depend on each other: less is
taken for none, so that those lose nothing."""
_MEAN_TAKEN, _LOST = 3, 8
"""A correlation comes out too small by about (3 + 8 r) / n, as level and slope are of the same
values (Kendall, Biometrika 41, 1954; for a slope by simulation, ``benchmarks/detectors.py``)."""
_CUT = 3 * 1.4826
"""Three deviations, in median deviations."""
_BEYOND_TURNING, _TURNING_LOST = 3.2, 10
"""The same two for differences, by simulation."""
_MOST = 0.95
_FEWEST = 40
"""Of fewer values nobody can tell."""


def correlation(values: Sequence[float]) -> float:
    """Return how alike a value is to the one before it, from 0 to 0.95; 0 where that may be chance.

    Of values that take turns, which is good for a mean, it is 0 as well.
    """
    count = len(values)
    if count < _FEWEST:
        return 0.0
    mean = math.fsum(value / count for value in values)
    apart = [value - mean for value in values]
    size = math.hypot(*apart)
    if size == 0:
        return 0.0
    alike = math.fsum((a / size) * (b / size) for a, b in pairwise(apart))
    alike = (alike * count + _MEAN_TAKEN) / (count - _LOST)
    return min(alike, _MOST) if alike > _BEYOND_CHANCE / math.sqrt(count) else 0.0


def correlation_beside_steps(values: Sequence[float]) -> float:
    """Return the same of values whose level may step or drift, which is no dependence: by how their
    differences take turns, of which a step is a single one, cut to three deviations."""
    count = len(values)
    if count < _FEWEST:
        return 0.0
    rises = [after - before for before, after in pairwise(values)]
    usual = statistics.median(rises)
    most = _CUT * statistics.median(abs(rise - usual) for rise in rises)
    cut = [min(max(rise - usual, -most), most) for rise in rises]
    size = math.hypot(*cut)
    if size == 0:
        return 0.0
    turning = math.fsum((a / size) * (b / size) for a, b in pairwise(cut))
    alike = 1 + 2 * turning + _TURNING_LOST / count
    return min(alike, _MOST) if alike > _BEYOND_TURNING / math.sqrt(count) else 0.0


def inflation(alike: float) -> float:
    """Return how many times the variance of a mean or a slope is larger."""
    return (1 + alike) / (1 - alike)


def spread_factor(count: int, lost: int, wider: float) -> float:
    """Return by what the standard deviation of ``count`` values, of which ``lost`` parameters were
    estimated, is too small when they are as dependent as ``wider`` says."""
    return math.sqrt((count - lost) / max(1.0, count - lost * wider))
