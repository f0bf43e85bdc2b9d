"""Layouts that are guessed and attributes that are written from templates: quick, and the same."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.data import Batch, facts
from otel_llm.collector.data.template import Template
from otel_llm.genai import Usage
from tests.collector.calls import any_value, batch

OPERATION = "gen_ai.operation.name"
TEMPLATE = Template(
    ["otel_llm.cost.total", "d"],
    {"otel_llm.cost.currency": "EUR", "otel_llm.quality.flags": ("a", "b")},
    integers=["otel_llm.output.length"],
)
WRITTEN = {
    "otel_llm.cost.total": 0.25,
    "d": 2.0,
    "otel_llm.cost.currency": "EUR",
    "otel_llm.quality.flags": ["a", "b"],
    "otel_llm.output.length": 300,
}


def attributes(opened: Batch) -> dict:
    message = ExportTraceServiceRequest.FromString(opened.to_bytes())
    (span,) = message.resource_spans[0].scope_spans[0].spans
    assert len({a.key for a in span.attributes}) == len(span.attributes)
    return {a.key: a.value for a in span.attributes}


def expected(**more: object) -> dict:
    return {name: any_value(value) for name, value in {OPERATION: "chat", **more}.items()}


def test_what_a_template_writes_is_what_was_asked_for_and_read_back():
    opened = batch({OPERATION: "chat"})
    (span,) = opened.genai()

    span.fill(TEMPLATE, [0.25, 2.0, 300])

    assert attributes(opened) == expected(**WRITTEN)
    assert {name: span.value(name) for name in WRITTEN} == WRITTEN
    assert span.raw("d") == any_value(2.0).SerializeToString()
    assert span.has("d")
    assert not span.has("e")
    assert set(span.names()) == {OPERATION, *WRITTEN}


@pytest.mark.parametrize("asked_before", [True, False])
def test_facts_tell_what_a_template_wrote(asked_before):
    (span,) = batch({OPERATION: "chat"}).genai()
    if asked_before:
        assert span.facts[facts.COST_TOTAL] is None

    span.fill(TEMPLATE, [0.25, 2.0, 300])

    assert span.facts[facts.COST_TOTAL] == 0.25
    assert span.facts[facts.FLAGS] == ("a", "b")


def test_facts_tell_what_was_set_and_removed():
    (span,) = batch({OPERATION: "chat", "error.type": "timeout"}).genai()
    assert span.facts[facts.ERROR_TYPE] == "timeout"

    span.remove("error.type")
    span.set("gen_ai.request.model", "m")
    span.set("gen_ai.usage.input_tokens", "12")

    assert span.facts[facts.ERROR_TYPE] is None
    assert span.facts[facts.REQUEST_MODEL] == "m"
    assert span.facts[facts.USAGE] == Usage(12)
    assert span.facts[facts.PROFILE] is None


@pytest.mark.parametrize(
    ("sent", "counts"),
    [
        ({"cache_creation.input_tokens": 7}, Usage(cache_write=7)),
        ({"cache_creation.input_tokens": 7, "cache_write.input_tokens": 5}, Usage(cache_write=5)),
        ({"input_tokens": 3.0, "output_tokens": "4"}, Usage(3, 4)),
        ({"input_tokens": "many"}, Usage()),
    ],
)
def test_counts_of_tokens_are_read_under_their_names_of_today_and_of_yesterday(sent, counts):
    named = {f"gen_ai.usage.{name}": value for name, value in sent.items()}

    (span,) = batch({OPERATION: "chat", **named}).genai()

    assert span.facts[facts.USAGE] == counts


def test_counts_follow_what_is_written_and_taken_away():
    (span,) = batch({OPERATION: "chat", "gen_ai.usage.cache_creation.input_tokens": 7}).genai()
    assert span.facts[facts.USAGE] == Usage(cache_write=7)

    span.fill(Template(integers=["gen_ai.usage.input_tokens"]), [9])
    span.remove("gen_ai.usage.cache_creation.input_tokens")

    assert span.facts[facts.USAGE] == Usage(9)


@pytest.mark.parametrize("there", ["d", "otel_llm.quality.flags"])
def test_a_template_replaces_what_came(there):
    opened = batch({OPERATION: "chat", there: "old"})

    opened.genai()[0].fill(TEMPLATE, [0.25, 2.0, 300])

    assert attributes(opened) == expected(**WRITTEN)


def test_what_a_template_wrote_can_be_changed_again():
    opened = batch({OPERATION: "chat"})
    (span,) = opened.genai()

    span.fill(TEMPLATE, [0.25, 2.0, 300])
    span.fill(Template(["d"]), [3.0])
    span.remove("otel_llm.quality.flags")
    span.set("otel_llm.cost.currency", "USD")

    left = {**WRITTEN, "d": 3.0, "otel_llm.cost.currency": "USD"}
    del left["otel_llm.quality.flags"]
    assert attributes(opened) == expected(**left)
    assert span.facts[facts.FLAGS] is None


def test_spans_with_as_many_but_other_attributes_are_told_apart():
    spans = [
        {OPERATION: "chat", "gen_ai.request.model": "a"},
        {OPERATION: "chat", "gen_ai.response.model": "b"},
        {OPERATION: "chat", "http.route": "/"},
        {"http.route": "/", "http.method": "GET"},
    ]

    for _ in range(3):  # guesses are made from what was seen before
        opened = batch(*spans)
        names = [set(span.names()) for span in opened.spans()]
        models = [
            (span.facts[facts.REQUEST_MODEL], span.facts[facts.RESPONSE_MODEL])
            for span in opened.genai()
        ]

        assert names == [set(span) for span in spans]
        assert models == [("a", None), (None, "b"), (None, None)]
        assert len(opened.genai()) == 3
