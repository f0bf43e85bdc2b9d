"""The rules a bill must hold to, each with the product that was seen to break it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from otel_llm.genai import Usage
from otel_llm.pricing import Bill, Parts, PriceBook, Unpriced
from tests.pricing.book import NOV, at, book


def bill(provider: str, model: str, usage: Usage, when: int = NOV, tier: str | None = None) -> Bill:
    found = book().bill(provider, model, usage, when, tier)
    assert isinstance(found, Bill), found
    return found


def test_cached_tokens_are_billed_once_and_at_their_own_rates():
    """SigNoz's processor in subtract mode never bills cache writes."""
    usage = Usage(10_000, 500, cache_read=6_000, cache_write=3_000)

    found = bill("anthropic", "claude-sonnet-4-20250514", usage)

    assert found.parts == Parts(
        input=Decimal("0.003"),
        output=Decimal("0.0075"),
        cache_read=Decimal("0.0018"),
        cache_write=Decimal("0.01125"),
    )
    assert found.total == Decimal("0.02355")
    assert found.quality is None


def test_more_cached_than_input_means_that_the_sender_counts_them_apart():
    """genai-prices raises ValueError; a subtraction would make the input negative."""
    usage = Usage(1_000, 500, cache_read=6_000, cache_write=3_000)

    found = bill("anthropic", "claude-sonnet-4-20250514", usage)

    assert found.parts.input == Decimal("0.003")
    assert found.total == Decimal("0.02355")
    assert found.quality == "exclusive_input"


def test_a_sender_that_counts_cached_tokens_apart_reaches_the_long_context_tier_by_all_of_them():
    usage = Usage(1_000, 10, cache_read=250_000)

    found = bill("anthropic", "claude-sonnet-4-5", usage)

    assert found.tier == "standard+above_200000"
    assert found.parts.cache_read == 250_000 * Decimal("0.6") / 1_000_000


@pytest.mark.parametrize(
    ("provider", "model", "reason"),
    [
        ("openai", "gpt-99-nonexistent", "unknown_model"),
        ("anthropic", "my-finetune", "unknown_model"),
        ("ibm.watsonx.ai", "granite-13b", "unknown_provider"),
        ("acme", "gpt-4o", "unknown_provider"),
        ("openai", "whisper-1", "not_per_token"),
        ("openai", None, "no_model"),
        ("openai", "", "no_model"),
    ],
)
def test_an_unknown_price_is_no_bill_and_never_zero(provider: str, model: str, reason: str):
    """OpenLIT writes 0; LiteLLM returned 0.0 for retired Claude models that are not free."""
    assert book().bill(provider, model, Usage(1000, 100), NOV) == Unpriced(reason)
    assert book().cost(provider, model, Usage(1000, 100), NOV) is None


@pytest.mark.parametrize(
    "usage", [Usage(), Usage(1000), Usage(None, 100), Usage(-1, 5), Usage(5, -1)]
)
def test_missing_usage_is_unknown_and_is_not_estimated(usage: Usage):
    """Langfuse counts tokens of its own when a sender reports none."""
    assert book().bill("openai", "gpt-4o", usage, NOV) == Unpriced("no_usage")


@pytest.mark.parametrize(
    ("provider", "model", "match"),
    [
        ("openai", "gpt-4o-2031-01-01", "openai/gpt-4o"),
        ("openai", "gpt-5-20310101", "openai/gpt-5"),
        ("mistral_ai", "codestral-3101", "mistral/codestral"),
    ],
)
def test_a_snapshot_that_is_not_listed_is_priced_as_another_and_says_so(
    provider: str, model: str, match: str
):
    found = bill(provider, model, Usage(1000, 100))

    assert (found.card.match, found.quality) == (match, "other_snapshot")


def test_zero_tokens_of_a_priced_model_cost_nothing():
    assert bill("openai", "gpt-4o", Usage(0, 0)).total == 0


def test_the_tier_changes_the_rates():
    """Phoenix has no batch or flex prices."""
    usage = Usage(1_000_000, 1_000_000)

    totals = {
        tier: bill("openai", "gpt-5", usage, tier=tier).total
        for tier in (None, "default", "flex", "priority", "batch", "Priority")
    }

    assert totals == {
        None: Decimal("11.25"),
        "default": Decimal("11.25"),
        "flex": Decimal("5.625"),
        "priority": Decimal("22.50"),
        "batch": Decimal("5.625"),
        "Priority": Decimal("22.50"),
    }


def test_a_tier_without_rates_of_its_own_is_billed_at_the_standard_ones_and_says_so():
    found = bill("openai", "gpt-4-turbo", Usage(1000, 100), tier="priority")

    assert (found.tier, found.quality) == ("standard", "unpriced_tier")


@pytest.mark.parametrize(
    ("prompt", "total"), [(200_000, Decimal("0.260")), (200_001, Decimal("0.51500250"))]
)
def test_a_long_prompt_is_billed_whole_at_the_long_context_rates(prompt: int, total: Decimal):
    """OpenLIT has no tiers; Helicone guesses them."""
    assert bill("gcp.gemini", "gemini-2.5-pro", Usage(prompt, 1000)).total == total


def test_the_price_is_that_of_the_day_the_call_started():
    """Langfuse takes the newest price whatever the span's time; LiteLLM keeps the newest only."""
    usage = Usage(1_000_000, 0)

    before = bill("openai", "o3", usage, at("2025-06-09T23:59:59"))
    after = bill("openai", "o3", usage, at("2025-06-10T00:00"))

    assert (before.total, after.total) == (Decimal(10), Decimal(2))
    assert after.card.as_of == "2025-06-10"


def test_a_price_by_time_of_day_is_looked_up_by_the_minute():
    """Langfuse, Phoenix and OpenLIT know no off-peak prices."""
    usage = Usage(1_000_000, 0)

    totals = [
        bill("deepseek", "deepseek-chat", usage, at(f"2026-11-20T{clock}")).total
        for clock in ("00:29:59", "00:30:00", "16:29:59", "16:30:00")
    ]

    assert totals == [Decimal("0.135"), Decimal("0.27"), Decimal("0.27"), Decimal("0.135")]


def test_a_start_time_of_zero_takes_the_price_of_the_tables_own_date():
    usage = Usage(1_000_000, 0)

    assert bill("openai", "o3", usage, 0).total == Decimal(2)


def test_a_tenth_of_a_cent_added_a_million_times_is_exact():
    """LiteLLM, Phoenix, OpenLIT and SigNoz add floats."""
    one = bill("openai", "gpt-4o-mini", Usage(1, 0)).total

    assert sum((one for _ in range(100_000)), Decimal(0)) == Decimal("0.015")


def test_reasoning_is_part_of_output_and_not_billed_twice():
    usage = Usage(1000, 900, reasoning=700)

    assert bill("openai", "gpt-5", usage).total == bill("openai", "gpt-5", Usage(1000, 900)).total


def test_more_reasoning_than_output_means_that_the_sender_counts_it_apart():
    found = bill("gcp.gemini", "gemini-2.5-pro", Usage(1000, 100, reasoning=700))

    assert found.parts.output == 800 * Decimal(10) / 1_000_000
    assert found.quality == "exclusive_reasoning"


def test_cache_writes_for_an_hour_cost_more_than_those_for_five_minutes():
    split = Usage(10_000, 0, cache_write=8_000, cache_write_5m=5_000, cache_write_1h=3_000)

    found = bill("anthropic", "claude-sonnet-4-20250514", split)

    assert found.parts.cache_write == (5_000 * Decimal("3.75") + 3_000 * 6) / 1_000_000


def test_cache_writes_told_only_by_how_long_they_are_kept_are_billed_too():
    split = Usage(10_000, 0, cache_write_5m=5_000, cache_write_1h=3_000)

    found = bill("anthropic", "claude-sonnet-4-20250514", split)

    assert found.parts.cache_write == (5_000 * Decimal("3.75") + 3_000 * 6) / 1_000_000
    assert found.parts.input == 2_000 * Decimal(3) / 1_000_000


def test_output_of_a_model_without_output_rates_is_unpriced_and_not_free():
    found = book().bill("openai", "text-embedding-3-small", Usage(10, 10), NOV)

    assert found == Unpriced("no_output_rate")


def test_audio_has_its_own_rates_also_when_cached():
    usage = Usage(
        1_000, 300, cache_read=400, audio_input=600, audio_cache_read=100, audio_output=200
    )

    found = bill("openai", "gpt-realtime", usage)

    assert found.parts == Parts(
        input=(100 * Decimal(4) + 500 * Decimal(32)) / 1_000_000,
        output=(100 * Decimal(16) + 200 * Decimal(64)) / 1_000_000,
        cache_read=(300 * Decimal("0.4") + 100 * Decimal("0.4")) / 1_000_000,
        cache_write=Decimal(0),
    )


def test_audio_that_is_billed_as_text_for_want_of_a_rate_says_so():
    found = bill("openai", "gpt-4o-audio-preview", Usage(1_000, 100, audio_input=500))

    assert found.quality == "audio_at_text_rate"


def test_the_fee_per_request_is_billed():
    """LiteLLM and genai-prices differ by it: one of them leaves Perplexity's fee out."""
    found = bill("perplexity", "sonar-pro", Usage(1000, 100))

    assert found.total == Decimal("0.0185")
    assert found.parts.input == Decimal("0.017")


def test_embeddings_need_no_output_count():
    found = bill("openai", "text-embedding-3-small", Usage(1_000_000))

    assert found.total == Decimal("0.02")


def test_a_bill_says_where_its_price_comes_from():
    found = bill("azure.ai.openai", "gpt-4o-2024-08-06", Usage(1000, 100))

    assert found.card.source == "genai-prices"
    assert found.card.match == "openai/gpt-4o"
    assert datetime.fromisoformat(found.card.as_of or "").replace(tzinfo=UTC) < datetime.now(UTC)


def test_the_librarys_process_wide_snapshot_is_neither_read_nor_set():
    from genai_prices import data_snapshot

    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([], from_auto_update=False))
    try:
        total = PriceBook().cost("openai", "gpt-4o", Usage(1000, 100), NOV)
    finally:
        data_snapshot.set_custom_snapshot(None)

    assert total is not None
