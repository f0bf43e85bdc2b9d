"""A call of which one instrumentation says nothing, beside one that tells of it.

A wrapper may lose sight of what it wraps: Langfuse's of a stream that breaks, LangSmith's of a call
that fails, OpenLLMetry's of what is awaited elsewhere. Its span has no tokens and no response, and
may not even know of the failure; it counts only where nobody else tells of a call of the same
model, in the same place, at the same time. A span that failed repeats none that went well.

LangSmith's spans are in traces of their own; what runs inside has its run's id, a UUID, for trace.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm.semconv import own

from ..data import facts
from .known_calls import Key, Table
from .seen_call import UNTOLD, SeenCall
from .twins import OURS, SLACK_NS, maker_of, models_of, place_of, program_of, together

if TYPE_CHECKING:
    from ..data import SpanView

_RUNS: Final = "langsmith"
_CLOSED: Final = "GeneratorExit"
"""What LangSmith calls a failure: the program let go of a stream."""
_NEAR: Final = 64
"""Calls that began last before one ended, among which it is looked for."""


class Silent:
    """Finds them. What is noted of earlier batches is in the table that it is given."""

    def __init__(self) -> None:
        self._makers: set[str] = set()

    def of(
        self, calls: list[SeenCall], table: Table
    ) -> Iterator[tuple[SeenCall, SeenCall | None, bytes]]:
        """Yield the calls that say nothing of one that another maker tells of, that one if it is
        among ``calls``, and the id of the one that counts."""
        if not self._several(calls):
            return
        told = list(map(_Told.of, calls))
        if silent := [one for one in told if one.silent]:
            around = _Around(told)
            for one in sorted(silent, key=lambda one: one.maker == OURS):
                if (twin := around.twin_of(one)) is not None:
                    yield one.call, twin.call, twin.counts
                elif (counts := one.known_in(table)) is not None:
                    yield one.call, None, counts
        for one in (*silent, *(one for one in told if not one.silent)):  # who tells more, at last
            one.note(table)

    def _several(self, calls: Iterable[SeenCall]) -> bool:
        """Whether more than one maker's calls were ever seen."""
        if len(self._makers) < 2:
            self._makers.update(maker_of(call.span) for call in calls)
        return len(self._makers) > 1


class _Told(NamedTuple):
    call: SeenCall
    maker: str
    counts: bytes
    """Id of the call that it repeats already, or its own."""
    failed: bool
    silent: bool
    keys: list[Key]
    """What the same call has in common with it: a place and a model."""

    @classmethod
    def of(cls, call: SeenCall) -> _Told:
        span = call.span
        maker, repeated = maker_of(span), span.text(own.DUPLICATE_OF)
        closed = span.facts[facts.ERROR_TYPE] == _CLOSED
        models = models_of(span)
        return cls(
            call,
            maker,
            bytes.fromhex(repeated) if repeated else call.id,
            span.is_error and not closed,
            not repeated and call.tokens == UNTOLD and not call.response,
            [(p, f"told {call.kind} {m}") for p in _places(call, maker) for m in models],
        )

    def known_in(self, table: Table) -> bytes | None:
        """Return the id of the same call in an earlier batch, which ended when this one did."""
        ended = self.call.span.end_ns // SLACK_NS
        for place, what in self.keys:
            sought = f"failed {what}" if self.failed else what
            for at in (ended, ended - 1, ended + 1):
                known = table.get((place, f"{sought} {at}"))
                if known and known[1] != self.maker and _beside(self.call.span, *known[2]):
                    return known[0]
        return None

    def note(self, table: Table) -> None:
        """Let those find it that say nothing of it."""
        span = self.call.span
        known = self.counts, self.maker, (span.start_ns, span.end_ns)
        for place, what in self.keys:
            at = f"{what} {span.end_ns // SLACK_NS}"
            table[place, at] = known
            if self.failed:
                table[place, f"failed {at}"] = known


def _start(told: _Told) -> int:
    return told.call.span.start_ns


def _places(call: SeenCall, maker: str) -> list[bytes]:
    """Return where the same call may be said to be."""
    in_run = maker == _RUNS or (call.trace[6] >> 4 in _UUIDS and call.trace[8] >> 6 == _VARIANT)
    here = place_of(call)
    program = program_of(call.span) if in_run else here
    return [here] if program == here else [here, program]


_UUIDS: Final = (4, 7)
"""Versions of UUIDs that runs of LangSmith have,"""
_VARIANT: Final = 0b10
"""and their variant (RFC 9562)."""


class _Around:
    """The calls of one batch, each of which is told of once by a maker."""

    def __init__(self, told: list[_Told]) -> None:
        self._by_key: dict[Key, list[_Told]] = {}
        self._makers: dict[bytes, set[str]] = {}
        for one in sorted(told, key=_start):
            self._makers.setdefault(one.counts, set()).add(one.maker)
            for key in one.keys:
                self._by_key.setdefault(key, []).append(one)

    def twin_of(self, silent: _Told) -> _Told | None:
        """Return who tells of the same call, and note that ``silent`` does."""
        near = [other for key in silent.keys for other in self._near(key, silent.call.span)]
        same = [other for other in near if self._is_same(silent, other)]
        if not same:
            return None
        found = min(same, key=lambda other: _apart(silent.call.span, other.call.span))
        self._makers[found.counts] |= self._makers.pop(silent.counts)
        return found

    def _near(self, key: Key, span: SpanView) -> list[_Told]:
        beside = self._by_key[key]
        last = bisect_right(beside, span.end_ns + SLACK_NS, key=_start)
        return beside[max(0, last - _NEAR) : last]

    def _is_same(self, silent: _Told, other: _Told) -> bool:
        """Whether they may be one call, of which no maker told twice."""
        told = self._makers.get(other.counts)
        if told is None or told & self._makers[silent.counts]:
            return False
        span = other.call.span
        agree = other.failed or not silent.failed
        return agree and _beside(silent.call.span, span.start_ns, span.end_ns)


def _apart(span: SpanView, other: SpanView) -> int:
    return abs(span.start_ns - other.start_ns) + abs(span.end_ns - other.end_ns)


def _beside(silent: SpanView, start: int | None, end: int | None) -> bool:
    """Whether ``silent`` is within a call from ``start`` to ``end``, or at the same time."""
    if start is None or end is None:
        return False
    within = start - SLACK_NS <= silent.start_ns and silent.end_ns <= end + SLACK_NS
    return within or together(silent, start, end)
