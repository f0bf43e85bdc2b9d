"""Results as ``gen_ai.evaluation.result`` events, and our own calls as spans, in OTLP bytes.

An event belongs to the span that was judged: it carries its trace and span id. Our own calls are
traces of their own, linked to what they are about, so that they do not add to its cost; they hold
no content, and ``otel_llm.evaluation.purpose`` marks them as never to be judged.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llm import semconv
from otel_llm.genai import Usage
from otel_llm.quality.messages import whole
from otel_llm.semconv import own
from otel_llm.version import __version__

from .endpoint import Reply
from .result import OfSuite, Result, Subject

SERVICE = "otel-llm-evaluation"
EVENT = "gen_ai.evaluation.result"
_SCOPE = InstrumentationScope(name="otel_llm.evaluation", version=__version__)

Value = str | int | float | bool | Sequence[str] | None

_USAGE = {
    "input_tokens": semconv.USAGE_INPUT_TOKENS,
    "output_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "cache_read": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "reasoning": semconv.USAGE_REASONING_OUTPUT_TOKENS,
}


@dataclass(frozen=True, slots=True)
class OwnCall:
    """One of our own calls: to a judge, for embeddings, or with a question of a suite."""

    purpose: str
    """``judge``, ``suite`` or ``embeddings``."""
    operation: str
    provider: str
    model: str
    """The model that was asked for."""
    server: tuple[str, int | None]
    reply: Reply
    about: Subject | None = None
    """What it judges; linked where it has a span."""
    more: Mapping[str, Value] = field(default_factory=dict[str, Value])
    trace_id: str = field(default_factory=lambda: secrets.token_hex(16))
    span_id: str = field(default_factory=lambda: secrets.token_hex(8))


def call_span(call: OwnCall) -> bytes:
    """Return the trace export request with the span of ``call``."""
    span = Span(
        trace_id=bytes.fromhex(call.trace_id),
        span_id=bytes.fromhex(call.span_id),
        name=f"{call.operation} {call.model}",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=call.reply.started_ns,
        end_time_unix_nano=call.reply.ended_ns,
        attributes=_pairs(_call_attributes(call)),
        links=_links(call.about),
    )
    if call.reply.error_type:
        span.status.code = Status.STATUS_CODE_ERROR
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(resource=_resource(SERVICE))
    group.scope_spans.add(scope=_SCOPE, spans=[span])
    return request.SerializeToString()


def _call_attributes(call: OwnCall) -> Mapping[str, Value]:
    reply, (host, port) = call.reply, call.server
    return {
        semconv.OPERATION_NAME: call.operation,
        semconv.PROVIDER_NAME: call.provider,
        semconv.REQUEST_MODEL: call.model,
        semconv.SERVER_ADDRESS: host,
        semconv.SERVER_PORT: port,
        semconv.RESPONSE_MODEL: reply.model,
        semconv.RESPONSE_ID: reply.response_id,
        semconv.RESPONSE_FINISH_REASONS: [reply.finish_reason] if reply.finish_reason else None,
        semconv.ERROR_TYPE: reply.error_type,
        own.EVALUATION_PURPOSE: call.purpose,
        **_usage_attributes(reply.usage),
        **call.more,
    }


def _usage_attributes(usage: Usage) -> Mapping[str, Value]:
    return {attribute: getattr(usage, name) for name, attribute in _USAGE.items()}


def result_events(results: Sequence[Result], subject: Subject) -> bytes:
    """Return the log export request with an event for each result, parented to the subject."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add(resource=_resource(subject.service or SERVICE))
    records = [_event(result, subject) for result in results]
    group.scope_logs.add(scope=_SCOPE, log_records=records)
    return request.SerializeToString()


def _event(result: Result, subject: Subject) -> LogRecord:
    attributes: Mapping[str, Value] = {
        semconv.EVALUATION_NAME: result.name,
        semconv.EVALUATION_SCORE_VALUE: result.value,
        semconv.EVALUATION_SCORE_LABEL: result.label,
        semconv.EVALUATION_EXPLANATION: result.explanation,
        semconv.RESPONSE_ID: subject.response_id,
        semconv.RESPONSE_MODEL: subject.model,
        semconv.PROMPT_NAME: subject.prompt_name,
        semconv.PROMPT_VERSION: subject.prompt_version,
        semconv.ERROR_TYPE: result.error_type,
        own.EVALUATION_EVALUATOR: result.evaluator,
        **suite_attributes(subject.of_suite),
    }
    return LogRecord(
        event_name=EVENT,
        time_unix_nano=result.at_ns,
        observed_time_unix_nano=result.at_ns,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        trace_id=bytes.fromhex(subject.trace_id or ""),
        span_id=bytes.fromhex(subject.span_id or ""),
        attributes=_pairs(attributes),
    )


def suite_attributes(of_suite: OfSuite | None) -> Mapping[str, Value]:
    """Return what says which case of which run of a suite a span or an event is of."""
    if of_suite is None:
        return {}
    return {
        own.EVALUATION_SUITE: of_suite.suite,
        own.EVALUATION_CASE: of_suite.case,
        own.EVALUATION_RUN: of_suite.run,
    }


def _links(about: Subject | None) -> list[Span.Link]:
    if about is None or not about.trace_id or not about.span_id:
        return []
    ids = bytes.fromhex(about.trace_id), bytes.fromhex(about.span_id)
    return [Span.Link(trace_id=ids[0], span_id=ids[1])]


def _resource(service: str) -> Resource:
    return Resource(attributes=_pairs({own.SERVICE_NAME: service}))


def _pairs(values: Mapping[str, Value]) -> list[KeyValue]:
    return [
        KeyValue(key=name, value=_any(value)) for name, value in values.items() if value is not None
    ]


def _any(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=whole(value))
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            found = AnyValue()
            found.array_value.values.extend(_any(item) for item in value or ())
            return found
