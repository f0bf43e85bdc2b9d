"""What is known about one destination: counts, and whether it is well."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Literal

from ..component import Signal

logger = logging.getLogger(__name__)

REMIND_S = 60.0
"""How often a state that lasts is said again."""


class Clock:
    """The time, and how to let it pass. Tests bring their own."""

    def time(self) -> float:
        """Unix seconds."""
        return time.time()

    def steady(self) -> float:
        """Seconds since some moment: nobody sets them, and they stand while the machine sleeps."""
        return time.monotonic()

    def wait(self, event: Event, seconds: float) -> None:
        """Return after ``seconds``, or when ``event`` is set."""
        event.wait(seconds)


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """One destination at a glance. Counts since the start, in items: spans, data points or log
    records; the OpenTelemetry Collector's name for each is given where it has one.
    """

    name: str
    """The exporter as configured, ``otlp/jaeger``."""
    signal: Signal
    queue_bytes: int
    """``otelcol_exporter_queue_size``."""
    queue_capacity_bytes: int
    """``otelcol_exporter_queue_capacity``."""
    oldest_s: float | None
    """Age of the oldest request that is still waiting."""
    sent: int
    """``otelcol_exporter_sent_{spans,metric_points,log_records}``."""
    failed: int
    """``otelcol_exporter_send_failed_…``: refused for good or too old; buried if there is a dead
    letter."""
    rejected: int
    """Lost to partial success; part of ``failed``."""
    dead_lettered: int
    """Kept in the dead letter."""
    enqueue_failed: int
    """``otelcol_exporter_enqueue_failed_…``: the queue was full; buried."""
    requests: int
    """Export requests that were accepted."""
    sent_bytes: int
    """Bytes of them, before compression."""
    retries: int
    """Attempts that are to be repeated."""
    corrupt_bytes: int
    """Lost on the disk before they could be sent."""
    circuit: Literal["closed", "open"]
    """``open`` from a retryable failure until the next success."""
    failing_s: float | None
    """Seconds since the circuit opened."""
    last_error: str | None
    """Of the last attempt that failed; holds no telemetry."""


@dataclass(slots=True)
class Tally:
    """The counts of ``SenderStatus``. Written by the sender's thread alone, but for
    ``enqueue_failed`` and ``dead_lettered``."""

    sent: int = 0
    failed: int = 0
    rejected: int = 0
    dead_lettered: int = 0
    enqueue_failed: int = 0
    requests: int = 0
    sent_bytes: int = 0
    retries: int = 0


@dataclass(slots=True)
class Circuit:
    """Whether the far side is well, and what the operator was told about it."""

    name: str
    now: Callable[[], float]
    """Seconds that nobody sets, see ``Clock.steady``."""
    since: float | None = None
    error: str | None = None
    _told: float = field(default=0.0)

    @property
    def failing_s(self) -> float | None:
        """Seconds since the first failure that no success followed."""
        since = self.since  # another thread may end it
        return None if since is None else self.now() - since

    def failed(self, error: Exception, wait_s: float) -> None:
        """Note a failure that will be tried again in ``wait_s`` seconds."""
        now = self.now()
        self.error = str(error)
        if self.since is None:
            self.since, self._told = now, now - REMIND_S
        if now - self._told >= REMIND_S:
            self._told = now
            logger.warning(
                "%s: %s; the data is kept, next attempt in %.1f s", self.name, error, wait_s
            )

    def worked(self) -> None:
        """Note that the far side answered."""
        if self.since is not None:
            logger.warning("%s: delivering again after %.1f s", self.name, self.failing_s)
            self.since = None
