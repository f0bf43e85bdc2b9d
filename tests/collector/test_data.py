"""A batch and its spans: what is read, what is changed, and that nothing else changes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum, StrEnum

import pytest
from benchmarks import corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llm.collector.data import Batch, SpanView
from otel_llm.collector.errors import Malformed
from tests.collector.calls import any_value, batch, request

OPERATION = "gen_ai.operation.name"


def one(**attributes: object) -> SpanView:
    (view,) = batch({OPERATION: "chat", **attributes}).genai()
    return view


def full(payload: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(payload)


def spans(payload: bytes) -> list[Span]:
    message = full(payload)
    return [s for g in message.resource_spans for scope in g.scope_spans for s in scope.spans]


def attributes(span: Span) -> dict[str, AnyValue]:
    return {a.key: a.value for a in span.attributes}


def field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2, len(content))) + content


def wrapped(*encoded_spans: bytes) -> bytes:
    """A request around spans that no protobuf library would make."""
    scope = b"".join(field(2, span) for span in encoded_spans)
    return field(1, field(2, scope))


class TestReading:
    def test_every_field_of_a_span_is_read(self):
        message = ExportTraceServiceRequest()
        group = message.resource_spans.add()
        group.resource.attributes.append(KeyValue(key="service.name", value=any_value("shop")))
        scope = group.scope_spans.add()
        scope.scope.name = "my.library"
        scope.spans.add(
            trace_id=bytes(range(16)),
            span_id=bytes(range(8)),
            parent_span_id=b"\xff" * 8,
            name="chat gpt",
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=2**63 + 5,
            end_time_unix_nano=2**63 + 9,
            attributes=[KeyValue(key=OPERATION, value=any_value("chat"))],
            status=Status(code=Status.STATUS_CODE_ERROR, message="no"),
        )

        (span,) = Batch.open(message.SerializeToString()).genai()

        assert span.trace_id == "000102030405060708090a0b0c0d0e0f"
        assert span.span_id == "0001020304050607"
        assert span.parent_id == "ffffffffffffffff"
        assert (span.name, span.kind, span.is_error) == ("chat gpt", 3, True)
        assert (span.start_ns, span.end_ns) == (2**63 + 5, 2**63 + 9)
        assert (span.scope_name, span.resource_text("service.name")) == ("my.library", "shop")
        assert span.resource_text("service.version") is None

    def test_a_root_span_has_no_parent_and_a_nameless_scope_no_name(self):
        span = one()

        assert span.parent_id is None
        assert span.scope_name is None
        assert not span.is_error

    @pytest.mark.parametrize(
        ("value", "text", "number", "integer", "boolean", "texts"),
        [
            ("x", "x", None, None, None, ("x",)),
            ("", "", None, None, None, ("",)),
            ("12", "12", 12, 12, None, ("12",)),
            ("1.5", "1.5", 1.5, None, None, ("1.5",)),
            ("nan", "nan", None, None, None, ("nan",)),
            (0, None, 0, 0, None, None),
            (127, None, 127, 127, None, None),
            (128, None, 128, 128, None, None),
            (16_384, None, 16_384, 16_384, None, None),
            (2**40, None, 2**40, 2**40, None, None),
            (-1, None, -1, -1, None, None),
            (3.0, None, 3.0, 3, None, None),
            (3.5, None, 3.5, None, None, None),
            (float("inf"), None, None, None, None, None),
            (True, None, None, None, True, None),
            (False, None, None, None, False, None),
            (["a", "b"], None, None, None, None, ("a", "b")),
            (["a", 1], None, None, None, None, ("a",)),
            ([], None, None, None, None, ()),
            ({"a": 1}, None, None, None, None, None),
        ],
    )
    def test_a_reader_returns_its_type_or_none(self, value, text, number, integer, boolean, texts):
        span = one(x=value)

        assert (span.text("x"), span.number("x"), span.integer("x")) == (text, number, integer)
        assert type(span.integer("x")) is type(integer)
        assert (span.boolean("x"), span.texts("x"), span.value("x")) == (boolean, texts, value)
        assert span.raw("x") == any_value(value).SerializeToString()
        assert span.read_all(["x", "y"])[1] is None

    def test_an_absent_attribute_is_none_to_every_reader(self):
        span = one()

        assert not span.has("x")
        readers: list[Callable[[str], object]] = [
            span.text, span.number, span.integer, span.boolean, span.texts, span.value, span.raw,
        ]  # fmt: skip
        assert [read("x") for read in readers] == [None] * 7
        assert list(span.names()) == [OPERATION]

    def test_an_attribute_without_a_value_is_there_and_has_none(self):
        raw = field(9, field(1, b"x")) + field(9, field(1, OPERATION.encode()))
        (span,) = Batch.open(wrapped(raw)).genai()

        assert span.has("x")
        assert span.value("x") is None
        assert span.raw("x") == b""

    def test_of_an_attribute_sent_twice_the_last_one_counts(self):
        raw = b""
        for value in (1, 2):
            pair = KeyValue(key=OPERATION, value=any_value(value)).SerializeToString()
            raw += field(9, pair)

        (span,) = Batch.open(wrapped(raw)).genai()

        assert span.value(OPERATION) == 2

    def test_text_that_is_no_utf8_is_readable_and_goes_on_as_it_came(self):
        bad_value = field(9, field(1, b"x") + field(2, field(1, b"a\xffb")))
        bad_name = field(9, field(1, b"\xfe") + field(2, field(1, b"v")))
        good = field(9, field(1, OPERATION.encode()) + field(2, field(1, b"chat")))
        payload = wrapped(bad_value + bad_name + good)

        batch = Batch.open(payload)
        (span,) = batch.genai()

        assert span.text("x") == "a�b"
        assert set(span.names()) == {"x", "�", OPERATION}
        assert batch.to_bytes() is payload
        span.set("y", 1)
        assert bad_value + bad_name in batch.to_bytes()

    def test_a_value_nested_beyond_protobufs_depth_is_unknown_and_goes_on_as_it_came(self):
        deep = b""
        for _ in range(150):
            deep = _any_array(deep)
        pair = _kv(b"deep", deep)
        span_bytes = pair + field(9, field(1, OPERATION.encode()) + field(2, field(1, b"chat")))
        payload = field_long(1, field_long(2, field_long(2, span_bytes)))

        batch = Batch.open(payload)
        (span,) = batch.genai()
        span.value("deep")
        span.set("y", True)

        assert deep in batch.to_bytes()

    def test_a_list_that_was_read_can_be_changed_without_harm(self):
        span = one(x=["a", "b"])

        given = span.value("x")
        assert isinstance(given, list)
        given.append("c")

        assert span.value("x") == ["a", "b"]

    def test_what_is_received_is_read_back_equal(self):
        @given(st.text(), values)
        @settings(max_examples=150)
        def check(name: str, value: object) -> None:
            assert one(**{"k" + name: value}).value("k" + name) == value

        check()


values = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def varint(number: int) -> bytes:
    return bytes((number,)) if number < 128 else bytes((number & 127 | 128,)) + varint(number >> 7)


def field_long(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + varint(len(content)) + content


def _any_array(inner: bytes) -> bytes:
    return field_long(5, field_long(1, inner))


def _kv(name: bytes, encoded: bytes) -> bytes:
    return field_long(9, field_long(1, name) + field_long(2, encoded))


class TestFinding:
    def test_plain_spans_are_no_genai_spans(self):
        batch = Batch.open(corpus.request("plain", 20))

        assert batch.genai() == []
        assert len(batch) == len(list(batch.spans())) == 20

    @pytest.mark.parametrize(
        "marker",
        [
            OPERATION,
            "gen_ai.system",
            "gen_ai.prompt.0.content",
            "openinference.span.kind",
            "langfuse.observation.type",
            "traceloop.span.kind",
            "ai.operationId",
            "llm.request.type",
        ],
    )
    def test_older_and_foreign_dialects_are_found(self, marker):
        found = batch({"http.route": "/"}, {marker: "x"}, {"db.system": "x"}).genai()

        assert [span.span_id for span in found] == ["0000000000000002"]

    def test_a_span_that_only_speaks_about_genai_is_none(self):
        assert batch({"url.path": "/docs/gen_ai.operation.name"}).genai() == []

    def test_the_same_objects_come_at_every_call(self):
        mixed = batch({OPERATION: "chat"}, {"x": 1})

        first, second = mixed.genai(), mixed.genai()

        assert first[0] is second[0]
        assert next(iter(mixed.spans())) is first[0]


class TestWriting:
    @pytest.mark.parametrize(
        "value",
        ["", "x", "ä" * 200, True, False, 0, 1, -1, 2**63 - 1, -(2**63), 1.5, -0.0, [], ["a", "b"]],
    )
    def test_a_new_attribute_is_what_protobuf_would_have_written(self, value):
        source = request({OPERATION: "chat"})
        opened = Batch.open(source)

        opened.genai()[0].set("new", value)

        (span,) = spans(opened.to_bytes())
        assert attributes(span) == {OPERATION: any_value("chat"), "new": any_value(value)}

    def test_what_was_written_is_read_back(self):
        span = one(old="x")

        span.set("old", 3)
        span.set("new", ["a"])
        span.remove(OPERATION)

        assert (span.integer("old"), span.text("old"), span.texts("new")) == (3, None, ("a",))
        assert span.value("new") == ["a"]
        assert span.raw("old") == any_value(3).SerializeToString()
        assert not span.has(OPERATION)
        assert list(span.names()) == ["old", "new"]
        assert span.read_all(["old", "new", OPERATION]) == [3, ("a",), None]

    def test_replacing_leaves_one_value_even_of_an_attribute_sent_twice(self):
        pair = _kv(b"x", any_value(1).SerializeToString())
        payload = wrapped(pair + _kv(OPERATION.encode(), b"\x0a\x04chat") + pair)

        opened = Batch.open(payload)
        opened.genai()[0].set("x", 2)

        (span,) = spans(opened.to_bytes())
        assert [(a.key, a.value) for a in span.attributes] == [
            (OPERATION, any_value("chat")),
            ("x", any_value(2)),
        ]

    def test_removing_takes_every_occurrence_and_removing_nothing_changes_nothing(self):
        source = request({OPERATION: "chat", "x": 1})
        opened = Batch.open(source)

        opened.genai()[0].remove("absent")
        assert opened.to_bytes() is source
        opened.genai()[0].remove("x")

        assert attributes(spans(opened.to_bytes())[0]).keys() == {OPERATION}

    def test_an_attribute_set_and_removed_again_is_gone(self):
        opened = batch({OPERATION: "chat"})
        span = opened.genai()[0]

        span.set("x", 1)
        span.remove("x")

        assert attributes(spans(opened.to_bytes())[0]).keys() == {OPERATION}

    def test_enums_are_written_as_what_they_stand_for(self):
        class Text(StrEnum):
            A = "a"

        class Number(IntEnum):
            ONE = 1

        span = one()
        span.set("text", Text.A)
        span.set("number", Number.ONE)

        assert type(span.value("text")) is str
        assert type(span.value("number")) is int

    def test_an_integer_beyond_64_bits_is_written_as_text_and_a_lone_surrogate_replaced(self):
        opened = batch({OPERATION: "chat"})

        opened.genai()[0].set("big", 2**64)
        opened.genai()[0].set("odd", "\ud800")

        got = attributes(spans(opened.to_bytes())[0])
        assert (got["big"], got["odd"]) == (any_value(str(2**64)), any_value("?"))

    @pytest.mark.parametrize("value", [None, b"x", [1], {"a": 1}, object()])
    def test_a_value_otlp_has_no_type_for_is_refused_at_once(self, value):
        with pytest.raises(TypeError):
            one().set("x", value)

    def test_bytes_can_be_taken_many_times_and_changes_go_on(self):
        opened = batch({OPERATION: "chat"})
        span = opened.genai()[0]

        span.set("a", 1)
        first = opened.to_bytes()
        assert opened.to_bytes() == first
        span.set("b", 2)

        got = attributes(spans(opened.to_bytes())[0])
        assert list(got) == [OPERATION, "a", "b"]

    def test_every_kind_of_change_gives_what_a_full_parse_would_give(self):
        names = st.sampled_from(["a", "b", "c", "gen_ai.x"])
        writable = (
            st.text() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
            | st.floats(allow_nan=False) | st.lists(st.text())
        )  # fmt: skip

        @given(st.dictionaries(names, values), st.lists(st.tuples(names, writable | st.none())))
        @settings(max_examples=150)
        def check(before: dict[str, object], changes: list[tuple[str, object]]) -> None:
            opened = batch({OPERATION: "chat", **before})
            expected = {OPERATION: "chat", **before}
            for name, value in changes:
                if value is None:
                    opened.genai()[0].remove(name)
                    expected.pop(name, None)
                else:
                    opened.genai()[0].set(name, value)  # type: ignore[arg-type]
                    expected[name] = value
            got = attributes(spans(opened.to_bytes())[0])
            assert got == {name: any_value(value) for name, value in expected.items()}

        check()


class TestNothingIsLost:
    def test_a_batch_that_nobody_changed_is_the_payload_itself(self):
        payload = corpus.request("mix", 100)
        opened = Batch.open(payload)

        for span in opened.spans():
            span.text("gen_ai.request.model")

        assert opened.to_bytes() is payload

    @pytest.mark.parametrize("size", [1, 50, 512])
    @pytest.mark.parametrize("mix", corpus.MIXES)
    def test_of_a_mixed_corpus_nothing_changes_but_what_was_added(self, mix, size):
        payload = corpus.request(mix, size)
        opened = Batch.open(payload)

        touched = {span.span_id for span in opened.genai()}
        for span in opened.genai():
            span.set("otel_llm.cost.total", 0.25)
            span.set("otel_llm.quality.flags", ["refusal"])
        after = opened.to_bytes()

        pairs = list(zip(_sliced(payload), _sliced(after), strict=True))
        assert len(pairs) == size
        for old, new in pairs:
            if Span.FromString(old).span_id.hex() in touched:
                assert new == old + ADDED
            else:
                assert new == old
        assert _without_spans(full(payload)) == _without_spans(full(after))

    def test_fields_of_the_future_survive_at_every_level(self):
        future = b"\xa2\x06\x03new"  # field 100, length-delimited
        span = _kv(OPERATION.encode(), b"\x0a\x04chat") + future
        scope = field_long(2, span) + future
        group = field_long(2, scope) + future
        payload = field_long(1, group) + future

        opened = Batch.open(payload)
        opened.genai()[0].set("x", 1)

        assert opened.to_bytes().count(future) == 4

    def test_an_empty_resource_stays_present_and_one_sent_in_pieces_stays_whole(self):
        pieces = [any_value("shop"), any_value("v1")]
        resource = b"".join(
            field_long(1, field_long(1, _pair(name, value)))
            for name, value in zip((b"service.name", b"service.version"), pieces, strict=True)
        )
        span = field_long(2, field_long(2, _kv(OPERATION.encode(), b"\x0a\x04chat")))
        payload = field_long(1, resource + span) + field_long(1, field_long(1, b"") + span)

        opened = Batch.open(payload)
        first, second = opened.genai()
        assert first.resource_text("service.version") == "v1"
        assert second.resource_text("service.version") is None
        for view in (first, second):
            view.set("x", 1)
        after = full(opened.to_bytes())

        assert [len(g.resource.attributes) for g in after.resource_spans] == [2, 0]
        assert all(g.HasField("resource") for g in after.resource_spans)

    def test_a_span_broken_inside_goes_on_as_it_came_and_harms_no_neighbour(self):
        good = _kv(OPERATION.encode(), b"\x0a\x04chat")
        broken = _kv(OPERATION.encode(), b"\x0a\x04chat") + b"\x0a\x7f"
        opened = Batch.open(wrapped(good, broken, good))

        for span in opened.genai():
            span.set("x", 1)

        assert len(opened.genai()) == 2
        assert opened.unreadable == 1
        assert broken in opened.to_bytes()

    @pytest.mark.parametrize(
        "payload",
        [
            b"garbage",
            b"\xff" * 20,
            b"<html>",
            b'{"resourceSpans":[]}',
            field(1, b"\xff"),
            field(1, field(2, b"\xff")),
            corpus.request("mix", 10)[:-3],
        ],
    )
    def test_a_broken_frame_is_malformed(self, payload):
        with pytest.raises(Malformed):
            Batch.open(payload)

    def test_an_empty_request_is_an_empty_batch(self):
        assert len(Batch.open(b"")) == 0
        assert Batch.open(b"").to_bytes() == b""

    def test_no_bytes_whatsoever_raise_anything_but_malformed(self):
        @given(st.binary(max_size=200))
        @settings(max_examples=400)
        def check(payload: bytes) -> None:
            for sent in (payload, wrapped(payload[:100] + b"gen_ai.")):
                try:
                    opened = Batch.open(sent)
                except Malformed:
                    continue
                for span in opened.spans():
                    for name in span.names():
                        span.value(name)
                    span.set("x", 1)
                opened.to_bytes()

        check()


ADDED = (
    Span(
        attributes=[
            KeyValue(key="otel_llm.cost.total", value=any_value(0.25)),
            KeyValue(key="otel_llm.quality.flags", value=any_value(["refusal"])),
        ]
    )
).SerializeToString()


def _pair(name: bytes, value: AnyValue) -> bytes:
    return field_long(1, name) + field_long(2, value.SerializeToString())


def _sliced(payload: bytes) -> Iterator[bytes]:
    """Every span's own bytes, cut out by a reader that knows nothing but lengths."""
    for group in _fields(payload, 1):
        for scope in _fields(group, 2):
            yield from _fields(scope, 2)


def _fields(data: bytes, wanted: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == 2:
            size, at = _read_varint(data, at)
            if key >> 3 == wanted:
                yield data[at : at + size]
            at += size
        elif kind == 0:
            _, at = _read_varint(data, at)
        else:
            at += struct.calcsize({1: "q", 5: "i"}[kind])


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def _without_spans(message: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    for group in message.resource_spans:
        for scope in group.scope_spans:
            del scope.spans[:]
    return message
