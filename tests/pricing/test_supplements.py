"""What makers' price pages say and the library's table does not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from genai_prices.data import providers
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint

from otel_llm.genai import Usage
from otel_llm.pricing import Bill, PriceBook, PriceList, supplements
from tests.pricing.book import NOV, at, book

CACHED = Usage(1_000_000, 100_000, cache_read=400_000)


def bill(provider: str, model: str, usage: Usage, when: int, tier: str | None = None) -> Bill:
    found = book().bill(provider, model, usage, when, tier)
    assert isinstance(found, Bill), found
    return found


@pytest.mark.parametrize("model", ["deepseek-chat", "deepseek-reasoner"])
@pytest.mark.parametrize(
    ("when", "total", "as_of"),
    [
        ("2025-09-05T16:00:00", "0.532", "2025-09-05"),  # 0.6 x 0.56 + 0.4 x 0.07 + 0.1 x 1.68
        ("2025-09-20T20:00:00", "0.532", "2025-09-05"),  # no cheaper by night any more
        ("2025-09-28T23:59:59", "0.532", "2025-09-05"),
        ("2025-09-29T00:00:00", "0.2212", "2025-09-29"),  # 0.6 x 0.28 + 0.4 x 0.028 + 0.1 x 0.42
        ("2026-04-23T12:00:00", "0.2212", "2025-09-29"),
        ("2026-04-24T12:00:00", "0.11312", "2026-04-24"),  # 0.6 x 0.14 + 0.4 x 0.0028 + 0.1 x 0.28
    ],
)
def test_deepseeks_two_names_cost_what_the_model_cost_that_they_led_to(model, when, total, as_of):
    found = bill("deepseek", model, CACHED, at(when))

    assert (found.total, found.card.source, found.card.as_of) == (
        Decimal(total),
        "otel-llm",
        as_of,
    )


@pytest.mark.parametrize("model", ["deepseek-chat", "deepseek-reasoner"])
def test_without_a_time_they_cost_what_they_last_did(model):
    found = bill("deepseek", model, CACHED, 0)

    assert (found.total, found.card.as_of) == (Decimal("0.11312"), "2026-04-24")


def test_a_second_before_the_first_of_these_prices_the_table_holds():
    found = bill("deepseek", "deepseek-chat", CACHED, at("2025-09-05T15:59:59"))

    assert (found.total, found.card.source) == (Decimal("0.3"), "genai-prices")


@pytest.mark.parametrize(
    ("model", "tier", "total"),
    [
        ("ft:gpt-4.1-2025-04-14:acme::a1b2", None, "3.3"),  # 0.6 x 3 + 0.4 x 0.75 + 0.1 x 12
        ("ft:gpt-4.1-2025-04-14:acme::a1b2", "batch", "1.65"),
        ("ft:gpt-4.1-mini-2025-04-14:acme:support:c3", None, "0.88"),
        ("ft:gpt-4.1-nano-2025-04-14:acme::d4", None, "0.22"),
        ("ft:o4-mini-2025-04-16:acme::e5", None, "4.4"),
        ("ft:gpt-4o-2024-08-06:acme::f6", None, "4.5"),  # 0.6 x 3.75 + 0.4 x 1.875 + 0.1 x 15
        ("ft:gpt-4o-mini-2024-07-18:acme::g7", None, "0.36"),
    ],
)
def test_fine_tuned_models_have_their_own_rates(model, tier, total):
    assert bill("openai", model, CACHED, NOV, tier).total == Decimal(total)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-sonnet-4-20250514"),
        ("gcp.vertex_ai", "claude-sonnet-4@20250514"),
    ],
)
@pytest.mark.parametrize(
    ("prompt", "total"),
    [
        (200_000, "0.33"),  # 0.1 x 3 + 0.1 x 0.3
        (200_001, "0.660006"),  # 0.100001 x 6 + 0.1 x 0.6
    ],
)
def test_claude_sonnet_4_costs_more_beyond_its_length(provider, model, prompt, total):
    found = bill(provider, model, Usage(prompt, 0, cache_read=100_000), NOV)

    assert found.total == Decimal(total)


@pytest.mark.parametrize(
    ("prompt", "total"),
    [(128_000, "0.399"), (128_001, "0.798006")],
)
def test_grok_4_costs_twice_as_much_beyond_its_length(prompt, total):
    found = bill("x_ai", "grok-4-0709", Usage(prompt, 1_000), NOV)

    assert found.total == Decimal(total)


@pytest.mark.parametrize("name", ["command-r-plus-04-2024", "command-r-03-2024"])
def test_what_no_page_tells_stays_unpriced(name):
    assert book().cost("cohere", name, CACHED, NOV) is None


def test_a_table_that_knows_later_prices_itself_is_not_overruled():
    (theirs,) = (p for p in providers if p.id == "deepseek")
    new = ConditionalPrice(
        StartDateConstraint(NEWER), prices=ModelPrice(input_mtok=Decimal(9), output_mtok=Decimal(9))
    )
    models = [
        replace(model, prices=[*model.prices, new]) if model.id == "deepseek-chat" else model
        for model in theirs.models
    ]

    newer = PriceBook(listed=PriceList([replace(theirs, models=models)]))

    found = newer.cost("deepseek", "deepseek-chat", Usage(1_000_000, 0), at("2026-01-05T12:00"))
    assert found is not None
    assert (found.total, found.card.source) == (Decimal(9), "genai-prices")


NEWER = supplements.LATER["deepseek/deepseek-chat"][1].constraint.start_date  # type: ignore[union-attr]
