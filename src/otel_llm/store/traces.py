"""The GenAI spans of one trace, as the tree they form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from otel_llm.genai import Call


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """A call and how deep it sits below the first span of its trace that we know."""

    call: Call
    depth: int


@dataclass(frozen=True, slots=True)
class Trace:
    """All GenAI spans of one trace, parents before children, siblings by start."""

    trace_id: str
    spans: Sequence[TraceSpan]

    @property
    def start_ns(self) -> int:
        """Start of the earliest span, Unix nanoseconds."""
        return min(span.call.start_ns for span in self.spans)

    @property
    def end_ns(self) -> int:
        """End of the latest span, Unix nanoseconds."""
        return max(span.call.end_ns for span in self.spans)

    @property
    def billed(self) -> Sequence[Call]:
        """The model calls: what agents and workflows above them repeat is left out."""
        return [span.call for span in self.spans if span.call.billed]

    @property
    def total_cost_usd(self) -> float | None:
        """Sum over the model calls with a known cost in US dollars; ``None`` when there is none."""
        costs = [c.cost.total for c in self.billed if c.cost and c.cost.currency == "USD"]
        return sum(costs) if costs else None

    @property
    def unpriced(self) -> int:
        """Model calls that ran but whose cost is unknown."""
        return sum(call.unpriced for call in self.billed)

    @property
    def tokens(self) -> int | None:
        """Input plus output of the model calls; ``None`` when none reported any."""
        counts = [call.tokens for call in self.billed if call.tokens is not None]
        return sum(counts) if counts else None

    @property
    def errors(self) -> int:
        """Spans that failed."""
        return sum(span.call.error_type is not None for span in self.spans)


def as_tree(trace_id: str, calls: Sequence[Call]) -> Trace:
    """Order ``calls`` depth first. A span whose parent is unknown, or which is its own ancestor,
    stands at the top: nothing is left out."""
    ordered = sorted(calls, key=lambda call: (call.start_ns, -call.end_ns, call.span_id))
    known = {call.span_id for call in ordered}
    children: dict[str | None, list[Call]] = {}
    for call in ordered:
        children.setdefault(call.parent_id if call.parent_id in known else None, []).append(call)
    seen: set[str] = set()
    spans = [*_below(children, children.get(None, ()), 0, seen)]
    for call in ordered:
        if call.span_id not in seen:
            spans += _below(children, (call,), 0, seen)
    return Trace(trace_id, tuple(spans))


def _below(
    children: dict[str | None, list[Call]], calls: Sequence[Call], depth: int, seen: set[str]
) -> Iterator[TraceSpan]:
    stack = [(call, depth) for call in reversed(calls)]
    while stack:
        call, level = stack.pop()
        if call.span_id in seen:
            continue
        seen.add(call.span_id)
        yield TraceSpan(call, level)
        stack += [(child, level + 1) for child in reversed(children.get(call.span_id, ()))]
