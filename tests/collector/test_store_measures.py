"""The store's own counters."""

from __future__ import annotations

from otel_llm.collector.measures.samples import counter, gauge
from otel_llm.collector.measures.store import store_measures
from otel_llm.store import CallWriter, DuckDBStore, PlainSpan, SpanWriter, StoreConfig
from tests.store.examples import a_call


def test_what_was_stored_dropped_and_seen_twice_is_counted():
    store = DuckDBStore(StoreConfig(retain_for=0, max_pending_calls=3))
    writer = CallWriter(store)
    writer.observe([a_call(1), a_call(2), a_call(2), a_call(4)])
    writer.start()
    writer.close()
    writer.observe([a_call(5)])

    families = list(store_measures(writer)())

    assert families == [
        counter("otel_llm_store_calls", "Calls that were stored", 2),
        counter(
            "otel_llm_store_duplicate_calls",
            "Calls that were delivered again, or that no table can hold",
            1,
        ),
        counter("otel_llm_store_dropped_calls", "Calls that found the store's queue full", 1),
        counter("otel_llm_store_failed_calls", "Calls the store could not take", 0),
        gauge("otel_llm_store_pending_calls", "Calls that wait to be stored", 1),
    ]
    store.close()


def test_other_spans_are_counted_where_they_are_kept():
    store = DuckDBStore(StoreConfig(retain_for=0, max_pending_calls=2))
    spans = SpanWriter(store)
    spans.observe([PlainSpan("01" * 16, f"0{n}" * 8, None, "GET", 2, 1, 2) for n in (1, 2, 3)])
    spans.start()
    spans.close()
    store.close()

    counted = [f for f in store_measures(CallWriter(store), spans=spans)() if "spans" in f.name]

    assert counted == [
        counter("otel_llm_store_spans", "Other spans that were stored", 2),
        counter("otel_llm_store_dropped_spans", "Other spans that found the store's queue full", 1),
        counter("otel_llm_store_failed_spans", "Other spans the store could not take", 0),
    ]
