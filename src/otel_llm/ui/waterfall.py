"""The spans of a trace as bars on one time axis, a part of them at a time where there are many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice
from typing import Final

from otel_llm.genai import Call
from otel_llm.store import PlainSpan, Trace, TraceLine

from .asked import Mistake
from .render import ROWS

OUTSTANDING: Final = 25
"""Spans that failed, and calls that cost most, which every part of a large trace shows."""

NEAREST: Final = 13
"""How far up what stands above a span is shown: as deep as the page indents."""


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


@dataclass(frozen=True, slots=True)
class Gap:
    """Spans between two bars that are not shown."""

    begins: int
    """Place of the first of them in the order of the tree."""
    count: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a waterfall: ``ROWS`` spans, what stands above them, and what stands out."""

    begins: int
    """Place of the first of them in the order of the tree."""
    all: int
    """Spans of the trace."""
    rows: Sequence[Bar | Gap]

    @property
    def bars(self) -> Sequence[Bar]:
        """The rows that are spans."""
        return [row for row in self.rows if isinstance(row, Bar)]

    @property
    def ends(self) -> int:
        """Place of the one after the last."""
        return min(self.begins + ROWS, self.all)

    @property
    def before(self) -> int | None:
        """Where the part before begins."""
        return max(self.begins - ROWS, 0) if self.begins else None

    @property
    def after(self) -> int | None:
        """Where the part after begins."""
        return self.ends if self.ends < self.all else None


def part(trace: Trace, *, begins: str = "", span: str = "") -> Part:
    """The part of the waterfall that starts at place ``begins`` or has ``span``, as a query gives
    them, else the first. Raises ``Mistake``."""
    first = _place(trace, begins, span)
    shown = sorted(_shown(trace.lines, range(first, min(first + ROWS, len(trace.lines)))))
    bars = dict(zip(shown, waterfall(trace, shown), strict=True))
    return Part(first, len(trace.lines), [*_with_gaps(bars, len(trace.lines))])


def waterfall(trace: Trace, places: Sequence[int] | None = None) -> Sequence[Bar]:
    """One bar per span, in the order of the tree, the other spans of the trace among them; only
    for the spans at ``places``, where those are given."""
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

    lines = trace.lines if places is None else [trace.lines[place] for place in places]
    return [bar(line.span, line.depth) for line in lines]


def extent(trace: Trace) -> tuple[int, int]:
    """Start and end of all of its spans, Unix nanoseconds."""
    spans = [line.span for line in trace.lines]
    return min(span.start_ns for span in spans), max(span.end_ns for span in spans)


def _place(trace: Trace, begins: str, span: str) -> int:
    if span:
        ids = (line.span.span_id for line in trace.lines)
        # Parts as they are paged through: a link to a span leads to the part that has it.
        return next((place for place, one in enumerate(ids) if one == span), 0) // ROWS * ROWS
    if not begins:
        return 0
    if not (begins.isascii() and begins.isdecimal()) or int(begins[:9]) >= len(trace.lines):
        raise Mistake("The trace has no such span.")
    return int(begins[:9])


def _shown(lines: Sequence[TraceLine], window: range) -> set[int]:
    """Places in the window, of what stands out, and of what is above either."""
    above, path = list[int | None](), list[int]()
    for place, line in enumerate(lines):
        del path[line.depth :]
        above.append(path[-1] if path else None)
        path.append(place)
    shown = set(window)
    for place in (window.start, *_outstanding(lines)):
        shown.update(islice(_way_up(above, place), NEAREST))
    return shown


def _way_up(above: Sequence[int | None], place: int | None) -> Iterator[int]:
    while place is not None:
        yield place
        place = above[place]


def _outstanding(lines: Sequence[TraceLine]) -> Iterator[int]:
    """Places of the first that failed and of those that cost most."""
    yield from islice((n for n, line in enumerate(lines) if _failed(line.span)), OUTSTANDING)
    costs = ((_cost(line.span), -place) for place, line in enumerate(lines))
    yield from (-place for cost, place in nlargest(OUTSTANDING, costs) if cost)


def _failed(span: Call | PlainSpan) -> bool:
    return span.error_type is not None if isinstance(span, Call) else span.is_error


def _cost(span: Call | PlainSpan) -> float:
    return (isinstance(span, Call) and span.billed and span.cost and span.cost.usd) or 0.0


def _with_gaps(bars: dict[int, Bar], all: int) -> Iterator[Bar | Gap]:
    expected = 0
    for place, bar in bars.items():
        if place > expected:
            yield Gap(expected, place - expected)
        yield bar
        expected = place + 1
    if all > expected:
        yield Gap(expected, all - expected)
