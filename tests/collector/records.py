"""Log and metric export requests, for the tests of processors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_llm.collector.component import Signal
from otel_llm.collector.data.records import Records
from otel_llm.collector.wire.any_values import any_value, plain


def pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=any_value(value)) for name, value in attributes.items()]


def event(name: str, attributes: Mapping[str, Any], body: Any = None) -> dict[str, Any]:
    return {"name": name, "attributes": dict(attributes), "body": body}


def logs(*events: Mapping[str, Any], resource: Mapping[str, Any] | None = None) -> bytes:
    message = ExportLogsServiceRequest()
    group = message.resource_logs.add()
    group.resource.attributes.extend(pairs(resource or {}))
    scope = group.scope_logs.add()
    for given in events:
        record = scope.log_records.add(
            event_name=given["name"], trace_id=bytes(15) + b"\1", span_id=bytes(7) + b"\2"
        )
        record.attributes.extend(pairs(given["attributes"]))
        if given["body"] is not None:
            record.body.CopyFrom(any_value(given["body"]))
    return message.SerializeToString()


def events(payload: bytes) -> list[dict[str, Any]]:
    return [
        event(
            record.event_name,
            {pair.key: plain(pair.value) for pair in record.attributes},
            plain(record.body),
        )
        for group in ExportLogsServiceRequest.FromString(payload).resource_logs
        for scope in group.scope_logs
        for record in scope.log_records
    ]


def metrics(*points: tuple[str, Mapping[str, Any]]) -> bytes:
    message = ExportMetricsServiceRequest()
    scope = message.resource_metrics.add().scope_metrics.add()
    for name, attributes in points:
        point = scope.metrics.add(name=name).gauge.data_points.add(as_int=1)
        point.attributes.extend(pairs(attributes))
    return message.SerializeToString()


def points(payload: bytes) -> list[tuple[str, dict[str, Any]]]:
    return [
        (metric.name, {pair.key: plain(pair.value) for pair in point.attributes})
        for group in ExportMetricsServiceRequest.FromString(payload).resource_metrics
        for scope in group.scope_metrics
        for metric in scope.metrics
        for point in metric.gauge.data_points
    ]


def processed(processor: Any, signal: Signal, payload: bytes) -> bytes:
    """What ``processor`` makes of a request of logs or metrics."""
    records = Records(signal, payload)
    processor.process(records)
    return records.to_bytes()
