"""What an operator may say about the embedded store (``store:``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Settings of the embedded store."""

    path: str | None = None
    """Database file, owned by this process alone; without one everything is kept in
    memory and gone with the process."""
    retain_for_s: float = 30 * 86_400
    """Calls that started longer ago than this are removed; 0 keeps them for ever."""
    max_bytes: int = 4 * 2**30
    """When the data grows beyond this, the oldest calls go; 0 sets no limit."""
    flush_interval_s: float = 0.5
    """A call is readable at most about this long after it was seen."""
    max_pending_calls: int = 100_000
    """Calls waiting to be written. When it is full, further calls are dropped and counted."""
    memory_limit_bytes: int = 512 * 2**20
    """What the engine may use for its buffers before it spills to disk."""
