"""The operator's own prices and discounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from otel_llm.config import ConfigError, build
from otel_llm.genai import Usage
from otel_llm.pricing import Bill, CustomPrice, PriceBook, Unpriced
from otel_llm.pricing.book import billable
from otel_llm.pricing.custom import LongPrompt
from otel_llm.pricing.lookup import show
from tests.pricing.book import NOV, at, book

MILLION = Usage(1_000_000, 1_000_000)


def priced(*prices: CustomPrice) -> PriceBook:
    return PriceBook(prices, book().listed)


def test_an_own_price_goes_before_the_list():
    own = priced(CustomPrice("gpt-4o", input=Decimal(1), output=Decimal(2)))

    found = own.cost("openai", "gpt-4o", MILLION, NOV)

    assert found is not None
    assert (found.total, found.card.source, found.card.match) == (Decimal(3), "custom", "gpt-4o")


@pytest.mark.parametrize(
    ("own", "total"),
    [
        (CustomPrice("prod-eu", provider="azure", input=Decimal(3), output=Decimal(12)), 15),
        (CustomPrice("prod-eu", discount=Decimal("0.2")), 10),
        (CustomPrice("prod-us", input=Decimal(3)), Decimal("12.5")),
    ],
)
def test_an_own_price_for_what_was_asked_goes_before_the_list_price_of_what_served(
    own: CustomPrice, total: object
):
    called = ("azure.ai.openai", "gpt-4o-2024-11-20", MILLION, NOV)

    assert priced(own).cost(*called, asked="prod-eu").total == total


def test_an_own_price_for_what_served_goes_before_one_for_what_was_asked():
    asked, served = (
        CustomPrice(name, input=Decimal(n)) for n, name in ((1, "best"), (2, "gpt-4o"))
    )

    assert priced(asked, served).cost("openai", "gpt-4o", MILLION, NOV, asked="best").total == 2


def test_an_own_price_makes_an_unlisted_model_known():
    own = priced(CustomPrice("acme-7b", provider="acme", input=Decimal("0.1")))

    assert own.cost("acme", "acme-7b", Usage(1_000_000, 5), NOV).total == Decimal("0.1")
    assert own.bill("other", "acme-7b", MILLION, NOV) == Unpriced("unknown_provider")


def test_an_own_price_of_zero_is_zero():
    own = priced(CustomPrice("*", provider="vllm", input=Decimal(0)))

    assert own.cost("vllm", "qwen3", MILLION, NOV).total == 0


def test_a_provider_is_meant_under_each_of_its_names():
    own = priced(CustomPrice("gpt-4o", provider="azure_openai", input=Decimal(7)))

    assert own.cost("azure.ai.openai", "gpt-4o", Usage(1_000_000, 0), NOV).total == 7


def test_a_discount_is_taken_off_every_rate_of_the_list():
    own = priced(CustomPrice("gpt-4*", provider="openai", discount=Decimal("0.15")))
    usage = Usage(10_000, 100, cache_read=5_000)

    found = own.cost("openai", "gpt-4o", usage, NOV)

    assert found.total == book().cost("openai", "gpt-4o", usage, NOV).total * Decimal("0.85")
    assert found.card.match == "openai/gpt-4o less 15 %"
    assert found.card.source == "custom"


def test_fees_of_ones_own_go_before_those_of_the_list():
    own = priced(CustomPrice("gemini-*", discount=Decimal("0.5"), web_search=Decimal(0)))
    listed = priced(CustomPrice("gemini-*", discount=Decimal("0.5")))
    searched = ("gcp.gemini", "gemini-3.5-flash", Usage(1_000_000, 0, web_searches=2), NOV)

    free, charged = own.cost(*searched), listed.cost(*searched)

    assert free
    assert charged
    assert (free.total, free.quality) == (Decimal("0.75"), None), "within what Google has free"
    assert (charged.total, charged.quality) == (Decimal("0.764"), "search_allowance")


def test_a_price_without_a_fee_for_searches_says_that_they_are_not_in_it():
    own = priced(CustomPrice("acme", input=Decimal(1)))

    found = own.cost(None, "acme", Usage(1_000, 0, file_searches=1), NOV)

    assert found
    assert found.quality == "unpriced_searches"


def test_a_discount_on_an_unlisted_model_leaves_it_unpriced():
    own = priced(CustomPrice("acme-7b", discount=Decimal("0.5")))

    assert own.bill("openai", "acme-7b", MILLION, NOV) == Unpriced("unknown_model")


def test_the_first_price_that_fits_the_day_is_taken():
    own = priced(
        CustomPrice("m", input=Decimal(1), valid_until=date(2026, 6, 30)),
        CustomPrice("m", input=Decimal(2), valid_from=date(2026, 7, 1)),
    )

    totals = [
        own.cost("acme", "m", Usage(1_000_000, 0), at(day)).total
        for day in ("2026-06-30T23:59:59", "2026-07-01T00:00")
    ]

    assert totals == [1, 2]


def test_the_first_price_that_fits_is_taken_whether_by_the_name_as_sent_or_as_listed():
    own = priced(CustomPrice("bedrock/*", input=Decimal(1)), CustomPrice("*", input=Decimal(2)))

    found = own.cost(None, "bedrock/amazon.nova-pro-v1:0", Usage(1_000_000, 0), NOV)

    assert found.total == 1


def test_cached_tokens_without_an_own_price_cost_what_uncached_ones_do():
    own = priced(CustomPrice("m", input=Decimal(2), output=Decimal(4)))

    found = own.cost("acme", "m", Usage(1_000_000, 0, cache_read=500_000), NOV)

    assert found.total == 2


@pytest.mark.parametrize(
    ("pattern", "model", "fits"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("GPT-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4*", "gpt-4o-mini", True),
        ("*-mini", "gpt-4o-mini", True),
        ("*4o*", "gpt-4o-mini", True),
        ("g*o*i", "gpt-4o-mini", True),
        ("a*a", "a", False),
        ("*", "", True),
        ("*x*", "gpt", False),
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, model: str, fits: bool):
    assert CustomPrice(pattern, input=Decimal(1)).fits(None, model, None) is fits


def test_many_stars_take_no_longer_than_the_name_is_long():
    pattern = CustomPrice("*a" * 200 + "b", input=Decimal(1))

    assert pattern.fits(None, "a" * 20_000, None) is False


def test_prices_are_read_from_a_configuration():
    given = {"model": "m", "input": 0.15, "output": "0.6", "valid_from": "2026-01-01"}

    assert build(CustomPrice, given, "prices[0]") == CustomPrice(
        "m", input=Decimal("0.15"), output=Decimal("0.6"), valid_from=date(2026, 1, 1)
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"model": "m"}, "price of 'm': give input or discount"),
        ({"model": "m", "input": 1, "discount": 0.1}, "give input or discount, not both"),
        ({"model": "m", "input": -1}, "expected an amount of zero or more, found -1"),
        ({"model": "m", "input": "cheap"}, "expected an amount such as 0.15, found 'cheap'"),
        ({"model": "m", "input": True}, "expected an amount such as 0.15, found True"),
        ({"model": "m", "discount": 15}, "expected a fraction such as 0.15 for 15 %, found 15"),
        ({"model": "m", "input": 1, "valid_from": "soon"}, "expected a day such as 2026-11-21"),
        ({"model": "m", "inptu": 1}, "did you mean 'input'?"),
        ({"model": " ", "input": 1}, "model: name one; * is any"),
        (
            {"model": "m", "input": 1, "valid_from": "2026-05-01", "valid_until": "2026-04-30"},
            "price of 'm': valid_until is before valid_from",
        ),
    ],
)
def test_a_price_that_makes_no_sense_is_refused_with_its_reason(given: object, problem: str):
    with pytest.raises(ConfigError) as raised:
        build(CustomPrice, given, "prices[0]")

    assert problem in str(raised.value)


def test_a_tier_keeps_its_own_price_under_a_discount():
    own = priced(CustomPrice("gpt-5", discount=Decimal("0.1")))

    found = own.bill("openai", "gpt-5", MILLION, NOV, "flex")

    assert isinstance(found, Bill)
    assert (found.total, found.tier) == (Decimal("5.0625"), "flex")


def longer(marginal: bool) -> PriceBook:
    return priced(
        CustomPrice(
            "acme-7b",
            input=Decimal(1),
            output=Decimal(4),
            cache_read=Decimal("0.1"),
            request=Decimal("0.01"),
            long_prompts=(
                LongPrompt(2_000_000, input=Decimal(3)),
                LongPrompt(1_000_000, input=Decimal(2), output=Decimal(8)),
            ),
            marginal=marginal,
        )
    )


@pytest.mark.parametrize(
    ("usage", "whole", "marginal"),
    [
        (Usage(1_000_000, 1_000_000), "5.01", "5.01"),
        (Usage(1_000_001, 0), "2.010002", "1.010002"),
        (Usage(1_500_000, 1_000_000), "11.01", "10.01"),
        (Usage(3_000_000, 0), "9.01", "6.01"),
        (Usage(1_500_000, 0, cache_read=500_000), "2.06", "1.56"),
        (Usage(1_500_000, 0, cache_read=1_200_000), "0.73", "0.73"),
    ],
)
def test_a_long_prompt_costs_more_as_a_whole_or_only_for_what_is_beyond(
    usage: Usage, whole: str, marginal: str
):
    """Langfuse, LiteLLM and genai-prices know whole requests only, OpenLIT and Helicone no own
    tiers at all."""
    found = [longer(kind).bill(None, "acme-7b", usage, NOV) for kind in (False, True)]

    assert [one.total for one in found] == [Decimal(whole), Decimal(marginal)]


def test_a_marginal_bill_in_floats_is_the_exact_one():
    card = longer(True).quote(None, "acme-7b", NOV)
    tokens = billable(card, Usage(2_345_678, 999, cache_read=1_234_567, cache_write=77_777))
    band = card.band(tokens.prompt)

    assert float(sum(band.exact.charge(tokens))) == pytest.approx(
        sum(band.fast.charge(tokens)), rel=1e-12
    )
    assert card.tier_of(band) == "standard+above_2000000"


def test_prices_of_long_prompts_are_shown_as_they_were_given():
    rows = show(longer(True), None, "acme-7b", NOV)

    assert [(row.tier, row.rates["input"]) for row in rows] == [
        ("standard", 1),
        ("standard+above_1000000", 2),
        ("standard+above_2000000", 3),
    ]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"discount": 0.1, "long_prompts": [{"above": 5}]}, "input or discount, not both"),
        ({"input": 1, "long_prompts": [{"above": 0}]}, "expected a number of tokens"),
        ({"input": 1, "long_prompts": [{"above": 5}, {"above": 5}]}, "two prices above the same"),
    ],
)
def test_prices_of_long_prompts_that_make_no_sense_are_refused(given: dict, problem: str):
    with pytest.raises(ConfigError) as raised:
        build(CustomPrice, {"model": "x", **given}, "prices[0]")

    assert problem in str(raised.value)
