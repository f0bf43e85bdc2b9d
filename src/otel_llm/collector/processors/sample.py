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

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from otel_llm.config.units import Duration, Size
from otel_llm.semconv import own

from ..conditions import any_holds, parse_all
from ..data import Batch
from ..measures.samples import Family, Sample
from ..sampling import Sampling
from ..sampling.verdicts import OwnVerdicts, Rules, Seen, Verdicts

if TYPE_CHECKING:
    from ..data import SpanView

_NEVER = 2**63 - 1
"""Start of a span that does not say when: later than all others."""


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
        parse_all(self.keep, "keep")


class SampleProcessor:
    """Learns about traces as they come and says, later, what of them to keep. Thread-safe."""

    def __init__(self, config: SampleConfig | None = None) -> None:
        self.config = config = config or SampleConfig()
        self.room = Sampling(self, config.decision_wait, config.buffer_size)
        """Where requests wait; to be started and stopped by whoever runs the pipeline."""
        self.verdicts: Verdicts = OwnVerdicts(
            Rules(config.rate, config.slow, config.expensive, config.max_traces)
        )
        """What is known of the traces; in one of several processes, what all of them know."""
        self._keep = parse_all(config.keep)
        self._spans: Counter[str] = Counter()
        self._lock = Lock()

    def process(self, batch: Batch) -> None:
        """Learn; nothing is dropped yet."""
        seen: dict[str, Seen] = {}
        for span in batch.spans():
            trace_id, said = span.trace_id, self._said(span)
            seen[trace_id] = seen[trace_id].beside(said) if trace_id in seen else said
        if seen:
            self.verdicts.learn(seen)

    def kept(self, payload: bytes) -> bytes:
        """Return the spans of a request that has waited long enough whose traces are kept. Raises
        ``Undecided``."""
        batch = Batch.open(payload)
        spans = list(batch.spans())
        kept = self.verdicts.kept(list({span.trace_id: None for span in spans}))
        batch.drop([span for span in spans if span.trace_id not in kept])
        with self._lock:
            self._spans["dropped"] += batch.dropped
            self._spans["kept"] += len(batch) - batch.dropped
        return batch.to_bytes()

    def measure(self) -> Iterator[Family]:
        """Give what was decided for ``/metrics``."""
        with self._lock:
            spans = dict(self._spans)
        yield from self.verdicts.measure()
        outcomes = [Sample(n, {"outcome": outcome}, "_total") for outcome, n in spans.items()]
        yield Family("otel_llm_sample_spans", "counter", "Spans kept and dropped", outcomes)

    def _said(self, span: SpanView) -> Seen:
        start, end = span.start_ns, span.end_ns
        return Seen(start or end or _NEVER, end or start, _cost(span), self._policy(span))

    def _policy(self, span: SpanView) -> str | None:
        config = self.config
        if config.errors and span.is_error:
            return "error"
        if config.flagged and span.texts(own.QUALITY_FLAGS):
            return "flagged"
        return "condition" if any_holds(self._keep, span) else None


def _cost(span: SpanView) -> float:
    """A call that was seen twice costs once."""
    if not span.has(own.COST_TOTAL) or span.has(own.DUPLICATE_OF):
        return 0.0
    return span.number(own.COST_TOTAL) or 0.0
