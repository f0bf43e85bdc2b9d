"""The end of a log in memory: a destination that keeps up need not read back what was written.

Reading back costs three copies, and throws what the next request needs out of the processor's
caches.
"""

from __future__ import annotations

from collections.abc import Sequence

from .segments import HEAD, Record

MAX_BYTES = 4 * 2**20


class Recent:
    """The last requests by their positions. Not thread-safe."""

    def __init__(self) -> None:
        self._records: dict[int, Record] = {}
        self._bytes = 0

    def add(self, position: int, record: Record) -> None:
        """Keep what was written at ``position``, and let the oldest go."""
        self._records[position] = record
        self._bytes += len(record.payload)
        while self._bytes > MAX_BYTES:
            oldest = next(iter(self._records))
            self._bytes -= len(self._records.pop(oldest).payload)

    def cut(self, end: int) -> None:
        """Forget what stands at ``end`` and after it."""
        for position in [p for p in self._records if p >= end]:
            self._bytes -= len(self._records.pop(position).payload)

    def take(self, start: int, end: int, max_bytes: int) -> tuple[Sequence[Record], int]:
        """Return requests from ``start`` on and not beyond ``end``, at least one and no more than
        ``max_bytes`` of them, and the position after them; none when they are not here."""
        found: list[Record] = []
        position = start
        while (record := self._records.get(position)) is not None:
            after = position + HEAD.size + len(record.payload)
            if after > end or (found and after - start > max_bytes):
                break
            found.append(record)
            position = after
        return found, position
