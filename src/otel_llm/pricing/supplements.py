"""What makers' own price pages say and the library's table does not, each with where it is from.

The table goes before all of it: a model that it has, a rate that it gives and a later price that it
knows are left as they are, so that a newer table is never overruled from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

from genai_prices.types import (
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
)

Price = Decimal | TieredPrices


@dataclass
class _Since(StartDateConstraint):
    """From an hour of a day on (UTC); the library's own condition knows days alone."""

    hour: int = 0

    def active(self, request_timestamp: datetime) -> bool:
        """Return whether the price is in force at that moment."""
        return request_timestamp >= datetime.combine(self.start_date, time(self.hour), UTC)


def _rates(input: str, output: str, cache_read: str) -> ModelPrice:
    return ModelPrice(
        input_mtok=Decimal(input), output_mtok=Decimal(output), cache_read_mtok=Decimal(cache_read)
    )


def _fine_tuned(base: str, rates: ModelPrice) -> ModelInfo:
    return ModelInfo(f"ft:{base}", ClauseStartsWith(f"ft:{base}-2025-"), prices=rates)


_DEEPSEEK: Final = (
    ConditionalPrice(_Since(date(2025, 9, 5), 16), prices=_rates("0.56", "1.68", "0.07")),
    ConditionalPrice(_Since(date(2025, 9, 29)), prices=_rates("0.28", "0.42", "0.028")),
    ConditionalPrice(_Since(date(2026, 4, 24)), prices=_rates("0.14", "0.28", "0.0028")),
)
"""api-docs.deepseek.com/quick_start/pricing as it was in August 2025, which announces the first,
and in April 2026; /updates for V3.2-Exp, to which both names led from 29 September 2025;
/news/news260424 for V4 Flash, to which they led until 24 July 2026, at its price in the table."""

LATER: Final[Mapping[str, Sequence[ConditionalPrice]]] = {
    "deepseek/deepseek-chat": _DEEPSEEK,
    "deepseek/deepseek-reasoner": _DEEPSEEK,
}
"""Prices that followed those of the table, which knows of none after these."""

MODELS: Final[Mapping[str, Sequence[ModelInfo]]] = {
    "openai": (
        _fine_tuned("gpt-4.1-mini", _rates("0.8", "3.2", "0.2")),
        _fine_tuned("gpt-4.1-nano", _rates("0.2", "0.8", "0.05")),
        _fine_tuned("gpt-4.1", _rates("3", "12", "0.75")),
        _fine_tuned("o4-mini", _rates("4", "16", "1")),
    ),
}
"""developers.openai.com/api/docs/pricing, as LiteLLM's table of November 2026 has it."""

RATES: Final[Mapping[str, Mapping[str, Price]]] = {
    # OpenAI's price page, as of December 2024
    "openai/gpt-4o-audio-preview": {
        "input_audio_mtok": Decimal(40),
        "output_audio_mtok": Decimal(80),
    },
    "openai/gpt-4o-mini-audio-preview": {
        "input_audio_mtok": Decimal(10),
        "output_audio_mtok": Decimal(20),
    },
    # as of November 2026; source: see MODELS
    "openai/ft:gpt-4o": {"cache_read_mtok": Decimal("1.875")},
    "openai/ft:gpt-4o-mini": {"cache_read_mtok": Decimal("0.15")},
}
"""Rates that the table leaves out of a model that it has."""

_Long = Mapping[str, tuple[Decimal, TieredPrices]]


def _beyond(start: int, **rates: tuple[str, str]) -> _Long:
    """Return each rate as the table has it and as it is with the one for longer prompts."""
    return {
        f"{name}_mtok": (base, TieredPrices(base=base, tiers=[Tier(start=start, price=price)]))
        for name, (base, price) in ((n, tuple(map(Decimal, pair))) for n, pair in rates.items())
    }


_SONNET: Final = _beyond(
    200_000,
    input=("3", "6"),
    output=("15", "22.5"),
    cache_read=("0.3", "0.6"),
    cache_write=("3.75", "7.5"),
    cache_write_1h=("6", "12"),
)
LONG: Final[Mapping[str, _Long]] = {
    "x-ai/grok-4-0709": _beyond(128_000, input=("3", "6"), output=("15", "30")),
    "anthropic/claude-sonnet-4-0": _SONNET,
    "google/claude-4-sonnet": _SONNET,
}
"""Rates for long prompts beside the plain one that the table has; where it has another one, nothing
is known. Grok 4: twice as much beyond 128,000 tokens, openrouter.ai/x-ai/grok-4 (2025) and
wavespeed.ai/llm/x-ai/grok-4 (2026); neither says that cached tokens cost more. Claude Sonnet 4
beyond 200,000: Anthropic's price page of 2025, as the table has it for Sonnet 4.5."""


TIERS: Final[Mapping[str, PriceVariant]] = {
    "anthropic/claude-opus-4-6": PriceVariant(
        {"speed": "fast"},
        ModelPrice(
            input_mtok=Decimal(30),
            output_mtok=Decimal(150),
            cache_read_mtok=Decimal(3),
            cache_write_mtok=Decimal("37.5"),
            cache_write_1h_mtok=Decimal(60),
        ),
    ),
}
"""Rates of a tier that a model has in the table without it. platform.claude.com/docs/en/
build-with-claude/fast-mode as of spring 2026: six times the plain ones, however long the prompt."""


def supplemented(provider: Provider) -> Provider:
    """Return ``provider`` with the models and tiers that its table lacks, behind what it has."""
    models = [_with_tier(provider.id, model) for model in provider.models]
    return replace(provider, models=[*models, *MODELS.get(provider.id, ())])


def _with_tier(provider: str, model: ModelInfo) -> ModelInfo:
    tier = TIERS.get(f"{provider}/{model.id}")
    known = model.price_variants or []
    if tier is None or any(one.when == tier.when for one in known):
        return model
    return replace(model, price_variants=[*known, tier])


def followed(provider: str, name: str, model: ModelInfo) -> ModelInfo:
    """Return ``model`` with the prices after those of its table, if it goes by that very ``name``:
    the table has others for it that led to one model for good."""
    later = LATER.get(f"{provider}/{name.lower()}")
    if not later or not isinstance(model.prices, list) or _knows_dates(model.prices):
        return model
    return replace(model, prices=[*model.prices, *later])


def completed(match: str, prices: Mapping[str, Price]) -> dict[str, Price]:
    """Return the prices of the model ``match`` with the rates that its table leaves out."""
    long = {
        key: tiered
        for key, (plain, tiered) in LONG.get(match, {}).items()
        if prices.get(key) == plain
    }
    return {**RATES.get(match, {}), **prices, **long}


def is_ours(price: ModelPrice) -> bool:
    """Return whether a price is one of these and not of the table."""
    ours = [later.prices for row in LATER.values() for later in row]
    ours += [model.prices for row in MODELS.values() for model in row if model.prices]
    return any(price is one for one in ours)


def _knows_dates(prices: Sequence[ConditionalPrice]) -> bool:
    return any(isinstance(price.constraint, StartDateConstraint) for price in prices)
