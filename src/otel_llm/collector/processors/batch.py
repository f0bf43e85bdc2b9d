"""``batch``: how requests are joined before they are sent, for every destination of the pipeline.

In the OpenTelemetry Collector's shape. Nothing waits in the processor: what was answered for is in
the journal, or in the queues, before it is joined. So it says what each exporter of the pipeline
would say under ``sending_queue.batch``, and goes before that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from otel_llm.config.units import Duration

from ..component import Signal
from ..sending.destination import BatchConfig as JoiningConfig


@dataclass(frozen=True, slots=True)
class BatchConfig:
    """Settings of the ``batch`` processor."""

    timeout: Duration = 0.2
    """The longest a request waits for company."""
    send_batch_size: int = 8192
    """Spans, data points or log records that a batch is to hold. It may be full before, by its
    bytes: see the exporter's ``sending_queue.batch.max_size``."""
    send_batch_max_size: int = 0
    """What a batch may hold at most; 0: as many as ``send_batch_size``."""

    def __post_init__(self) -> None:
        if self.send_batch_size < 0 or self.send_batch_max_size < 0:
            raise ValueError("sizes must not be below zero")
        if 0 < self.send_batch_max_size < self.send_batch_size:
            raise ValueError("send_batch_max_size must not be below send_batch_size")


class BatchProcessor:
    """Leaves the data alone; what joins it is told by ``applied``."""

    signals: ClassVar[frozenset[Signal]] = frozenset({"traces", "metrics", "logs"})

    def __init__(self, config: BatchConfig | None = None) -> None:
        self._config = config or BatchConfig()

    def process(self, batch: object) -> None:
        """Nothing."""

    def applied(self, exporter: Any) -> Any:
        """Return the settings of an exporter with these about batches."""
        queue = exporter.sending_queue
        joining: JoiningConfig = replace(
            queue.batch,
            flush_timeout=self._config.timeout,
            max_items=self._config.send_batch_max_size or self._config.send_batch_size,
        )
        return replace(exporter, sending_queue=replace(queue, batch=joining))
