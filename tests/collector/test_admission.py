"""Which part of a request is taken, and how a sender is told what is not."""

from __future__ import annotations

import json

import pytest
from benchmarks import corpus
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm.collector.errors import Malformed, TooLarge
from otel_llm.collector.intake.admission import Admission
from otel_llm.collector.intake.answers import Rejected
from otel_llm.collector.intake.config import LimitsConfig
from otel_llm.collector.wire.otlp_json import to_json
from otel_llm.collector.wire.values import varint
from tests.collector.otlp_faults import numbers, traces
from tests.collector.receiving import receiving
from tests.collector.test_receiver_grpc import call
from tests.collector.test_receiver_http import JSON, PROTOBUF, post

TRACE, SPAN = b"t" * 16, b"s" * 8
ADMISSION = Admission(LimitsConfig())


def request(*spans: Span) -> bytes:
    made = ExportTraceServiceRequest()
    made.resource_spans.add().scope_spans.add().spans.extend(spans)
    return made.SerializeToString()


def span(trace_id: bytes = TRACE, span_id: bytes = SPAN, **more) -> Span:
    return Span(trace_id=trace_id, span_id=span_id, name="chat", **more)


def with_attributes(count: int, **more) -> Span:
    made = span(**more)
    for number in range(count):
        made.attributes.add(key=str(number)).value.int_value = number
    return made


@pytest.mark.parametrize("mix", corpus.MIXES)
def test_what_applications_send_is_taken_as_the_very_bytes(mix):
    payload = corpus.request(mix, 20)

    assert ADMISSION.admit("traces", payload) == (payload, None)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (span(trace_id=b""), "without a valid trace id"),
        (span(trace_id=bytes(16)), "without a valid trace id"),
        (span(trace_id=b"t" * 15), "without a valid trace id"),
        (span(trace_id=b"t" * 17), "without a valid trace id"),
        (span(span_id=b""), "without a valid span id"),
        (span(span_id=bytes(8)), "without a valid span id"),
        (span(span_id=b"s" * 9), "without a valid span id"),
    ],
)
def test_a_span_without_ids_is_rejected_and_its_neighbours_are_taken(bad, reason):
    good = [span(), span(span_id=b"S" * 8)]

    taken, rejected = ADMISSION.admit("traces", request(good[0], bad, good[1]))

    assert (
        ExportTraceServiceRequest.FromString(taken).resource_spans[0].scope_spans[0].spans == good
    )
    assert rejected == Rejected(1, f"1 spans {reason}")
    alone = ExportTraceServiceRequest.FromString(rejected.payload)
    assert list(alone.resource_spans[0].scope_spans[0].spans) == [bad]


def test_ids_count_wherever_they_stand_in_the_span():
    """Protobuf fields come in any order; ours first is only what everybody does."""
    name = Span(name="chat").SerializeToString()
    late = name + Span(trace_id=TRACE, span_id=SPAN).SerializeToString()
    payload = request()[:0] + _framed(late)

    assert ADMISSION.admit("traces", payload) == (payload, None)


def _framed(encoded: bytes) -> bytes:
    for number in (2, 2, 1):
        encoded = bytes([number << 3 | 2, len(encoded)]) + encoded
    return encoded


def test_each_reason_is_counted_and_the_most_frequent_comes_first():
    limits = LimitsConfig(max_attributes=100)
    bad = [span(span_id=b""), span(span_id=b""), with_attributes(101), span(trace_id=b"")]

    taken, rejected = Admission(limits).admit("traces", request(*bad, span()))

    assert numbers(taken) == [int.from_bytes(SPAN, "big")]
    assert rejected == Rejected(
        4,
        "2 spans without a valid span id; 1 spans with more than 100 attributes, events and links; "
        "1 spans without a valid trace id",
    )


def test_a_span_with_as_many_attributes_as_may_be_is_taken():
    payload = request(with_attributes(95))

    assert Admission(LimitsConfig(max_attributes=100)).admit("traces", payload)[1] is None


def test_a_log_record_with_too_many_attributes_is_rejected_alone():
    made = ExportLogsServiceRequest()
    records = made.resource_logs.add().scope_logs.add().log_records
    for number in range(200):
        (records or [records.add()])[0].attributes.add(key=str(number))
    records.add(event_name="good")

    taken, rejected = Admission(LimitsConfig(max_attributes=100)).admit(
        "logs", made.SerializeToString()
    )

    (scope,) = ExportLogsServiceRequest.FromString(taken).resource_logs[0].scope_logs
    assert [record.event_name for record in scope.log_records] == ["good"]
    assert rejected == Rejected(1, "1 log records with more than 100 attributes, events and links")


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
@pytest.mark.parametrize("empty", [b"\x0a\x00", b"\x0a\x02\x12\x00"])
def test_more_resources_and_scopes_than_may_be_are_too_many(signal, empty):
    with pytest.raises(TooLarge):
        Admission(LimitsConfig(max_items=1000)).admit(signal, empty * 1001)


@pytest.mark.parametrize(
    ("signal", "made"),
    [
        ("traces", ExportTraceServiceRequest()),
        ("logs", ExportLogsServiceRequest()),
        ("metrics", ExportMetricsServiceRequest()),
    ],
)
@pytest.mark.parametrize("items", [3_000_000, 100_001])
def test_empty_items_are_counted_before_anything_is_made_of_them(signal, made, items):
    scope = b"\x12\x00" * items

    with pytest.raises(TooLarge):
        ADMISSION.admit(signal, _long(_long(scope, 0x12), 0x0A))


def _long(content: bytes, tag: int) -> bytes:
    size, out = len(content), [tag]
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size]) + content


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage",
        corpus.request("mix", 5)[:-4],
        b"\x0a\xff",
        b"\x0a" + b"\xff" * 10_000_000,
        b"\x0b" * 1000,
        b"\x0a\x05\x12\x7f",
    ],
)
def test_garbage_is_malformed_however_long(garbage):
    with pytest.raises(Malformed):
        ADMISSION.admit("traces", garbage)


def test_strict_refuses_what_a_full_parse_refuses():
    broken = request(span()).replace(b"chat", b"\xff\xff\xff\xff")

    assert ADMISSION.admit("traces", broken)[1] is None
    with pytest.raises(Malformed):
        Admission(LimitsConfig(strict=True)).admit("traces", broken)


class TestTold:
    PARTLY = request(span(), span(span_id=bytes(8)))

    def test_over_grpc(self):
        with receiving() as receiver:
            answer = ExportTraceServiceResponse.FromString(call(receiver, self.PARTLY))

            assert answer.partial_success.rejected_spans == 1
            assert answer.partial_success.error_message == "1 spans without a valid span id"
            assert receiver.count("accepted") == 1
            assert receiver.counters.get("otel_llm_receiver_rejected_spans", transport="grpc") == 1
            assert numbers(receiver.inbox.received[0][1]) == [int.from_bytes(SPAN, "big")]

    def test_over_http_in_either_encoding(self, caplog):
        in_json = (to_json("traces", self.PARTLY) or "").encode()
        with receiving() as receiver:
            response, body = post(receiver, self.PARTLY)
            in_protobuf = ExportTraceServiceResponse.FromString(body).partial_success
            _, said = post(receiver, in_json, JSON)

            assert (response.status, response.headers["content-type"]) == (200, PROTOBUF)
            assert in_protobuf.rejected_spans == 1
            assert json.loads(said) == {
                "partialSuccess": {
                    "rejectedSpans": "1",
                    "errorMessage": in_protobuf.error_message,
                }
            }
            assert receiver.counters.get("otel_llm_receiver_rejected_spans") == 2
            assert caplog.text.count("rejected for good") == 1

    def test_a_request_of_which_nothing_is_taken_is_counted_and_goes_nowhere(self):
        with receiving() as receiver:
            answer = call(receiver, request(span(span_id=b""), span(trace_id=b"")))

            partial = ExportTraceServiceResponse.FromString(answer).partial_success
            assert partial.rejected_spans == 2
            assert receiver.inbox.received == []


def test_a_whole_request_says_nothing_of_partial_success():
    with receiving() as receiver:
        assert call(receiver, traces(1, 2, 3)) == b""


def nested(depth: int, *, in_event: bool = False, text: bytes = b"x") -> bytes:
    """A request with a sound span, and one with a value so many arrays deep."""
    value = b"\x0a" + bytes([len(text)]) + text
    for _ in range(depth):
        value = field(5, field(1, value))
    pair = field(1, b"gen_ai.x") + field(2, value)
    inside = field(11, field(3, pair)) if in_event else field(9, pair)
    deep = field(1, TRACE) + field(2, b"deep....") + inside
    sound = span().SerializeToString()
    return field(1, field(2, field(2, sound) + field(2, deep)))


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


@pytest.mark.parametrize("depth", [2_000, 20_000])
@pytest.mark.parametrize("in_event", [False, True])
@pytest.mark.parametrize("text", [b"x", b"\xff"])
def test_a_span_that_is_nested_too_deep_is_rejected_alone(depth, in_event, text):
    taken, rejected = ADMISSION.admit("traces", nested(depth, in_event=in_event, text=text))

    assert taken == request(span())
    assert rejected == Rejected(1, "1 spans with values nested more than 100 messages deep")


def test_a_log_record_that_is_nested_too_deep_is_rejected_alone():
    body = b"\x0a\x01x"
    for _ in range(5_000):
        body = field(6, field(1, field(1, b"k") + field(2, body)))
    payload = field(1, field(2, field(2, field(5, body)) + field(2, field(5, b"\x0a\x01x"))))

    taken, rejected = ADMISSION.admit("logs", payload)

    assert taken == field(1, field(2, field(2, field(5, b"\x0a\x01x"))))
    assert rejected
    assert rejected.count == 1


def test_what_is_large_but_flat_is_taken_also_when_it_is_no_text():
    flat = span()
    for number in range(50):
        array = flat.attributes.add(key=str(number)).value.array_value
        for _ in range(1000):
            array.values.add(double_value=0.5)
    flat.attributes.add(key="text").value.string_value = "PLANT" * 100_000
    payload = request(flat)
    for sent in (payload, payload.replace(b"PLANT", b"\xff\xff\xff\xff\xff")):
        assert ADMISSION.admit("traces", sent) == (sent, None)
