"""What a trace looks like beside the calls around it: prompts, speed, scores, siblings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Final

from otel_llm.genai import Call

from .filters import Filter
from .findings import AGENTS, HOUR_NS, Finding, Verdict, near, truncated
from .likeness import same_model
from .store import Store
from .summary import Group, Stats
from .traces import Trace

ENOUGH: Final = 20
"""Calls around that it takes to say what is usual."""
LOW: Final = 0.5
COMPARED: Final = 50
"""Kinds of calls of one trace that are compared with others, those with the longest call first:
each is a question to the store, and tools may be named by what they look for."""


def prompts(trace: Trace, store: Store) -> Iterator[Finding]:
    """Whether each prompt's version was the one in use then."""
    breakdown = cache(store.breakdown)
    for call in trace.billed:
        if call.prompt_name is None or call.prompt_version is None:
            continue
        around = near(trace, call, model=None, prompt_name=call.prompt_name)
        versions = breakdown("prompt", around, limit=3)
        used = f"{call.prompt_name} {call.prompt_version}"
        usual = versions[0].key if versions else used
        evidence = [_version(group) for group in versions]
        if usual == used or all(group.stats.count == 1 for group in versions):
            text = f"{used} was the version in use."
            yield Finding("prompt", "fine", text, evidence, call.span_id)
        else:
            text = f"{call.name} used {used}, while most used {usual}"
            yield Finding("prompt", "odd", text, evidence, call.span_id, 50)


def _version(group: Group) -> str:
    stats = group.stats
    text = f"{group.key}: {stats.count:,} calls within the hour, {stats.errors:,} failed"
    return f"{text}, {stats.flagged:,} of {stats.checked:,} checked flagged"


def speed(trace: Trace, store: Store) -> Iterator[Finding]:
    """Whether each call, retrieval and tool took longer than such do; that which took most of the
    trace's time first."""
    calls = [span.call for span in trace.spans if span.call.operation not in AGENTS]
    kinds = [_day_before(trace, call) for call in calls]
    stats, compared = cache(store.stats), _compared(calls, kinds)
    skipped = 0
    for call, alike in zip(calls, kinds, strict=True):
        if alike not in compared:
            skipped += 1
            continue
        usual = stats(alike)
        limit = usual.latency_p95_ms
        if usual.count < ENOUGH or limit is None:
            if call.billed:
                text = f"Too few calls of {call.model} to compare with."
                yield Finding("speed", "unknown", text)
            continue
        took = call.duration_s * 1e3
        share = min(took / max((trace.end_ns - trace.start_ns) / 1e6, 1e-6), 1)
        slow = took > limit
        verdict: Verdict = "odd" if slow else "fine"
        text = f"{call.name} took {took:,.0f} ms"
        evidence = [
            f"p95 of {usual.count:,} calls in the day before: {limit:,.0f} ms",
            *_first_chunk(call, usual),
            *_length(call, usual),
            f"{share:.0%} of the trace's time",
        ]
        weight = 30 + round(9 * share) if slow else 0
        yield Finding("speed", verdict, text, evidence, call.span_id, weight)
    if skipped:
        text = f"{skipped:,} calls were not compared: they are of too many kinds."
        yield Finding("speed", "unknown", text)


def _compared(calls: Sequence[Call], kinds: Sequence[Filter]) -> frozenset[Filter]:
    longest = sorted(range(len(calls)), key=lambda place: -calls[place].duration_s)
    return frozenset(islice(dict.fromkeys(kinds[place] for place in longest), COMPARED))


def _day_before(trace: Trace, call: Call) -> Filter:
    alike = near(trace, call, before_ns=24 * HOUR_NS, after_ns=0)
    if call.billed:
        return alike
    # A tool or a retrieval has no model: its name says what it is.
    named = {"model": None, "operation": call.operation, "service": call.service}
    return replace(alike, **named, text=call.name, billed=None)


def _length(call: Call, usual: Stats) -> Iterator[str]:
    tokens = call.usage.output_tokens
    if tokens is not None and usual.output_tokens is not None:
        yield f"answer of {tokens:,} tokens, usually {usual.output_tokens / usual.count:,.0f}"


def _first_chunk(call: Call, usual: Stats) -> Iterator[str]:
    if call.time_to_first_chunk_s is not None:
        after = f"first chunk after {call.time_to_first_chunk_s * 1e3:,.0f} ms"
        known = usual.ttft_p95_ms is not None
        yield f"{after}, p95 otherwise {usual.ttft_p95_ms:,.0f} ms" if known else after


def siblings(trace: Trace, store: Store) -> Iterator[Finding]:
    """How calls of the same models fared within the hour."""
    firsts = dict[str | None, Call]()
    for call in trace.billed:
        firsts.setdefault(call.model, call)
    for model, call in firsts.items():
        usual = store.stats(near(trace, call))
        well = usual.count - usual.errors
        text = f"{well:,} of {usual.count:,} calls of {model} within the hour did not fail"
        evidence = [f"{usual.flagged:,} of {usual.checked:,} checked ones were flagged"]
        yield Finding("siblings", "fine", text, evidence)


def scores(trace: Trace, store: Store) -> Iterator[Finding]:
    """What people and programs thought of it."""
    for score in store.scores(trace.trace_id):
        low = score.value < LOW
        text = f"{score.name}: {score.value:.2f}, by {score.rater or score.source}"
        verdict: Verdict = "odd" if low else "fine"
        yield Finding("score", verdict, text, (), score.span_id, 20 if low else 0)


def went_well(trace: Trace, store: Store, limit: int = 3) -> list[Call]:
    """Calls of the same model, prompt and feature near the model call that went wrong (or else the
    first) that neither failed nor were flagged: what to compare it with."""
    call = _subject(trace.billed)
    if call is None:
        return []
    like = near(
        trace,
        call,
        model=None,
        operation=call.operation,
        prompt_name=call.prompt_name,
        feature=call.feature,
        well=True,
    )
    found = store.calls(like, limit=limit + 200).calls
    others = [one for one in found if one.trace_id != trace.trace_id and _same(call, one)]
    return sorted(others, key=lambda one: abs(one.start_ns - call.start_ns))[:limit]


def _subject(calls: Sequence[Call]) -> Call | None:
    wrong = (call for call in calls if call.error_type or call.flags or truncated(call))
    return next(wrong, next(iter(calls), None))


def _same(call: Call, other: Call) -> bool:
    # By the model that was asked for: a failed call has no other.
    asked = call.request_model or call.model
    if asked is None or other.model is None:
        return call.model == other.model
    return call.model == other.model or same_model(asked, other.model)
