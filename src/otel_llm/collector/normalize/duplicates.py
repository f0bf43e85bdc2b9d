"""One call that two instrumentations saw: which of the spans is the call, and which repeat it.

An SDK's own tracing beside an instrumentor, or a framework's span over the provider's, show the
same response id in the same trace, or one is below the other; of others see ``twins`` and
``silent``. One of them keeps the tokens; the others are marked, not removed:
``otel_llm.duplicate_of`` names the span that counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from otel_llm import semconv
from otel_llm.genai.call import BILLED_OPERATIONS
from otel_llm.semconv import own

from ..data import facts
from .known_calls import Key, Known, KnownCalls, OwnCalls
from .seen_call import UNTOLD, SeenCall, seen
from .silent import Silent
from .twins import Twins, maker_of, trusted

if TYPE_CHECKING:
    from ..data import SpanView
    from ..wire.values import Value

_OPERATION: Final = facts.OPERATION
_DUPLICATE_OF: Final = facts.DUPLICATE_OF


TOLD_BY_LOG: Final = "logfire.stream"
"""What a span repeats that only opens a stream: a log, whose id it cannot know."""


class Duplicates:
    """Remembers calls by trace and response id, and by the span they are below. Thread-safe."""

    def __init__(self) -> None:
        self.known: KnownCalls = OwnCalls()
        """The calls of recent batches; in one of several processes, those of all of them."""
        self._twins = Twins()
        self._silent = Silent()
        self._opened = False

    def mark(self, spans: Iterable[SpanView]) -> None:
        """Mark each span that repeats another one, of this batch or a recent one."""
        billed = [span for span in spans if span.facts[_OPERATION] in BILLED_OPERATIONS]
        calls = [seen(s, known) for s in billed if not (known := s.facts)[_DUPLICATE_OF]]
        opened = [s for s in billed if s.facts[_DUPLICATE_OF] == TOLD_BY_LOG]
        if calls or opened:
            with self.known.turn():
                calls = self._beside_logs(calls, opened)
                marked = set(map(id, self._mark_same(calls)))
                self._mark_outer([c for c in calls if id(c) not in marked] if marked else calls)
                for repeating in (self._twins, self._silent):
                    for call, twin, counts in repeating.of(calls, self.known.beside):
                        call.span.set(own.DUPLICATE_OF, counts.hex())
                        _hand_over((call, twin) if twin else (), counts)

    def _beside_logs(self, calls: list[SeenCall], opened: Iterable[SpanView]) -> list[SeenCall]:
        """Return ``calls`` with those that are below the opening of a stream where its log is."""
        table = self.known.same
        for trace, id_, parent in [span.ids for span in opened]:
            self._opened = True
            table[trace, id_] = parent, None, UNTOLD
        if not self._opened:
            return calls
        found = [table.get((call.trace, call.parent)) for call in calls]
        return [
            call._replace(parent=opening[0] if any(opening[0]) else b"") if opening else call
            for call, opening in zip(calls, found, strict=True)
        ]

    def _mark_same(self, calls: list[SeenCall]) -> list[SeenCall]:
        """Of those with the same response id, one counts. Return the others."""
        seen: dict[Key, list[SeenCall]] = {}
        for call in calls:
            if call.response:
                seen.setdefault((call.trace, call.response), []).append(call)
        marked: list[SeenCall] = []
        table = self.known.same
        for key, same in seen.items():
            counts = table.get(key)
            if counts is None:
                best = same[0] if len(same) == 1 else max(same, key=_weight)
                counts = table[key] = best.id, None, best.tokens
            for call in same:
                if call.id != counts[0]:
                    call.span.set(own.DUPLICATE_OF, counts[0].hex())
                    marked.append(call)
            _hand_over(same, counts[0])
        return marked

    def _mark_outer(self, calls: list[SeenCall]) -> None:
        """Of two calls, one right below the other, with the same tokens, the inner one counts: a
        framework's span over the provider's. Also where the outer one knows no tokens, unless it
        tells of an error that the inner one does not know of. Which spans are below is known
        first, for they end first."""
        table = self.known.below
        for call in calls:
            if call.parent and (call.tokens != UNTOLD or self._only_failed(call)):
                table[_below(call)] = call.id, call.response, call.tokens
        repeating = [call for call in calls if self._inner(call)]
        if not repeating:
            return
        here = {call.id: call for call in calls}
        for call in sorted(repeating, key=lambda call: call.span.end_ns):  # from the inside out
            if inner := self._inner(call):
                call.span.set(own.DUPLICATE_OF, inner[0].hex())
                if inner[0] in here:
                    _hand_over((call, here[inner[0]]), inner[0])
                if call.parent:  # who is above repeats the one that counts
                    table[_below(call)] = inner

    def _only_failed(self, call: SeenCall) -> bool:
        """Whether ``call`` failed, and no other try of it is known to have gone well."""
        return call.span.is_error and self.known.below.get(_below(call)) is None

    def _inner(self, call: SeenCall) -> Known | None:
        """Return the call right below ``call`` that it repeats."""
        inner = self.known.below.get((call.trace, call.id + call.kind))
        repeats = inner and _is_above(call, inner[2]) and _agree(inner[1], call.response)
        return inner if repeats else None


def _below(call: SeenCall) -> Key:
    return call.trace, call.parent + call.kind


_SHARED: Final = (
    semconv.PROVIDER_NAME,
    semconv.CONVERSATION_ID,
    own.USER_ID,
    own.FEATURE,
    own.TEAM,
    semconv.PROMPT_NAME,
    semconv.PROMPT_VERSION,
    semconv.AGENT_NAME,
    semconv.RESPONSE_FINISH_REASONS,
    semconv.RESPONSE_TIME_TO_FIRST_CHUNK,
    semconv.REQUEST_STREAM,
)
"""What is true of a call whoever saw it, and what is added up by."""


def _hand_over(same: Iterable[SeenCall], counts: bytes) -> None:
    """Tell the span that counts what the others, of the same batch, know of whom the call is for:
    a client's own tracing knows the tokens, and what is around it the user."""
    calls = {call.id == counts: call.span for call in same}
    counted, other = calls.get(True), calls.get(False)
    if counted is None or other is None:
        return
    for name in _SHARED:
        if not counted.has(name) and other.has(name):
            counted.set(name, cast("Value", other.value(name)))
    failed = other.facts[facts.ERROR_TYPE]
    if failed and counted.facts[facts.ERROR_TYPE] == _UNNAMED:
        counted.set(semconv.ERROR_TYPE, failed)


_UNNAMED: Final = "_OTHER"


def _is_above(call: SeenCall, tokens: tuple[int | None, int | None]) -> bool:
    given, taken = call.tokens
    if call.tokens == UNTOLD:
        return tokens == UNTOLD or not call.span.is_error
    # ADK adds what was thought to an output that holds it already.
    twice = taken is not None and call.reasoning and (given, taken - call.reasoning) == tokens
    return call.tokens == tokens or bool(twice)


def _agree(one: object, other: str | None) -> bool:
    return one is None or other is None or one == other


def _weight(call: SeenCall) -> tuple[bool, int, bool, int]:
    """Prefer the span that knows the tokens, then ours or the SDK's own, then the inner one, then
    the one that says more: OpenInference takes what Anthropic's streams begin with for the output
    of a broken one."""
    known, trust = call.tokens[0] is not None, trusted(maker_of(call.span))
    return known, trust, bool(call.parent), len(call.span.attributes)
