"""Attributes of items and resources, changed in the OpenTelemetry Collector's words."""

from __future__ import annotations

import hashlib

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.actions import ActionConfig
from otel_llm.collector.data import Batch
from otel_llm.collector.data.records import Records
from otel_llm.collector.processors.attributes import AttributesConfig, AttributesProcessor
from otel_llm.collector.processors.resource import ResourceConfig, ResourceProcessor
from otel_llm.config import build
from tests.collector.calls import attributes, batch, request
from tests.collector.records import event, events, logs, metrics, pairs, points, processed


def changed(sent: dict[str, object], *actions: dict[str, object], **more) -> dict[str, object]:
    opened = batch(sent)
    config = build(AttributesConfig, {"actions": list(actions), **more}, "attributes")
    AttributesProcessor(config).process(opened)
    (span,) = Batch.open(opened.to_bytes()).spans()
    return attributes(span)


@pytest.mark.parametrize(
    ("action", "there", "absent"),
    [
        ({"action": "insert", "key": "a", "value": 2}, {"a": 1}, {"a": 2}),
        ({"action": "update", "key": "a", "value": 2}, {"a": 2}, {}),
        ({"action": "upsert", "key": "a", "value": 2}, {"a": 2}, {"a": 2}),
        ({"action": "delete", "key": "a"}, {}, {}),
        ({"action": "hash", "key": "a"}, {"a": hashlib.sha256(b"1").hexdigest()}, {}),
    ],
)
def test_an_action_does_what_the_collector_of_opentelemetry_does(action, there, absent):
    assert changed({"a": 1, "b": "x"}, action) == {**there, "b": "x"}
    assert changed({"b": "x"}, action) == {**absent, "b": "x"}


@pytest.mark.parametrize("value", ["text", True, 3, 0.5])
def test_a_value_keeps_its_type(value):
    assert changed({}, {"action": "insert", "key": "a", "value": value}) == {"a": value}


def test_a_value_can_come_from_another_attribute():
    copy = {"action": "upsert", "key": "user.id", "from_attribute": "enduser.id"}

    assert changed({"enduser.id": "u"}, copy) == {"enduser.id": "u", "user.id": "u"}
    assert changed({"x": 1}, copy) == {"x": 1}


def test_names_can_be_chosen_by_a_pattern():
    assert changed(
        {"http.a": 1, "http.b": "x", "b": 2},
        {"action": "hash", "pattern": r"^http\.b"},
        {"action": "delete", "pattern": r"\.a$"},
    ) == {"http.b": hashlib.sha256(b"x").hexdigest(), "b": 2}


def test_actions_follow_each_other():
    assert changed(
        {"a": 1},
        {"action": "insert", "key": "b", "from_attribute": "a"},
        {"action": "delete", "key": "a"},
        {"action": "update", "key": "b", "value": "last"},
    ) == {"b": "last"}


def test_conditions_choose_what_is_changed():
    delete = {"action": "delete", "key": "a"}

    assert changed({"a": 1}, delete, include=["a == 2"]) == {"a": 1}
    assert changed({"a": 1}, delete, include=["a == 2", "a == 1"]) == {}
    assert changed({"a": 1}, delete, exclude=["a"]) == {"a": 1}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"action": "insert", "key": "a"}, "needs value"),
        ({"action": "insert", "key": "a", "value": 1, "from_attribute": "b"}, "not both"),
        ({"action": "insert", "value": 1}, "key: required"),
        ({"action": "upsert", "pattern": "a", "value": 1}, "key: required"),
        ({"action": "delete", "key": "a", "value": 1}, "takes no value"),
        ({"action": "hash", "key": "a", "pattern": "a"}, "or pattern instead"),
        ({"action": "delete", "pattern": "("}, "no regular expression"),
    ],
)
def test_an_action_that_makes_no_sense_is_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        ActionConfig(**wrong)


@pytest.mark.parametrize("config", [AttributesConfig, ResourceConfig])
def test_a_list_without_actions_is_refused(config):
    with pytest.raises(ValueError, match="there is none"):
        config(())


def test_log_records_and_data_points_are_changed_too():
    processor = AttributesProcessor(AttributesConfig((ActionConfig("insert", "a", value=1),)))

    assert events(processed(processor, "logs", logs(event("e", {"b": [1]})))) == [
        event("e", {"b": [1], "a": 1})
    ]
    assert points(processed(processor, "metrics", metrics(("m", {})))) == [("m", {"a": 1})]


RENAME = ResourceProcessor(
    ResourceConfig(
        (
            ActionConfig("upsert", "service.name", value="shop"),
            ActionConfig("delete", pattern="^process"),
        )
    )
)


def test_the_resource_of_spans_is_changed():
    message = ExportTraceServiceRequest.FromString(request({"gen_ai.system": "x"}, {"a": 1}))
    resource = message.resource_spans[0].resource
    resource.attributes.extend(pairs({"service.name": "s", "process.pid": 1, "host.name": "h"}))
    opened = Batch.open(message.SerializeToString())

    RENAME.process(opened)

    del resource.attributes[:]
    resource.attributes.extend(pairs({"host.name": "h", "service.name": "shop"}))
    assert ExportTraceServiceRequest.FromString(opened.to_bytes()) == message
    assert {span.resource_text("service.name") for span in opened.spans()} == {"shop"}


def test_a_resource_that_says_it_already_stays_the_bytes_it_was():
    message = ExportTraceServiceRequest.FromString(request({"a": 1}))
    message.resource_spans[0].resource.attributes.extend(pairs({"service.name": "shop"}))
    payload = message.SerializeToString()
    opened = Batch.open(payload)

    RENAME.process(opened)

    assert opened.to_bytes() is payload


def test_the_resource_of_logs_is_changed():
    records = Records("logs", logs(event("e", {}), resource={"process.pid": 1}))

    RENAME.process(records)

    (resource,) = Records("logs", records.to_bytes()).resources()
    assert list(resource.names()) == ["service.name"]


@pytest.mark.parametrize(
    ("value", "copied"),
    [
        ({"a": [1, {"b": 2}]}, '{"a": [1, {"b": 2}]}'),
        ([1, 2.5, "x", True], '[1, 2.5, "x", true]'),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_what_a_span_cannot_hold_is_copied_as_text_and_the_next_action_follows(value, copied):
    copy = {"action": "upsert", "key": "b", "from_attribute": "a"}

    assert changed({"a": value}, copy, {"action": "delete", "key": "a"}) == {"b": copied}


def test_bytes_are_copied_in_base64():
    message = ExportTraceServiceRequest.FromString(request({}))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="a").value.bytes_value = b"\xff\x00"
    opened = Batch.open(message.SerializeToString())
    copy = ActionConfig("upsert", "b", from_attribute="a")

    AttributesProcessor(AttributesConfig(actions=(copy,))).process(opened)

    (after,) = Batch.open(opened.to_bytes()).spans()
    assert after.text("b") == "/wA="
