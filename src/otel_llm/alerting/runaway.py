"""Sessions and traces that call faster than anybody means to: loops that nobody stops.

Followed over the last minute of event time, model calls and tool calls alike. What is over a limit
is the signal ``runaway`` (the value over its limit), and is denied to an application that asks
before its next call, so that a loop ends softly.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from otel_llm.config.units import Duration
from otel_llm.genai import Call
from otel_llm.stats.denial import Denial
from otel_llm.stats.dimensions import label
from otel_llm.stats.tally import NANO

Limit = Literal["calls_per_minute", "tokens_per_minute", "tool_repeats"]
Who = tuple[Literal["session", "trace"], str]

Told = Iterable[tuple[Mapping[str, str], float]]

_MINUTE_S = 60
_STEP_S = 5
_STEPS = _MINUTE_S // _STEP_S
_FOLLOWED = 10_000
"""So many sessions and traces are followed; the one that was quiet longest makes room."""


@dataclass(frozen=True, slots=True)
class RunawayConfig:
    """From when on one session, or one trace, is taken for a loop. 0 sets no such limit."""

    calls_per_minute: int = 120
    """Model calls."""
    tokens_per_minute: int = 1_000_000
    """Input and output tokens."""
    tool_repeats: int = 25
    """Calls of the same tool without another one in between, none later than a minute after the
    one before."""
    hold: Duration = 60.0
    """How long it counts as one after it was last over a limit."""

    def limits(self) -> Mapping[Limit, int]:
        """Return the limits that are set."""
        given: Mapping[Limit, int] = {
            "calls_per_minute": self.calls_per_minute,
            "tokens_per_minute": self.tokens_per_minute,
            "tool_repeats": self.tool_repeats,
        }
        return {name: limit for name, limit in given.items() if limit > 0}


@dataclass(frozen=True, slots=True)
class Runaway:
    """A session or trace that is over a limit."""

    who: Who
    limit: Limit
    factor: float
    """How far it went, in units of its limit."""
    at: float
    """When it was last over it (Unix seconds)."""
    trace_id: str
    """A trace that shows it."""


@dataclass(slots=True)
class _Pace:
    """What one session or trace did of late."""

    steps: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    """Calls and tokens by step of five seconds."""
    calls: int = 0
    """In all steps together, as ``tokens``."""
    tokens: int = 0
    tool: str | None = None
    repeats: int = 0
    tool_at: float = 0.0

    def add(self, call: Call, at: float) -> None:
        if call.billed:
            self._count(int(at // _STEP_S), call.tokens or 0)
        elif call.tool_name is not None:
            again = call.tool_name == self.tool and at - self.tool_at <= _MINUTE_S
            self.repeats = self.repeats + 1 if again else 1
            self.tool, self.tool_at = call.tool_name, at

    def _count(self, step: int, tokens: int) -> None:
        calls, before = self.steps.get(step, (0, 0))
        self.steps[step] = calls + 1, before + tokens
        self.calls += 1
        self.tokens += tokens
        if not calls:  # a step begins: others end
            for old in [old for old in self.steps if old <= step - _STEPS]:
                calls, before = self.steps.pop(old)
                self.calls -= calls
                self.tokens -= before

    def value(self, limit: Limit) -> int:
        if limit == "tool_repeats":
            return self.repeats
        return self.calls if limit == "calls_per_minute" else self.tokens


class Runaways:
    """Follows sessions and traces. Thread-safe; the clock is passed in."""

    def __init__(self, config: RunawayConfig) -> None:
        self._limits = config.limits()
        self._hold_s = config.hold
        self._lock = threading.Lock()
        self._paces: OrderedDict[Who, _Pace] = OrderedDict()
        self._over: dict[tuple[Who, Limit], Runaway] = {}

    def observe(self, calls: Iterable[Call], now: float) -> None:
        """Follow ``calls``. Those that ended more than a minute ago tell nothing about now."""
        if not self._limits:
            return
        with self._lock:
            for call in calls:
                at = min(call.end_ns / NANO, now) if call.end_ns > 0 else now
                if (call.billed or call.tool_name is not None) and at > now - _MINUTE_S:
                    for who in _whose(call):
                        self._follow(who, call, at)

    def _follow(self, who: Who, call: Call, at: float) -> None:
        pace = self._paces.get(who)
        if pace is None:
            pace = self._paces[who] = _Pace()
            if len(self._paces) > _FOLLOWED:
                self._paces.popitem(last=False)
        else:
            self._paces.move_to_end(who)
        pace.add(call, at)
        for limit, most in self._limits.items():
            value = pace.value(limit)
            if value > most:
                self._over[who, limit] = Runaway(who, limit, value / most, at, call.trace_id)

    def found(self, now: float) -> tuple[Runaway, ...]:
        """Return what is over a limit, or was within ``hold``."""
        with self._lock:
            for key in [k for k, one in self._over.items() if now - one.at > self._hold_s]:
                del self._over[key]
            return tuple(self._over.values())

    def told(self, now: float) -> Told:
        """The signal ``runaway``. A trace of a session that runs away is not told beside it."""
        found = self.found(now)
        shown = {one.trace_id for one in found if one.who[0] == "session"}
        told = [one for one in found if one.who[0] == "session" or one.trace_id not in shown]
        return [({**_scope(one.who), "limit": one.limit}, one.factor) for one in told]

    def example(self, labels: Mapping[str, str]) -> str | None:
        """Return a trace that shows what ``told`` says under ``labels``."""
        with self._lock:
            over = self._over.values()
            return next((o.trace_id for o in over if _scope(o.who).items() <= labels.items()), None)

    def denials(self, now: float) -> Iterator[Denial]:
        """Yield what is denied to whom."""
        for one in self.found(now):
            yield Denial("runaway", one.limit, dict([one.who]))


def _scope(who: Who) -> dict[str, str]:
    return {"scope": who[0], "id": who[1]}


def _whose(call: Call) -> Iterator[Who]:
    yield "trace", call.trace_id
    if session := label(call.conversation_id):
        yield "session", session
