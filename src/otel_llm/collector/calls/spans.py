"""A call as the span it was read from: the way back, for export. No content, as a call has none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Final, cast

from otel_llm import semconv
from otel_llm.genai import Call
from otel_llm.genai.usage import COUNTS
from otel_llm.semconv import own

from ..data.documents import written_documents
from ..data.facts import COUNT_NAMES

SCOPE: Final = "otel_llm.export"
LINE: Final = 1_000
"""Spans of one line."""

_FIELDS: Final[Mapping[str, str]] = {
    semconv.OPERATION_NAME: "operation",
    semconv.PROVIDER_NAME: "provider",
    semconv.REQUEST_MODEL: "request_model",
    semconv.RESPONSE_MODEL: "response_model",
    semconv.RESPONSE_ID: "response_id",
    semconv.RESPONSE_FINISH_REASONS: "finish_reasons",
    semconv.ERROR_TYPE: "error_type",
    semconv.RESPONSE_TIME_TO_FIRST_CHUNK: "time_to_first_chunk_s",
    semconv.REQUEST_STREAM: "streamed",
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.CONVERSATION_ID: "conversation_id",
    own.USER_ID: "user_id",
    own.FEATURE: "feature",
    own.TEAM: "team",
    semconv.AGENT_NAME: "agent_name",
    semconv.TOOL_NAME: "tool_name",
    semconv.WORKFLOW_NAME: "workflow_name",
    semconv.PROMPT_NAME: "prompt_name",
    semconv.PROMPT_VERSION: "prompt_version",
    semconv.SERVER_ADDRESS: "server_address",
    own.COST_REPORTED: "reported_cost",
    own.QUALITY_FLAGS: "flags",
    own.QUALITY_SCORE: "score",
    own.QUALITY_SENTIMENT: "sentiment",
    own.QUALITY_RELEVANCE: "score_relevance",
    own.QUALITY_COHERENCE: "score_coherence",
    own.QUALITY_COMPLETENESS: "score_completeness",
    own.QUALITY_SAFETY: "score_safety",
    own.QUALITY_FORMAT: "score_format",
    own.OUTPUT_LENGTH: "output_chars",
    own.CONTENT_REFERENCE: "content_reference",
    own.TAGS: "tags",
}
_COST: Final[Mapping[str, str]] = {
    own.COST_TOTAL: "total",
    own.COST_INPUT: "input",
    own.COST_OUTPUT: "output",
    own.COST_CACHE_READ: "cache_read",
    own.COST_CACHE_WRITE: "cache_write",
    own.COST_CURRENCY: "currency",
    own.COST_PRICE_SOURCE: "source",
    own.COST_PRICE_TIER: "tier",
    own.COST_TOOLS: "tools",
}
_SENT_FROM = attrgetter("service", "environment", "tenant")


def otlp_lines(calls: Iterable[Call]) -> Iterator[str]:
    """Yield ``calls`` as OTLP JSON lines (one trace export request each), for
    ``otel-llm replay`` or any OTLP tool."""
    left = iter(calls)
    while some := list(islice(left, LINE)):
        some.sort(key=lambda call: [text or "" for text in _SENT_FROM(call)])
        resources = [_resource(*key, list(group)) for key, group in groupby(some, _SENT_FROM)]
        yield json.dumps({"resourceSpans": resources}, separators=(",", ":")) + "\n"


def _resource(
    service: str | None, environment: str | None, tenant: str | None, calls: Sequence[Call]
) -> Any:
    said = {
        own.SERVICE_NAME: service,
        own.DEPLOYMENT_ENVIRONMENT: environment,
        own.TENANT: tenant,
    }
    return {
        "resource": {"attributes": _attributes(said)},
        "scopeSpans": [{"scope": {"name": SCOPE}, "spans": [_span(call) for call in calls]}],
    }


def _span(call: Call) -> dict[str, Any]:
    span = {
        "traceId": call.trace_id,
        "spanId": call.span_id,
        "name": call.name,
        "kind": 3 if call.billed else 1,
        "startTimeUnixNano": str(call.start_ns),
        "endTimeUnixNano": str(call.end_ns),
        "attributes": _attributes(_said(call)),
        "status": {} if call.error_type is None else {"code": 2},
    }
    return span if call.parent_id is None else span | {"parentSpanId": call.parent_id}


def _said(call: Call) -> dict[str, object]:
    said = {name: getattr(call, field) for name, field in _FIELDS.items()}
    said[semconv.RESPONSE_FINISH_REASONS] = call.finish_reasons or None
    said[own.TAGS] = call.tags or None
    tier, _, geo = (call.service_tier or "").partition("@")
    said |= {own.RESPONSE_SERVICE_TIER: tier or None, own.INFERENCE_GEO: geo or None}
    if call.documents is not None:
        said[semconv.RETRIEVAL_DOCUMENTS] = written_documents(call.documents)
    said |= zip(COUNT_NAMES, [getattr(call.usage, count) for count in COUNTS], strict=True)
    if call.cost is not None:
        said |= {name: getattr(call.cost, field) for name, field in _COST.items()}
    return said


def _attributes(said: Mapping[str, object]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(v)} for key, v in said.items() if v is not None]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case tuple() | list():
            items = cast("Sequence[Any]", value)
            return {"arrayValue": {"values": [_value(item) for item in items]}}
        case _:
            return {"kvlistValue": {"values": _attributes(value)}}
