"""What an operator may say about the embedded store (``store:``)."""

from __future__ import annotations

from dataclasses import dataclass

from otel_llm.config.units import Duration, Size


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Settings of the embedded store."""

    path: str | None = None
    """Database file, owned by this process alone; without one everything is kept in
    memory and gone with the process."""
    retain_for: Duration = 30 * 86_400.0
    """Calls that started longer ago than this are removed; 0 keeps them for ever."""
    max_size: Size = 4 * 2**30
    """When the data grows beyond this, the oldest calls go; 0 sets no limit."""
    flush_interval: Duration = 0.5
    """A call is readable at most about this long after it was seen."""
    max_pending_calls: int = 100_000
    """Calls waiting to be written. When it is full, further calls are dropped and counted."""
    memory_limit: Size = 512 * 2**20
    """With a file: what the engine may use before it spills to disk. Without one: how much the
    calls may take before the oldest go."""

    def __post_init__(self) -> None:
        if self.max_pending_calls < 1:
            raise ValueError("max_pending_calls: must be at least 1")
        if self.memory_limit < 64 * 2**20:
            raise ValueError("memory_limit: must be at least 64MiB")
