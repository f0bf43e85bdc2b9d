"""Taking spans out of a batch, and changing what is said beside their attributes."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from otel_llm.collector.data import Batch
from tests.collector.calls import request
from tests.collector.records import pairs

CHAT = {"gen_ai.operation.name": "chat"}


def message(*groups: list[list[dict[str, object]]]) -> ExportTraceServiceRequest:
    """A group for each argument, a scope for each list in it, a span for each of its mappings."""
    made = ExportTraceServiceRequest()
    for nth, scopes in enumerate(groups):
        group = made.resource_spans.add()
        group.resource.attributes.extend(pairs({"service.name": f"s{nth}"}))
        for spans in scopes:
            sent = ExportTraceServiceRequest.FromString(request(*spans))
            group.scope_spans.add().spans.extend(sent.resource_spans[0].scope_spans[0].spans)
    return made


def test_spans_are_taken_out_and_scopes_and_groups_that_are_empty_then_go_with_them():
    sent = message([[CHAT, {"a": "1"}], [CHAT]], [[CHAT], [CHAT]])
    batch = Batch.open(sent.SerializeToString())

    batch.drop(batch.genai())

    left = message([[CHAT, {"a": "1"}]])
    del left.resource_spans[0].scope_spans[0].spans[0]
    assert ExportTraceServiceRequest.FromString(batch.to_bytes()) == left
    assert (len(batch), batch.dropped) == (5, 4)
    assert batch.genai() == []
    assert [span.value("a") for span in batch.spans()] == ["1"]


def test_a_span_that_was_changed_before_it_was_taken_out_is_gone_all_the_same():
    batch = Batch.open(message([[CHAT, CHAT]]).SerializeToString())
    first, second = batch.genai()
    first.set("x", "y")
    second.set("x", "y")

    batch.drop([first, first])

    (left,) = Batch.open(batch.to_bytes()).genai()
    assert (left.span_id, left.value("x"), batch.dropped) == (second.span_id, "y", 1)


def test_when_all_spans_are_taken_out_nothing_is_left():
    batch = Batch.open(message([[CHAT]], [[CHAT]]).SerializeToString())

    batch.drop(batch.spans())

    assert batch.to_bytes() == b""


def test_spans_that_nobody_could_look_into_can_be_taken_out():
    sent = message([[CHAT, CHAT]])
    spans = sent.resource_spans[0].scope_spans[0]
    broken = spans.SerializeToString().replace(
        spans.spans[1].SerializeToString(),
        b"\x2a\x7f" + b"gen_ai.secret".ljust(len(spans.spans[1].SerializeToString()) - 2, b"\x00"),
    )
    framed = b"\x12" + _length(broken) + broken
    batch = Batch.open(b"\x0a" + _length(framed) + framed)

    seen = len(batch.genai())
    batch.drop_unreadable()

    assert (len(batch), seen, batch.dropped) == (2, 1, 1)
    assert b"secret" not in batch.to_bytes()
    assert len(Batch.open(batch.to_bytes()).genai()) == 1


def _length(data: bytes) -> bytes:
    size = len(data)
    return bytes((size,)) if size < 128 else bytes((size & 127 | 128, size >> 7))


def test_resources_are_replaced_and_the_spans_see_the_new_ones():
    batch = Batch.open(message([[CHAT], [CHAT]], [[CHAT]]).SerializeToString())
    [span.resource_text("service.name") for span in batch.genai()]
    (_, _, other) = batch.genai()
    other.set("x", "y")

    def renamed(encoded: bytes) -> bytes:
        resource = Resource.FromString(encoded)
        resource.attributes[0].value.string_value += "!"
        return resource.SerializeToString()

    batch.rewrite_resources(renamed)

    names = [span.resource_text("service.name") for span in batch.genai()]
    assert names == ["s0!", "s0!", "s1!"]
    again = Batch.open(batch.to_bytes()).genai()
    assert [span.resource_text("service.name") for span in again] == names
    assert [span.value("x") for span in again] == [None, None, "y"]


def test_a_group_without_a_resource_can_be_given_one():
    batch = Batch.open(request(CHAT))

    batch.rewrite_resources(
        lambda _: Resource(attributes=pairs({"service.name": "new"})).SerializeToString()
    )

    (span,) = Batch.open(batch.to_bytes()).genai()
    assert span.resource_text("service.name") == "new"


def test_what_is_said_beside_the_attributes_is_replaced_or_taken_out():
    sent = message([[CHAT, CHAT]])
    span = sent.resource_spans[0].scope_spans[0].spans[0]
    span.name = "chat jane"
    span.status.message = "no jane"
    span.events.add(name="e").attributes.extend(pairs({"a": "jane", "gone": "jane", "n": 1}))
    span.links.add(trace_id=bytes(16)).attributes.extend(pairs({"b": ["jane"]}))
    batch = Batch.open(sent.SerializeToString())
    first, second = batch.genai()

    for view in (first, second):
        view.rewrite_rest(
            lambda name, value: None if name == "gone" else _without_jane(value),
        )
    first.set("x", "y")

    span.name, span.status.message = "chat *", "no *"
    del span.events[0].attributes[1]
    span.events[0].attributes[0].value.string_value = "*"
    span.links[0].attributes[0].value.array_value.values[0].string_value = "*"
    span.attributes.extend(pairs({"x": "y"}))
    assert ExportTraceServiceRequest.FromString(batch.to_bytes()) == sent


def _without_jane(value: object) -> object:
    if isinstance(value, str):
        return value.replace("jane", "*")
    return tuple(_without_jane(v) for v in value) if isinstance(value, tuple | list) else value
