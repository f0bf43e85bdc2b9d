"""How long to wait between attempts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from .destination import RetryConfig


def intervals(
    config: RetryConfig, uniform: Callable[[float, float], float] = random.uniform
) -> Iterator[float]:
    """Yield seconds without end: exponential, spread at random, never above ``max_interval``."""
    interval = config.initial_interval
    while True:
        spread = config.randomization_factor * interval
        yield min(uniform(interval - spread, interval + spread), config.max_interval)
        interval = min(interval * config.multiplier, config.max_interval)
