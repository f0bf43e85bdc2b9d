"""The spans of a trace as bars on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from otel_llm.genai import Call
from otel_llm.store import Trace


@dataclass(frozen=True, slots=True)
class Bar:
    """One span: where its bar begins and how long it is, in percent of the trace."""

    call: Call
    depth: int
    left: float
    width: float
    first_chunk: float | None
    """Where the first chunk came, in percent of the trace."""


def waterfall(trace: Trace) -> Sequence[Bar]:
    """One bar per span, in the order of the tree."""
    start = trace.start_ns
    whole = max(trace.end_ns - start, 1)

    def share(ns: float) -> float:
        return round(min(max(ns / whole, 0), 1) * 100, 3)

    def bar(call: Call, depth: int) -> Bar:
        begins = call.start_ns - start
        first = call.time_to_first_chunk_s
        return Bar(
            call=call,
            depth=depth,
            left=share(begins),
            width=share(call.end_ns - call.start_ns),
            first_chunk=None if first is None else share(begins + first * 1e9),
        )

    return [bar(span.call, span.depth) for span in trace.spans]
