"""Why a trace went wrong: what happened in order, every check with its evidence, and what went
well beside it.

Works on what the store holds: models, prompts, finish reasons, flags, errors, timings, document
ids and the calls around. It has seen no message and says so where one would be needed. The page,
the API and ``otel-llm trace`` show the same ``Report``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from otel_llm.genai import Call

from . import checks, comparisons
from .findings import Check, Finding
from .store import Store
from .traces import Trace, TraceSpan


@dataclass(frozen=True, slots=True)
class Step:
    """One span, as far as it tells the story."""

    span_id: str
    depth: int
    """How many known spans of the trace are above it."""
    name: str
    start_ns: int
    duration_ms: float | None
    model: str | None
    tokens: int | None
    cost_usd: float | None
    ttft_ms: float | None
    error_type: str | None
    finish_reasons: Sequence[str]
    flags: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sibling:
    """A call like the first one of the trace, at about that time, that went well."""

    trace_id: str
    name: str
    start_ns: int
    duration_ms: float | None
    prompt_version: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is known about why one trace went as it did."""

    trace_id: str
    likely_cause: Finding | None
    """``None`` when no check found anything."""
    steps: Sequence[Step]
    """What happened, in order of time."""
    findings: Sequence[Finding]
    """The most likely cause first."""
    siblings: Sequence[Sibling]
    """Went well, the nearest in time first."""
    links: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where else the trace can be looked at, by name."""


CHECKS: Final[Sequence[Check]] = (
    checks.errors,
    checks.finish,
    checks.context,
    checks.models,
    comparisons.prompts,
    checks.tools,
    checks.flags,
    comparisons.speed,
    comparisons.scores,
    checks.retrieval,
    comparisons.siblings,
)
"""In no order: findings are ranked by weight."""


def report_on(trace: Trace, store: Store, links: Mapping[str, str] | None = None) -> Report:
    """Run every check on ``trace``. ``links`` are addresses by name with ``{trace_id}`` in
    them."""
    found = [finding for check in CHECKS for finding in check(trace, store)]
    ranked = sorted(found, key=lambda finding: -finding.weight)
    likely = ranked[0] if ranked and ranked[0].verdict in ("wrong", "odd") else None
    return Report(
        trace_id=trace.trace_id,
        likely_cause=likely,
        steps=[_step(span) for span in sorted(trace.spans, key=lambda one: one.call.start_ns)],
        findings=ranked,
        siblings=[_sibling(call) for call in comparisons.went_well(trace, store)],
        links=linked(links or {}, trace.trace_id),
    )


def linked(links: Mapping[str, str], trace_id: str) -> dict[str, str]:
    """``links`` for one trace."""
    return {name: address.replace("{trace_id}", trace_id) for name, address in links.items()}


def _step(span: TraceSpan) -> Step:
    call, first = span.call, span.call.time_to_first_chunk_s
    return Step(
        span_id=call.span_id,
        depth=span.depth,
        name=call.name,
        start_ns=call.start_ns,
        duration_ms=_duration_ms(call),
        model=call.model,
        tokens=call.tokens,
        cost_usd=call.cost.total if call.cost and call.cost.currency == "USD" else None,
        ttft_ms=None if first is None else first * 1e3,
        error_type=call.error_type,
        finish_reasons=call.finish_reasons,
        flags=call.flags or (),
    )


def _sibling(call: Call) -> Sibling:
    return Sibling(call.trace_id, call.name, call.start_ns, _duration_ms(call), call.prompt_version)


def _duration_ms(call: Call) -> float | None:
    return call.duration_s * 1e3 if call.duration_s >= 0 else None
