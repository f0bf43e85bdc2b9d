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
_OPERATION: Final = facts.OPERATION
_OUTPUT: Final = facts.OUTPUT_TOKENS
_DUPLICATE_OF: Final = facts.DUPLICATE_OF
_Key = tuple[bytes, Any]
"""Trace, and what is looked for in it."""
_Inner = tuple[bytes, str | None, tuple[int | None, int | None]]
"""Id, response id and tokens of a call."""
_MEMORY = 10_000
"""Calls remembered for their repetitions in later batches."""


class Duplicates:
    """Remembers calls by trace and response id, and by the span they are below. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, bytes] = OrderedDict()
        self._below: OrderedDict[_Key, _Inner] = OrderedDict()
        self._lock = Lock()

    def mark(self, spans: Iterable[SpanView]) -> None:
        """Mark each span that repeats another one, of this batch or a recent one."""
        calls = [
            _Call(span, *span.ids, known[_RESPONSE_ID], (known[_INPUT], known[_OUTPUT]))
            for span in spans
            if (known := span.facts)[_OPERATION] in BILLED_OPERATIONS and not known[_DUPLICATE_OF]
        ]
        if calls:
            with self._lock:
                marked = self._mark_same(calls)
                self._mark_outer([c for c in calls if c not in marked] if marked else calls)

    def _mark_same(self, calls: list[_Call]) -> list[_Call]:
        """Of those with the same response id, one counts. Return the others."""
        seen: dict[_Key, list[_Call]] = {}
        for call in calls:
            if call.response:
                seen.setdefault((call.trace, call.response), []).append(call)
        marked: list[_Call] = []
        for key, same in seen.items():
            counts = self._known.get(key)
            if counts is None:
                best = same[0] if len(same) == 1 else max(same, key=_weight)
                counts = self._known[key] = best.id
            for call in same:
                if call.id != counts:
                    call.span.set(own.DUPLICATE_OF, counts.hex())
                    marked.append(call)
        _bound(self._known)
        return marked

    def _mark_outer(self, calls: list[_Call]) -> None:
        """Of two calls, one right below the other, with the same tokens, the inner one counts: a
        framework's span over the provider's. Which spans are below is known first, for they end
        first."""
        for call in calls:
            if call.parent and None not in call.tokens:
                self._below[call.trace, call.parent] = call.id, call.response, call.tokens
        for call in calls:
            inner = self._below.get((call.trace, call.id))
            if inner and inner[2] == call.tokens and _agree(inner[1], call.response):
                call.span.set(own.DUPLICATE_OF, inner[0].hex())
        _bound(self._below)


class _Call(NamedTuple):
    """What is known of a call."""

    span: SpanView
    trace: bytes
    id: bytes
    parent: bytes
    response: str | None
    tokens: tuple[int | None, int | None]
    """In and out."""


def _agree(one: str | None, other: str | None) -> bool:
    return one == other or one is None or other is None


def _bound(known: OrderedDict[_Key, Any]) -> None:
    while len(known) > _MEMORY:
        known.popitem(last=False)


def _weight(call: _Call) -> tuple[bool, bool, int]:
    """Prefer the span that knows the tokens, then the inner one, then the one that says more."""
    return call.tokens[0] is not None, bool(call.parent), len(call.span.attributes)
