"""A model call as a span tells it, for everything that counts, stores or alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from otel_llm.genai import Call, Cost
from otel_llm.genai.call import TOO_DEAR
from otel_llm.semconv import own

from ..data.documents import read_documents
from ..data.facts import (
    AT,
    COST_TOTAL,
    ERROR_TYPE,
    FINISH_REASONS,
    OPERATION,
    UNNAMED_FAILURE,
    USAGE,
    as_short_text,
    service_tier,
)

if TYPE_CHECKING:
    from ..data import SpanView
    from ..data.facts import Facts

_UP_TO_RESPONSE = slice(OPERATION, FINISH_REASONS)
_AFTER_USAGE = slice(ERROR_TYPE + 1, COST_TOTAL)
_COST = slice(COST_TOTAL, AT[own.COST_REPORTED])
_JUDGEMENT = slice(AT[own.COST_REPORTED], AT[own.TAGS])
_LAST = slice(AT[own.TAGS], AT[own.QUALITY_SENTIMENT] + 1)
_PARTS = slice(AT[own.QUALITY_RELEVANCE], AT[own.QUALITY_FORMAT] + 1)


def read_call(span: SpanView) -> Call:
    """Return what ``span`` says once all processors ran. What it does not say is ``None``."""
    facts = span.facts
    tags, max_tokens, documents, score, content, sentiment = facts[_LAST]
    fields: list[Any] = [  # in the order of ``Call``: passing them by name would double the price
        *span.place,
        as_short_text(span.resource_text(own.SERVICE_NAME)),
        as_short_text(span.resource_text(own.DEPLOYMENT_ENVIRONMENT)),
        *facts[_UP_TO_RESPONSE],
        facts[FINISH_REASONS] or (),
        facts[ERROR_TYPE] or (UNNAMED_FAILURE if span.is_error else None),
        facts[USAGE],
        *facts[_AFTER_USAGE],
        _cost(facts),
        *facts[_JUDGEMENT],
        {} if tags is None else _tags(tags),
        max_tokens,
        None if documents is None else read_documents(documents),
        score,
        content,
        sentiment,
        service_tier(facts),
        as_short_text(span.resource_text(own.TENANT)),
        *facts[_PARTS],
    ]
    return Call(*fields)


def _tags(value: object) -> dict[str, str]:
    """Read ``key=value`` strings, or a map; a tag without a value has an empty one."""
    if isinstance(value, dict):
        tags = cast("dict[str, object]", value)
        return {key: tag for key, tag in tags.items() if isinstance(tag, str)}
    if isinstance(value, list | tuple):
        pairs = [str(item).partition("=") for item in cast("list[object]", value)]
        return {key: tag for key, _, tag in pairs}
    return {}


def _cost(facts: Facts) -> Cost | None:
    total, input, output, cache_read, cache_write, currency, source, tier, tools = facts[_COST]
    if total is None or not abs(total) < TOO_DEAR:
        return None
    currency = currency or "USD"
    return Cost(total, input, output, cache_read, cache_write, currency, source, tier, tools)
