"""Logs and metrics, opened for processors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.collector.data.records import Records
from otel_llm.collector.errors import Malformed
from otel_llm.collector.wire.any_values import any_value, plain
from tests.collector.records import event, events, logs, metrics, points

DETAILS = "gen_ai.client.inference.operation.details"
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(values)
def test_a_value_is_the_same_after_it_was_written_and_read(value):
    assert plain(any_value(value)) == value


def test_genai_events_are_known_by_their_name_or_their_attributes():
    records = Records(
        "logs",
        logs(
            event(DETAILS, {}),
            event("", {"event.name": "gen_ai.user.message"}),
            event("", {"gen_ai.system": "openai"}),
            event("device.app.lifecycle", {"a": 1}, "mentions gen_ai."),
        ),
    )

    assert [r.name for r in records.genai()] == [DETAILS, "gen_ai.user.message", ""]
    assert len(records.spans()) == 4


def test_a_request_without_genai_is_not_even_opened():
    records = Records("logs", b"\xff broken")

    assert records.genai() == ()
    assert records.to_bytes() == b"\xff broken"


@pytest.mark.parametrize("signal", ["logs", "metrics"])
def test_a_request_that_cannot_be_read_is_malformed(signal):
    with pytest.raises(Malformed, match=f"no OTLP {signal} request"):
        Records(signal, b"\xff gen_ai.").genai()


def test_what_nobody_changed_are_the_very_bytes():
    payload = logs(event(DETAILS, {"a": 1}))
    records = Records("logs", payload)
    for record in records.genai():
        record.remove("b")
        record.rewrite_rest(lambda _, value: value)

    assert records.to_bytes() is payload


def test_attributes_are_replaced_added_and_removed_with_their_structure():
    records = Records("logs", logs(event(DETAILS, {"a": 1, "b": {"c": [1, "x"]}}, "body")))
    (record,) = records.genai()

    record.set("a", {"deep": [True, 2.5, None]})
    record.set("new", "n")
    record.remove("b")
    record.rewrite_rest(lambda name, value: {name: value})

    assert events(records.to_bytes()) == [
        event(DETAILS, {"a": {"deep": [True, 2.5, None]}, "new": "n"}, {"body": "body"})
    ]
    assert (record.trace_id, record.span_id) == ("0" * 31 + "1", "0" * 15 + "2")


def test_records_are_taken_out_and_what_is_empty_then_goes_with_them():
    payload = logs(event("a", {}), event("b", {}), event("c", {}))
    records, whole = Records("logs", payload), Records("logs", payload)

    records.drop(r for r in records.spans() if r.name != "b")
    whole.drop(whole.spans())

    assert [e["name"] for e in events(records.to_bytes())] == ["b"]
    assert (records.dropped, [r.name for r in records.spans()]) == (2, ["b"])
    assert whole.to_bytes() == b""


def test_data_points_are_records_too():
    payload = metrics(("gen_ai.client.token.usage", {"a": 1}), ("http", {"gen_ai.system": "x"}))
    records = Records("metrics", payload)
    first, second = records.genai()

    first.set("a", 2)
    records.drop([second])

    assert points(records.to_bytes()) == [("gen_ai.client.token.usage", {"a": 2})]


def test_the_resource_is_seen_and_can_be_changed():
    records = Records("logs", logs(event(DETAILS, {}), resource={"service.name": "s", "n": 1}))
    (record,) = records.genai()
    (resource,) = records.resources()

    assert (record.resource_text("service.name"), record.resource_text("n")) == ("s", None)
    resource.set("service.name", "other")
    assert record.resource_text("service.name") == "other"
    assert records.to_bytes() != records._payload


def test_many_attributes_of_one_record_are_looked_through_once_and_not_once_for_each():
    named = {f"gen_ai.prompt.{nth}.content": "mail jane@doe.org" for nth in range(100)}
    record = Records("logs", logs(event("gen_ai.choice", named))).spans()[0]
    looked = 0

    class Counted(list):
        def __iter__(self):
            nonlocal looked
            looked += 1
            return super().__iter__()

    record._pairs = Counted(record._pairs)
    for name in record.names():
        record.set(name, str(record.value(name)).upper())
    record.remove("gen_ai.prompt.0.content")

    assert record.has("gen_ai.prompt.0.content") is False
    assert record.value("gen_ai.prompt.1.content") == "MAIL JANE@DOE.ORG"
    assert looked == 1
