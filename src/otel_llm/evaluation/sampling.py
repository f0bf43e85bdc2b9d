"""Which calls are judged: by rate, by flag, by cost."""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

from .config import SampleConfig

_ALL = 1 << 32


class Sampler:
    """Chooses calls. The same call is chosen, or not, wherever and however often it arrives."""

    def __init__(self, config: SampleConfig) -> None:
        self._below = round(config.rate * _ALL)
        self._flags = frozenset(config.flags)
        self._min_cost = None if config.min_cost is None else float(config.min_cost)
        self.by_rate_alone = not self._flags and self._min_cost is None
        """Whether flags and cost need not be looked at."""

    def by_rate(self, trace_id: str, span_id: str) -> bool:
        """Whether the rate chooses this span."""
        return crc32(f"{trace_id}{span_id}".encode()) < self._below

    def by_what_it_was(self, flags: Collection[str] | None, cost: float | None) -> bool:
        """Whether flags or cost (US dollars) choose a call."""
        if flags and not self._flags.isdisjoint(flags):
            return True
        return self._min_cost is not None and cost is not None and cost >= self._min_cost
