"""The price book as rows, and held against a second source."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from otel_llm.genai import Usage
from otel_llm.pricing import PriceBook, Unpriced
from otel_llm.pricing.lookup import BillRow, Explained, PriceRow, at_day, explain, search, show
from otel_llm.pricing.second import Comparison, SecondList, compare
from tests.pricing.book import NOV, at, book


def test_a_model_is_shown_with_each_tier_that_has_rates_of_its_own():
    rows = show(book(), "gcp.gemini", "models/gemini-2.5-pro", NOV)

    assert not isinstance(rows, Unpriced)
    assert [(row.tier, row.rates) for row in rows] == [
        ("standard", rates("1.25", "10", "0.125")),
        ("standard+above_200000", rates("2.5", "15", "0.25")),
        ("batch", rates("0.625", "5", "0.125")),
        ("batch+above_200000", rates("1.25", "7.5", "0.25")),
        ("flex", rates("0.625", "5", "0.125")),
        ("flex+above_200000", rates("1.25", "7.5", "0.25")),
        ("priority", rates("2.25", "18", "0.225", search="0.063")),
        ("priority+above_200000", rates("4.5", "27", "0.45", search="0.063")),
    ]
    assert {(row.source, row.match) for row in rows} == {("genai-prices", "google/gemini-2.5-pro")}


def rates(given: str, output: str, read: str, search: str = "0.035") -> dict[str, Decimal]:
    tokens = {"input": Decimal(given), "output": Decimal(output), "cache_read": Decimal(read)}
    return {**tokens, "web_search": Decimal(search)}


def test_a_model_that_is_not_in_the_book_is_shown_with_the_reason():
    assert show(book(), "openai", "gpt-99", NOV) == Unpriced("unknown_model")


def test_models_are_found_by_a_part_of_their_name():
    found = list(search(book(), "Embedding-3-SMALL", NOV))

    assert (
        PriceRow(
            "openai",
            "text-embedding-3-small",
            "standard",
            {"input": Decimal("0.02")},
            "genai-prices",
            "openai/text-embedding-3-small",
            found[0].as_of,
        )
        in found
    )
    assert all("embedding-3-small" in row.match for row in found)


def test_a_bill_is_explained_line_by_line():
    card = book().quote("openai", "gpt-4o", NOV)
    bill = explain(book(), "openai", "gpt-4o", Usage(1000, 100, cache_read=400), NOV, "flex")

    assert bill == Explained(
        (
            BillRow("input", Decimal("0.0015")),
            BillRow("output", Decimal("0.001")),
            BillRow("cache_read", Decimal("0.0005")),
            BillRow("total", Decimal("0.003")),
        ),
        origin=f"genai-prices, openai/gpt-4o, as of {card.as_of}, standard",
        quality="unpriced_tier",
    )
    assert explain(book(), "openai", "x", Usage(1, 1), NOV, None) == Unpriced("unknown_model")


def test_a_day_is_its_noon():
    assert at_day("2026-11-20") == at("2026-11-20T12:00")
    assert at_day(None) == 0


TABLE = {
    "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of …", "mode": "…"},
    "gpt-4o": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-06,
        "source": "https://example.com/prices",
    },
    "gemini/gemini-2.5-pro": {
        "litellm_provider": "gemini",
        "mode": "chat",
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1.001e-05,
    },
    "gpt-99": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06},
    "dall-e-9": {"litellm_provider": "openai", "mode": "image_generation"},
    "acme/7b": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 1e-06},
}


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(TABLE), encoding="utf-8")
    return file


def test_two_sources_are_compared_bucket_by_bucket(prices: Path):
    found = list(compare(book(), prices, NOV))

    assert [(row.provider, row.model, row.verdict) for row in found] == [
        ("openai", "gpt-4o", "agree"),
        ("gcp.gemini", "gemini-2.5-pro", "differ"),
        ("openai", "gpt-99", "unlisted"),
    ]
    assert found[0].source == "https://example.com/prices"
    assert found[1].differences() == {"input": (Decimal("1.25"), Decimal("2.5"))}
    assert found[2] == Comparison("openai", "gpt-99", {"input": Decimal(1)}, None, None)


SECOND = {
    "fireworks_ai/accounts/fireworks/models/llama-v3p1-70b-instruct": {
        "litellm_provider": "fireworks_ai",
        "mode": "chat",
        "input_cost_per_token": 9e-07,
        "output_cost_per_token": 9e-07,
    },
    "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 9e-06},
    "watsonx/ibm/granite-9": {
        "litellm_provider": "watsonx",
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "input_cost_per_token_batches": 5e-07,
        "output_cost_per_token": 4e-06,
        "cache_read_input_token_cost": 1e-07,
    },
    "watsonx/ibm/granite-10": {
        "litellm_provider": "watsonx",
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": None,
    },
}


@pytest.fixture
def with_second(tmp_path: Path) -> PriceBook:
    file = tmp_path / "second.json"
    file.write_text(json.dumps(SECOND), encoding="utf-8")
    return PriceBook((), book().listed, SecondList(file))


@pytest.mark.parametrize(
    ("provider", "model", "tier", "total", "source", "billed_as"),
    [
        (
            "fireworks",
            "accounts/fireworks/models/llama-v3p1-70b-instruct",
            None,
            "0.00099",
            "litellm",
            "standard",
        ),
        ("ibm.watsonx.ai", "ibm/granite-9", None, "0.00131", "litellm", "standard"),
        ("ibm.watsonx.ai", "watsonx/ibm/granite-9", "batch", "0.00086", "litellm", "batch"),
        ("openai", "gpt-4o", None, "0.003375", "genai-prices", "standard"),
    ],
)
def test_a_second_list_is_asked_for_what_the_first_one_does_not_have(
    with_second: PriceBook,
    provider: str,
    model: str,
    tier: str | None,
    total: str,
    source: str,
    billed_as: str,
):
    found = with_second.cost(provider, model, Usage(1000, 100, cache_read=100), NOV, tier)

    assert found is not None
    assert (found.total, found.card.source, found.tier) == (Decimal(total), source, billed_as)


def test_a_second_list_has_long_context_rates_too(with_second: PriceBook):
    found = with_second.cost("ibm.watsonx.ai", "ibm/granite-9", Usage(200_001, 0), NOV)

    assert found is not None
    assert (found.total, found.tier) == (Decimal("0.400002"), "standard+above_200000")


def test_an_output_rate_that_is_null_is_unknown_and_not_zero(with_second: PriceBook):
    found = with_second.bill("ibm.watsonx.ai", "ibm/granite-10", Usage(1, 1), NOV)

    assert found == Unpriced("no_output_rate")


def test_what_no_list_has_stays_unpriced_for_the_first_ones_reason(with_second: PriceBook):
    assert with_second.bill("openai", "gpt-99", Usage(1, 1), NOV) == Unpriced("unknown_model")
    assert with_second.bill("openai", "whisper-1", Usage(1, 1), NOV) == Unpriced("not_per_token")


@pytest.mark.parametrize("text", ["[]", "7", "{"])
def test_a_file_in_another_format_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "prices.json"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ValueError, match=r".+"):
        list(compare(book(), file, NOV))


def test_ten_thousand_models_of_a_day_are_each_looked_up_once(monkeypatch):
    looked_up = list[object]()
    monkeypatch.setattr(
        PriceBook,
        "_look_up",
        lambda _, provider, model, *rest: looked_up.append(model) or Unpriced("unknown_model"),
    )
    names = [f"ft:gpt-4o:{n}" for n in range(10_000)]
    prices = PriceBook()

    for name in [*names, *names]:
        prices.quote("openai", name, NOV)

    assert looked_up == names
