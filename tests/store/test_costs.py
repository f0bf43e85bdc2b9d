"""Costs that change afterwards, and baselines: replaced, never doubled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otel_llm.genai import Call, Cost, Usage
from otel_llm.store import DuckDBStore, Filter, StoreError
from otel_llm.store.baselines import Baseline, compare, save, take
from otel_llm.store.kinds import Kind
from otel_llm.store.unpriced import UnpricedModel, unpriced, why
from tests.pricing.book import NOV, book
from tests.store.examples import FULL, NOON, a_call
from tests.store.stores import in_memory

EUR = Cost(total=0.5, input=0.4, output=0.1, currency="EUR", source="custom", tier="batch")
USD = Cost(total=0.25, input=0.2, cache_read=0.05, source="genai-prices", tier="flex")


@pytest.fixture
def store():
    store = in_memory()
    yield store
    store.close()


def test_a_cost_is_replaced_and_all_else_stays(store: DuckDBStore):
    unknown, other = a_call(1), a_call(2, cost=EUR)
    store.write([FULL, unknown, other])

    store.put_costs([replace(FULL, cost=USD), replace(unknown, cost=USD)])

    found = {call.span_id: call for call in store.calls(Filter(billed=None)).calls}
    assert found == {
        FULL.span_id: replace(FULL, cost=USD),
        unknown.span_id: replace(unknown, cost=USD),
        other.span_id: other,
    }
    stats = store.stats()
    assert (stats.total_cost_usd, stats.unpriced, stats.count) == (0.5, 0, 3)


def test_the_cost_of_a_call_that_is_not_there_is_left_out(store: DuckDBStore):
    store.put_costs([replace(a_call(1), cost=USD)])

    assert store.stats().count == 0


def test_calls_are_written_as_ever_after_costs_were_replaced(store: DuckDBStore):
    store.write([a_call(1)])
    store.put_costs([replace(a_call(1), cost=USD)])

    assert store.write([a_call(1), a_call(2)]) == 1
    assert store.stats().total_cost_usd == 0.25


def test_a_closed_store_says_so_and_does_not_pretend(store: DuckDBStore):
    store.write([a_call(1)])
    store.close()

    for act in (
        lambda: store.put_costs([replace(a_call(1), cost=USD)]),
        lambda: store.put_baseline("x", "{}"),
        store.baselines,
    ):
        with pytest.raises(StoreError):
            act()


def test_a_baseline_goes_through_the_store_and_adds_up_over_workers(store: DuckDBStore):
    calls = [a_call(n, output_chars=100 + n, score=0.5, response_model="m") for n in range(1, 21)]
    store.write(calls)
    info = save(store, "x", Filter(since_ns=NOON))
    kept = Baseline.from_json(store.baselines()["x"])

    halves = [take(store, Filter(since_ns=NOON, until_ns=calls[10].start_ns))]
    halves.append(take(store, Filter(since_ns=calls[10].start_ns)))
    halves[0].merge(halves[1])

    assert (info.calls, info.series) == (20, 1)
    assert {k: p.to_json() for k, p in halves[0].profiles.items()} == {
        k: p.to_json() for k, p in kept.profiles.items()
    }
    assert halves[0].served == kept.served == {"gpt-4o": {"m"}}
    assert compare(store, "x", Filter(since_ns=NOON)) == []


def test_a_baseline_that_is_not_there_is_no_answer(store: DuckDBStore):
    with pytest.raises(KeyError):
        compare(store, "x", Filter())


def test_unpriced_models_are_counted_by_the_reason(store: DuckDBStore):
    store.write(
        [
            a_call(1, at=NOV, request_model="gpt-99", usage=Usage(10, 1)),
            a_call(2, at=NOV + 1, request_model="gpt-99", usage=Usage()),
            a_call(3, at=NOV + 2, request_model="gpt-4o", usage=Usage()),
            a_call(4, at=NOV + 3, request_model="gpt-4o", cost=USD),
            a_call(5, at=NOV + 4, request_model=None),
        ]
    )

    assert unpriced(store, Filter(), book()) == [
        UnpricedModel("openai", "gpt-99", "unknown_model", 2, 11, NOV, NOV + 1),
        UnpricedModel("openai", None, "no_model", 1, 0, NOV + 4, NOV + 4),
        UnpricedModel("openai", "gpt-4o", "no_usage", 1, 0, NOV + 2, NOV + 2),
    ]


def kind_of(call: Call) -> Kind:
    names = call.provider, call.request_model, call.response_model, call.server_address
    return Kind(*names, call.usage, 1, call.tokens or 0, call.start_ns, call.start_ns)


def test_models_without_a_price_are_those_that_a_look_at_every_call_finds(store: DuckDBStore):
    usages = (Usage(10, 5), Usage(10), Usage(), Usage(10, 0), Usage(2 * 10**9, 5))
    models = (None, "gpt-4o", "unheard-of", "text-embedding-3-small")
    calls = [
        a_call(
            n,
            start_ns=NOON - n * 600 * 10**9,
            response_model=models[n % 4],
            request_model=models[n % 3],
            provider=("openai", "mistral_ai", None)[n % 3],
            server_address=("127.0.0.1", None)[n % 2],
            usage=usages[n % 5],
            error_type=("timeout", None, None)[n % 3],
            cost=None,
        )
        for n in range(240)
    ]
    store.write(calls)

    found = unpriced(store, Filter(), book())

    each: dict[tuple[object, ...], list[Call]] = {}
    for call in store.history(0, Filter(unpriced=True)):
        key = (call.provider, call.model, why(kind_of(call), book()))
        each.setdefault(key, []).append(call)
    assert {(one.provider, one.model, one.reason): one for one in found} == {
        key: UnpricedModel(
            *key,  # type: ignore[arg-type]
            calls=len(alike),
            tokens=sum(call.tokens or 0 for call in alike),
            first_ns=min(call.start_ns for call in alike),
            last_ns=max(call.start_ns for call in alike),
        )
        for key, alike in each.items()
    }
    assert {one.reason for one in found} >= {"no_usage", "unknown_model", "no_model", "priced_now"}
