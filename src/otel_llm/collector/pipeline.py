"""From a receiver to the senders: one request in, its processed bytes out.

A processor or an observer that fails costs nobody else anything: the batch goes on, the failure
is counted, and logged once for that component. Only where a processor keeps something from getting
out (``fails_closed``), nothing goes on without it.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .calls import read_call
from .calls.once import Once
from .component import Arrival, Forward, Kept, Observer, Processor, Signal, to_each
from .data import Batch, SpanView
from .data.facts import DUPLICATE_OF, OPERATION
from .data.records import Records
from .errors import DeliveryError, Malformed, Permanent
from .kept import all_of, then
from .measures.counters import Counters
from .protocol import ITEMS
from .wire.envelope import checked_count
from .wire.pieces import in_pieces
from .wire.slim import NotProtobuf

if TYPE_CHECKING:
    from otel_llm.genai import Call

_log = logging.getLogger(__name__)

BROKEN: Final = "broken inside, so that nothing in it could be redacted"
"""Why a sender is told that an item was not taken, by a pipeline that lets nothing else go on."""


class TracePipeline:
    """Processors in order, then the senders, then the observers.

    Observers come last, and once we answer for the data: what the senders refuse, or the disk does
    not take, is sent again by whoever sent it, and must not be counted twice.
    """

    def __init__(
        self,
        processors: Mapping[str, Processor],
        observers: Mapping[str, Observer],
        forward: Forward,
        *,
        strict: bool = False,
        counters: Counters | None = None,
        once: Once | None = None,
    ) -> None:
        """Keys are the components' names. ``once`` keeps from the observers what they have seen.
        ``strict`` refuses what a full protobuf parse refuses: garbage inside a span, text that is
        no UTF-8; it costs about as much again as receiving.
        """
        self.counters = counters or Counters()
        self._processors = _guarded("processor", processors, self.counters)
        self._observers = _guarded("observer", observers, self.counters)
        # We have answered for the data by then: what goes wrong must not make the sender come back.
        self._reading = _Guard("observer", "calls", self.counters, closed=False)
        self._strict = strict
        self._once = once
        self._foreign = any(getattr(p, "reads_dialects", False) for p in processors.values())
        self._closed = any(getattr(p, "fails_closed", False) for p in processors.values())
        self._forward = _Edge("traces", forward, self.counters)

    def consume(
        self,
        payload: bytes,
        arrival: Arrival | None = None,
        *,
        others: Sequence[Kept] | None = (),
    ) -> Kept:
        """Process one request, a large one in pieces, and let all of it go on or nothing; returns
        from when on we answer for it. Raises ``Malformed``, what the senders raise, and what a
        processor raises without which nothing may go on.

        ``others``: where several pipelines take the same data, what those before returned; one of
        them, the last, counts it and shows it to the observers: for the others it is ``None``.
        """
        arrival = arrival or Arrival()
        observed = bool(self._observers) and others is not None
        done = _Done()
        for piece in self._pieces(payload):
            self._process(piece, done, observed=observed)
        kept = self._forward(done, arrival, others)
        for name, number in done.counts.items():
            self.counters.add(name, number)
        if calls := done.calls:
            then(kept, lambda taken: self._show(calls) if taken and arrival.is_shown() else None)
        return kept

    def _pieces(self, payload: bytes) -> Iterator[bytes]:
        try:
            yield from in_pieces(payload)
        except Malformed:
            raise self._malformed() from None

    def _process(self, piece: bytes, done: _Done, *, observed: bool) -> None:
        batch = self._open(piece)
        broken = _processed(self._processors, batch)
        if self._closed:
            before = batch.dropped
            batch.drop_unreadable()
            broken += batch.dropped - before
        done.add(batch.to_bytes(), len(batch), broken, batch.dropped)
        done.counts.update(_counted(batch))
        if observed:
            self._read(batch, done.calls)

    def _open(self, payload: bytes) -> Batch:
        try:
            if self._strict:
                ExportTraceServiceRequest.FromString(payload)
            return Batch.open(payload, foreign=self._foreign)
        except (Malformed, NotProtobuf):
            raise self._malformed() from None

    def _malformed(self) -> Malformed:
        self.counters.add("otel_llm_pipeline_malformed", signal="traces")
        return Malformed("the body is no OTLP traces request")

    def _read(self, batch: Batch, calls: list[Call]) -> None:
        def read(span: SpanView) -> None:
            if _is_call(span):
                calls.append(read_call(span))

        with self._reading:
            to_each(batch.genai(), read)

    def _show(self, calls: Sequence[Call]) -> None:
        calls = self._once.new(calls) if self._once else calls
        for observer, guard in self._observers:
            with guard:
                observer.observe(calls)


def _counted(batch: Batch) -> dict[str, int]:
    genai = batch.genai()
    counts = {
        "otel_llm_pipeline_genai_spans": len(genai),
        "otel_llm_pipeline_enriched_spans": sum([s.touched for s in genai]),
    }
    if batch.unreadable:
        counts["otel_llm_pipeline_unreadable_spans"] = batch.unreadable
    if batch.dropped:
        counts["otel_llm_pipeline_dropped_spans"] = batch.dropped
    return counts


def _is_call(span: SpanView) -> bool:
    facts = span.facts
    return facts[OPERATION] is not None and facts[DUPLICATE_OF] is None


class RecordPipeline:
    """Metrics and logs: on to the senders as they came, but for what processors change."""

    def __init__(
        self,
        signal: Signal,
        processors: Mapping[str, Processor],
        forward: Forward,
        counters: Counters | None = None,
    ) -> None:
        """As for ``TracePipeline``."""
        self.counters = counters or Counters()
        self._signal: Signal = signal
        self._processors = _guarded("processor", processors, self.counters)
        self._forward = _Edge(signal, forward, self.counters)

    def consume(
        self,
        payload: bytes,
        arrival: Arrival | None = None,
        *,
        others: Sequence[Kept] | None = (),
    ) -> Kept:
        """Process one request. Takes, returns and raises as ``TracePipeline`` does."""
        arrival = arrival or Arrival()
        done = _Done()
        try:
            for piece in in_pieces(payload):
                self._process(piece, done)
        except Malformed:
            self.counters.add("otel_llm_pipeline_malformed", signal=self._signal)
            raise
        kept = self._forward(done, arrival, others)
        if done.dropped:
            name = f"otel_llm_pipeline_dropped_{ITEMS[self._signal]}"
            self.counters.add(name, done.dropped)
        return kept

    def _process(self, piece: bytes, done: _Done) -> None:
        items = checked_count(self._signal, piece)
        records = Records(self._signal, piece)
        broken = _processed(self._processors, records)
        done.add(records.to_bytes(), items, broken, records.dropped)


def _processed(processors: Sequence[tuple[Processor, _Guard]], items: Batch | Records) -> int:
    """Let all of them look; return how many items those took out that let nothing pass which they
    could not look into."""
    broken = 0
    for processor, guard in processors:
        before = items.dropped
        with guard:
            processor.process(items)
        if guard.closed:
            broken += items.dropped - before
    return broken


class _Done:
    """What came of the pieces of one request. Nothing of it goes on before all of it may."""

    __slots__ = ("_pieces", "broken", "calls", "counts", "dropped", "items")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.items = self.dropped = self.broken = 0
        """How many came, were taken out, and of those because nobody could look into them."""
        self.counts = Counter[str]()
        self.calls: list[Call] = []
        """For the observers."""

    def add(self, piece: bytes, items: int, broken: int, dropped: int) -> None:
        """Add a piece, in which ``items`` came."""
        self._pieces.append(piece)
        self.items += items
        self.broken += broken
        self.dropped += dropped

    def joined(self) -> bytes:
        """Return the whole again, once: one request after the other is one in OTLP."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class _Edge:
    """Hands requests to the senders and counts what they took."""

    def __init__(self, signal: Signal, forward: Forward, counters: Counters) -> None:
        self._signal: Signal = signal
        self._forward = forward
        self._counters = counters

    def __call__(self, done: _Done, arrival: Arrival, others: Sequence[Kept] | None) -> Kept:
        arrival.reject(done.broken, BROKEN)
        came = done.items - done.broken
        if not came:
            return all_of(others or ())  # an empty envelope: senders should not send one
        try:
            left = done.items - done.dropped
            kept = self._forward(self._signal, done.joined()) if left else None
        except BaseException:
            self._count(arrival, came, taken=False)
            raise
        if others is None:
            return kept
        kept = all_of([*others, kept])
        then(kept, lambda taken: self._count(arrival, came, taken=taken))
        return kept

    def _count(self, arrival: Arrival, came: int, *, taken: bool) -> None:
        if not arrival.is_counted:
            count_arrived(self._counters, self._signal, arrival, came, taken=taken)


def count_arrived(
    counters: Counters, signal: Signal, arrival: Arrival, items: int, *, taken: bool
) -> None:
    """Count the items of a request by what their sender was told."""
    labels = {"receiver": arrival.receiver, "transport": arrival.transport}
    given = {name: value for name, value in labels.items() if value}
    outcome = "accepted" if taken else "refused"
    counters.add(f"otelcol_receiver_{outcome}_{ITEMS[signal]}", items, **given)


class _Guard:
    """Keeps a component's mistake from the batch."""

    def __init__(self, kind: str, name: str, counters: Counters, closed: bool) -> None:
        """``closed``: the batch may not go on without this component's work."""
        self._kind, self._name = kind, name
        self._seconds = f"otel_llm_{kind}_seconds"
        self.closed = closed
        self._counters = counters
        self._said = False
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        took_s = perf_counter() - self._since
        self._counters.add(self._seconds, took_s, component=self._name)
        if not isinstance(error, Exception):
            return False
        self._counters.add(f"otel_llm_{self._kind}_failures", component=self._name)
        if not self._said:
            self._said = True
            self._say(error, trace)
        if self.closed and not isinstance(error, DeliveryError):
            raise Permanent(f"{self._name} failed, and nothing may go on without it") from None
        return not self.closed

    def _say(self, error: Exception, trace: TracebackType | None) -> None:
        """Log where and of what type, never the message: it may quote a prompt or a key."""
        place = traceback.extract_tb(trace)[-1]
        _log.error(
            "%s %s failed with %s at %s:%s; %s (said once, counted as otel_llm_%s_failures)",
            self._kind,
            self._name,
            type(error).__name__,
            place.filename,
            place.lineno,
            "nothing goes on" if self.closed else "what it would have done is missing",
            self._kind,
        )


C = TypeVar("C")


def _guarded(kind: str, components: Mapping[str, C], counters: Counters) -> list[tuple[C, _Guard]]:
    return [
        (part, _Guard(kind, name, counters, getattr(part, "fails_closed", False)))
        for name, part in components.items()
    ]
