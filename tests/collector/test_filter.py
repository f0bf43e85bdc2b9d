"""What is dropped, by which condition, and that it is counted."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.conditions import parse
from otel_llm.collector.data import Batch
from otel_llm.collector.data.records import Records
from otel_llm.collector.pipeline import TracePipeline
from otel_llm.collector.processors.filter import FilterConfig, FilterProcessor
from tests.collector.calls import batch, request
from tests.collector.records import event, events, logs, metrics, pairs, points, processed

SPAN = {
    "http.route": "/health",
    "gen_ai.request.model": "test-4",
    "n": 10,
    "share": 0.5,
    "as.text": "7",
    "yes": True,
    "tags": ["a", "b"],
    "name": "an attribute",
    "odd name": "x",
}


@pytest.mark.parametrize(
    "holds",
    [
        "http.route",
        "http.route == /health",
        'http.route == "/health"',
        "http.route != /ready",
        "not http.route == /ready",
        'gen_ai.request.model =~ "^test-"',
        r'gen_ai.request.model =~ "-\d$"',
        "gen_ai.request.model=~test",
        "n == 10 and n >= 10 and n <= 10 and n > 9.5 and n < 11",
        "share == 0.5",
        "as.text > 6",
        "as.text == 7",
        'as.text == "7"',
        "yes == true",
        "yes != false",
        "tags == b",
        "tags =~ ^b",
        '"name" == "an attribute"',
        '"odd name" == x',
        "name == chat",
        "kind == unspecified",
        "status == unset",
        "duration == 1s and duration > 300ms",
        "not missing",
        "not missing == 1",
        "http.route and not missing and n > 1",
    ],
)
def test_a_condition_that_holds(holds):
    assert parse(holds).holds(batch(SPAN).genai()[0])


@pytest.mark.parametrize(
    "fails",
    [
        "missing",
        "missing == 1",
        "missing != 1",
        "missing < 1",
        "not http.route",
        "http.route == /",
        "http.route == true",
        "http.route > 1",
        "gen_ai.request.model =~ ^est",
        "n == 10 and n == 11",
        "n =~ 1",
        "yes == 1",
        "yes == True",
        "n == true",
        "tags == c",
        "name == other",
        "name == /health",
        "status == error",
        "duration > 1s",
        "resource.http.route",
        "severity > 1",
        "body",
    ],
)
def test_a_condition_that_does_not_hold(fails):
    assert not parse(fails).holds(batch(SPAN).genai()[0])


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "a name is missing"),
        ("not", "a name is missing"),
        ("== 1", "a name is missing"),
        ("a ==", "a value is missing after =="),
        ("a == 1 or b", "joined by 'and'"),
        ("a == b c", "joined by 'and'"),
        ("a and", "a name is missing"),
        ('a == "open', "cannot be read from"),
        ("a < b", "< compares numbers"),
        ("a < true", "< compares numbers"),
        ('a =~ "("', "no regular expression"),
        ("duration > soon", "expected a duration"),
    ],
)
def test_a_condition_that_is_none_is_refused_and_says_why(written, wrong):
    with pytest.raises(ValueError, match=wrong):
        parse(written)
    with pytest.raises(ValueError, match=wrong):
        FilterConfig(drop=(written,))


def kept(*spans: dict[str, object], **config) -> list[str]:
    opened = batch(*spans)
    FilterProcessor(FilterConfig(**config)).process(opened)
    return [str(span.value("id")) for span in Batch.open(opened.to_bytes()).spans()]


def test_what_one_condition_of_drop_holds_for_goes():
    spans = [{"id": "1", "a": 1}, {"id": "2", "b": 1}, {"id": "3", "gen_ai.system": "x"}]

    assert kept(*spans, drop=("a", "gen_ai.system and not b")) == ["2"]


def test_what_no_condition_of_keep_holds_for_goes_and_drop_goes_before_keep():
    spans = [{"id": "1", "a": 1}, {"id": "2", "b": 1}, {"id": "3", "a": 1, "b": 1}]

    assert kept(*spans, keep=("a", "b")) == ["1", "2", "3"]
    assert kept(*spans, keep=("a",)) == ["1", "3"]
    assert kept(*spans, keep=("a",), drop=("b",)) == ["1"]


def test_a_batch_of_which_nothing_is_dropped_stays_the_bytes_it_was():
    payload = request({"a": 1})
    opened = Batch.open(payload)

    FilterProcessor(FilterConfig(drop=("b",))).process(opened)

    assert opened.to_bytes() is payload


def test_log_records_and_data_points_are_filtered_too():
    processor = FilterProcessor(FilterConfig(drop=("name == noise", "body =~ ^GET")))
    sent = logs(event("noise", {}), event("x", {}, "GET /"), event("y", {}, "POST /"))

    after = processed(processor, "logs", sent)
    measured = processed(processor, "metrics", metrics(("noise", {}), ("signal", {"a": 1})))

    assert events(after) == [event("y", {}, "POST /")]
    assert points(measured) == [("signal", {"a": 1})]


def test_what_is_dropped_is_counted_and_still_accepted():
    processor, given = FilterProcessor(FilterConfig(drop=("a",))), []
    pipeline = TracePipeline({"filter": processor}, {}, lambda _, payload: given.append(payload))

    pipeline.consume(request({"a": 1}, {"b": 1}))
    pipeline.consume(request({"a": 1}))
    records = Records("logs", logs(event("", {"a": 1})))
    processor.process(records)

    counted = {f.name: [s.value for s in f.samples] for f in processor.measure()}
    assert counted == {
        "otelcol_processor_filter_spans_filtered": [2],
        "otelcol_processor_filter_logs_filtered": [1],
    }
    assert pipeline.counters.get("otelcol_receiver_accepted_spans") == 3
    assert pipeline.counters.get("otel_llm_pipeline_dropped_spans") == 2
    assert len(given) == 1


@pytest.mark.parametrize(("code", "called"), [(0, "unset"), (1, "ok"), (2, "error")])
def test_the_status_is_called_as_opentelemetry_calls_it(code, called):
    message = ExportTraceServiceRequest.FromString(request(SPAN))
    message.resource_spans[0].scope_spans[0].spans[0].status.code = code
    (span,) = Batch.open(message.SerializeToString()).spans()

    held = [name for name in ("unset", "ok", "error") if parse(f"status == {name}").holds(span)]

    assert held == [called]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("resource.replicas > 2", True),
        ("resource.replicas == 3", True),
        ("resource.canary == true", True),
        ("resource.zones == b", True),
        ("resource.shards", True),
        ("resource.none", False),
        ("resource.none != x", False),
    ],
)
def test_attributes_of_the_resource_have_types_too(condition, holds):
    given = {"replicas": 3, "canary": True, "zones": ["a", "b"], "shards": {"x": 1}}
    message = ExportTraceServiceRequest.FromString(request(SPAN))
    message.resource_spans[0].resource.attributes.extend(pairs(given))
    (span,) = Batch.open(message.SerializeToString()).spans()
    (record,) = Records("logs", logs(event("e", {}), resource=given)).spans()

    assert [parse(condition).holds(item) for item in (span, record)] == [holds, holds]
