"""Calls to put into a store."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from otel_llm.genai import Call, Cost, Document, Usage

NOON = 1_790_000_000 * 10**9
"""A fixed moment, Unix nanoseconds."""
SECOND = 10**9
DAY = 86_400 * SECOND

FULL = Call(
    trace_id="0af7651916cd43dd8448eb211c80319c",
    span_id="b7ad6b7169203331",
    parent_id="00f067aa0ba902b7",
    name="chat gpt-4o",
    start_ns=NOON,
    end_ns=NOON + 2 * SECOND,
    service="shop",
    environment="production",
    operation="chat",
    provider="openai",
    request_model="gpt-4o",
    response_model="gpt-4o-2024-08-06",
    response_id="chatcmpl-1",
    finish_reasons=("stop", "length"),
    error_type="openai.RateLimitError",
    usage=Usage(**{name: n for n, name in enumerate((f.name for f in fields(Usage)), start=1)}),
    time_to_first_chunk_s=0.25,
    streamed=True,
    conversation_id="c1",
    user_id="ann",
    feature="search",
    team="growth",
    agent_name="planner",
    tool_name="lookup",
    workflow_name="answer",
    prompt_name="greeting",
    prompt_version="3",
    server_address="api.openai.com",
    cost=Cost(
        total=0.5,
        input=0.1,
        output=0.2,
        cache_read=0.1,
        cache_write=0.1,
        currency="EUR",
        source="custom",
        tier="batch",
        tools=0.05,
    ),
    reported_cost=0.75,
    score=0.9,
    score_relevance=0.11,
    score_coherence=0.22,
    score_completeness=0.33,
    score_safety=0.44,
    score_format=0.55,
    sentiment=0.5,
    service_tier="batch@us",
    tenant="acme",
    flags=("refusal",),
    output_chars=12,
    tags={"tier": "gold", "a": "b"},
    content_reference="f" * 32,
    max_tokens=256,
    documents=(Document("handbook-3", 0.82), Document(None, None)),
)
"""Every field has a value of its own."""


def a_call(number: int = 1, *, at: int | None = None, ms: float = 1_000, **fields: Any) -> Call:
    """A finished model call; ``number`` makes it another one. ``at`` is its start, ``ms`` its
    duration."""
    start = NOON + number * SECOND if at is None else at
    plain = Call(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        parent_id=None,
        name="chat gpt-4o",
        start_ns=start,
        end_ns=start + round(ms * 1e6),
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
    )
    return replace(plain, **fields)


def usd(total: float) -> Cost:
    return Cost(total=total, source="genai-prices")
