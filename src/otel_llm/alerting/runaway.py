"""Sessions and traces that call faster than anybody means to: loops that nobody stops.

Followed over the last minute of event time, model calls and tool calls alike. What is over a limit
is the signal ``runaway`` (the value over its limit), and is denied to an application that asks
before its next call, so that a loop ends softly.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from otel_llm.config.units import Duration
from otel_llm.genai import Call
from otel_llm.stats.denial import Denial
from otel_llm.stats.dimensions import label
from otel_llm.stats.ended import ended

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


class _Pace:
    """What one session or trace did in the last minute, in steps of five seconds."""

    __slots__ = ("_calls", "_tokens", "calls", "repeats", "step", "tokens", "tool", "tool_at")

    def __init__(self, step: int) -> None:
        self.step = step
        self.calls = self.tokens = self.repeats = 0
        self.tool: str | None = None
        self.tool_at = 0.0
        self._calls = [0] * _STEPS
        self._tokens = [0] * _STEPS

    def call(self, step: int, tokens: int) -> None:
        """Count a model call."""
        if step > self.step:
            self._move(step)
        place = step % _STEPS
        self._calls[place] += 1
        self._tokens[place] += tokens
        self.calls += 1
        self.tokens += tokens

    def _move(self, step: int) -> None:
        """Let go of what is older than a minute at ``step``."""
        for old in range(self.step + 1, min(step, self.step + _STEPS) + 1):
            place = old % _STEPS
            self.calls -= self._calls[place]
            self.tokens -= self._tokens[place]
            self._calls[place] = self._tokens[place] = 0
        self.step = step

    def use(self, tool: str, at: float) -> None:
        """Count a tool call."""
        again = tool == self.tool and at - self.tool_at <= _MINUTE_S
        self.repeats = self.repeats + 1 if again else 1
        self.tool, self.tool_at = tool, at


_READ: Mapping[Limit, Callable[[_Pace], int]] = {
    "calls_per_minute": lambda pace: pace.calls,
    "tokens_per_minute": lambda pace: pace.tokens,
    "tool_repeats": lambda pace: pace.repeats,
}


def _checks(limits: Mapping[Limit, int]) -> list[tuple[Limit, Callable[[_Pace], int], int]]:
    return [(limit, _READ[limit], most) for limit, most in limits.items()]


class Runaways:
    """Follows sessions and traces. Thread-safe; the clock is passed in."""

    def __init__(self, config: RunawayConfig) -> None:
        self._limits = _checks(config.limits())
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
                at = ended(call, now)
                if at > now - _MINUTE_S + _STEP_S and (call.billed or call.tool_name):
                    self._follow(_whose(call), call, at)

    def _follow(self, who: Who, call: Call, at: float) -> None:
        step = int(at // _STEP_S)
        pace = self._paces.get(who)
        if pace is None or step <= pace.step - _STEPS:  # or the clock was set back
            pace = self._begin(who, step)
        self._paces.move_to_end(who)
        if call.billed:
            pace.call(step, call.tokens or 0)
        else:
            pace.use(call.tool_name or "", at)
        for limit, read, most in self._limits:
            if (value := read(pace)) > most:
                self._over[who, limit] = Runaway(who, limit, value / most, at, call.trace_id)

    def _begin(self, who: Who, step: int) -> _Pace:
        pace = self._paces[who] = _Pace(step)
        if len(self._paces) > _FOLLOWED:
            self._paces.popitem(last=False)
        return pace

    def found(self, now: float) -> tuple[Runaway, ...]:
        """Return what is over a limit, or was within ``hold``."""
        with self._lock:
            for key in [k for k, one in self._over.items() if abs(now - one.at) > self._hold_s]:
                del self._over[key]
            return tuple(self._over.values())

    def told(self, now: float) -> Told:
        """The signal ``runaway``."""
        return [({**_scope(one.who), "limit": one.limit}, one.factor) for one in self.found(now)]

    def example(self, labels: Mapping[str, str]) -> str | None:
        """Return a trace that shows what ``told`` says under ``labels``."""
        with self._lock:
            over = self._over.values()
            return next((o.trace_id for o in over if _scope(o.who).items() <= labels.items()), None)

    def denials(self, now: float) -> Iterator[Denial]:
        """Yield what is denied to whom: to a session, and to the trace that it runs away in."""
        for one in self.found(now):
            yield Denial("runaway", one.limit, {one.who[0]: label(one.who[1])})
            if one.who[0] == "session":
                yield Denial("runaway", one.limit, {"trace": one.trace_id})


def _whose(call: Call) -> Who:
    """Return the session; of a call that names none, the trace."""
    return ("session", call.conversation_id) if call.conversation_id else ("trace", call.trace_id)


def _scope(who: Who) -> dict[str, str]:
    return {"scope": who[0], "id": label(who[1])}
