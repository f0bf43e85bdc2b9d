"""What waits for one destination: the contract, and the queue in memory.

The other one reads from the journal (``journal.queue``).
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from threading import Condition
from typing import Any, Protocol

from ..errors import Refused


@dataclass(frozen=True, slots=True)
class Lot:
    """Requests of one signal that are sent together; joined, they are one valid request."""

    payloads: tuple[bytes | memoryview, ...]
    since: float
    """Unix seconds at which the oldest of them was accepted."""
    end: Any = None
    """Where the queue stands after it: the queue's own business."""
    until: float = 0.0
    """Unix seconds at which the newest of them was accepted."""


class Queue(Protocol):
    """Requests in the order in which they came. One reader; ``take`` and ``done`` alternate."""

    def take(self, max_bytes: int, flush_s: float) -> Lot | None:
        """Wait until ``max_bytes`` are there or the oldest has waited ``flush_s``; then return
        them, at least one request. After ``close``: at once, and ``None`` when nothing is left.
        """
        ...

    def done(self, lot: Lot) -> None:
        """Forget a lot: it was delivered or buried."""
        ...

    def close(self) -> None:
        """Accept no more. Safe to call twice."""
        ...

    def abandon(self) -> tuple[bytes, ...]:
        """End the reader's waiting for good and return what nobody else keeps."""
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes not yet done."""
        ...

    @property
    def capacity_bytes(self) -> int:
        """Bytes it can hold."""
        ...

    @property
    def oldest_s(self) -> float | None:
        """Seconds the oldest request has been waiting; ``None`` when empty."""
        ...

    @property
    def pressed(self) -> bool:
        """Whether the oldest requests must go, to wherever: they hold up other destinations."""
        ...

    @property
    def corrupt_bytes(self) -> int:
        """Bytes that could not be read back, and are lost."""
        ...


class MemoryQueue:
    """A queue bounded in bytes. What it holds dies with the process."""

    def __init__(self, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self.pressed = False
        self.corrupt_bytes = 0
        self.size_bytes = 0
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._in_hand: Lot | None = None
        self._closed = False
        self._changed = Condition()
        self._wanted = 1

    def has_room(self, size: int) -> bool:
        """Whether a request of ``size`` bytes fits. One larger than the queue passes alone."""
        return not self._closed and (
            self.size_bytes == 0 or self.size_bytes + size <= self.capacity_bytes
        )

    def put(self, payload: bytes) -> None:
        """Add a request. Raises ``Refused`` when closed; asks nobody about room."""
        with self._changed:
            if self._closed:
                raise Refused("shutting down")
            first = not self._waiting
            self._waiting.append((payload, time.time()))
            self.size_bytes += len(payload)
            if first or self.size_bytes >= self._wanted:
                self._changed.notify()

    def take(self, max_bytes: int, flush_s: float) -> Lot | None:
        """See ``Queue``."""
        with self._changed:
            self._wanted = max_bytes
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._waiting:
                # a deadline per take, not per request: the first one woke us
                self._changed.wait_for(lambda: self._full(max_bytes), self._patience(flush_s))
            self._in_hand = self._cut(max_bytes)
            return self._in_hand

    def done(self, lot: Lot) -> None:
        """See ``Queue``."""
        with self._changed:
            if self._in_hand is lot:
                self._in_hand = None
                self.size_bytes -= sum(map(len, lot.payloads))

    def close(self) -> None:
        """See ``Queue``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> tuple[bytes, ...]:
        """See ``Queue``: everything, also what the reader has in hand."""
        with self._changed:
            self._closed = True
            in_hand = self._in_hand.payloads if self._in_hand else ()
            rest = (*map(bytes, in_hand), *(payload for payload, _ in self._waiting))
            self._waiting.clear()
            self._in_hand, self.size_bytes = None, 0
            self._changed.notify_all()
            return rest

    @property
    def oldest_s(self) -> float | None:
        """See ``Queue``."""
        with self._changed:
            if self._in_hand:
                return max(0.0, time.time() - self._in_hand.since)
            return max(0.0, time.time() - self._waiting[0][1]) if self._waiting else None

    def _full(self, max_bytes: int) -> bool:
        return self._closed or self.size_bytes >= max_bytes

    def _patience(self, flush_s: float) -> float:
        waited = time.time() - self._waiting[0][1]
        return min(max(flush_s - waited, 0.0), flush_s)  # the clock may have been set back

    def _cut(self, max_bytes: int) -> Lot | None:
        if not self._waiting:
            return None
        payloads, size, since = list[bytes](), 0, self._waiting[0][1]
        until = since
        while self._waiting and (not payloads or size + len(self._waiting[0][0]) <= max_bytes):
            payload, until = self._waiting.popleft()
            payloads.append(payload)
            size += len(payload)
        return Lot(tuple(payloads), since, until=until)
