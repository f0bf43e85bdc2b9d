"""Our bills against the library's own arithmetic, over its whole table."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta

from genai_prices.data import providers
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    Provider,
    StartDateConstraint,
    TimeOfDateConstraint,
)
from genai_prices.types import Usage as LibraryUsage
from genai_prices.units import _get_registry

from otel_llm.genai import Usage
from otel_llm.pricing import Bill, Card, supplements
from otel_llm.pricing.book import billable
from otel_llm.pricing.tokens import Tokens
from tests.pricing.book import NOV, book

WHEN = datetime.fromtimestamp(NOV // 10**9, UTC)
OURS = {*supplements.LATER, *supplements.RATES, *supplements.LONG}
BILLED_APART = {
    "audio_hours",
    "input_audio_hours",
    "input_document_kpages",
    "input_annotated_document_kpages",
    "input_mchars",
    "input_text_messages_kcount",
    "input_video_mtok",
    "output_video_mtok",
    "output_citation_mtok",
}
"""Price keys of things that no span reports yet."""
KNOWN = BILLED_APART | {
    "requests_kcount",
    "web_searches_kcount",
    "storage_searches_kcount",
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
    "input_audio_mtok",
    "input_image_mtok",
    "cache_audio_read_mtok",
    "cache_image_read_mtok",
    "output_audio_mtok",
    "output_image_mtok",
    "output_reasoning_mtok",
}


def random_usage(rng: random.Random, output: bool) -> Usage:
    read, write = rng.choice([0, rng.randrange(200_000)]), rng.choice([0, rng.randrange(9_000)])
    long = rng.choice([0, write // 3])
    reasoning = rng.choice([None, 30])
    return Usage(
        read + write + rng.randrange(150_000),
        rng.randrange(30, 9_000) if output else 0,
        cache_read=read,
        cache_write=write,
        cache_write_5m=write - long,
        cache_write_1h=long,
        reasoning=reasoning if output else None,
        web_searches=rng.choice([None, 1]),
        file_searches=rng.choice([None, 4]),
    )


def library_usage(usage: Usage) -> LibraryUsage:
    return LibraryUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cache_write_5m_tokens=usage.cache_write_5m,
        cache_write_1h_tokens=usage.cache_write_1h,
        output_reasoning_tokens=usage.reasoning,
        web_searches=usage.web_searches,
        storage_searches=usage.file_searches,
    )


def priced_by_token() -> list[tuple[Provider, ModelInfo, Card]]:
    found = []
    for provider in providers:
        for model in provider.models:
            card = book().listed.card(provider.id, model.id, WHEN, None)
            if isinstance(card, Card) and card.match == f"{provider.id}/{model.id}" not in OURS:
                found.append((provider, model, card))
    return found


def test_every_model_that_is_priced_by_token_is_billed_as_the_library_bills_it():
    rng = random.Random(20261121)
    models = priced_by_token()

    wrong = []
    for provider, model, card in models:
        usage = random_usage(rng, card.output_priced)
        tokens = billable(card, usage)
        assert isinstance(tokens, Tokens)
        ours = sum(card.band(tokens.prompt).exact.charge(tokens))
        theirs = model.calc_price(
            library_usage(usage), provider, genai_request_timestamp=WHEN
        ).total_price
        if ours != theirs:
            wrong.append((provider.id, model.id, ours, theirs, usage))

    assert len(models) > 2000
    assert wrong == []


EDGES = (128_000, 199_999, 200_000, 200_001, 271_999, 272_000, 272_001)
"""Where prices for long prompts begin, and a token beside."""


def test_every_tier_is_billed_as_the_library_bills_it_also_at_the_edge_of_a_long_prompt():
    rng = random.Random(20261122)
    wrong, bills = [], 0
    for provider, model, context in tiers():
        (tier,) = context.values()
        card = book().listed.card(provider.id, model.id, WHEN, tier)
        if not isinstance(card, Card) or card.match != f"{provider.id}/{model.id}":
            continue
        for usage in (random_usage(rng, card.output_priced), *(Usage(n, 0) for n in EDGES)):
            tokens = billable(card, usage)
            assert isinstance(tokens, Tokens)
            ours = sum(card.band(tokens.prompt).exact.charge(tokens))
            theirs = model.calc_price(
                library_usage(usage),
                provider,
                genai_request_timestamp=WHEN,
                price_context=context,
            ).total_price
            bills += 1
            if ours != theirs:
                wrong.append((provider.id, model.id, tier, ours, theirs, usage))

    assert bills > 1500
    assert wrong == []


def tiers() -> list[tuple[Provider, ModelInfo, dict[str, str]]]:
    kinds = {"processing", "service_tier", "speed"}
    return [
        (provider, model, dict(variant.when))
        for provider in providers
        for model in provider.models
        for variant in model.price_variants or ()
        if len(variant.when) == 1 and variant.when.keys() <= kinds
    ]


def test_every_change_of_a_price_is_billed_from_its_first_second_on():
    usage, wrong, bills = Usage(150_000, 2_000, cache_read=40_000), [], 0
    for provider, model in changing():
        for when in sorted(moments(model.prices)):
            found = book().bill(provider.id, model.id, usage, int(when.timestamp()) * 10**9)
            if (
                not isinstance(found, Bill)
                or found.card.match != f"{provider.id}/{model.id}"
                or found.card.source != "genai-prices"
                or has_hours_too_early(model.prices, when)
            ):
                continue
            theirs = model.calc_price(library_usage(usage), provider, genai_request_timestamp=when)
            bills += 1
            if found.total != theirs.total_price:
                wrong.append((provider.id, model.id, when, found.total, theirs.total_price))

    assert bills > 500
    assert wrong == []


def changing() -> list[tuple[Provider, ModelInfo]]:
    return [(p, m) for p in providers for m in p.models if isinstance(m.prices, list)]


def has_hours_too_early(prices: list[ConditionalPrice], when: datetime) -> bool:
    """Whether the library takes a price by hour that is of a dated one, for a day before that."""
    conditions = [one.constraint for one in prices]
    dated = [one for one in conditions if isinstance(one, StartDateConstraint)]
    if not dated or dated[-1].active(when):
        return False
    after = conditions[conditions.index(dated[-1]) :]
    return any(isinstance(one, TimeOfDateConstraint) for one in after)


def moments(prices: list[ConditionalPrice]) -> set[datetime]:
    """The seconds about midnight and about noon of each day on which a price changes."""
    starts = [
        datetime.combine(one.constraint.start_date, time(), UTC)
        for one in prices
        if isinstance(one.constraint, StartDateConstraint)
    ]
    hours = [
        getattr(one.constraint, end).replace(tzinfo=None)
        for one in prices
        if isinstance(one.constraint, TimeOfDateConstraint)
        for end in ("start_time", "end_time")
    ]
    days = [day for day in starts or [WHEN] if 2020 <= day.year <= 2026]
    at = [datetime.combine(d.date(), t, UTC) for d in days for t in (time(), time(12), *hours)]
    return {moment + timedelta(seconds=second) for moment in at for second in (-1, 0)}


def test_bills_in_floats_differ_from_exact_ones_by_less_than_a_millionth_of_a_millionth():
    rng = random.Random(7)

    worst = 0.0
    for _, _, card in priced_by_token():
        tokens = billable(card, random_usage(rng, card.output_priced))
        assert isinstance(tokens, Tokens)
        band = card.band(tokens.prompt)
        exact, fast = sum(band.exact.charge(tokens)), sum(band.fast.charge(tokens))
        worst = max(worst, abs(float(exact) - fast) / float(exact) if exact else fast)

    assert worst < 1e-12


def test_the_table_has_no_price_key_that_we_do_not_know():
    keys = {
        key
        for provider in providers
        for model in provider.models
        for price in (
            [p.prices for p in model.prices] if isinstance(model.prices, list) else [model.prices]
        )
        for key, value in vars(price).items()
        if value is not None
    }

    assert keys - KNOWN == set()
    assert KNOWN - _get_registry()._all_price_keys == set()


def test_a_discounted_or_tiered_card_is_never_served_from_another_tiers_cache():
    usage = Usage(1000, 100)

    first = [book().bill("openai", "gpt-5", usage, NOV, tier) for tier in (None, "flex", "batch")]
    again = [book().bill("openai", "gpt-5", usage, NOV, tier) for tier in (None, "flex", "batch")]

    assert first == again
    assert len({f.total for f in first if isinstance(f, Bill)}) == 2
