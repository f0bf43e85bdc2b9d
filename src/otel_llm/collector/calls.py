"""A model call as a span tells it, for everything that counts, stores or alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from otel_llm import semconv
from otel_llm.genai import Call, Cost
from otel_llm.semconv import own

from .documents import read_documents
from .usage import read_usage
from .values import as_number

if TYPE_CHECKING:
    from .data import SpanView
    from .values import Decoded, Value

_BEFORE_FINISH = (
    semconv.OPERATION_NAME,
    semconv.PROVIDER_NAME,
    semconv.REQUEST_MODEL,
    semconv.RESPONSE_MODEL,
    semconv.RESPONSE_ID,
)
_AFTER_STREAMED = (
    semconv.CONVERSATION_ID,
    own.USER_ID,
    own.FEATURE,
    own.TEAM,
    semconv.AGENT_NAME,
    semconv.TOOL_NAME,
    semconv.WORKFLOW_NAME,
    semconv.PROMPT_NAME,
    semconv.PROMPT_VERSION,
    semconv.SERVER_ADDRESS,
)
_COST = (own.COST_INPUT, own.COST_OUTPUT, own.COST_CACHE_READ, own.COST_CACHE_WRITE)


def read_call(span: SpanView) -> Call:
    """Return what ``span`` says once all processors ran. What it does not say is ``None``."""
    fields: list[Any] = [  # in the order of ``Call``: passing them by name would double the price
        span.trace_id,
        span.span_id,
        span.parent_id,
        span.name,
        span.start_ns,
        span.end_ns,
        span.resource_text(own.SERVICE_NAME),
        span.resource_text(own.DEPLOYMENT_ENVIRONMENT),
        *map(_text, span.read_all(_BEFORE_FINISH)),
        span.texts(semconv.RESPONSE_FINISH_REASONS) or (),
        span.text(semconv.ERROR_TYPE),
        read_usage(span),
        span.number(semconv.RESPONSE_TIME_TO_FIRST_CHUNK),
        span.boolean(semconv.REQUEST_STREAM),
        *map(_text, span.read_all(_AFTER_STREAMED)),
        _cost(span),
        span.number(own.COST_REPORTED),
        span.texts(own.QUALITY_FLAGS),
        span.integer(own.OUTPUT_LENGTH),
        _tags(span.value(own.TAGS)),
        span.integer(semconv.REQUEST_MAX_TOKENS),
        read_documents(span.value(semconv.RETRIEVAL_DOCUMENTS)),
        span.number(own.QUALITY_SCORE),
    ]
    return Call(*fields)


def _text(value: Decoded | Value) -> str | None:
    return value if isinstance(value, str) else None


def _tags(value: object) -> dict[str, str]:
    """Read ``key=value`` strings, or a map; a tag without a value has an empty one."""
    if isinstance(value, dict):
        tags = cast("dict[str, object]", value)
        return {key: tag for key, tag in tags.items() if isinstance(tag, str)}
    if isinstance(value, list):
        pairs = [str(item).partition("=") for item in cast("list[object]", value)]
        return {key: tag for key, _, tag in pairs}
    return {}


def _cost(span: SpanView) -> Cost | None:
    total = span.number(own.COST_TOTAL)
    if total is None:
        return None
    return Cost(
        total,
        *map(as_number, span.read_all(_COST)),
        currency=span.text(own.COST_CURRENCY) or "USD",
        source=span.text(own.COST_PRICE_SOURCE),
        tier=span.text(own.COST_PRICE_TIER),
    )
