"""What the collector counts about itself, as OTLP."""

from __future__ import annotations

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_llm.collector.measures.own import metrics_request
from otel_llm.collector.measures.process import process_measures
from otel_llm.collector.measures.samples import Family, Histogram, Sample, counter, gauge
from otel_llm.version import __version__


def sent(*families: Family) -> dict:
    payload = metrics_request(families, 1, 2, "one")
    (group,) = MessageToDict(ExportMetricsServiceRequest.FromString(payload))["resourceMetrics"]
    return group


def points(family: Family) -> dict:
    (scope,) = sent(family)["scopeMetrics"]
    (metric,) = scope["metrics"]
    return metric


def test_each_process_is_a_resource_of_its_own():
    resource = sent(counter("calls", "Calls", 1))["resource"]

    assert {a["key"]: a["value"]["stringValue"] for a in resource["attributes"]} == {
        "service.name": "otel-llm-collector",
        "service.version": __version__,
        "service.instance.id": "one",
    }


def test_a_counter_is_a_cumulative_sum_with_its_labels():
    family = Family("calls", "counter", "Calls", [Sample(3, {"model": "gpt"}, "_total")])

    assert points(family) == {
        "name": "calls",
        "description": "Calls",
        "sum": {
            "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
            "isMonotonic": True,
            "dataPoints": [
                {
                    "attributes": [{"key": "model", "value": {"stringValue": "gpt"}}],
                    "startTimeUnixNano": "1",
                    "timeUnixNano": "2",
                    "asInt": "3",
                }
            ],
        },
    }


def test_a_gauge_is_a_gauge():
    assert points(gauge("queue", "Waiting", 0.5))["gauge"] == {
        "dataPoints": [{"timeUnixNano": "2", "asDouble": 0.5}]
    }


def test_a_histogram_has_its_buckets_one_by_one():
    took = Histogram((0.1, 1))
    for value in (0.05, 0.5, 0.6, 7):
        took.add(value)
    family = Family("took", "histogram", "Time", list(took.samples({"model": "gpt"})))

    (point,) = points(family)["histogram"]["dataPoints"]

    assert (point["explicitBounds"], point["bucketCounts"]) == ([0.1, 1.0], ["1", "2", "1"])
    assert (point["count"], round(point["sum"], 2)) == ("4", 8.15)
    assert point["attributes"] == [{"key": "model", "value": {"stringValue": "gpt"}}]


def test_what_has_no_value_yet_is_left_out():
    assert "metrics" not in sent(Family("calls", "counter", "Calls", []))["scopeMetrics"][0]


def test_the_process_says_how_much_it_takes():
    values = {family.name: family.samples[0].value for family in process_measures()}

    assert set(values) == {
        "otelcol_process_uptime",
        "otelcol_process_cpu_seconds",
        "otelcol_process_memory_rss",
    }
    assert all(value > 0 for value in values.values())
