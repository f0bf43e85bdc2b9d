"""Service tiers in the words of providers, and what they mean for the rates of a table."""

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_llm.genai import Usage
from otel_llm.pricing import Bill
from otel_llm.pricing.service_tiers import located
from tests.pricing.book import NOV, at, book

MILLION = Usage(1_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("provider", "model", "tier", "total", "named"),
    [
        # standard 0.3 and 2.5; Google's price page, LiteLLM's table of November 2026 the same
        ("gcp.gemini", "gemini-2.5-flash", "flex", "1.4", "flex"),
        ("gcp.gemini", "gemini-2.5-flash", "priority", "5.04", "priority"),
        ("gcp.gemini", "gemini-2.5-flash", "standard", "2.8", "standard"),
        ("gcp.gemini", "gemini-2.5-flash", "unspecified", "2.8", "standard"),
        ("gcp.gemini", "gemini-2.5-flash", "SERVICE_TIER_PRIORITY", "5.04", "priority"),
        ("gcp.vertex_ai", "gemini-2.5-flash", "ON_DEMAND", "2.8", "standard"),
        ("gcp.vertex_ai", "gemini-2.5-flash", "ON_DEMAND_FLEX", "1.4", "flex"),
        ("gcp.vertex_ai", "gemini-2.5-flash", "ON_DEMAND_PRIORITY", "5.04", "priority"),
        # a model whose batches the table does not have: half of 1.5 and 9
        ("gcp.gemini", "gemini-3.5-flash", "flex", "5.25", "flex"),
        ("gcp.gemini", "gemini-3.5-flash", "batch", "5.25", "batch"),
        # console.groq.com/docs/flex-processing: as on demand
        ("groq", "llama-3.3-70b-versatile", "flex", "1.38", "standard"),
        ("groq", "llama-3.3-70b-versatile", "on_demand", "1.38", "standard"),
        # twice the rates of 5 and 25 for a fast answer
        ("anthropic", "claude-opus-5", "fast", "60", "fast"),
        ("anthropic", "claude-opus-4-6", "fast", "180", "fast"),  # six times 5 and 25
        ("anthropic", "claude-opus-5", "fast@us", "66", "fast@us"),
        ("anthropic", "claude-opus-5", "standard@us", "33", "standard@us"),
    ],
)
def test_a_tier_is_priced_by_its_own_rates_in_whatever_word(
    provider: str, model: str, tier: str, total: str, named: str
):
    bill = book().bill(provider, model, MILLION, NOV, tier)

    assert isinstance(bill, Bill)
    assert (bill.total, bill.tier.partition("+")[0], bill.quality) == (Decimal(total), named, None)


@pytest.mark.parametrize(
    ("provider", "model", "tier", "total", "doubt"),
    [
        ("openai", "gpt-5", "flex", "5.625", "usual_tier_rates"),
        ("openai", "gpt-5", "priority", "22.5", "usual_tier_rates"),
        ("openai", "gpt-4o", "priority", "21.25", "usual_tier_rates"),
        ("openai", "gpt-5", "batch", "5.625", None),
        ("anthropic", "claude-opus-5", "fast", "60", None),  # known without a date
        ("openai", "gpt-4o", "flex", "12.5", "unpriced_tier"),  # known on no day
    ],
)
def test_a_tiers_rates_hold_before_the_day_they_were_looked_up_on(
    provider: str, model: str, tier: str, total: str, doubt: str | None
):
    """The table knows OpenAI's since 12 October 2026, when somebody looked: not when they began."""
    bill = book().bill(provider, model, MILLION, at("2026-05-01T12:00:00"), tier)

    assert isinstance(bill, Bill)
    assert (bill.total, bill.quality) == (Decimal(total), doubt)


def test_a_tiers_rates_do_not_go_back_beyond_a_change_of_the_plain_ones():
    before, after = (
        book().bill("openai", "gpt-5.6-luna", MILLION, at(f"{day}T12:00:00"), "priority")
        for day in ("2026-07-01", "2026-09-01")
    )

    assert isinstance(before, Bill)
    assert isinstance(after, Bill)
    assert (before.tier, before.quality) == ("standard+above_272000", "unpriced_tier")
    assert after.quality == "usual_tier_rates"


@pytest.mark.parametrize(
    ("tier", "share"), [("default", 1), ("flex", "0.5"), ("batch", "0.5"), ("priority", "1.75")]
)
def test_bedrocks_tiers_are_priced_as_they_usually_are_and_it_is_said(tier: str, share: str):
    bill = book().bill("aws.bedrock", "us.amazon.nova-pro-v1:0", MILLION, NOV, tier)

    assert isinstance(bill, Bill)
    assert bill.total == Decimal("4") * Decimal(share)
    assert (bill.tier, bill.quality) == (
        ("standard", None) if tier == "default" else (tier, "usual_tier_rates")
    )


@pytest.mark.parametrize(
    ("provider", "model", "tier"),
    [
        ("aws.bedrock", "us.amazon.nova-pro-v1:0", "reserved"),
        ("gcp.vertex_ai", "gemini-2.5-flash", "PROVISIONED_THROUGHPUT"),
        ("anthropic", "claude-opus-5", "priority"),
    ],
)
def test_what_was_paid_for_beforehand_is_priced_by_the_plain_rates_and_it_is_said(
    provider: str, model: str, tier: str
):
    bill = book().bill(provider, model, MILLION, NOV, tier)

    assert isinstance(bill, Bill)
    assert (bill.tier, bill.quality) == ("standard", "unpriced_tier")


@pytest.mark.parametrize(
    ("tier", "geo", "found"),
    [
        (None, None, None),
        ("batch", None, "batch"),
        ("batch", "global", "batch"),
        ("batch", "us", "batch@us"),
        (None, "us", "standard@us"),
        (None, "not_available", None),
    ],
)
def test_a_tier_is_located_where_that_has_a_price(tier: str, geo: str, found: str):
    assert located(tier, geo) == found


def test_no_other_provider_has_the_surcharge():
    there = book().bill("gcp.vertex_ai", "claude-opus-5", MILLION, NOV, "standard@us")

    assert isinstance(there, Bill)
    assert (there.total, there.tier) == (Decimal(30), "standard")
