"""What calls of the past cost by another book."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from otel_llm.genai import Call, Cost, Usage
from otel_llm.pricing import CustomPrice, PriceBook
from otel_llm.pricing.reprice import Shift, differences, reprice, settled, shifts
from otel_llm.pricing.tables import read_table
from tests.pricing.book import NOV, book


def call(model: str = "gpt-4o", cost: Cost | None = None, **more: object) -> Call:
    made = Call(
        "t",
        "s",
        None,
        "chat",
        NOV,
        NOV + 1,
        operation="chat",
        provider="openai",
        response_model=model,
        usage=Usage(1_000, 100),
        cost=cost,
    )
    return replace(made, **more)  # type: ignore[arg-type]


RIGHT = Cost(0.0035, source="genai-prices")


@pytest.mark.parametrize(
    "settled",
    [
        call(cost=RIGHT),
        call(model="gpt-5", cost=Cost(0.001125)),  # flex
        call(model="gpt-5", cost=Cost(0.001125, tier="flex")),
        call(cost=Cost(9.0, currency="EUR")),
        call(cost=Cost(9.0, source="provider")),
        call(model="gpt-99"),
        call(model="gpt-99", cost=Cost(9.0)),
        call(operation="invoke_agent"),
        call(usage=Usage()),
    ],
)
def test_a_call_that_is_right_or_cannot_be_priced_keeps_what_it_has(settled: Call):
    assert list(reprice([settled], book())) == []


def test_a_price_of_ones_own_for_what_was_asked_holds_for_calls_of_the_past_too():
    own = PriceBook((CustomPrice("prod-1", input=Decimal(1)),), book().listed)

    (change,) = reprice([call(cost=RIGHT, request_model="prod-1")], own)

    assert change.bill.total == Decimal("0.001")
    assert list(reprice([settled(change)], own)) == []


def test_a_call_that_had_no_price_gets_one():
    (change,) = reprice([call()], book())

    assert (change.before, change.bill.total) == (None, Decimal("0.0035"))


def test_a_call_is_repriced_in_the_tier_it_was_served_under():
    """What it cost would be right for a call of another tier, here a priority one."""
    stale = call(model="gpt-5", cost=Cost(0.0045, tier="flex"))

    (change,) = reprice([stale], book())

    assert (change.bill.tier, change.bill.total) == ("flex", Decimal("0.001125"))


@pytest.mark.parametrize("recorded", [None, Cost(7.0, source="custom", tier="standard")])
def test_the_tier_that_was_named_holds_and_not_that_of_the_rates_it_had(recorded: Cost | None):
    """It had no price, or one of the operator's own, which knows no tiers."""
    stale = call(model="gpt-5", cost=recorded, service_tier="flex")

    (change,) = reprice([stale], book())

    assert (change.bill.tier, change.bill.total) == ("flex", Decimal("0.001125"))
    assert list(reprice([settled(change)], book())) == []


def test_an_embedding_has_no_answer_in_a_price_of_ones_own_either():
    own = PriceBook((CustomPrice("*", input=Decimal(1), output=Decimal(2)),), book().listed)

    (change,) = reprice([call(operation="embeddings", usage=Usage(1_000))], own)

    assert change.bill.total == Decimal("0.001")


def test_own_prices_change_what_was_listed():
    own = PriceBook([CustomPrice("gpt-4o", input=Decimal(1), output=Decimal(1))], book().listed)

    (change,) = reprice([call(cost=RIGHT)], own)

    assert (change.before, change.bill.total) == (0.0035, Decimal("0.0011"))


def test_the_requested_model_is_taken_when_the_served_one_is_unknown():
    (change,) = reprice([call("our-router", request_model="gpt-4o")], book())

    assert change.bill.total == Decimal("0.0035")


def test_repricing_twice_is_repricing_once():
    calls = [call(), call("gpt-4o-mini"), call("o3", cost=Cost(1.0))]

    after = [settled(change) for change in reprice(calls, book())]

    assert [c.cost and c.cost.tier for c in after] == ["standard"] * 3
    assert list(reprice(after, book())) == []


def test_changes_are_summed_by_model_and_the_largest_comes_first():
    calls = [call(cost=Cost(0.0036)), call(), call("o3", cost=Cost(1.0))]

    assert shifts(reprice(calls, book())) == [
        Shift("openai", "o3", 1, Decimal("1.0"), Decimal("0.0028"), 0),
        Shift("openai", "gpt-4o", 2, Decimal("0.0036"), Decimal("0.0070"), 1),
    ]


def table(tmp_path: Path, dollars_in: float, *more: dict) -> Path:
    """A newer table of genai-prices, in which gpt-4o costs something else."""
    prices = {"input_mtok": dollars_in, "output_mtok": 10}
    model = {"id": "gpt-4o", "match": {"equals": "gpt-4o"}, "prices": prices}
    provider = {"id": "openai", "name": "OpenAI", "api_pattern": "x", "models": [model, *more]}
    file = tmp_path / "data.json"
    file.write_text(json.dumps([provider]))
    return file


def test_a_newer_table_shows_what_it_would_change_before_it_does(tmp_path: Path):
    calls = [call(cost=Cost(77.0)), call(), call("o3"), call("gpt-99"), call(usage=Usage())]

    found = differences(calls, book(), read_table(table(tmp_path, 5)))

    assert found == [
        Shift("openai", "gpt-4o", 2, Decimal("0.0070"), Decimal("0.0120"), 0),
        Shift("openai", "o3", 1, Decimal("0.0028"), Decimal(0), 0, no_longer_priced=1),
    ]


def test_a_table_in_litellms_format_is_taken_too(tmp_path: Path):
    file = tmp_path / "model_prices.json"
    entry = {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6}
    file.write_text(json.dumps({"gpt-99": {**entry, "output_cost_per_token": 2e-6}}))

    found = differences([call("gpt-99")], book(), read_table(file))

    assert found == [Shift("openai", "gpt-99", 1, Decimal(0), Decimal("0.0012"), 1)]


def test_what_is_no_table_is_refused_by_its_name(tmp_path: Path):
    file = tmp_path / "odd.json"
    file.write_text('[{"id": 7}]')

    with pytest.raises(ValueError, match=r"odd.json is no price table of genai-prices"):
        read_table(file)
