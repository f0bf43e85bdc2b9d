"""``sample``: keeps whole traces that matter and a share of the others, for the destinations.

A trace waits ``decision_wait`` and is then kept or dropped as a whole: kept are traces with an
error, with a quality flag, that took long, that cost much, for one of whose spans a condition of
``keep`` holds (see ``filter``), and of all others the share ``rate``, chosen by a hash of the trace
id, so that several collectors choose the same. The store, the totals and the alerts see everything:
they count before. What is dropped is counted, by policy; it is no loss.

It is the last processor of a pipeline. With a ``journal``, traces that wait for their decision
survive the process; without, they are in memory, at most ``buffer_size`` bytes of them. Where there
is no more room, the oldest are decided early. When the collector stops, all are decided at once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING

from otel_llm.config.units import Duration, Size
from otel_llm.semconv import own

from ..conditions import any_holds, parse_all
from ..data import Batch
from ..samples import Family, Sample
from ..sampling import Sampling

if TYPE_CHECKING:
    from ..data import SpanView

_REMEMBERED = 4
"""Decisions that are remembered for late spans, per trace that may wait."""
_HASHES = 1 << 64


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """Settings of the ``sample`` processor."""

    rate: float = 1.0
    """Share of the traces that are kept without a reason, from 0 to 1."""
    errors: bool = True
    """Keep traces with a span whose status is error."""
    flagged: bool = True
    """Keep traces with a quality flag."""
    slow: Duration | None = None
    """Keep traces that took at least so long."""
    expensive: float | None = None
    """Keep traces whose calls cost at least so much together, in the currency of ``cost``."""
    keep: tuple[str, ...] = ()
    """Conditions; traces with a span for which one of them holds are kept."""
    decision_wait: Duration = 30.0
    """How long the spans of a trace are waited for."""
    max_traces: int = 50_000
    """Traces that may wait; beyond, the oldest are decided early."""
    buffer_size: Size = 256 * 2**20
    """Bytes that may wait in memory, where there is no journal."""

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError("rate must be between 0 and 1")
        if self.max_traces < 1:
            raise ValueError("max_traces must be at least 1")
        parse_all(self.keep)


class _Trace:
    """What is known of a trace that waits."""

    __slots__ = ("cost", "end_ns", "policy", "start_ns")

    def __init__(self) -> None:
        self.start_ns, self.end_ns = _HASHES, 0
        self.cost = 0.0
        self.policy: str | None = None


class SampleProcessor:
    """Learns about traces as they come and says, later, what of them to keep. Thread-safe."""

    def __init__(self, config: SampleConfig | None = None) -> None:
        self.config = config = config or SampleConfig()
        self.room = Sampling(self, config.decision_wait, config.buffer_size)
        """Where requests wait; to be started and stopped by whoever runs the pipeline."""
        self._keep = parse_all(config.keep)
        self._waiting: OrderedDict[str, _Trace] = OrderedDict()
        self._decided: OrderedDict[str, bool] = OrderedDict()
        self._traces: Counter[str] = Counter()
        self._spans: Counter[str] = Counter()
        self._lock = Lock()

    def process(self, batch: Batch) -> None:
        """Learn; nothing is dropped yet."""
        with self._lock:
            for span in batch.spans():
                self._learn(span)

    def kept(self, payload: bytes) -> bytes:
        """Return the spans of a request that has waited long enough whose traces are kept."""
        batch = Batch.open(payload)
        spans = list(batch.spans())
        with self._lock:
            batch.drop([span for span in spans if not self._decision(span.trace_id)])
            self._spans["dropped"] += batch.dropped
            self._spans["kept"] += len(batch) - batch.dropped
        return batch.to_bytes()

    def measure(self) -> Iterator[Family]:
        """Give what was decided for ``/metrics``."""
        with self._lock:
            traces, spans, waiting = dict(self._traces), dict(self._spans), len(self._waiting)
        by_policy = [Sample(n, {"policy": policy}, "_total") for policy, n in traces.items()]
        yield Family("otel_llm_sample_traces", "counter", "Traces decided, by policy", by_policy)
        outcomes = [Sample(n, {"outcome": outcome}, "_total") for outcome, n in spans.items()]
        yield Family("otel_llm_sample_spans", "counter", "Spans kept and dropped", outcomes)
        gauge = [Sample(waiting)]
        yield Family("otel_llm_sample_waiting_traces", "gauge", "Traces not decided yet", gauge)

    def _learn(self, span: SpanView) -> None:
        trace_id = span.trace_id
        if trace_id in self._decided:
            return
        trace = self._waiting.get(trace_id)
        if trace is None:
            trace = self._waiting[trace_id] = _Trace()
            if len(self._waiting) > self.config.max_traces:
                self._decide(next(iter(self._waiting)))
        trace.start_ns = min(trace.start_ns, span.start_ns)
        trace.end_ns = max(trace.end_ns, span.end_ns)
        trace.cost += _cost(span)
        trace.policy = trace.policy or self._policy(span)

    def _policy(self, span: SpanView) -> str | None:
        config = self.config
        if config.errors and span.is_error:
            return "error"
        if config.flagged and span.texts(own.QUALITY_FLAGS):
            return "flagged"
        return "condition" if any_holds(self._keep, span) else None

    def _decision(self, trace_id: str) -> bool:
        decided = self._decided.get(trace_id)
        return self._decide(trace_id) if decided is None else decided

    def _decide(self, trace_id: str) -> bool:
        """Decide once; what nobody remembers any more is decided by its id alone."""
        trace = self._waiting.pop(trace_id, None)
        policy = (trace and self._reason(trace)) or self._by_rate(trace_id)
        self._traces[policy] += 1
        kept = self._decided[trace_id] = policy != "none"
        if len(self._decided) > _REMEMBERED * self.config.max_traces:
            self._decided.popitem(last=False)
        return kept

    def _reason(self, trace: _Trace) -> str | None:
        slow, expensive = self.config.slow, self.config.expensive
        if trace.policy:
            return trace.policy
        if slow is not None and trace.end_ns - trace.start_ns >= slow * 1e9:
            return "slow"
        return "expensive" if expensive is not None and trace.cost >= expensive else None

    def _by_rate(self, trace_id: str) -> str:
        hashed = int.from_bytes(blake2b(trace_id.encode(), digest_size=8).digest())
        return "rate" if hashed < self.config.rate * _HASHES else "none"


def _cost(span: SpanView) -> float:
    """A call that was seen twice costs once."""
    if not span.has(own.COST_TOTAL) or span.has(own.DUPLICATE_OF):
        return 0.0
    return span.number(own.COST_TOTAL) or 0.0
