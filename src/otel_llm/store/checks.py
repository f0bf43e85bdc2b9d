"""What a trace says about itself: errors, ends, limits, models, tools, flags, documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Final, TypeAlias

from otel_llm.genai import Call, Document
from otel_llm.pricing import PriceBook
from otel_llm.pricing.names import provider_id
from otel_llm.quality.finish import REFUSED, plain

from .filters import Dimension, Filter
from .findings import AGENTS, Finding, Verdict, near, truncated
from .likeness import same_model
from .store import Store
from .summary import Group
from .traces import Trace, TraceSpan

LOOP: Final = 5
"""Calls of one tool in a trace from which it looks like a loop."""
FULL: Final = 0.9
"""Share of a context window from which an answer may have found no room."""
WEAK: Final = 0.5
"""A best document below it, where scores go from 0 to 1, hardly fits."""
RETRIEVALS: Final = frozenset({"retrieval", "search_memory"})
SHOWN: Final = 10
_Place: TypeAlias = tuple[str | None, str | None, str | None]
_Alike: TypeAlias = tuple[str | None, str | None, str | None, str | None]


def errors(trace: Trace, store: Store) -> Iterator[Finding]:
    """Which spans failed, the one where it began first."""
    failed = [span for span in trace.spans if span.call.error_type is not None]
    if not failed:
        yield Finding("errors", "fine", "No span failed.")
    breakdown = cache(store.breakdown)
    told: dict[_Alike, str] = {}
    went_well = _last_success(trace)
    again = {
        id(span) for span in failed if went_well.get(_place(span.call), -1) >= span.call.end_ns
    }
    begun = {id(span) for span in began(trace)}
    # An error travels upwards: where it began is a span under which nothing failed, the earliest.
    failed.sort(key=lambda span: (id(span) in again, id(span) not in begun, span.call.end_ns))
    for place, span in enumerate(failed):
        call, recovered = span.call, id(span) in again
        where = "where it began" if place == 0 else "failed as well"
        if call.billed and _alike(call) not in told:
            told[_alike(call)] = _around(trace, call, breakdown)
        yield Finding(
            check="errors",
            verdict="odd" if recovered else "wrong",
            summary=f"{call.name} failed with {call.error_type}",
            evidence=[
                "it was tried again and went well" if recovered else where,
                *([told[_alike(call)]] if call.billed else []),
            ],
            span_id=call.span_id,
            weight=35 if recovered else 100 - min(place, 9),
        )


def began(trace: Trace) -> Sequence[TraceSpan]:
    """The spans that failed though nothing under them did."""
    found: list[TraceSpan] = []
    # From the last span to the first: the depths of those below which, or at which, one failed.
    failed: list[int] = []
    for span in reversed(trace.spans):
        under = bool(failed) and failed[-1] > span.depth
        while failed and failed[-1] > span.depth:
            failed.pop()
        if span.call.error_type and not under:
            found.append(span)
        if span.call.error_type or under:
            failed.append(span.depth)
    return found[::-1]


def _last_success(trace: Trace) -> Mapping[_Place, int]:
    """When what was done in a place began for the last time that it went well."""
    found: dict[_Place, int] = {}
    for call in (span.call for span in trace.spans if span.call.error_type is None):
        found[_place(call)] = max(call.start_ns, found.get(_place(call), 0))
    return found


def _place(call: Call) -> _Place:
    return call.parent_id, call.operation, call.tool_name


def _alike(call: Call) -> _Alike:
    return call.provider, call.operation, call.request_model, call.response_model


def _around(
    trace: Trace, call: Call, breakdown: Callable[[Dimension, Filter], Sequence[Group]]
) -> str:
    # A failed call has no model that served it: it counts beside those that were served.
    alike = near(trace, call, model=None, provider=call.provider, operation=call.operation)
    groups = [one.stats for one in breakdown("model", alike) if _like(call, one.key)]
    failed, count = sum(one.errors for one in groups), sum(one.count for one in groups)
    return (
        f"{failed:,} of {count:,} calls of {call.model or 'its model'} failed"
        " within the hour around"
    )


def _like(call: Call, model: str | None) -> bool:
    if call.model is None or model is None:
        return call.model == model
    return same_model(call.request_model or call.model, model) or call.model == model


def finish(trace: Trace, _: Store) -> Iterator[Finding]:
    """Whether answers were refused or cut off."""
    for call in trace.billed:
        reasons = {plain(reason) for reason in call.finish_reasons}
        if reasons & REFUSED or "refusal" in (call.flags or ()):
            yield _ended("refusal", f"{call.name} was refused", call, 90)
        if truncated(call):
            yield _ended("truncation", f"{call.name} was cut off", call, 80)
    unsaid = sum(not call.finish_reasons and not call.error_type for call in trace.billed)
    if unsaid:
        said = "1 call does" if unsaid == 1 else f"{unsaid} calls do"
        yield Finding("finish reason", "unknown", f"{said} not say why the answer ended.")


def _ended(check: str, summary: str, call: Call, weight: int) -> Finding:
    evidence = [f"finish reasons: {', '.join(call.finish_reasons) or 'none'}"]
    if call.usage.output_tokens is not None:
        evidence.append(f"output: {call.usage.output_tokens:,} tokens")
    if call.max_tokens is not None:
        evidence.append(f"allowed: {call.max_tokens:,} tokens")
        if (call.usage.output_tokens or 0) >= call.max_tokens:
            evidence.append("the answer is as long as it was allowed to be")
    if call.usage.input_tokens is not None:
        evidence.append(f"input: {call.usage.input_tokens:,} tokens")
    return Finding(check, "wrong", summary, evidence, call.span_id, weight)


def context(trace: Trace, _: Store) -> Iterator[Finding]:
    """Whether the question left room for an answer in the model's context window."""
    for call in trace.billed:
        tokens, window = call.tokens, _window(call.provider, call.model)
        if tokens is None or window is None:
            continue
        text = f"{call.name} used {tokens / window:.0%} of the context window"
        evidence = [f"{tokens:,} of {window:,} tokens"]
        if tokens >= FULL * window and truncated(call):
            evidence.append("the answer was cut off: no room was left for it")
            yield Finding("context", "wrong", text, evidence, call.span_id, 85)
        elif tokens >= FULL * window:
            yield Finding("context", "odd", text, evidence, call.span_id, 65)
        else:
            yield Finding("context", "fine", text, evidence, call.span_id)


@lru_cache(maxsize=1_000)
def _window(provider: str | None, model: str | None) -> int | None:
    return _book().context_window(provider, model) if model else None


@lru_cache(maxsize=1)
def _book() -> PriceBook:
    return PriceBook()


def models(trace: Trace, _: Store) -> Iterator[Finding]:
    """Whether the model that was asked for is the one that served."""
    for call in trace.billed:
        asked, served = call.request_model, call.response_model
        if asked is None or served is None:
            yield Finding("model", "unknown", f"{call.name} does not say both models.")
        elif same_model(asked, served):
            text = f"{call.name} was served by {served}"
            yield Finding("model", "fine", text, [f"asked for {asked}"], call.span_id)
        elif call.provider is not None and provider_id(call.provider) == "azure":
            text = f"{call.name} was served by {served}"
            evidence = [f"asked for the deployment {asked}, whose model only Azure knows"]
            yield Finding("model", "unknown", text, evidence, call.span_id)
        else:
            text = f"{call.name} was served by another model"
            evidence = [f"asked for {asked}", f"served by {served}"]
            yield Finding("model", "odd", text, evidence, call.span_id, 60)


def retrieval(trace: Trace, _: Store) -> Iterator[Finding]:
    """What was found to answer with, and how well it fits."""
    found = [span.call for span in trace.spans if span.call.operation in RETRIEVALS]
    for call in found:
        if call.error_type is None:
            yield _retrieved(call)


def _retrieved(call: Call) -> Finding:
    documents = call.documents
    if documents is None:
        text = f"{call.name} took {call.duration_s * 1e3:,.0f} ms"
        evidence = ["which documents it found was not captured"]
        return Finding("retrieval", "unknown", text, evidence, call.span_id)
    if not documents:
        return Finding("retrieval", "wrong", f"{call.name} found nothing", (), call.span_id, 70)
    text = f"{call.name} found {len(documents)} documents"
    verdict, weight = ("odd", 45) if _weak(documents) else ("fine", 0)
    return Finding("retrieval", verdict, text, _listed(documents), call.span_id, weight)


def _weak(documents: Sequence[Document]) -> bool:
    scores = [one.score for one in documents if one.score is not None]
    return bool(scores) and all(0 <= score <= 1 for score in scores) and max(scores) < WEAK


def _listed(documents: Sequence[Document]) -> Sequence[str]:
    lines = [
        f"{one.id or 'a document without an id'}"
        + ("" if one.score is None else f": score {one.score:.3g}")
        for one in documents[:SHOWN]
    ]
    more = len(documents) - SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def tools(trace: Trace, _: Store) -> Iterator[Finding]:
    """How often each tool was called."""
    tools = (span.call for span in trace.spans if span.call.operation == "execute_tool")
    names = Counter(call.tool_name for call in tools)
    # An agent that failed by itself, after a loop, most likely ran out of turns.
    given_up = [one.call for one in began(trace) if one.call.operation in AGENTS]
    ends = [f"{call.name} then failed with {call.error_type}" for call in given_up]
    for name, times in names.items():
        looped = times >= LOOP
        verdict: Verdict = "wrong" if looped and given_up else "odd" if looped else "fine"
        text = f"The tool {name or 'without a name'} was called {times} times."
        weight = 105 if verdict == "wrong" else 55 if looped else 0
        yield Finding("tools", verdict, text, ends if looped else (), weight=weight)


def flags(trace: Trace, _: Store) -> Iterator[Finding]:
    """What the quality checks fired on."""
    for call in trace.billed:
        for flag in call.flags or ():
            if flag not in ("refusal", "truncation"):  # judged with the finish reasons
                yield Finding("flag", "odd", f"{call.name}: {flag}", (), call.span_id, 40)
    unseen = sum(call.flags is None for call in trace.billed)
    if unseen:
        text = f"{unseen} calls could not be checked: their content was not captured."
        yield Finding("flag", "unknown", text)
