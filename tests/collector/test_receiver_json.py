"""OTLP/JSON becomes the protobuf it stands for, by OTLP's rules and not by protobuf's own."""

from __future__ import annotations

import json

import pytest
from benchmarks import corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otel_llm.collector.errors import Malformed
from otel_llm.collector.intake.json_request import request_from_json
from otel_llm.collector.wire.otlp_json import to_json


def traces(body: object) -> ExportTraceServiceRequest:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ExportTraceServiceRequest.FromString(request_from_json("traces", written))


def span(**fields: object) -> Span:
    message = traces({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]})
    return message.resource_spans[0].scope_spans[0].spans[0]


def attribute(**value: object):
    return span(attributes=[{"key": "k", "value": value}]).attributes[0].value


@pytest.mark.parametrize("mix", corpus.MIXES)
def test_what_our_writer_writes_is_read_back_equal(mix):
    payload = corpus.request(mix, 50)
    written = to_json("traces", payload)
    assert written is not None

    assert traces(written.encode()) == ExportTraceServiceRequest.FromString(payload)


def test_every_field_of_a_span_is_read():
    read = span(
        traceId="5B8EFFF798038103D269B633813FC60C",
        spanId="eee19b7ec3c1b174",
        parentSpanId="eee19b7ec3c1b173",
        traceState="a=b",
        flags=257,
        name="I am a span",
        kind=2,
        startTimeUnixNano="1544712660000000000",
        endTimeUnixNano=1544712661000000000,
        droppedAttributesCount=1,
        events=[{"timeUnixNano": "5", "name": "e", "attributes": []}],
        links=[{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b173"}],
        status={"message": "no", "code": 2},
    )

    trace_id = bytes.fromhex("5b8efff798038103d269b633813fc60c")
    assert read == Span(
        trace_id=trace_id,
        span_id=bytes.fromhex("eee19b7ec3c1b174"),
        parent_span_id=bytes.fromhex("eee19b7ec3c1b173"),
        trace_state="a=b",
        flags=257,
        name="I am a span",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=1544712660000000000,
        end_time_unix_nano=1544712661000000000,
        dropped_attributes_count=1,
        events=[Span.Event(time_unix_nano=5, name="e")],
        links=[Span.Link(trace_id=trace_id, span_id=bytes.fromhex("eee19b7ec3c1b173"))],
        status=Status(message="no", code=Status.STATUS_CODE_ERROR),
    )


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        ({"stringValue": ""}, "string_value", ""),
        ({"stringValue": "ä\ud800"}, "string_value", "ä\ufffd"),
        ({"stringValue": "\ud800x"}, "string_value", "\ufffdx"),
        ({"boolValue": False}, "bool_value", False),
        ({"intValue": "9007199254740993"}, "int_value", 9007199254740993),
        ({"intValue": -5}, "int_value", -5),
        ({"intValue": 5.0}, "int_value", 5),
        ({"intValue": 0}, "int_value", 0),
        # what JavaScript writes for numbers without a fraction
        ({"intValue": 2**63}, "double_value", 2.0**63),
        ({"intValue": 1e300}, "double_value", 1e300),
        ({"doubleValue": 1}, "double_value", 1.0),
        ({"doubleValue": "1.5"}, "double_value", 1.5),
        ({"doubleValue": "Infinity"}, "double_value", float("inf")),
        ({"bytesValue": "_-8="}, "bytes_value", b"\xff\xef"),
        ({"bytesValue": "/+8"}, "bytes_value", b"\xff\xef"),
    ],
)
def test_every_kind_of_value_is_read(value, kind, read):
    got = attribute(**value)

    assert (got.WhichOneof("value"), getattr(got, kind)) == (kind, read)


def test_a_value_that_json_cannot_say_is_one_without_content():
    """JavaScript writes ``null`` for what is no finite number."""
    got = attribute(doubleValue=None)

    assert got.WhichOneof("value") is None


def test_values_nest():
    got = attribute(
        arrayValue={
            "values": [
                {"intValue": 1},
                {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}},
            ]
        }
    )

    assert got.array_value.values[0].int_value == 1
    assert got.array_value.values[1].kvlist_value.values[0].value.bool_value


@pytest.mark.parametrize(
    "odd",
    [
        {"somethingNew": {"deep": [1, "x", None]}},
        {"trace_id": "5b8efff798038103d269b633813fc60c", "start_time_unix_nano": "5"},
        {"name": None, "attributes": None, "status": None},
    ],
)
def test_unknown_names_snake_case_and_null_are_passed_over(odd):
    assert span(**odd) == Span()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "SPAN_KIND_SERVER"},
        {"traceId": "not hex"},
        {"traceId": "abc"},
        {"traceId": 5},
        {"startTimeUnixNano": "-1"},
        {"startTimeUnixNano": str(2**64)},
        {"startTimeUnixNano": 1.5},
        {"startTimeUnixNano": " 5"},
        {"startTimeUnixNano": "1_000"},
        {"startTimeUnixNano": True},
        {"startTimeUnixNano": "9" * 5000},
        {"name": 5},
        {"attributes": {"gen_ai.operation.name": "chat"}},
        {"attributes": [5]},
        {"status": []},
        {"flags": 2**32},
        {"attributes": [{"key": "k", "value": {"boolValue": "true"}}]},
        {"attributes": [{"key": "k", "value": {"bytesValue": "!"}}]},
        {"attributes": [{"key": "k", "value": {"bytesValue": 5}}]},
        {"attributes": [{"key": "k", "value": {"intValue": str(2**63)}}]},
        {"attributes": [{"key": "k", "value": {"intValue": 1.5}}]},
        {"attributes": [{"key": "k", "value": {"doubleValue": "x"}}]},
        {"attributes": [{"key": "k", "value": {"doubleValue": " 1"}}]},
        {"attributes": [{"key": "k", "value": {"doubleValue": "1_0"}}]},
    ],
)
def test_a_value_of_the_wrong_form_is_malformed(wrong):
    with pytest.raises(Malformed):
        span(**wrong)


@pytest.mark.parametrize("depth", [200, 100_000])
def test_nesting_without_end_is_malformed(depth):
    value = b'{"arrayValue":{"values":[' * depth + b"{}" + b"]}}" * depth
    body = b'{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":%b}]}}]}' % value

    with pytest.raises(Malformed):
        request_from_json("traces", body)


@pytest.mark.parametrize("body", [b'{"resourceSpans":[{"x":NaN}]}', b"\xff", b"", b"[]", b"null"])
def test_what_is_no_json_object_is_malformed(body):
    with pytest.raises(Malformed):
        request_from_json("traces", body)


def test_metrics_with_all_their_kinds_of_points_are_read_back_equal():
    message = ExportMetricsServiceRequest()
    metrics = message.resource_metrics.add().scope_metrics.add().metrics
    metrics.add(name="a", unit="s").gauge.data_points.add(as_double=0.5, time_unix_nano=9)
    total = metrics.add(name="b").sum
    total.aggregation_temporality, total.is_monotonic = 2, True
    total.data_points.add(as_int=-7).exemplars.add(as_int=3, span_id=b"12345678")
    metrics.add(name="c").histogram.data_points.add(
        count=3, sum=1.5, bucket_counts=[1, 2], explicit_bounds=[0.5], min=0.0
    )
    points = metrics.add(name="d").exponential_histogram.data_points.add(scale=-3, zero_count=1)
    points.positive.offset = -2
    points.positive.bucket_counts.extend([1, 0, 5])
    metrics.add(name="e").summary.data_points.add().quantile_values.add(quantile=0.5, value=2.0)
    written = to_json("metrics", message.SerializeToString())
    assert written is not None

    payload = request_from_json("metrics", written.encode())

    assert ExportMetricsServiceRequest.FromString(payload) == message


def test_logs_are_read_back_equal():
    message = ExportLogsServiceRequest()
    record = (
        message.resource_logs.add()
        .scope_logs.add()
        .log_records.add(time_unix_nano=5, severity_number=9, event_name="gen_ai.evaluation.result")
    )
    record.trace_id = bytes(range(16))
    record.body.kvlist_value.values.add(key="a").value.bytes_value = b"\0\xff"
    written = to_json("logs", message.SerializeToString())
    assert written is not None

    payload = request_from_json("logs", written.encode())

    assert ExportLogsServiceRequest.FromString(payload) == message


FINITE = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["resourceSpans", "resource", "attributes", "key", "value", "scopeSpans", "spans",
             "traceId", "kind", "startTimeUnixNano", "arrayValue", "values", "intValue"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(json_values | st.binary(max_size=50))
@settings(max_examples=300)
def test_no_body_whatsoever_raises_anything_but_malformed(body):
    sent = body if isinstance(body, bytes) else json.dumps(body, allow_nan=False, default=str)
    try:
        payload = request_from_json("traces", sent if isinstance(sent, bytes) else sent.encode())
    except Malformed:
        return
    ExportTraceServiceRequest.FromString(payload)
