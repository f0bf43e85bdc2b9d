"""Send a dead letter again, or any file of OTLP JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..component import Exporter, Signal
from ..errors import Malformed
from ..wire.envelope import count
from .dead_letter import read
from .destination import QueueConfig, RetryConfig
from .queues import Lot, MemoryQueue
from .sender import Clock, Sender, Sending

PATIENCE_S = 60.0
"""How long a replay goes on trying with one request."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it, in items: spans, data points or log records."""

    sent: int
    refused: Mapping[str, int]
    """Items that were not accepted, by reason."""
    broken: Sequence[str] = ()
    """Lines that are no requests, by name and number."""
    ended_early: bool = False
    """Whether the destination did not answer any more; what follows was not sent."""


@dataclass(slots=True)
class _Refusals:
    """Notes what would be buried: it is in the file already."""

    items: Counter[str] = field(default_factory=Counter[str])

    def bury(
        self, destination: str, signal: Signal, payload: bytes, reason: str, said: str = ""
    ) -> None:
        self.items[reason] += count(signal, payload)


@dataclass(frozen=True, slots=True)
class _Patient:
    """The destination's own settings, but for how long it is waited for."""

    sending_queue: QueueConfig
    retry_on_failure: RetryConfig


def replay(
    file: Path, name: str, exporter: Exporter, config: Sending, clock: Clock | None = None
) -> Replayed:
    """Send every request of ``file`` to one destination, in order, with its retries, until there
    is no more or the destination does not answer.

    Raises ``Malformed`` when there is no request in it, and ``OSError`` as ``dead_letter.read``
    does. The file stays as it is: replayed twice, it arrives twice, and backends know the copies by
    their ids.
    """
    refusals, sent, clock = _Refusals(), 0, clock or Clock()
    broken: list[Malformed] = []
    retry = replace(config.retry_on_failure, max_elapsed_time=PATIENCE_S)
    settings = _Patient(config.sending_queue, retry)
    status = None
    for signal, payload in read(file, broken.append):
        queue = MemoryQueue(config.sending_queue.queue_size)
        sender = Sender(name, signal, exporter, settings, queue, refusals, clock)
        sender.deliver(Lot((payload,), since=clock.time()))
        status = sender.status()
        sent += status.sent
        if status.circuit == "open":
            break
    if broken and status is None:
        raise broken[0]
    away = status is not None and status.circuit == "open"
    return Replayed(sent, dict(refusals.items), tuple(map(str, broken)), ended_early=away)
