"""The rates of one model on one day under one tier, and what a call costs by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from .rates import ZERO, Marginal, Parts, Rates


class Band(NamedTuple):
    """Rates for requests whose prompt is longer than ``above`` tokens."""

    above: int
    exact: Rates[Decimal] | Marginal[Decimal]
    fast: Rates[float] | Marginal[float]
    """The same rates as floats; bills by them differ from the exact ones by less than 1e-12."""

    @classmethod
    def of(cls, above: int, exact: Rates[Decimal] | Marginal[Decimal]) -> Band:
        """Make a band from exact rates."""
        return cls(above, exact, exact.floats())

    def times(self, share: Decimal) -> Band:
        """Return the band with that share of every rate."""
        return Band.of(self.above, self.rates.times(share))

    def with_fees(self, fees: Mapping[str, Decimal]) -> Band:
        """Return the band with those fees in place of its own."""
        return Band.of(self.above, self.rates._replace(**fees)) if fees else self

    @property
    def rates(self) -> Rates[Decimal]:
        """The rates of the band itself, as a price list has them."""
        return self.exact.long if isinstance(self.exact, Marginal) else self.exact


@dataclass(frozen=True, slots=True)
class Card:
    """One model's rates with where they come from."""

    bands: tuple[Band, ...]
    """Longest prompts first; the last one has ``above`` -1 and takes the rest."""
    source: str
    """``genai-prices``, ``otel-llm`` for what a maker's page says beyond that, ``custom``,
    ``local``, or ``litellm`` for a second list."""
    match: str
    """The entry that the model was found under: ``openai/gpt-4o``."""
    as_of: str | None = None
    """ISO date: when the price came into force or, where that is not known, was last checked."""
    tier: str = "standard"
    """``standard``, ``batch``, …; ``standard@us`` where a region has a surcharge."""
    quality: str | None = None
    """``unpriced_tier``: the tier has no rates of its own, these are the standard ones.
    ``usual_tier_rates``: it has none either, these are what the provider mostly takes for it, or
    took later. ``highest_fee``: the fee per request may be less, by what it searched.
    ``guessed_provider``: the span named none, the model's name told. ``other_snapshot``: the
    model is not listed, but it is under another date. ``other_region``: the rates are those of
    another region. ``other_seller``: the provider is not listed with the model, whose maker is."""
    free: bool = False
    """Whether it costs nothing, whatever was used: no count of tokens is needed."""
    output_priced: bool = True
    audio_priced: bool = True
    unknown_fees: frozenset[str] = frozenset()
    """Which of the ``FEES`` nobody gave."""
    by_minute: bool = False
    """Whether the price depends on the time of day."""

    def band(self, prompt: int) -> Band:
        """Return the rates for a prompt of that many tokens, cached ones included."""
        for band in self.bands:
            if prompt > band.above:
                return band
        return self.bands[-1]

    def tier_of(self, band: Band) -> str:
        """Return ``standard``, ``batch``, … with ``+above_200000`` for a long prompt."""
        return self.tier if band.above < 0 else f"{self.tier}+above_{band.above}"


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Why there is no cost."""

    reason: str
    """``no_model``, ``unknown_provider``, ``unknown_model``, ``not_per_token`` (images, minutes,
    characters), ``no_output_rate`` or ``no_usage``."""

    @property
    def meaning(self) -> str:
        """The reason in words, for people."""
        return _MEANINGS.get(self.reason, self.reason)


_MEANINGS = {
    "no_model": "no model is named",
    "unknown_provider": "the table has no such provider; where none is named, the model tells none",
    "unknown_model": "the table has the provider and no such model",
    "not_per_token": "it is charged by something else than tokens: images, minutes, characters",
    "no_output_rate": "the table has no rate for output, and there was some",
    "no_usage": "the counts of tokens are not known, or beyond belief",
}


@dataclass(frozen=True, slots=True)
class Bill:
    """What one call cost, exactly, in US dollars."""

    parts: Parts[Decimal]
    card: Card
    tier: str
    quality: str | None = None

    @property
    def total(self) -> Decimal:
        """Sum of the parts."""
        return sum(self.parts, ZERO)
