"""The other spans of a trace: kept beside its calls, each once, and shown where they belong."""

from __future__ import annotations

import pytest

from otel_llm.config import ConfigError, build
from otel_llm.store import DuckDBStore, PlainSpan, SpanWriter, StoreConfig, TraceLine

from .examples import DAY, NOON, SECOND, a_call
from .stores import in_memory

TRACE = "a" * 32


def plain(number: int, *, parent: str | None = None, at: int = NOON, **more) -> PlainSpan:
    return PlainSpan(TRACE, f"{number:016x}", parent, f"span {number}", 2, at, at + SECOND, **more)


def test_a_trace_is_shown_whole_and_its_calls_as_before():
    store = in_memory()
    root = plain(1, service="shop", attributes={"http.route": "/ask", "server.port": 80})
    between = plain(2, parent=root.span_id, at=NOON + 1, is_error=True)
    call = a_call(3, at=NOON + 2, trace_id=TRACE, parent_id=between.span_id)
    below = a_call(4, at=NOON + 3, trace_id=TRACE, parent_id=call.span_id)
    store.write([below, call])

    assert store.add_spans([between, root]) == 2
    trace = store.trace(TRACE)

    assert trace is not None
    assert [(span.call, span.depth) for span in trace.spans] == [(call, 0), (below, 1)]
    assert trace.others == (root, between)
    assert trace.lines == [
        TraceLine(root, 0),
        TraceLine(between, 1),
        TraceLine(call, 2),
        TraceLine(below, 3),
    ]
    store.close()


def test_a_span_that_comes_again_is_there_once():
    store = in_memory()
    store.write([a_call(1, trace_id=TRACE)])

    kept = [store.add_spans([plain(2), plain(2), plain(3)]), store.add_spans([plain(3), plain(4)])]

    trace = store.trace(TRACE)
    assert trace is not None
    assert kept == [2, 1]
    assert [span.span_id[-1] for span in trace.others] == ["2", "3", "4"]
    store.close()


def test_a_trace_without_a_call_is_none():
    store = in_memory()
    store.add_spans([plain(1)])

    assert store.trace(TRACE) is None
    store.close()


def test_odd_spans_cost_only_themselves():
    store = in_memory()
    store.write([a_call(1, trace_id=TRACE)])

    kept = store.add_spans([plain(2, at=2**63), plain(3, service="\ud800")])

    trace = store.trace(TRACE)
    assert trace is not None
    assert (kept, [span.service for span in trace.others]) == (1, ["?"])
    assert store.add_spans([]) == 0
    store.close()


def test_other_spans_go_before_the_calls():
    store = DuckDBStore(StoreConfig(retain_for=0, retain_spans_for=86_400))
    store.write([a_call(1, at=NOON - 2 * DAY, trace_id=TRACE)])
    store.add_spans([plain(2, at=NOON - 2 * DAY), plain(3)])

    store.retain(NOON)

    trace = store.trace(TRACE)
    assert trace is not None
    assert trace.others == (plain(3),)
    store.close()


def test_they_are_written_off_the_hot_path():
    store = in_memory()
    store.write([a_call(1, trace_id=TRACE)])
    writer = SpanWriter(store)
    writer.start()

    writer.observe([plain(2)])
    assert writer.flush(60)
    writer.close()

    trace = store.trace(TRACE)
    assert trace is not None
    assert (trace.others, writer.written) == ((plain(2),), 1)
    store.close()


def test_clickhouse_does_not_keep_them():
    given = {"clickhouse": {"endpoint": "http://127.0.0.1:8123"}, "spans": "traces"}

    with pytest.raises(ConfigError, match="only the embedded store"):
        build(StoreConfig, given, "store")
