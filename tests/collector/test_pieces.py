"""A large request in pieces that say the same together."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_llm.collector.errors import Malformed
from otel_llm.collector.wire.pieces import PIECE_BYTES, in_pieces

from .otlp_faults import TraceRequest, numbers, shaped, traces
from .test_envelope import FUTURE, context


@pytest.mark.parametrize("most", [1, 40, 100, 300])
@pytest.mark.parametrize(
    "payload",
    [
        shaped(((50,),)),
        shaped(((1,), (1,), (40,))),
        shaped(((30,), (20,)), ((40,),)),
        shaped(((1,),), ((1,),)) * 20,
        shaped(((20,), (0,)), (), ((20,),)),
        traces(1, 2, 3) + traces(4, 5) + traces(6, size=700),
    ],
)
def test_the_pieces_hold_every_span_once_in_order_with_all_that_stands_above(payload, most):
    found = list(in_pieces(payload, most))

    assert len(found) > 1
    assert [entry for piece in found for entry in context(piece)] == context(payload)


def test_a_piece_is_about_as_large_as_was_asked_for():
    payload = traces(*range(1, 1001), size=100)

    sizes = [len(piece) for piece in in_pieces(payload, 10_000)]

    assert len(sizes) == 16
    assert all(9_800 < size < 10_060 for size in sizes[:-1])


def test_what_is_not_large_is_as_it_came():
    payload = traces(1, 2, size=PIECE_BYTES - 100)

    (whole,) = in_pieces(payload)

    assert whole is payload


def test_one_large_span_is_one_piece():
    pieces = list(in_pieces(traces(1, size=10) + traces(2, size=9000) + traces(3), 1000))

    assert [numbers(piece) for piece in pieces] == [[1], [2], [3]]


def test_what_stands_above_does_not_make_many_of_one_however_long_it_is():
    request = TraceRequest.FromString(traces(*range(1, 2001), size=10))
    resource = request.resource_spans[0].resource
    resource.attributes.add(key="os.description").value.string_value = "x" * 50_000
    payload = request.SerializeToString()

    pieces = list(in_pieces(payload, 1000))

    assert numbers(*pieces) == list(range(1, 2001))
    assert sum(map(len, pieces)) <= 2 * len(payload)


def test_fields_of_a_later_specification_stay_in_every_piece():
    pieces = list(in_pieces(traces(*range(1, 100)) + FUTURE, 1000))

    assert len(pieces) > 2
    assert all(FUTURE in piece for piece in pieces)


@pytest.mark.parametrize("broken", [b"\xff" * 3000, traces(*range(1, 100))[:-3], b"\x0b" * 3000])
def test_a_broken_frame_is_malformed(broken):
    with pytest.raises(Malformed):
        list(in_pieces(broken, 1000))


def test_nothing_comes_of_a_request_without_items():
    assert list(in_pieces(shaped((), ((0,), (0,))) * 100, 100)) == []


def test_logs_and_metrics_are_divided_alike():
    logs, metrics = ExportLogsServiceRequest(), ExportMetricsServiceRequest()
    records = logs.resource_logs.add().scope_logs.add().log_records
    named = metrics.resource_metrics.add().scope_metrics.add().metrics
    for nth in range(100):
        records.add(event_name=f"event {nth}")
        named.add(name=f"metric {nth}").gauge.data_points.add(as_int=nth)

    in_logs = list(in_pieces(logs.SerializeToString(), 200))
    in_metrics = list(in_pieces(metrics.SerializeToString(), 200))

    groups = ExportLogsServiceRequest.FromString(b"".join(in_logs)).resource_logs
    assert [r for g in groups for s in g.scope_logs for r in s.log_records] == list(records)
    groups = ExportMetricsServiceRequest.FromString(b"".join(in_metrics)).resource_metrics
    assert [m for g in groups for s in g.scope_metrics for m in s.metrics] == list(named)
    assert min(len(in_logs), len(in_metrics)) > 2
