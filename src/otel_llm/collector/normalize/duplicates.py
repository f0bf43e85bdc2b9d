"""One call that two instrumentations saw: which of the spans is the call, and which repeat it.

An SDK's own tracing beside an instrumentor, or a framework's span over the provider's, show the
same response id in the same trace. One of them keeps the tokens; the others are marked, not
removed: ``otel_llm.duplicate_of`` names the span that counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.genai.call import BILLED_OPERATIONS
from otel_llm.semconv import own

if TYPE_CHECKING:
    from ..data import SpanView

_MEMORY = 10_000
"""Calls remembered for their repetitions in later batches."""


class Duplicates:
    """Remembers calls by trace and response id. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = Lock()

    def mark(self, spans: Iterable[SpanView]) -> None:
        """Mark each span that repeats another one, of this batch or a recent one."""
        calls: dict[tuple[str, str], list[SpanView]] = {}
        for span in spans:
            response = span.text(semconv.RESPONSE_ID)
            if response and span.text(semconv.OPERATION_NAME) in BILLED_OPERATIONS:
                calls.setdefault((span.trace_id, response), []).append(span)
        for key, seen in calls.items():
            self._mark(key, seen)

    def _mark(self, key: tuple[str, str], seen: list[SpanView]) -> None:
        counts = self._counting(key, max(seen, key=_weight).span_id)
        for span in seen:
            if span.span_id != counts:
                span.set(own.DUPLICATE_OF, counts)

    def _counting(self, key: tuple[str, str], candidate: str) -> str:
        with self._lock:
            counts = self._known.setdefault(key, candidate)
            self._known.move_to_end(key)
            if len(self._known) > _MEMORY:
                self._known.popitem(last=False)
        return counts


def _weight(span: SpanView) -> tuple[bool, bool, int]:
    """Prefer the span that knows the tokens, then the inner one, then the one that says more."""
    return (
        span.integer(semconv.USAGE_INPUT_TOKENS) is not None,
        span.parent_id is not None,
        len(span.attributes),
    )
