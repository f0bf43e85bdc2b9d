"""The file by which applications on this machine learn who is to stop spending.

Replaced as a whole, so that a reader never sees half of it; written when something changed, and
again before it would expire. See ``otel_llm.stats.denial`` for what is in it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from otel_llm.stats.denial import Denial, written

VALID_S = 120.0
"""What a collector said holds so long; a collector that is gone forbids nobody anything."""


class SpendingFile:
    """One file of denials. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Make the directory. Raises ``OSError`` when that cannot be."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._said: tuple[Denial, ...] | None = None
        self._until = 0.0

    def say(self, denials: Sequence[Denial], now: float) -> None:
        """Write ``denials`` if they are news or expire soon. Raises ``OSError``."""
        said = tuple(denials)
        if said == self._said and now < self._until - VALID_S / 2:
            return
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        fresh.write_bytes(written(said, now + VALID_S))
        os.replace(fresh, self._path)
        self._said, self._until = said, now + VALID_S
