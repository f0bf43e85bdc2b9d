"""Why a trace went wrong: every check with its evidence, the likely cause first.

Works on what the store holds: models, prompts, finish reasons, flags, errors, timings and the
calls around. It has seen no message and says so where one would be needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from otel_llm.genai import Call
from otel_llm.quality.finish import REFUSED, TRUNCATED, plain

from .filters import Filter
from .store import Store
from .traces import Trace

Verdict = Literal["wrong", "odd", "fine", "unknown"]

HOUR_NS: Final = 3_600 * 10**9
ENOUGH: Final = 20
"""Calls around that it takes to say what is usual."""
LOOP: Final = 5
"""Calls of one tool in a trace from which it looks like a loop."""
RETRIEVALS: Final = frozenset({"retrieval", "search_memory"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says, and by what."""

    check: str
    verdict: Verdict
    summary: str
    evidence: Sequence[str] = ()
    span_id: str | None = None
    weight: int = 0
    """How likely it is the cause; the findings come in this order."""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings on one trace."""

    trace_id: str
    likely_cause: Finding | None
    """``None`` when no check found anything."""
    findings: Sequence[Finding]


Check = Callable[[Trace, Store], Iterator[Finding]]


def report_on(trace: Trace, store: Store) -> Report:
    """Run every check on ``trace``."""
    found = [finding for check in CHECKS for finding in check(trace, store)]
    ranked = sorted(found, key=lambda finding: -finding.weight)
    likely = ranked[0] if ranked and ranked[0].verdict in ("wrong", "odd") else None
    return Report(trace.trace_id, likely, ranked)


def _errors(trace: Trace, store: Store) -> Iterator[Finding]:
    failed = [span for span in trace.spans if span.call.error_type is not None]
    if not failed:
        yield Finding("errors", "fine", "No span failed.")
    # An error travels upwards: the deepest span that failed first is where it began.
    failed.sort(key=lambda span: (-span.depth, span.call.end_ns))
    for place, span in enumerate(failed):
        call = span.call
        where = "the deepest and earliest failure" if place == 0 else "failed as well"
        yield Finding(
            check="errors",
            verdict="wrong",
            summary=f"{call.name} failed with {call.error_type}",
            evidence=[where, *([_around(call, store)] if call.billed else [])],
            span_id=call.span_id,
            weight=100 - min(place, 9),
        )


def _around(call: Call, store: Store) -> str:
    stats = store.stats(_near(call))
    return (
        f"{stats.errors:,} of {stats.count:,} calls of {call.model or 'its model'} failed"
        " within the hour around"
    )


def _finish(trace: Trace, _: Store) -> Iterator[Finding]:
    for call in trace.billed:
        reasons = {plain(reason) for reason in call.finish_reasons}
        flags = set(call.flags or ())
        if reasons & REFUSED or "refusal" in flags:
            yield _ended("refusal", f"{call.name} was refused", call, 90)
        if reasons & TRUNCATED or "truncation" in flags:
            yield _ended("truncation", f"{call.name} was cut off", call, 80)
    unsaid = sum(not call.finish_reasons and not call.error_type for call in trace.billed)
    if unsaid:
        yield Finding("finish reason", "unknown", f"{unsaid} calls do not say why they ended.")


def _ended(check: str, summary: str, call: Call, weight: int) -> Finding:
    evidence = [f"finish reasons: {', '.join(call.finish_reasons) or 'none'}"]
    if call.usage.output_tokens is not None:
        evidence.append(f"output: {call.usage.output_tokens:,} tokens")
    if call.usage.input_tokens is not None:
        evidence.append(f"input: {call.usage.input_tokens:,} tokens")
    return Finding(check, "wrong", summary, evidence, call.span_id, weight)


def _models(trace: Trace, _: Store) -> Iterator[Finding]:
    for call in trace.billed:
        asked, served = call.request_model, call.response_model
        if asked is None or served is None:
            yield Finding("model", "unknown", f"{call.name} does not say both models.")
        elif served.startswith(asked):  # a dated name of the same model
            text = f"{call.name} was served by {served}"
            yield Finding("model", "fine", text, [f"asked for {asked}"], call.span_id)
        else:
            text = f"{call.name} was served by another model"
            evidence = [f"asked for {asked}", f"served by {served}"]
            yield Finding("model", "odd", text, evidence, call.span_id, 60)


def _prompts(trace: Trace, store: Store) -> Iterator[Finding]:
    for call in trace.billed:
        if call.prompt_name is None or call.prompt_version is None:
            continue
        near = _near(call, model=None, prompt_name=call.prompt_name)
        versions = store.counts("prompt", near, limit=2)
        used = f"{call.prompt_name} {call.prompt_version}"
        usual = max(versions, key=lambda name: versions[name], default=used)
        if usual == used:
            yield Finding("prompt", "fine", f"{used} was the version in use.", (), call.span_id)
        else:
            text = f"{call.name} used {used}, while most used {usual}"
            evidence = [f"{name}: {n:,} calls within the hour" for name, n in versions.items()]
            yield Finding("prompt", "odd", text, evidence, call.span_id, 50)


def _retrieval(trace: Trace, _: Store) -> Iterator[Finding]:
    found = [span.call for span in trace.spans if span.call.operation in RETRIEVALS]
    for call in found:
        if call.error_type is None:
            text = f"{call.name} took {call.duration_s * 1e3:,.0f} ms"
            evidence = ["which documents it found is not stored"]
            yield Finding("retrieval", "unknown", text, evidence, call.span_id)


def _tools(trace: Trace, _: Store) -> Iterator[Finding]:
    names = [span.call.tool_name for span in trace.spans if span.call.operation == "execute_tool"]
    for name in dict.fromkeys(names):
        times = names.count(name)
        verdict: Verdict = "odd" if times >= LOOP else "fine"
        text = f"The tool {name or 'without a name'} was called {times} times."
        yield Finding("tools", verdict, text, weight=55 if verdict == "odd" else 0)


def _flags(trace: Trace, _: Store) -> Iterator[Finding]:
    for call in trace.billed:
        for flag in call.flags or ():
            if flag not in ("refusal", "truncation"):  # judged with the finish reasons
                yield Finding("flag", "odd", f"{call.name}: {flag}", (), call.span_id, 40)
    unseen = sum(call.flags is None for call in trace.billed)
    if unseen:
        text = f"{unseen} calls could not be checked: their content was not captured."
        yield Finding("flag", "unknown", text)


def _speed(trace: Trace, store: Store) -> Iterator[Finding]:
    for call in trace.billed:
        usual = store.stats(_near(call, before_ns=24 * HOUR_NS, after_ns=0))
        limit = usual.latency_p95_ms
        if usual.count < ENOUGH or limit is None:
            yield Finding("speed", "unknown", f"Too few calls of {call.model} to compare with.")
            continue
        took = call.duration_s * 1e3
        evidence = [f"p95 of {usual.count:,} calls in the day before: {limit:,.0f} ms"]
        slow = took > limit
        text = f"{call.name} took {took:,.0f} ms"
        verdict: Verdict = "odd" if slow else "fine"
        yield Finding("speed", verdict, text, evidence, call.span_id, 30 if slow else 0)


def _siblings(trace: Trace, store: Store) -> Iterator[Finding]:
    for model in dict.fromkeys(call.model for call in trace.billed):
        call = next(call for call in trace.billed if call.model == model)
        usual = store.stats(_near(call))
        well = usual.count - usual.errors
        text = f"{well:,} of {usual.count:,} calls of {model} within the hour did not fail"
        evidence = [f"{usual.flagged:,} of {usual.checked:,} checked ones were flagged"]
        yield Finding("siblings", "fine", text, evidence)


def _scores(trace: Trace, store: Store) -> Iterator[Finding]:
    for score in store.scores(trace.trace_id):
        low = score.value < 0.5
        text = f"{score.name}: {score.value:.2f}, by {score.rater or score.source}"
        verdict: Verdict = "odd" if low else "fine"
        yield Finding("score", verdict, text, (), score.span_id, 20 if low else 0)


def _near(
    call: Call,
    *,
    before_ns: int = HOUR_NS,
    after_ns: int = HOUR_NS,
    **conditions: str | None,
) -> Filter:
    times = {"since_ns": call.start_ns - before_ns, "until_ns": call.start_ns + after_ns}
    return Filter(**{**times, "model": call.model, **conditions})  # pyright: ignore[reportArgumentType] - names of Filter's fields


CHECKS: Final[Sequence[Check]] = (
    _errors,
    _finish,
    _models,
    _prompts,
    _tools,
    _flags,
    _speed,
    _scores,
    _retrieval,
    _siblings,
)
"""In no order: findings are ranked by weight."""
