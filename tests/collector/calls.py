"""Trace export requests of single model calls, for the tests of processors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llm.collector.data import Batch, SpanView

START = 1_795_176_000 * 10**9
"""2026-11-20T12:00Z."""


def any_value(value: object) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case Mapping():
            pairs = [KeyValue(key=str(k), value=any_value(v)) for k, v in value.items()]
            return AnyValue(kvlist_value=KeyValueList(values=pairs))
        case Sequence():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    raise TypeError(value)


def request(*spans: Mapping[str, object], start_ns: int = START, error: bool = False) -> bytes:
    """One export request with a span for each mapping of attributes."""
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for number, attributes in enumerate(spans, start=1):
        span = Span(
            trace_id=bytes(15) + b"\1",
            span_id=number.to_bytes(8, "big"),
            name="chat",
            start_time_unix_nano=start_ns,
            end_time_unix_nano=start_ns + 10**9,
            attributes=[KeyValue(key=k, value=any_value(v)) for k, v in attributes.items()],
        )
        if error:
            span.status.code = Status.STATUS_CODE_ERROR
        scope.spans.append(span)
    return message.SerializeToString()


def batch(*spans: Mapping[str, object], start_ns: int = START, error: bool = False) -> Batch:
    return Batch.open(request(*spans, start_ns=start_ns, error=error))


def attributes(span: SpanView, prefix: str = "") -> dict[str, object]:
    """All attributes whose name starts with ``prefix``."""
    return {name: span.value(name) for name in span.names() if name.startswith(prefix)}


def chat(**more: object) -> dict[str, object]:
    """Attributes of a plain OpenAI call; ``more`` with ``__`` for a dot, ``None`` to leave out."""
    base: dict[str, object] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
    }
    changed = base | {name.replace("__", "."): value for name, value in more.items()}
    return {name: value for name, value in changed.items() if value is not None}
