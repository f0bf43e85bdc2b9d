"""What the API answers with. A field that is ``null`` is unknown, never zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from otel_llm.genai import Call, Document
from otel_llm.store import (
    Bucket,
    CallPage,
    Group,
    PlainSpan,
    Score,
    ScoreParts,
    ScoreStats,
    Stats,
    Summary,
    Trace,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView(Stats):
    """The aggregates of the calls that share a value."""

    key: str | None
    """The value; null for the calls that did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketView(GroupView):
    """The aggregates of the calls of one step in time."""

    start_s: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class QualityView:
    """What the quality checks found."""

    checked: int
    flagged: int
    flagged_rate: float | None
    flags: Mapping[str, int]
    scores: Sequence[ScoreStats]
    """Scores from 0 to 1 that were given in the range, by name; those of people apart."""
    parts: Mapping[str, float]
    """Means of what the scores by rules of thumb rest on: ``relevance``, ``coherence``,
    ``completeness``, ``safety``, ``format``; what nothing is known of is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryView(Stats):
    """Everything at a glance."""

    errors_by_type: Mapping[str, int]
    flags: Mapping[str, int]
    quality: QualityView
    by_model: Sequence[GroupView]


@dataclass(frozen=True, slots=True)
class UsageView:
    """Tokens and searches as the provider billed them."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None
    web_searches: int | None
    file_searches: int | None


@dataclass(frozen=True, slots=True)
class CostView:
    """What the call cost and where the price came from."""

    total: float
    input: float | None
    output: float | None
    cache_read: float | None
    cache_write: float | None
    tools: float | None
    currency: str
    source: str | None
    tier: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """One GenAI span."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    start_ns: int
    duration_ms: float | None
    service: str | None
    environment: str | None
    operation: str | None
    provider: str | None
    model: str | None
    request_model: str | None
    response_model: str | None
    response_id: str | None
    finish_reasons: Sequence[str]
    error_type: str | None
    tokens: int | None
    usage: UsageView
    ttft_ms: float | None
    streamed: bool | None
    session: str | None
    user: str | None
    feature: str | None
    team: str | None
    tenant: str | None
    agent_name: str | None
    tool_name: str | None
    workflow_name: str | None
    prompt_name: str | None
    prompt_version: str | None
    cost: CostView | None
    reported_cost_usd: float | None
    unpriced: bool
    flags: Sequence[str] | None
    """Quality checks that fired; null when none could look."""
    output_chars: int | None
    score: float | None
    """How good the answer looks by rules of thumb, 0 to 1; null when it was not scored."""
    score_relevance: float | None
    score_coherence: float | None
    score_completeness: float | None
    score_safety: float | None
    score_format: float | None
    """The parts of that score; null where a part cannot be told."""
    sentiment: float | None
    """The tone of the answer, -1 (negative) to 1; null when no word of it has one."""
    max_tokens: int | None
    """How long the answer was allowed to be."""
    documents: Sequence[Document] | None
    """What a retrieval found; null when it was not captured."""
    content_reference: str | None
    """Under ``/v1/content``, for who holds a content token; null when no content is kept."""
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CallPageView:
    """One page of calls, newest first."""

    calls: Sequence[CallView]
    next: str | None
    """Give it as ``cursor`` for the next page; null on the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSpanView(CallView):
    """A span of a trace."""

    depth: int
    """How many known spans of the trace are above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceView:
    """The GenAI spans of a trace, parents before their children. The sums are of all that are
    stored; of more than 10,000 spans of a kind the earliest are listed."""

    trace_id: str
    start_ns: int
    duration_ms: float
    calls: int
    """Model calls among the spans."""
    total_cost_usd: float | None
    unpriced: int
    tokens: int | None
    errors: int
    spans: Sequence[TraceSpanView]
    others: Sequence[PlainSpan]
    """Its other spans, by start, where the store keeps them."""
    left_out: int
    """Later spans that are stored and not listed here."""
    scores: Sequence[Score]


_COPIED = {field.name for field in fields(CallView)} & set(Call.__slots__) - {"usage", "cost"}


def view_call(call: Call) -> CallView:
    """``call`` as the API shows it."""
    return CallView(**_call_fields(call))


def view_page(page: CallPage) -> CallPageView:
    """``page`` as the API shows it."""
    return CallPageView([view_call(call) for call in page.calls], page.next)


def view_trace(trace: Trace, scores: Sequence[Score]) -> TraceView:
    """``trace`` as the API shows it."""
    spans = [TraceSpanView(**_call_fields(span.call), depth=span.depth) for span in trace.spans]
    return TraceView(
        trace_id=trace.trace_id,
        start_ns=trace.start_ns,
        duration_ms=(trace.end_ns - trace.start_ns) / 1e6,
        calls=trace.sums.calls,
        total_cost_usd=trace.sums.total_cost_usd,
        unpriced=trace.sums.unpriced,
        tokens=trace.sums.tokens,
        errors=trace.sums.errors,
        spans=spans,
        others=trace.others,
        left_out=trace.left_out,
        scores=scores,
    )


def view_group(group: Group) -> GroupView:
    """``group`` as the API shows it."""
    return GroupView(**asdict(group.stats), key=group.key)


def view_bucket(bucket: Bucket) -> BucketView:
    """``bucket`` as the API shows it."""
    return BucketView(**asdict(bucket.stats), key=bucket.key, start_s=bucket.start_ns // 10**9)


def view_summary(
    summary: Summary, scores: Sequence[ScoreStats], parts: Sequence[ScoreParts]
) -> SummaryView:
    """``summary`` as the API shows it, with the one ``parts`` of all its calls."""
    stats = summary.stats
    rate = stats.flagged / stats.checked if stats.checked else None
    means: Mapping[str, float] = parts[0].means if parts else {}
    return SummaryView(
        **asdict(stats),
        errors_by_type=summary.errors_by_type,
        flags=summary.flags,
        quality=QualityView(stats.checked, stats.flagged, rate, summary.flags, scores, means),
        by_model=[view_group(group) for group in summary.by_model],
    )


def _call_fields(call: Call) -> dict[str, Any]:
    usage = asdict(call.usage)
    return {name: getattr(call, name) for name in _COPIED} | {
        "duration_ms": call.duration_s * 1e3 if call.duration_s >= 0 else None,
        "ttft_ms": None if call.time_to_first_chunk_s is None else call.time_to_first_chunk_s * 1e3,
        "session": call.conversation_id,
        "user": call.user_id,
        "model": call.model,
        "tokens": call.tokens,
        "unpriced": call.unpriced,
        "reported_cost_usd": call.reported_cost,
        "usage": UsageView(**{name: usage[name] for name in UsageView.__slots__}),
        "cost": call.cost and CostView(**asdict(call.cost)),
    }
