"""What a trace looks like beside the calls around it: prompts, speed, scores, siblings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otel_llm.genai import Call

from .findings import HOUR_NS, Finding, Verdict, near
from .store import Store
from .summary import Group
from .traces import Trace

ENOUGH: Final = 20
"""Calls around that it takes to say what is usual."""
LOW: Final = 0.5


def prompts(trace: Trace, store: Store) -> Iterator[Finding]:
    """Whether each prompt's version was the one in use then."""
    for call in trace.billed:
        if call.prompt_name is None or call.prompt_version is None:
            continue
        around = near(call, model=None, prompt_name=call.prompt_name)
        versions = store.breakdown("prompt", around, limit=3)
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
    """Whether each call took longer than such calls do."""
    for call in trace.billed:
        usual = store.stats(near(call, before_ns=24 * HOUR_NS, after_ns=0))
        limit = usual.latency_p95_ms
        if usual.count < ENOUGH or limit is None:
            yield Finding("speed", "unknown", f"Too few calls of {call.model} to compare with.")
            continue
        took = call.duration_s * 1e3
        evidence = [f"p95 of {usual.count:,} calls in the day before: {limit:,.0f} ms"]
        if call.time_to_first_chunk_s is not None:
            evidence.append(f"first chunk after {call.time_to_first_chunk_s * 1e3:,.0f} ms")
        slow = took > limit
        verdict: Verdict = "odd" if slow else "fine"
        text = f"{call.name} took {took:,.0f} ms"
        yield Finding("speed", verdict, text, evidence, call.span_id, 30 if slow else 0)


def siblings(trace: Trace, store: Store) -> Iterator[Finding]:
    """How calls of the same models fared within the hour."""
    for model in dict.fromkeys(call.model for call in trace.billed):
        call = next(call for call in trace.billed if call.model == model)
        usual = store.stats(near(call))
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
    """Calls of the same model, prompt and feature near the first model call that neither failed
    nor were flagged: what to compare it with."""
    for call in trace.billed[:1]:
        like = near(call, prompt_name=call.prompt_name, feature=call.feature, well=True)
        found = store.calls(like, limit=limit + 50).calls
        others = [one for one in found if one.trace_id != trace.trace_id]
        return sorted(others, key=lambda one: abs(one.start_ns - call.start_ns))[:limit]
    return []
