"""What the store did with the calls it was given, for ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterable

from otel_llm.store import CallWriter, SpanWriter

from ..observers.store_keeper import StoreKeeper
from .samples import Family, Measure, counter, gauge


def store_measures(
    writer: CallWriter, keeper: StoreKeeper | None = None, spans: SpanWriter | None = None
) -> Measure:
    """The measures of ``writer`` and ``spans``: nothing they lose goes uncounted. ``keeper`` makes
    good some."""

    def families() -> Iterable[Family]:
        yield counter("otel_llm_store_calls", "Calls that were stored", writer.written)
        yield counter(
            "otel_llm_store_duplicate_calls",
            "Calls that were delivered again, or that no table can hold",
            writer.duplicates,
        )
        yield counter(
            "otel_llm_store_dropped_calls",
            "Calls that found the store's queue full",
            writer.dropped,
        )
        yield counter(
            "otel_llm_store_failed_calls", "Calls the store could not take", writer.failed
        )
        if keeper:
            yield counter(
                "otel_llm_store_refilled_calls",
                "Calls that the store did not take when they came, read again from the journal",
                keeper.refilled,
            )
        yield gauge("otel_llm_store_pending_calls", "Calls that wait to be stored", writer.pending)
        if spans:
            yield counter("otel_llm_store_spans", "Other spans that were stored", spans.written)
            yield counter(
                "otel_llm_store_dropped_spans",
                "Other spans that found the store's queue full",
                spans.dropped,
            )
            yield counter(
                "otel_llm_store_failed_spans",
                "Other spans the store could not take",
                spans.failed,
            )

    return families
