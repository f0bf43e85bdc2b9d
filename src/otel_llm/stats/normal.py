"""The few distributions that detectors need, without a library.

A distance is always given in standard deviations of a normal distribution, whatever the test: 3
means that chance alone does so in 2.7 of 1,000 windows, both directions together.
"""

from __future__ import annotations

import math
from statistics import NormalDist

LARGEST = 1e300
"""Beyond this sums overflow: such a value is an error of whoever sent it, and no measurement."""
_NORMAL = NormalDist()
_FARTHEST = 38.0
"""Beyond this the tail of the normal distribution is zero in a float."""


def two_sided(distance: float) -> float:
    """Return how probable a distance of at least so much is by chance alone, either way."""
    return math.erfc(abs(distance) / math.sqrt(2))


def distance_of(p: float) -> float:
    """Return the distance that chance alone reaches with probability ``p``, either way."""
    if p <= two_sided(_FARTHEST):
        return _FARTHEST
    return 0.0 if p >= 1.0 else -_NORMAL.inv_cdf(p / 2)


def from_student(t: float, free: float) -> float:
    """Return Student's ``t`` with ``free`` degrees of freedom as a normal distance.

    Wallace's approximation (Ann. Math. Stat. 30, 1959), good to 0.02 from three degrees on.
    """
    if not math.isfinite(t):
        return math.copysign(_FARTHEST, t)
    scale = (8 * free + 1) / (8 * free + 3)
    return math.copysign(scale * math.sqrt(free * math.log1p(t * t / free)), t)
