"""List prices from the ``genai-prices`` package: matched, dated, and compiled to rates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from genai_prices.data_snapshot import find_provider_by_id
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from .card import Band, Card, Unpriced
from .rates import FREE, ZERO, Rates
from .service_tiers import tables_of, terms_of
from .supplements import Price, completed, followed, is_ours, supplemented

SOURCE = "genai-prices"
OWN = "otel-llm"
"""The source of what we know beyond that table (``supplements``)."""
_SAME_PRICE = frozenset({"openai", "anthropic"})
"""Makers whose models cost the same on Azure and Google Cloud as with themselves."""
_MAKERS = frozenset({"openai", "anthropic", "google", "mistral", "cohere", "voyageai"})
"""Whose models are theirs alone by name; others list what they host."""
_MILLION = Decimal(1_000_000)
_THOUSAND = Decimal(1_000)
_CHECKED = re.compile(r"(?:verified|checked|confirmed)[^.;]*? on (\d{4}-\d{2}-\d{2})")

# rate: (its price key, the rate it falls back to); a rate stands after what it falls back to
_KEYS: dict[str, tuple[str, str | None]] = {
    "input": ("input_mtok", None),
    "output": ("output_mtok", None),
    "cache_read": ("cache_read_mtok", "input"),
    "cache_write": ("cache_write_mtok", "input"),
    "cache_write_1h": ("cache_write_1h_mtok", "cache_write"),
    "audio_input": ("input_audio_mtok", "input"),
    "image_input": ("input_image_mtok", "input"),
    "audio_cache_read": ("cache_audio_read_mtok", "cache_read"),
    "image_cache_read": ("cache_image_read_mtok", "cache_read"),
    "reasoning": ("output_reasoning_mtok", "output"),
    "audio_output": ("output_audio_mtok", "output"),
    "image_output": ("output_image_mtok", "output"),
}
_FEES = {
    "request": "requests_kcount",
    "web_search": "web_searches_kcount",
    "file_search": "storage_searches_kcount",
}


class PriceList:
    """A snapshot of list prices, held by us: the library's process-wide one is not touched."""

    def __init__(self, providers: Sequence[Provider] | None = None) -> None:
        """Take ``providers``, or the table that ships with the library (30 MB once loaded)."""
        if providers is None:
            from genai_prices.data import providers as bundled

            providers = bundled
        self._providers = [supplemented(provider) for provider in providers]

    @cached_property
    def as_of(self) -> str | None:
        """ISO date of the newest check that the table mentions; ``None`` if it mentions none."""
        dates = (_checked(model) for _, model in self.models())
        return max(filter(None, dates), default=None)

    def models(self) -> Iterator[tuple[Provider, ModelInfo]]:
        """Yield every listed model with its provider."""
        for provider in self._providers:
            for model in provider.models:
                yield provider, model

    def card(
        self, provider: str | None, model: str, at: datetime | None, tier: str | None
    ) -> Card | Unpriced:
        """Return the rates of ``model`` at ``at`` (UTC; ``None``: at the table's own date)."""
        found = self._find(provider, model)
        if isinstance(found, Unpriced):
            return found
        at = at or datetime.fromisoformat(self.as_of or "2026-01-01").replace(tzinfo=UTC)
        owner, info, guessed = found
        seller = _seller(self._providers, owner, info)
        info = _in_order(followed(seller.id, model, info), at)
        own = _own_rates(seller.id, tier, info, at) if seller is owner else None
        listed = info.get_prices(own.at, own.context) if own else info.get_prices(at)
        prices = completed(f"{seller.id}/{info.id}", _prices(listed))
        if not prices and seller.id == "openrouter" and info.id.endswith(":free"):
            return _free(f"{seller.id}/{info.id}", _as_of(info, at) or self.as_of)
        if "input_mtok" not in prices:
            return Unpriced("not_per_token")
        terms = terms_of(
            seller.id, tier, own=own is not None, later=own is not None and own.at > at
        )
        other = seller is not owner and seller.id not in _SAME_PRICE
        return Card(
            bands=tuple(band.times(terms.share) for band in _bands(prices)),
            source=OWN if is_ours(listed) else SOURCE,
            match=f"{seller.id}/{info.id}",
            as_of=_as_of(info, at) or self.as_of,
            tier=terms.tier,
            quality=terms.doubt or _doubt(guessed, other) or _doubt_of_fee(seller.id, prices),
            output_priced="output_mtok" in prices,
            audio_priced="input_audio_mtok" in prices or "output_audio_mtok" in prices,
            unknown_fees=frozenset(name for name, key in _FEES.items() if key not in prices),
            by_minute=_by_minute(info),
        )

    def context_window(self, provider: str | None, model: str) -> int | None:
        """Return the listed context window in tokens; ``None`` when none is listed."""
        found = self._find(provider, model)
        return None if isinstance(found, Unpriced) else found[1].context_window

    def _find(
        self, provider: str | None, model: str
    ) -> tuple[Provider, ModelInfo, bool] | Unpriced:
        if provider:
            owner = find_provider_by_id(self._providers, provider)
        else:
            owner = next((p for p in self._providers if _names(p, model)), None)
            owner = owner or next((p for p in self._providers if _makes(p, model)), None)
        if owner is None:
            return Unpriced("unknown_provider")
        info = owner.find_model(model, all_providers=self._providers)
        return (owner, info, not provider) if info else Unpriced("unknown_model")


def _names(provider: Provider, model: str) -> bool:
    return provider.model_match is not None and provider.model_match.is_match(model.lower())


def _makes(provider: Provider, model: str) -> bool:
    return provider.id in _MAKERS and any(one.id == model.lower() for one in provider.models)


def _seller(providers: Sequence[Provider], asked: Provider, info: ModelInfo) -> Provider:
    """Return whose price it is: the table of Azure, for one, hands some models to OpenAI's."""
    if any(info is model for model in asked.models):
        return asked
    return next((p for p in providers if any(info is model for model in p.models)), asked)


class _Own(NamedTuple):
    """Where the table has the rates of a tier."""

    context: Mapping[str, str]
    """What selects them."""
    at: datetime
    """When they hold: the time of the call, or a later one from which on the table knows them."""


def _own_rates(seller: str, tier: str | None, info: ModelInfo, at: datetime) -> _Own | None:
    """Return the tier's own rates, ``None`` when the model has none. Of many tiers the table knows
    the rates since somebody looked them up: a call before that day has them, too, if the plain ones
    were the same on both days."""
    kinds = ("processing", "service_tier", "speed")
    for wanted in ({kind: name} for name in tables_of(seller, tier) for kind in kinds):
        dates = [_holds_at(v, at) for v in info.price_variants or () if v.when == wanted]
        first = min(filter(None, dates), default=None)
        if first and (first == at or info.get_prices(first) == info.get_prices(at)):
            return _Own(wanted, first)
    return None


def _holds_at(variant: PriceVariant, at: datetime) -> datetime | None:
    """Return ``at``, or the later time from which on the variant is in force."""
    starts = variant.constraint
    if starts is None or starts.active(at):
        return at
    known = isinstance(starts, StartDateConstraint)
    return datetime.combine(starts.start_date, time(), UTC) if known else None


def _in_order(info: ModelInfo, at: datetime) -> ModelInfo:
    """Return ``info`` without the prices by time of day that were not in force yet: they are those
    of the dated price before them, as a condition of the table is either a date or an hour."""
    prices = info.prices
    if not isinstance(prices, list):
        return info
    held = [p for n, p in enumerate(prices) if not (_is_hourly(p) and _is_early(prices[:n], at))]
    return info if len(held) == len(prices) else replace(info, prices=held)


def _is_hourly(price: ConditionalPrice) -> bool:
    return isinstance(price.constraint, TimeOfDateConstraint)


def _is_early(before: Sequence[ConditionalPrice], at: datetime) -> bool:
    dated = [p.constraint for p in before if isinstance(p.constraint, StartDateConstraint)]
    return bool(dated) and not dated[-1].active(at)


def _prices(price: ModelPrice) -> dict[str, Price]:
    return {
        key: value
        for key, value in vars(price).items()
        if isinstance(value, Decimal | TieredPrices)
    }


def _bands(prices: Mapping[str, Price]) -> tuple[Band, ...]:
    starts = {
        tier.start for p in prices.values() if isinstance(p, TieredPrices) for tier in p.tiers
    }
    return tuple(
        Band.of(above, _rates(prices, above)) for above in [*sorted(starts, reverse=True), -1]
    )


def _rates(prices: Mapping[str, Price], above: int) -> Rates[Decimal]:
    rates: dict[str, Decimal] = {}
    for name, (key, fallback) in _KEYS.items():
        price = prices.get(key)
        if price is not None:
            rates[name] = _at(price, above) / _MILLION
        else:
            rates[name] = rates[fallback] if fallback else ZERO
    fees = {name: _at(prices.get(key, ZERO), above) / _THOUSAND for name, key in _FEES.items()}
    return Rates(**rates, **fees)


def _at(price: Price, above: int) -> Decimal:
    """Return the price for prompts just longer than ``above`` tokens."""
    if isinstance(price, Decimal):
        return price
    crossed = [tier.price for tier in price.tiers if tier.start <= above]
    return crossed[-1] if crossed else price.base


def _by_minute(info: ModelInfo) -> bool:
    conditional = info.prices if isinstance(info.prices, list) else []
    return any(
        isinstance(priced.constraint, TimeOfDateConstraint)
        for priced in [*conditional, *(info.price_variants or ())]
    )


def _doubt(guessed: bool, other_seller: bool) -> str | None:
    if other_seller:
        return "other_seller"
    return "guessed_provider" if guessed else None


def _doubt_of_fee(seller: str, prices: Mapping[str, Price]) -> str | None:
    """Perplexity's fee goes by how much a request searched; the table has that of the most."""
    return "highest_fee" if seller == "perplexity" and "requests_kcount" in prices else None


def _free(match: str, as_of: str | None) -> Card:
    return Card((Band.of(-1, FREE),), source=SOURCE, match=match, as_of=as_of, free=True)


def _as_of(info: ModelInfo, at: datetime) -> str | None:
    """Return when the price came into force, else when it was last checked."""
    starts = [
        priced.constraint.start_date.isoformat()
        for priced in (info.prices if isinstance(info.prices, list) else [])
        if isinstance(priced.constraint, StartDateConstraint) and priced.constraint.active(at)
    ]
    return max(starts, default=None) or _checked(info)


def _checked(info: ModelInfo) -> str | None:
    return max(_CHECKED.findall(info.price_comments or ""), default=None)
