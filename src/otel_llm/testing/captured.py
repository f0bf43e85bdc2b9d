"""Telemetry kept in memory: what the code under test emitted, as plain values."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler


class Captured:
    """Providers of its own, never the global ones, and what went through them."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(sampler=sampler)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider(metric_readers=[self._reader])
        self.logger_provider = LoggerProvider()
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    @property
    def providers(self) -> dict[str, Any]:
        """The three providers as ``instrument(**providers)`` takes them."""
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger_provider": self.logger_provider,
        }

    @property
    def finished(self) -> tuple[ReadableSpan, ...]:
        """The ended spans, in the order in which they ended."""
        return self._spans.get_finished_spans()

    def spans(self) -> list[dict[str, Any]]:
        """The ended spans, flat: ``name``, ``kind``, ``status`` and the attributes."""
        return [_flat(span) for span in self.finished]

    def span(self) -> dict[str, Any]:
        """The one ended span; more or fewer are an ``AssertionError``."""
        spans = self.spans()
        assert len(spans) == 1, f"expected one span, got {[s['name'] for s in spans]}"
        return spans[0]

    def events(self) -> list[ReadableLogRecord]:
        """The log records, in order."""
        return list(self._logs.get_finished_logs())

    def metrics(self) -> list[Metric]:
        """The instruments that recorded anything, with all their points since the start."""
        data = self._reader.get_metrics_data()
        return [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def points(self, metric: str) -> list[Any]:
        """The data points of one instrument since the start; ``[]`` when it never recorded."""
        return [point for m in self.metrics() if m.name == metric for point in m.data.data_points]

    def metric_names(self) -> set[str]:
        """Names of the instruments that recorded anything."""
        return {metric.name for metric in self.metrics()}

    def clear(self) -> None:
        """Forget spans and log records; metrics go on counting."""
        self._spans.clear()
        self._logs.clear()

    def close(self) -> None:
        """Shut the providers down."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        self.logger_provider.shutdown()


@contextmanager
def captured(sampler: Sampler | None = None) -> Generator[Captured]:
    """Keep spans, metrics and log records in memory for the length of the block."""
    telemetry = Captured(sampler)
    try:
        yield telemetry
    finally:
        telemetry.close()


def _flat(span: ReadableSpan) -> dict[str, Any]:
    head = {"name": span.name, "kind": span.kind.name, "status": span.status.status_code.name}
    return {**head, **(span.attributes or {})}
