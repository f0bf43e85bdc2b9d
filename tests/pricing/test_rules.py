"""The rules a bill must hold to, each with the product that was seen to break it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from otel_llm.genai import Usage
from otel_llm.pricing import Bill, CustomPrice, Parts, PriceBook, Unpriced
from otel_llm.pricing.custom import LongPrompt
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
        tools=Decimal(0),
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
    "usage",
    [
        *(Usage(), Usage(1000), Usage(None, 100), Usage(-1, 5), Usage(5, -1)),
        *(Usage(2**62, 5), Usage(5, 10**30)),
    ],
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


@pytest.mark.parametrize("odd", [-1, 2**62, 10**40])
@pytest.mark.parametrize("count", ["cache_read", "cache_write", "reasoning", "audio_input"])
def test_a_count_beyond_belief_is_left_out_of_the_bill(count: str, odd: int):
    """Langfuse adds up whatever is sent: one broken sender outweighs a year of bills."""
    plain = bill("openai", "gpt-4o", Usage(1000, 100))

    assert bill("openai", "gpt-4o", Usage(1000, 100, **{count: odd})).total == plain.total


ODD_NAMES = [
    ("jp.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3", None),
    ("au.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3", None),
    ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "3", None),
    ("ca.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3", "other_region"),
    ("mx.amazon.nova-pro-v1:0", "0.8", None),
]


@pytest.mark.parametrize(("model", "million", "quality"), ODD_NAMES)
def test_an_inference_profile_costs_what_its_region_does(
    model: str, million: str, quality: str | None
):
    """SigNoz's globs and OpenLIT's table have one price for all regions."""
    found = bill("aws.bedrock", model, Usage(1_000_000, 0, cache_read=0))

    assert (found.total, found.quality) == (Decimal(million), quality)


@pytest.mark.parametrize(
    "resource",
    [
        "application-inference-profile/a1b2c3d4e5f6",
        "provisioned-model/a1b2c3d4e5f6",
        "imported-model/anthropic.claude-3-haiku-20240307-v1:0",
        "custom-model/anthropic.claude-3-haiku-20240307-v1:0/a1b2c3",
        "prompt/A1B2C3:1",
    ],
)
def test_a_resource_of_aws_whose_model_is_not_told_is_unpriced(resource: str):
    """genai-prices finds a name anywhere in an ARN and prices what is billed by the hour."""
    arn = f"arn:aws:bedrock:us-east-1:123456789012:{resource}"

    assert isinstance(book().bill("aws.bedrock", arn, Usage(1000, 100), NOV), Unpriced)


def test_an_arn_can_have_a_price_of_its_own():
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6"
    own = PriceBook([CustomPrice(arn, input=Decimal(3), output=Decimal(15))], book().listed)

    assert own.cost("aws.bedrock", arn, Usage(1_000_000, 0), NOV).total == 3


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("azure.ai.openai", "our-deployment"),
        ("azure.ai.openai", "gpt-4o-prod"),
        ("openai", "ft:gpt-9:acme::abc"),
        ("gcp.vertex_ai", "projects/1/locations/us-central1/endpoints/123456"),
        ("gcp.gemini", "tunedModels/our-model"),
        ("openrouter", "openrouter/auto"),
        ("openrouter", "openai/gpt-4o:online"),
        ("openrouter", "openai/gpt-4o:free"),
        ("cohere", "rerank-v3.5"),
        ("openai", "tts-1"),
        ("groq", "whisper-large-v3"),
        ("mistral_ai", "mistral-ocr-latest"),
        ("litellm", "our-alias"),
        ("_OTHER", "gpt-4o"),
        ("ollama", "gpt-oss:120b-cloud"),
        ("vllm", "meta-llama/Llama-3.1-8B"),
    ],
)
def test_names_that_tell_no_price_have_none(provider: str, model: str):
    """OpenLIT bills them at 0, LiteLLM at 0.0 with a log line."""
    assert isinstance(book().bill(provider, model, Usage(1000, 100), NOV), Unpriced)


def test_a_free_variant_of_a_router_is_free_because_the_table_says_so():
    found = book().bill("openrouter", "deepseek/deepseek-r1:free", Usage(), NOV)

    assert isinstance(found, Bill)
    assert (found.total, found.card.match) == (0, "openrouter/deepseek/deepseek-r1:free")


def test_the_price_of_a_models_maker_is_not_that_of_everybody_who_sells_it():
    """genai-prices bills DeepSeek on Azure by DeepSeek's own prices, and does not say so."""
    found = bill("azure.ai.inference", "DeepSeek-R1", Usage(1000, 100))

    assert (found.card.match, found.quality) == ("deepseek/deepseek-reasoner", "other_seller")
    assert bill("azure.ai.openai", "gpt-5", Usage(1000, 100)).quality is None


@pytest.mark.parametrize(
    "model", ["ft:gpt-4o-2024-08-06:acme::x", "ft:gpt-4o-mini-2024-07-18:a::b"]
)
def test_a_fine_tuned_model_is_not_billed_as_its_base(model: str):
    """Helicone and OpenLIT cut the name at the first colon."""
    base = model.split(":")[1]

    tuned, plain = (bill("openai", name, Usage(1_000_000, 0)) for name in (model, base))

    assert tuned.total > plain.total


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
        bill("deepseek", "deepseek-chat", usage, at(f"2025-06-20T{clock}")).total
        for clock in ("00:29:59", "00:30:00", "16:29:59", "16:30:00")
    ]

    assert totals == [Decimal("0.135"), Decimal("0.27"), Decimal("0.27"), Decimal("0.135")]


@pytest.mark.parametrize(
    ("day", "total"),
    [
        ("2026-07-10", "0.42"),  # 0.14 + 0.28 at any hour
        ("2026-08-20", "0.88"),  # 0.22 + 0.66
        ("2026-09-10", "1.5"),  # from here on twice 0.15 + 0.6 at that hour
    ],
)
def test_prices_by_time_of_day_are_those_of_the_date_before_them(day: str, total: str):
    """The library's conditions are a date or an hour: it has the new hours for the past as well."""
    usage = Usage(1_000_000, 1_000_000)

    assert bill("deepseek", "deepseek-v4-flash", usage, at(f"{day}T02:00:00")).total == Decimal(
        total
    )


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
        tools=Decimal(0),
    )


def test_audio_that_is_billed_as_text_for_want_of_a_rate_says_so():
    found = bill("gcp.gemini", "gemini-3.5-flash", Usage(1_000, 100, audio_input=500))

    assert found.quality == "audio_at_text_rate"


def test_searches_that_the_provider_ran_are_billed_beside_the_tokens():
    """A bill by tokens alone is short of them: SigNoz, Phoenix and OpenLIT know no such fee."""
    usage = Usage(9_000, 500, web_searches=3, file_searches=2)

    found = bill("openai", "gpt-5.4", usage)

    assert found.parts.tools == 3 * Decimal("0.01") + 2 * Decimal("0.0025")
    assert found.total == bill("openai", "gpt-5.4", Usage(9_000, 500)).total + found.parts.tools
    assert found.quality is None


def test_gemini_2_is_charged_for_a_prompt_that_was_searched_for_and_gemini_3_for_each_query():
    one = bill("gcp.gemini", "gemini-2.5-flash", Usage(1_000, 100, web_searches=4))
    each = bill("gcp.gemini", "gemini-3.5-flash", Usage(1_000, 100, web_searches=4))

    assert one.parts.tools == Decimal("0.035")
    assert each.parts.tools == 4 * Decimal("0.014")
    assert one.quality == each.quality == "search_allowance", "some are free, and no answer says so"


def test_searches_without_a_listed_fee_say_that_they_are_not_in_the_cost():
    found = bill("openai", "gpt-4-turbo", Usage(1_000, 100, web_searches=1))

    assert found.parts.tools == 0
    assert found.quality == "unpriced_searches"


def test_searches_that_the_fee_of_the_request_pays_for_are_beyond_doubt():
    searched, plain = (
        bill("perplexity", "sonar-pro", Usage(1_000, 100, web_searches=count))
        for count in (3, None)
    )

    assert searched == plain


def test_a_fee_that_goes_by_what_was_searched_says_that_it_is_the_highest():
    """The table has 14 dollars for 1,000 requests to sonar-pro, Perplexity's page 6 to 14."""
    assert bill("perplexity", "sonar-pro", Usage(1_000, 100)).quality == "highest_fee"
    assert bill("perplexity", "r1-1776", Usage(1_000, 100)).quality is None


def test_a_count_of_searches_that_cannot_be_is_not_billed():
    for count in (-1, 10**12):
        assert bill("openai", "gpt-5.4", Usage(1_000, 100, web_searches=count)).parts.tools == 0


def test_searches_of_a_long_prompt_are_billed_once():
    price = CustomPrice(
        model="acme", input=Decimal(1), output=Decimal(2), web_search=Decimal("0.01"),
        long_prompts=(LongPrompt(above=1_000, input=Decimal(2)),), marginal=True,
    )  # fmt: skip

    found = PriceBook([price]).bill(None, "acme", Usage(3_000, 0, web_searches=2), NOV)

    assert isinstance(found, Bill)
    assert found.parts.input == Decimal("0.005")
    assert found.parts.tools == Decimal("0.02")


def test_the_fee_per_request_is_billed():
    """LiteLLM and genai-prices differ by it: one of them leaves Perplexity's fee out."""
    found = bill("perplexity", "sonar-pro", Usage(1000, 100))

    assert found.total == Decimal("0.0185")
    assert found.parts.input == Decimal("0.017")


@pytest.mark.parametrize("model", ["text-embedding-3-small", "voyage-3.5", "mistral-embed"])
def test_a_name_that_one_maker_alone_has_tells_who_it_is(model: str):
    """OpenInference names no provider for embeddings."""
    found = book().bill(None, model, Usage(1_000_000, 0), NOV)

    assert isinstance(found, Bill)
    assert found.quality == "guessed_provider"


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
