"""A call that comes again is known for a while, and costs nobody's memory for ever."""

from __future__ import annotations

from dataclasses import replace

from otel_llm.collector.calls.once import Once
from tests.store.examples import a_call


def test_a_call_that_comes_again_is_left_out_and_new_ones_are_not():
    once = Once()
    first, second, third = (a_call(number) for number in range(3))

    assert once.new([first, second]) == [first, second]
    assert once.new([second, third, third]) == [third]


def test_the_same_span_id_in_another_trace_is_another_call():
    once, call = Once(), a_call(1)
    other = replace(call, trace_id="f" * 32)

    assert [*once.new([call]), *once.new([other])] == [call, other]


def test_a_call_without_ids_is_never_taken_for_another():
    once = Once()
    calls = [replace(a_call(1), **{name: ""}) for name in ("trace_id", "span_id")]

    assert once.new(calls) == calls
    assert once.new(calls) == calls


def test_the_latest_calls_are_remembered_and_the_earliest_are_forgotten():
    once = Once(remembered=10)
    calls = [a_call(number) for number in range(100)]
    for call in calls:
        once.new([call])

    assert once.new(calls[-10:]) == []
    assert once.new(calls[:80]) == calls[:80]
