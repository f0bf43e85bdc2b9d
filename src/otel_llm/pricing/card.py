"""The rates of one model on one day under one tier, and what a call costs by them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from .tokens import Tokens

N = TypeVar("N", Decimal, float)
ZERO = Decimal(0)


class Parts(NamedTuple, Generic[N]):
    """US dollars by part; disjoint, their sum is the cost of the call."""

    input: N
    """Uncached input of every modality, and the fee per request where there is one."""
    output: N
    cache_read: N
    cache_write: N


class Rates(NamedTuple, Generic[N]):
    """US dollars per token of each bucket of ``Tokens``, and per request.

    What a model has no rate of its own for carries the rate of what it is part of: a cached token
    without a cache price costs what an uncached one does.
    """

    input: N
    output: N
    cache_read: N
    cache_write: N
    cache_write_1h: N
    audio_input: N
    image_input: N
    audio_cache_read: N
    image_cache_read: N
    reasoning: N
    audio_output: N
    image_output: N
    request: N

    def charge(self, tokens: Tokens) -> Parts[N]:
        """Return what ``tokens`` cost. One multiplication per bucket, no rounding of our own."""
        _, uncached, read, write, output, long, reasoning, *_ = tokens
        parts = Parts(
            uncached * self.input + self.request,
            output * self.output + reasoning * self.reasoning,
            read * self.cache_read,
            write * self.cache_write + long * self.cache_write_1h,
        )
        text = tokens[_MODALITIES] == _NO_MODALITIES
        return parts if text else self._with_modalities(tokens, parts)

    def _with_modalities(self, tokens: Tokens, parts: Parts[N]) -> Parts[N]:
        return Parts(
            parts.input
            + tokens.audio_input * self.audio_input
            + tokens.image_input * self.image_input,
            parts.output
            + tokens.audio_output * self.audio_output
            + tokens.image_output * self.image_output,
            parts.cache_read
            + tokens.audio_cache_read * self.audio_cache_read
            + tokens.image_cache_read * self.image_cache_read,
            parts.cache_write,
        )


_MODALITIES = slice(Tokens._fields.index("audio_input"), -1)
_NO_MODALITIES = (0,) * len(Tokens._fields[_MODALITIES])


class Band(NamedTuple):
    """Rates for whole requests whose prompt is longer than ``above`` tokens."""

    above: int
    exact: Rates[Decimal]
    fast: Rates[float]
    """The same rates as floats; bills by them differ from the exact ones by less than 1e-12."""

    @classmethod
    def of(cls, above: int, exact: Rates[Decimal]) -> Band:
        """Make a band from exact rates."""
        return cls(above, exact, Rates(*map(float, exact)))


@dataclass(frozen=True, slots=True)
class Card:
    """One model's rates with where they come from."""

    bands: tuple[Band, ...]
    """Longest prompts first; the last one has ``above`` -1 and takes the rest."""
    source: str
    """``genai-prices``, ``custom``, ``local``, or ``litellm`` for a second list."""
    match: str
    """The entry that the model was found under: ``openai/gpt-4o``."""
    as_of: str | None = None
    """ISO date: when the price came into force or, where that is not known, was last checked."""
    tier: str = "standard"
    quality: str | None = None
    """``unpriced_tier``: the tier has no rates of its own, these are the standard ones.
    ``guessed_provider``: the span named none, the model's name told. ``other_snapshot``: the
    model is not listed, but it is under another date."""
    output_priced: bool = True
    audio_priced: bool = True
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
    "no_usage": "the counts of tokens are not known",
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
