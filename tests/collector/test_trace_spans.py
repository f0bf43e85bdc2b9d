"""Spans that are no GenAI spans, as the store gets them: where a request went, no text of it."""

from __future__ import annotations

from otel_llm.collector.data import Batch
from otel_llm.collector.observers.trace_spans import MAX_CHARS, TraceSpans
from otel_llm.store import PlainSpan

from .calls import request

HTTP = {
    "http.request.method": "POST",
    "http.route": "/ask",
    "http.response.status_code": 200,
    "url.full": "https://shop/ask?token=secret",
    "http.request.header.authorization": "Bearer secret",
    "db.query.text": "select 'secret'",
    "my.prompt": "secret",
}


def seen(*spans) -> list[PlainSpan]:
    found: list[PlainSpan] = []
    payload = request(*spans)
    batch = Batch.open(payload)

    TraceSpans(found.extend).process(batch)

    assert batch.to_bytes() == payload
    return found


def test_only_what_is_no_genai_span_is_shown():
    (span,) = seen({"gen_ai.operation.name": "chat"}, HTTP)

    assert span.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/ask",
    }
    assert "secret" not in repr(span)


def test_what_names_no_operation_is_shown_too_where_it_stands_between_calls():
    turn = {"gen_ai.provider.name": "openai", "gen_ai.agent.name": "guide", "server.port": 443}

    (span,) = seen({"gen_ai.operation.name": "chat"}, turn)

    assert span.attributes == {"server.port": 443}


def test_a_span_is_what_it_was():
    payload = request(HTTP)
    (view,) = Batch.open(payload).spans()

    (span,) = seen(HTTP)

    assert (span.trace_id, span.span_id, span.parent_id) == (
        view.trace_id,
        view.span_id,
        view.parent_id,
    )
    assert (span.name, span.kind, span.start_ns, span.end_ns, span.is_error) == (
        view.name,
        view.kind,
        view.start_ns,
        view.end_ns,
        False,
    )


def test_what_is_long_is_cut():
    (span,) = seen({"http.route": "/" * 1_000, "db.namespace": ["a"]})

    assert span.attributes == {"http.route": "/" * MAX_CHARS}


def test_nothing_is_shown_of_a_batch_of_calls():
    shown: list[object] = []

    TraceSpans(shown.append).process(Batch.open(request({"gen_ai.operation.name": "chat"})))

    assert shown == []
