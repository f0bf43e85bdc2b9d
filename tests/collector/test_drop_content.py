"""Content goes, whatever it is called; what it cost and how it went stays."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.content import _free, is_content
from otel_llm.collector.data import Batch
from otel_llm.collector.errors import Refused
from otel_llm.collector.processors.content_store import ContentStoreConfig, ContentStoreProcessor
from otel_llm.collector.processors.drop_content import DropContentConfig, DropContentProcessor
from tests.collector.calls import attributes, batch, chat, request
from tests.collector.records import event, events, logs, pairs, processed
from tests.collector.test_normalize import CASES, normalized

PLANTED = "the PLANTED words"
MESSAGES = json.dumps([{"role": "user", "parts": [{"type": "text", "content": PLANTED}]}])
SAID = {
    "gen_ai.input.messages": MESSAGES,
    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"content": PLANTED}]}],
    "gen_ai.system_instructions": PLANTED,
    "gen_ai.tool.definitions": PLANTED,
    "gen_ai.tool.call.arguments": {"to": PLANTED},
    "gen_ai.tool.call.result": PLANTED,
    "gen_ai.retrieval.documents": PLANTED,
    "gen_ai.retrieval.query.text": PLANTED,
    "gen_ai.memory.records": PLANTED,
    "gen_ai.prompt.variable.customer": PLANTED,
    "gen_ai.prompt.0.content": PLANTED,
    "gen_ai.completion.11.tool_calls.0.arguments": PLANTED,
    "llm.input_messages.0.message.content": PLANTED,
    "retrieval.documents.0.document.content": PLANTED,
    "input.value": PLANTED,
    "traceloop.entity.output": PLANTED,
    "ai.prompt.messages": PLANTED,
    "langfuse.observation.input": PLANTED,
    "gcp.vertex.agent.data": PLANTED,
    "gen_ai.content.prompt": PLANTED,
    "gen_ai.content.completion": PLANTED,
    "otel_llm.output.preview": PLANTED,
}
KEPT = {
    **chat(),
    "gen_ai.prompt.name": "greeting",
    "gen_ai.prompt.version": "3",
    "gen_ai.tool.name": "weather",
    "otel_llm.cost.total": 0.25,
    "otel_llm.input.hash": "abc",
    "user.id": "u",
    "of.mine": "x",
}
DETAILS = "gen_ai.client.inference.operation.details"


@pytest.fixture
def store(tmp_path: Path):
    config = ContentStoreConfig(tmp_path / "content", key=secrets.token_bytes(32).hex())
    processor = ContentStoreProcessor(config)
    yield processor
    processor.store.close()


def with_events() -> bytes:
    """A span on which content is everywhere."""
    message = ExportTraceServiceRequest.FromString(request({**KEPT, **SAID}, error=True))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.status.message = PLANTED
    exception = {"exception.type": "E", "exception.message": PLANTED, "exception.stacktrace": "x"}
    span.events.add(name="exception").attributes.extend(pairs(exception))
    for text in (PLANTED, PLANTED + " again"):
        pair = pairs({"gen_ai.prompt": text, "gen_ai.system": "openai"})
        span.events.add(name="gen_ai.content.prompt").attributes.extend(pair)
    return message.SerializeToString()


def test_all_that_was_said_goes_and_all_else_stays():
    opened = Batch.open(with_events())

    DropContentProcessor().process(opened)

    message = ExportTraceServiceRequest.FromString(with_events())
    span = message.resource_spans[0].scope_spans[0].spans[0]
    del span.attributes[len(KEPT) :]
    span.status.message = ""
    del span.events[0].attributes[1:]
    del span.events[1].attributes[0]
    del span.events[2].attributes[0]
    assert ExportTraceServiceRequest.FromString(opened.to_bytes()) == message


@pytest.mark.parametrize("dialect", CASES)
def test_of_every_dialect_nothing_is_left_that_is_content_once_it_is_normalised(dialect):
    sent, _, *scope = CASES[dialect]
    opened = batch(sent)

    DropContentProcessor().process(opened)

    (left,) = Batch.open(opened.to_bytes()).spans()
    after = normalized(attributes(left), *scope) if attributes(left) else {}
    assert [name for name in after if is_content(name)] == []


@pytest.mark.parametrize("name", ["mlflow.spanInputs", "genkit:output"])
def test_content_of_spans_that_say_nothing_else_goes_too(name):
    opened = batch({name: PLANTED, "x": "y"})

    DropContentProcessor().process(opened)

    assert attributes(next(iter(opened.spans()))) == {"x": "y"}


def test_spans_of_a_scope_whose_names_tell_nothing_lose_content_too():
    message = ExportTraceServiceRequest.FromString(
        request({"lk.user_transcript": PLANTED, "lk.x": "y"}, {"lk.pii.instructions": PLANTED})
    )
    message.resource_spans[0].scope_spans[0].scope.name = "livekit-agents"
    opened = Batch.open(message.SerializeToString())

    DropContentProcessor().process(opened)

    assert list(map(attributes, opened.spans())) == [{"lk.x": "y"}, {}]


def test_names_can_be_kept():
    opened = batch({**chat(), **SAID})

    DropContentProcessor(DropContentConfig(keep=("gen_ai.tool.definitions",))).process(opened)

    (span,) = opened.genai()
    assert attributes(span) == {**chat(), "gen_ai.tool.definitions": PLANTED}


def test_spans_that_are_no_genai_stay_the_bytes_they_were():
    payload = request({"input.values": "x", "http.route": "/"})
    opened = Batch.open(payload)

    DropContentProcessor().process(opened)

    assert opened.to_bytes() is payload


def test_events_lose_their_content_and_keep_their_shape():
    before = logs(
        event(DETAILS, {**KEPT, **SAID}),
        event("gen_ai.choice", {}, {"index": 0, "finish_reason": "stop", "message": PLANTED}),
        event("", {"event.name": "gen_ai.user.message"}, PLANTED),
        event("", {"mine": "x"}, "not about a model"),
    )

    after = processed(DropContentProcessor(), "logs", before)

    assert events(after) == [
        event(DETAILS, KEPT),
        event("gen_ai.choice", {}, {"index": 0, "finish_reason": "stop"}),
        event("", {"event.name": "gen_ai.user.message"}),
        event("", {"mine": "x"}, "not about a model"),
    ]


def test_the_content_store_takes_the_same_and_gives_it_back_by_its_reference(store):
    opened, other = Batch.open(with_events()), Batch.open(with_events())

    store.process(opened)
    DropContentProcessor().process(other)

    (span,), (bare,) = opened.genai(), other.genai()
    reference = span.text("otel_llm.content.reference")
    assert reference
    assert store.store.read(reference) == {
        **SAID,
        "status.message": PLANTED,
        "exception.message": PLANTED,
        "exception.stacktrace": "x",
        "gen_ai.prompt": PLANTED,
        "gen_ai.prompt#2": PLANTED + " again",
    }
    span.remove("otel_llm.content.reference")
    assert attributes(span) == attributes(bare)


def test_which_documents_were_found_stays_and_what_they_say_goes(store):
    documents = [{"id": "d1", "score": 0.75, "content": PLANTED}, {"content": PLANTED}]
    given = batch({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": documents})

    store.process(given)

    (span,) = given.genai()
    assert json.loads(span.text("gen_ai.retrieval.documents") or "") == [
        {"id": "d1", "score": 0.75},
        {},
    ]
    assert PLANTED.encode() not in given.to_bytes()


def test_the_content_of_events_is_kept_too(store):
    after = processed(store, "logs", logs(event(DETAILS, {**KEPT, **SAID}, {"content": "x"})))

    (kept,) = events(after)
    reference = kept["attributes"].pop("otel_llm.content.reference")
    assert kept == event(DETAILS, KEPT)
    assert store.store.read(reference) == {**SAID, "body": {"content": "x"}}


def test_where_nothing_was_said_there_is_no_reference(store):
    opened = batch(KEPT)

    store.process(opened)

    assert attributes(opened.genai()[0]) == KEPT


def test_when_content_has_no_place_the_sender_is_asked_to_come_back(store):
    store.store.close()

    with pytest.raises(Refused, match="content store"):
        store.process(batch({**chat(), **SAID}))


def test_a_content_store_whose_disk_is_full_says_so_once_and_is_asked_until_there_is_room(
    store, caplog
):
    database = store.store._database
    assert store.has_room
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    large = {**chat(), "gen_ai.input.messages": secrets.token_hex(20_000)}

    for _ in range(3):
        with pytest.raises(Refused):
            store.process(batch(large))

    assert not store.has_room
    assert [record.message for record in caplog.records] == [
        "the content store cannot be written: database or disk is full; "
        "senders are asked to come back"
    ]
    database.execute("PRAGMA max_page_count = 100000")
    assert store.has_room
    store.process(batch(large))
    assert database.execute("SELECT COUNT(*) FROM content").fetchone() == (1,)


def test_what_several_events_say_under_one_name_is_told_apart_each_looked_for_once():
    class Taken(dict[str, object]):
        looked = 0

        def __contains__(self, name: object) -> bool:
            Taken.looked += 1
            return super().__contains__(name)

    taken, times = Taken(content="of an attribute"), Counter[str]()
    for _ in range(100):
        taken[_free(taken, "content", times)] = "of an event"

    assert list(taken) == ["content", *(f"content#{nth}" for nth in range(2, 102))]
    assert Taken.looked == 101
