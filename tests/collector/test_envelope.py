"""Counting and dividing requests without opening what they hold."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_llm.collector.errors import Malformed
from otel_llm.collector.wire.envelope import count, halve

from .otlp_faults import TraceRequest, numbers, shaped, traces

FUTURE = b"\xfa\x3e\x03new"
"""Field 1007 of a later specification."""


def context(payload: bytes) -> list[tuple]:
    """Each span with everything that stands above it."""
    return [
        (resource.resource, resource.schema_url, scope.scope, scope.schema_url, span.span_id)
        for resource in TraceRequest.FromString(payload).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def pieces(payload: bytes) -> list[bytes]:
    halves = halve(payload)
    return [piece for half in halves for piece in pieces(half)] if halves else [payload]


@pytest.mark.parametrize(
    "payload",
    [
        shaped(((5,),)),
        shaped(((1,), (1,), (1,))),
        shaped(((3,), (2,)), ((4,),)),
        shaped(((1,),), ((1,),)),
        traces(1, 2, 3) + traces(4, 5) + traces(6),
    ],
)
def test_the_pieces_of_a_request_hold_every_span_once_in_order_with_all_that_stands_above(payload):
    found = pieces(payload)

    assert [entry for piece in found for entry in context(piece)] == context(payload)
    assert [count("traces", piece) for piece in found] == [1] * len(context(payload))


def test_the_halves_are_of_about_the_same_size():
    left, right = halve(traces(*range(100), size=100))

    assert abs(len(left) - len(right)) < 400


def test_a_big_span_at_the_end_stands_alone():
    halves = halve(traces(1, 2) + traces(3, size=10_000))

    assert [numbers(half) for half in halves] == [[1, 2], [3]]


@pytest.mark.parametrize("payload", [b"", traces(1), traces(), TraceRequest().SerializeToString()])
def test_a_single_span_or_none_cannot_be_divided(payload):
    assert halve(payload) is None


def test_fields_of_a_later_specification_stay_in_both_halves():
    left, right = halve(traces(1, 2) + FUTURE)

    assert left.endswith(FUTURE)
    assert right.endswith(FUTURE)


@pytest.mark.parametrize("broken", [b"\xff", traces(1, 2)[:-3]])
def test_a_broken_frame_is_malformed_and_counts_nothing(broken):
    with pytest.raises(Malformed):
        halve(broken)

    assert count("traces", broken) == 0


def test_each_signal_is_counted_in_its_own_items():
    metrics, logs = ExportMetricsServiceRequest(), ExportLogsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    scope.metrics.add().gauge.data_points.add()
    histogram = scope.metrics.add().histogram
    histogram.data_points.add()
    histogram.data_points.add()
    logs.resource_logs.add().scope_logs.add().log_records.add()

    assert count("metrics", metrics.SerializeToString()) == 3
    assert count("logs", logs.SerializeToString()) == 1
    assert count("traces", shaped(((3,), (2,)), ((4,),))) == 9
