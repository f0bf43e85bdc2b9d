"""One call that two instrumentations saw: which of the spans is the call, and which repeat it.

An SDK's own tracing beside an instrumentor, or a framework's span over the provider's, show the
same response id in the same trace. One of them keeps the tokens; the others are marked, not
removed: ``otel_llm.duplicate_of`` names the span that counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm import semconv
from otel_llm.genai.call import BILLED_OPERATIONS
from otel_llm.semconv import own

from .. import facts

if TYPE_CHECKING:
    from ..data import SpanView

_RESPONSE_ID: Final = facts.AT[semconv.RESPONSE_ID]
_INPUT: Final = facts.AT[semconv.USAGE_INPUT_TOKENS]
_MEMORY = 10_000
"""Calls remembered for their repetitions in later batches."""


class Duplicates:
    """Remembers calls by trace and response id, and by the span they are below. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._below: OrderedDict[tuple[str, str], _Inner] = OrderedDict()
        self._lock = Lock()

    def mark(self, spans: Iterable[SpanView]) -> None:
        """Mark each span that repeats another one, of this batch or a recent one."""
        billed = [span for span in spans if span.facts[facts.OPERATION] in BILLED_OPERATIONS]
        if not billed:
            return
        calls: dict[tuple[str, str], list[SpanView]] = {}
        for span in billed:
            response = span.facts[_RESPONSE_ID]
            if response:
                calls.setdefault((span.trace_id, response), []).append(span)
        with self._lock:
            for key, seen in calls.items():
                self._mark(key, seen)
            self._mark_outer([span for span in billed if not span.has(own.DUPLICATE_OF)])

    def _mark(self, key: tuple[str, str], seen: list[SpanView]) -> None:
        best = seen[0] if len(seen) == 1 else max(seen, key=_weight)
        counts = self._known.setdefault(key, best.span_id)
        _bound(self._known)
        for span in seen:
            if span.span_id != counts:
                span.set(own.DUPLICATE_OF, counts)

    def _mark_outer(self, spans: list[SpanView]) -> None:
        """Of two calls, one right below the other, with the same tokens, the inner one counts: a
        framework's span over the provider's. Which spans are below is known first, for they end
        first."""
        for span in spans:
            parent = span.parent_id
            if parent and (inner := _inner(span)):
                self._below[span.trace_id, parent] = inner
                _bound(self._below)
        for span in spans:
            inner = self._below.get((span.trace_id, span.span_id))
            if inner and inner.repeated_by(_inner(span)):
                span.set(own.DUPLICATE_OF, inner.span_id)


class _Inner(NamedTuple):
    """What is known of a call."""

    span_id: str
    tokens: tuple[int, int]
    response: str | None

    def repeated_by(self, outer: _Inner | None) -> bool:
        """Whether another call says the same, as far as it says anything."""
        if outer is None or outer.tokens != self.tokens:
            return False
        return self.response == outer.response or None in (self.response, outer.response)


def _inner(span: SpanView) -> _Inner | None:
    asked, answered = span.facts[_INPUT], span.facts[facts.OUTPUT_TOKENS]
    if asked is None or answered is None:
        return None
    return _Inner(span.span_id, (asked, answered), span.facts[_RESPONSE_ID])


def _bound(known: OrderedDict[tuple[str, str], Any]) -> None:
    if len(known) > _MEMORY:
        known.popitem(last=False)


def _weight(span: SpanView) -> tuple[bool, bool, int]:
    """Prefer the span that knows the tokens, then the inner one, then the one that says more."""
    return (
        span.integer(semconv.USAGE_INPUT_TOKENS) is not None,
        span.parent_id is not None,
        len(span.attributes),
    )
