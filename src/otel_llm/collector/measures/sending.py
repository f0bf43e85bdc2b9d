"""Senders on ``/metrics``, in the OpenTelemetry Collector's names where it has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..outbox import JournalOutbox, Outbox
from ..protocol import ITEMS
from ..sending import Sender
from ..sending.status import SenderStatus
from .samples import Family, Kind, Sample

_Read = Callable[[SenderStatus], float]

_BY_SIGNAL: tuple[tuple[str, str, _Read], ...] = (
    ("sent", "Accepted by the destination", lambda s: s.sent),
    ("send_failed", "Refused for good by the destination, or too old", lambda s: s.failed),
    ("enqueue_failed", "Not enqueued: the queue was full", lambda s: s.enqueue_failed),
)
_BY_SENDER: tuple[tuple[str, Kind, str, _Read], ...] = (
    ("otelcol_exporter_queue_size", "gauge", "Bytes that wait", lambda s: s.queue_bytes),
    (
        "otelcol_exporter_queue_capacity",
        "gauge",
        "Bytes that can wait",
        lambda s: s.queue_capacity_bytes,
    ),
    (
        "otel_llm_exporter_queue_oldest_seconds",
        "gauge",
        "Age of what has waited longest",
        lambda s: s.oldest_s or 0.0,
    ),
    ("otel_llm_exporter_requests", "counter", "Requests accepted", lambda s: s.requests),
    ("otel_llm_exporter_sent_bytes", "counter", "Bytes accepted", lambda s: s.sent_bytes),
    ("otel_llm_exporter_retries", "counter", "Attempts to be repeated", lambda s: s.retries),
    (
        "otel_llm_exporter_rejected_items",
        "counter",
        "Lost to partial success",
        lambda s: s.rejected,
    ),
    (
        "otel_llm_exporter_dead_lettered_items",
        "counter",
        "Kept in the dead letter",
        lambda s: s.dead_lettered,
    ),
    (
        "otel_llm_exporter_corrupt_bytes",
        "counter",
        "Lost on the disk before they could be sent",
        lambda s: s.corrupt_bytes,
    ),
    (
        "otel_llm_exporter_circuit_open",
        "gauge",
        "1 from a retryable failure until the next success",
        lambda s: int(s.circuit == "open"),
    ),
)


def measure(senders: Sequence[Sender[Any]]) -> Iterator[Family]:
    """Give the present values of all senders, of all signals."""
    statuses = [sender.status() for sender in senders]
    for verb, help, read in _BY_SIGNAL:
        for signal, items in ITEMS.items():
            of_signal = [status for status in statuses if status.signal == signal]
            yield _family(f"otelcol_exporter_{verb}_{items}", "counter", help, of_signal, read)
    for name, kind, help, read in _BY_SENDER:
        yield _family(name, kind, help, statuses, read)


def measure_journals(outboxes: Mapping[str, Outbox]) -> Iterator[Family]:
    """Give what the journals take up on the disk, by pipeline."""
    journals = {n: box.journal for n, box in outboxes.items() if isinstance(box, JournalOutbox)}
    size = [Sample(j.size_bytes, {"pipeline": n}) for n, j in journals.items()]
    room = [Sample(j.max_bytes, {"pipeline": n}) for n, j in journals.items()]
    yield Family("otel_llm_journal_size_bytes", "gauge", "Bytes on the disk", size)
    yield Family("otel_llm_journal_capacity_bytes", "gauge", "Bytes there may be", room)


def _family(
    name: str, kind: Kind, help: str, statuses: Iterable[SenderStatus], read: _Read
) -> Family:
    suffix = "_total" if kind == "counter" else ""
    samples = [Sample(read(status), _labels(status), suffix) for status in statuses]
    return Family(name, kind, help, samples)


def _labels(status: SenderStatus) -> dict[str, str]:
    return {"exporter": status.name, "data_type": status.signal}
