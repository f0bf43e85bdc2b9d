"""Calls in columns: whatever they hold arrives, however alike or unlike they are."""

from __future__ import annotations

from dataclasses import fields, replace

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from otel_llm.genai import Call, Cost, Document, Usage
from otel_llm.store import DuckDBStore, StoreConfig, arrow, schema
from otel_llm.store.columns import INT64_MAX, columns
from otel_llm.store.duck import _each_once
from otel_llm.store.rows import to_call

from .examples import FULL, a_call

TEXTS = some.text(max_size=12)
COUNTS = some.integers(0, 2**40)
AMOUNTS = some.floats(0, 1e6)


def maybe(values):
    return some.none() | values


def sometimes_alike(values):
    """A value of its own for every call, or one of few."""
    return some.sampled_from(["", "gpt-4o", "ünï", None]) | values


USAGES = some.builds(
    lambda counts: Usage(**counts),
    some.dictionaries(some.sampled_from([f.name for f in fields(Usage)]), COUNTS, max_size=4),
)
COSTS = some.builds(
    Cost,
    total=AMOUNTS,
    input=maybe(AMOUNTS),
    currency=some.sampled_from(["USD", "EUR"]),
    source=maybe(TEXTS),
)
CALLS = some.builds(
    Call,
    trace_id=some.text(min_size=1, max_size=3),
    span_id=some.uuids().map(lambda one: one.hex[:16]),
    parent_id=maybe(TEXTS),
    name=TEXTS,
    start_ns=some.integers(0, INT64_MAX),
    end_ns=some.integers(0, INT64_MAX),
    service=sometimes_alike(TEXTS),
    operation=some.sampled_from(["chat", "embeddings", "invoke_agent", None]),
    request_model=sometimes_alike(TEXTS),
    response_model=sometimes_alike(TEXTS),
    error_type=maybe(TEXTS),
    finish_reasons=some.lists(TEXTS, max_size=3).map(tuple),
    flags=maybe(some.lists(TEXTS, max_size=2).map(tuple)),
    usage=USAGES,
    cost=maybe(COSTS),
    streamed=maybe(some.booleans()),
    output_chars=maybe(COUNTS),
    time_to_first_chunk_s=maybe(AMOUNTS),
    tags=some.dictionaries(TEXTS, TEXTS, max_size=2),
    documents=maybe(some.lists(some.builds(Document, id=maybe(TEXTS)), max_size=2).map(tuple)),
)


def scanned(calls: list[Call], *, clean: bool = False) -> list[Call]:
    """``calls`` as an engine reads them from their Arrow data."""
    with duckdb.connect() as db:
        db.register("arrivals", arrow.table(columns(calls, clean=clean)))
        rows = db.execute(f"SELECT {schema.NAMES} FROM arrivals").fetchall()
    return [to_call(row) for row in rows]


@given(some.lists(CALLS, min_size=1, max_size=30))
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_calls_come_through_as_they_are(calls: list[Call]):
    assert scanned(calls) == calls


@given(some.lists(CALLS, min_size=1, max_size=10))
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_cleaning_takes_nothing_from_calls_that_can_be_held(calls: list[Call]):
    assert scanned(calls, clean=True) == calls


@given(some.lists(CALLS, min_size=1, max_size=10))
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_what_is_computed_is_what_a_call_says_of_itself(calls: list[Call]):
    found = columns(calls)

    assert found["model"] == [call.model for call in calls]
    assert found["tokens"] == [call.tokens for call in calls]
    assert found["billed"] == [call.billed for call in calls]
    assert found["unpriced"] == [call.unpriced for call in calls]
    assert found["cost_usd"] == [
        call.cost.total if call.cost and call.cost.currency == "USD" else None for call in calls
    ]
    assert found["duration_ms"] == [
        (call.end_ns - call.start_ns) / 1e6 if call.end_ns >= call.start_ns else None
        for call in calls
    ]


def test_the_columns_are_those_of_the_table():
    assert list(columns([FULL])) == schema.NAMES.split(", ")


@pytest.mark.parametrize("count", [1, 7, 8, 9, 2_047, 2_048, 2_049, 5_000])
def test_every_other_call_may_lack_everything(count: int):
    calls = [
        replace(FULL, span_id=f"{n:016x}") if n % 2 else a_call(n, at=FULL.start_ns)
        for n in range(count)
    ]

    assert scanned(calls) == calls


def test_a_bad_call_in_a_large_batch_costs_only_itself():
    store = DuckDBStore(StoreConfig(retain_for=0))
    bad = [
        a_call(1, at=2**63),
        a_call(2, name=None),
        a_call(3, name=7),
        a_call(4, usage=None),
        a_call(5, tags=3),
    ]
    odd = [
        a_call(6, output_chars=2**63),
        a_call(7, output_chars=-1),
        a_call(8, score=float("nan")),
        a_call(9, user_id="\ud800"),
        a_call(3_001, usage=Usage(INT64_MAX, INT64_MAX)),
    ]
    good = [a_call(n) for n in range(10, 3_000)]

    kept = store.write([*good[:1_000], *bad, *odd, *good[1_000:]])

    found = {int(call.trace_id, 16): call for call in store.calls(limit=5_000).calls}
    assert (kept, store.rejected) == (len(odd) + len(good), len(bad))
    assert [found[n] for n in range(10, 3_000)] == good
    assert [found[n].output_chars for n in (6, 7)] == [None, None]
    assert (found[8].score, found[9].user_id) == (None, "?")
    assert found[3_001].usage == Usage(INT64_MAX, INT64_MAX)
    store.close()


def test_a_call_that_came_twice_is_there_once_as_it_came_first():
    first, other, again = a_call(1, user_id="a"), a_call(2), a_call(1, user_id="b")

    assert list(_each_once([first, other, again])) == [first, other]
    assert list(_each_once([first, replace(first, trace_id="f" * 32)])) == [
        first,
        replace(first, trace_id="f" * 32),
    ]


def test_a_name_without_end_is_cut():
    found = columns([replace(FULL, name="n" * 100_000), replace(FULL, name="chat")])

    assert found["name"] == ["n" * 1_000, "chat"]
