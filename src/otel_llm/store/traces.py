"""The spans of one trace, as the tree they form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

from otel_llm.genai import Call

from .spans import PlainSpan


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """A call and how deep it sits below the first span of its trace that we know."""

    call: Call
    depth: int


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of the whole trace: a GenAI span or another one."""

    span: Call | PlainSpan
    depth: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What the GenAI spans of a trace come to."""

    calls: int
    """Model calls: what agents and workflows above them repeat is left out."""
    total_cost_usd: float | None
    """Of the model calls with a known cost in US dollars; ``None`` when there is none."""
    unpriced: int
    """Model calls that ran but whose cost is unknown."""
    tokens: int | None
    """Input plus output of the model calls; ``None`` when none reported any."""
    errors: int
    """Spans that failed."""


@dataclass(frozen=True)  # no slots: what is asked for every span is worked out once
class Trace:
    """The GenAI spans of one trace, parents before children, siblings by start."""

    trace_id: str
    spans: Sequence[TraceSpan]
    others: Sequence[PlainSpan] = ()
    """Its other spans, by start, where the store keeps them (``store.spans``)."""
    left_out: int = 0
    """Later spans of it that are stored and not here (see ``Store.trace``)."""
    whole: Sums | None = None
    """The sums with those that are left out."""

    @cached_property
    def lines(self) -> Sequence[TraceLine]:
        """All spans of the trace in the order of ``spans``, each as deep as it is in the whole."""
        found = [*(span.call for span in self.spans), *self.others]
        return [TraceLine(span, depth) for span, depth in _ordered(found)]

    @cached_property
    def start_ns(self) -> int:
        """Start of the earliest span, Unix nanoseconds."""
        return min(span.call.start_ns for span in self.spans)

    @cached_property
    def end_ns(self) -> int:
        """End of the latest span, Unix nanoseconds."""
        return max(span.call.end_ns for span in self.spans)

    @cached_property
    def billed(self) -> Sequence[Call]:
        """The model calls: what agents and workflows above them repeat is left out."""
        return [span.call for span in self.spans if span.call.billed]

    @cached_property
    def sums(self) -> Sums:
        """What all of it comes to."""
        if self.whole:
            return self.whole
        costs = [c.cost.total for c in self.billed if c.cost and c.cost.currency == "USD"]
        tokens = [call.tokens for call in self.billed if call.tokens is not None]
        return Sums(
            calls=len(self.billed),
            total_cost_usd=sum(costs) if costs else None,
            unpriced=sum(call.unpriced for call in self.billed),
            tokens=sum(tokens) if tokens else None,
            errors=sum(span.call.error_type is not None for span in self.spans),
        )


def as_tree(
    trace_id: str,
    calls: Sequence[Call],
    others: Sequence[PlainSpan] = (),
    left_out: int = 0,
    whole: Sums | None = None,
) -> Trace:
    """Order ``calls`` depth first. A span whose parent is unknown, or which is its own ancestor,
    stands at the top: nothing is left out."""
    spans = tuple(TraceSpan(call, depth) for call, depth in _ordered(calls))
    return Trace(trace_id, spans, tuple(others), left_out, whole)


class _Placed(Protocol):
    @property
    def span_id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...


_Span = TypeVar("_Span", bound=_Placed)


def _ordered(spans: Sequence[_Span]) -> list[tuple[_Span, int]]:
    ordered = sorted(spans, key=lambda span: (span.start_ns, -span.end_ns, span.span_id))
    known = {span.span_id for span in ordered}
    children: dict[str | None, list[_Span]] = {}
    for span in ordered:
        children.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
    seen: set[str] = set()
    found = [*_below(children, children.get(None, ()), 0, seen)]
    for span in ordered:
        if span.span_id not in seen:
            found += _below(children, (span,), 0, seen)
    return found


def _below(
    children: dict[str | None, list[_Span]], spans: Sequence[_Span], depth: int, seen: set[str]
) -> Iterator[tuple[_Span, int]]:
    stack = [(span, depth) for span in reversed(spans)]
    while stack:
        span, level = stack.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        yield span, level
        stack += [(child, level + 1) for child in reversed(children.get(span.span_id, ()))]
