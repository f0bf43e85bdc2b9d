"""What is known of traces that wait, and which of them are kept: the memory behind ``sample``.

One collector has one such memory, also when it is several processes: the spans of one trace may
arrive at all of them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import Final, NamedTuple, Protocol

from ..measures.samples import Family, Sample

REMEMBERED: Final = 4
"""Decisions that are remembered for late spans, per trace that may wait."""
_HASHES: Final = 1 << 64


class Seen(NamedTuple):
    """What one request says of one trace."""

    start_ns: int
    end_ns: int
    cost: float
    policy: str | None
    """Why it is to be kept, if a span of it says so."""

    def beside(self, other: Seen) -> Seen:
        """Return what both say together."""
        return Seen(
            min(self.start_ns, other.start_ns),
            max(self.end_ns, other.end_ns),
            self.cost + other.cost,
            self.policy or other.policy,
        )


class Undecided(Exception):
    """Nobody can say any more what is kept: the process that knows is gone."""


class Verdicts(Protocol):
    """Learns of traces and decides about each once. Thread-safe."""

    def learn(self, seen: Mapping[str, Seen]) -> None:
        """Take note, by trace id. What is decided stays decided."""
        ...

    def kept(self, trace_ids: Sequence[str]) -> Collection[str]:
        """Decide; return those that are kept. Raises ``Undecided``."""
        ...

    def measure(self) -> Iterator[Family]:
        """Give what was decided for ``/metrics``."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What a trace is kept for, beside what its spans say."""

    rate: float
    slow_s: float | None
    expensive: float | None
    max_traces: int


class OwnVerdicts:
    """``Verdicts`` of this process."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._waiting: OrderedDict[str, Seen] = OrderedDict()
        self._decided: OrderedDict[str, bool] = OrderedDict()
        self._traces: Counter[str] = Counter()
        self._lock = Lock()

    def learn(self, seen: Mapping[str, Seen]) -> None:
        """See ``Verdicts``: beyond ``max_traces`` that wait, the oldest are decided early."""
        with self._lock:
            for trace_id, more in seen.items():
                if trace_id not in self._decided:
                    known = self._waiting.get(trace_id)
                    self._waiting[trace_id] = known.beside(more) if known else more
            while len(self._waiting) > self._rules.max_traces:
                self._decide(next(iter(self._waiting)))

    def kept(self, trace_ids: Sequence[str]) -> Collection[str]:
        """See ``Verdicts``."""
        with self._lock:
            return {trace_id for trace_id in trace_ids if self._decision(trace_id)}

    def inherit(self, before: OwnVerdicts) -> None:
        """Know what ``before`` knew: traces that wait are decided by the rules there are now."""
        with before._lock:
            waiting, decided = dict(before._waiting), dict(before._decided)
            traces = Counter(before._traces)
        with self._lock:
            self._waiting = OrderedDict({**waiting, **self._waiting})
            self._decided = OrderedDict({**decided, **self._decided})
            self._traces += traces

    def measure(self) -> Iterator[Family]:
        """See ``Verdicts``."""
        with self._lock:
            traces, waiting = dict(self._traces), len(self._waiting)
        by_policy = [Sample(n, {"policy": policy}, "_total") for policy, n in traces.items()]
        yield Family("otel_llm_sample_traces", "counter", "Traces decided, by policy", by_policy)
        gauge = [Sample(waiting)]
        yield Family("otel_llm_sample_waiting_traces", "gauge", "Traces not decided yet", gauge)

    def _decision(self, trace_id: str) -> bool:
        decided = self._decided.get(trace_id)
        return self._decide(trace_id) if decided is None else decided

    def _decide(self, trace_id: str) -> bool:
        """Decide once; what nobody remembers any more is decided by its id alone."""
        seen = self._waiting.pop(trace_id, None)
        policy = (seen and self._reason(seen)) or self._by_rate(trace_id)
        self._traces[policy] += 1
        kept = self._decided[trace_id] = policy != "none"
        if len(self._decided) > REMEMBERED * self._rules.max_traces:
            self._decided.popitem(last=False)
        return kept

    def _reason(self, seen: Seen) -> str | None:
        slow_s, expensive = self._rules.slow_s, self._rules.expensive
        if seen.policy:
            return seen.policy
        if slow_s is not None and seen.end_ns - seen.start_ns >= slow_s * 1e9:
            return "slow"
        return "expensive" if expensive is not None and seen.cost >= expensive else None

    def _by_rate(self, trace_id: str) -> str:
        hashed = int.from_bytes(blake2b(trace_id.encode(), digest_size=8).digest())
        return "rate" if hashed < self._rules.rate * _HASHES else "none"
