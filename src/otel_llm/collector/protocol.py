"""OTLP's fixed names: services, paths and what each signal counts."""

from __future__ import annotations

from typing import Final

from .component import Signal

SERVICES: Final[dict[Signal, str]] = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}
METHODS: Final[dict[Signal, str]] = {
    signal: f"/{service}/Export" for signal, service in SERVICES.items()
}
SIGNALS: Final = tuple(SERVICES)
ITEMS: Final[dict[Signal, str]] = {
    "traces": "spans",
    "metrics": "metric_points",
    "logs": "log_records",
}
"""What a request of the signal holds, as the OpenTelemetry Collector's metrics call it."""
