"""Whether a call by hand says what otel-llm says of the same call: the floor has to be one."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from .hand import Hand


class Kept:
    """Everything that one call said."""

    def __init__(self) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.providers = {
            "tracer_provider": tracers,
            "meter_provider": MeterProvider(metric_readers=[self._reader]),
        }

    def said(self) -> dict[str, Any]:
        """Return attributes and points by name; of a duration only how often there was one."""
        spans = self._spans.get_finished_spans()
        told: dict[str, Any] = {"spans": [(span.name, span.kind) for span in spans]}
        for span in spans:
            told.update(span.attributes or {})
        read: Any = self._reader.get_metrics_data()
        for scope in read.resource_metrics[0].scope_metrics:
            for metric in scope.metrics:
                counts = "token" in metric.name
                told[metric.name] = sorted(
                    (sorted(point.attributes.items()), point.count, point.sum if counts else None)
                    for point in metric.data.data_points
                )
        return told


def differences(hand: type[Hand]) -> list[str]:
    """Return what only one of both says, or says differently, with content on the span."""
    client, by_hand, ours = hand.client(), Kept(), Kept()
    hand(by_hand.providers, content=True).call(client)
    hand.instrumentor().instrument(capture="SPAN_ONLY", **ours.providers)
    try:
        hand.create(client)(**hand.ask)
    finally:
        hand.instrumentor().uninstrument()
    one, other = by_hand.said(), ours.said()
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
