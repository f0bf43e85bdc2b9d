"""A destination for looking: one line in the collector's log per batch, never what is in it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from otel_llm.collector.component import Signal
from otel_llm.collector.sending.destination import QueueConfig, RetryConfig
from otel_llm.collector.wire.envelope import count

logger = logging.getLogger(__name__)

ITEMS: dict[Signal, str] = {"traces": "spans", "metrics": "data points", "logs": "log records"}


@dataclass(frozen=True, slots=True)
class DebugExporterConfig:
    """The collector's log as a destination."""

    sending_queue: QueueConfig = field(default_factory=QueueConfig)
    """What waits."""
    retry_on_failure: RetryConfig = field(default_factory=RetryConfig)
    """Writing a line does not fail; here for the sake of the shape."""


class DebugExporter:
    """Says how much passed."""

    def __init__(self, config: DebugExporterConfig) -> None:
        self._config = config

    def export(self, signal: Signal, payload: bytes) -> None:
        """Write one line; never raises."""
        items = count(signal, payload)
        logger.info("%s: %d %s, %d bytes", signal, items, ITEMS[signal], len(payload))

    def close(self) -> None:
        """Nothing to release."""
