"""The spans of a trace as bars on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otel_llm.genai import Call
from otel_llm.store import PlainSpan, Trace


@dataclass(frozen=True, slots=True)
class Bar:
    """One span: where its bar begins and how long it is, in percent of the trace."""

    span: Call | PlainSpan
    depth: int
    left: float
    width: float
    first_chunk: float | None
    """Where the first chunk came, in percent of the trace."""

    @property
    def call(self) -> Call | None:
        """The span, when it is a GenAI span."""
        return self.span if isinstance(self.span, Call) else None


def waterfall(trace: Trace) -> Sequence[Bar]:
    """One bar per span, in the order of the tree; the other spans of the trace among them."""
    start, end = extent(trace)
    whole = max(end - start, 1)

    def share(ns: float) -> float:
        return round(min(max(ns / whole, 0), 1) * 100, 3)

    def bar(span: Call | PlainSpan, depth: int) -> Bar:
        begins = span.start_ns - start
        first = span.time_to_first_chunk_s if isinstance(span, Call) else None
        return Bar(
            span=span,
            depth=depth,
            left=share(begins),
            width=share(span.end_ns - span.start_ns),
            first_chunk=None if first is None else share(begins + first * 1e9),
        )

    return [bar(line.span, line.depth) for line in trace.lines]


def extent(trace: Trace) -> tuple[int, int]:
    """Start and end of all of its spans, Unix nanoseconds."""
    spans = [line.span for line in trace.lines]
    return min(span.start_ns for span in spans), max(span.end_ns for span in spans)
