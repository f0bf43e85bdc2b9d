"""``cost``: writes what each model call cost onto its span.

Prices spans that are billed (chat, generate_content, text_completion, embeddings); agents and
workflows only repeat the tokens of the calls below them. The served model goes before the
requested one, the served tier before the requested one, and the price is that of the day the call
started. Writes ``otel_llm.cost.*``; and ``gen_ai.usage.cost`` in US dollars, which is what most
backends read, unless the span already has one. A call whose price or usage is unknown gets no
cost, never zero: it is counted by provider, model and reason (``unpriced``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import compress
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from otel_llm.genai.call import BILLED_OPERATIONS, TOO_DEAR
from otel_llm.pricing import Card, CustomPrice, PriceBook, Unpriced
from otel_llm.pricing.book import DAY_NS, billable, billed_usage
from otel_llm.pricing.card import Band
from otel_llm.pricing.local import may_be_local
from otel_llm.pricing.second import SecondList
from otel_llm.pricing.tokens import Tokens
from otel_llm.semconv import own
from otel_llm.stats.dimensions import label

from ..component import to_each
from ..data.facts import (
    COST_REPORTED,
    COST_TOTAL,
    DUPLICATE_OF,
    OPERATION,
    PROFILE,
    PROVIDER,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    SERVER_ADDRESS,
    SYSTEM,
    USAGE,
    USAGE_COST,
    Facts,
    service_tier,
)
from ..data.template import Template
from ..measures.samples import Family, Sample

if TYPE_CHECKING:
    from ..data import Batch, SpanView

_MODELS = slice(REQUEST_MODEL, RESPONSE_MODEL + 1)
_MAX_OFFERS = 16_384
_MAX_UNPRICED = 1000
"""Bound of the counter: names come from the outside. Beyond it, calls count as ``other``."""


@dataclass(frozen=True, slots=True)
class CostConfig:
    """Settings of the ``cost`` processor."""

    prices: tuple[CustomPrice, ...] = ()
    """Prices and discounts of your own, before the list; the first that fits is taken."""
    second_prices: str | None = None
    """A price file in LiteLLM's format (``model_prices_and_context_window.json``), for the models
    that the list does not have. It knows no history."""
    usage_cost: bool = True
    """Also write ``gen_ai.usage.cost`` (Langfuse, OpenLIT and others read it)."""
    currency: str = "USD"
    """ISO 4217 code of ``otel_llm.cost.*``. Anything else than USD needs ``per_usd``."""
    per_usd: float = 1.0
    """Units of ``currency`` that one US dollar buys; prices are in US dollars."""

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise ValueError(f"currency {self.currency!r}: expected a code such as EUR")
        if self.currency == "USD" and self.per_usd != 1.0:
            raise ValueError("per_usd: one US dollar buys one; name the other currency")
        if self.currency != "USD" and self.per_usd == 1.0:
            raise ValueError(f"currency {self.currency}: give per_usd, what one US dollar buys")
        if not (self.per_usd > 0 and isfinite(self.per_usd)):
            raise ValueError("per_usd must be a number above zero")
        if self.second_prices and not Path(self.second_prices).is_file():
            raise ValueError(f"second_prices: there is no file {self.second_prices}")


class Missing(NamedTuple):
    """What could not be priced. ``unpriced()`` counts calls by it."""

    provider: str
    model: str
    reason: str
    """See ``pricing.Unpriced``."""


@dataclass(slots=True, eq=False)
class _Offer:
    """What a model costs: remembered by all that a price depends on, beside the tokens."""

    card: Card | Unpriced
    doubt: str | None = None
    """Why it may be another's price."""
    templates: dict[tuple[Any, ...], Template] = field(default_factory=dict[Any, Template])


class CostProcessor:
    """Prices calls. Leaves a span alone that already has our cost: pricing twice is once."""

    def __init__(self, config: CostConfig | None = None, book: PriceBook | None = None) -> None:
        self._config = config or CostConfig()
        self._book = book or _book(self._config)
        self._missing: Counter[Missing] = Counter()
        self._lock = Lock()
        self._offers: dict[tuple[object, int], _Offer] = {}

    def process(self, batch: Batch) -> None:
        """Price every billed call in ``batch``."""
        to_each(batch.genai(), self._price)

    def unpriced(self) -> dict[Missing, int]:
        """Return how many calls had no price so far, by provider, model and reason."""
        with self._lock:
            return dict(self._missing)

    def measure(self) -> Iterator[Family]:
        """Give the calls without a price for ``/metrics``: unknown is not zero."""
        samples = [Sample(n, missing._asdict(), "_total") for missing, n in self.unpriced().items()]
        if samples:
            help = "Calls without a price, by what was missing"
            yield Family("otel_llm_cost_unpriced_calls", "counter", help, samples)

    def _price(self, span: SpanView) -> None:
        facts = span.facts
        billed = facts[OPERATION] in BILLED_OPERATIONS and facts[DUPLICATE_OF] is None
        if not billed or facts[COST_TOTAL] is not None:
            return
        offer = self._offer(facts, span.start_ns)
        card = offer.card
        usage = billed_usage(facts[OPERATION], facts[USAGE])
        tokens = card if isinstance(card, Unpriced) else billable(card, usage)
        if isinstance(tokens, Unpriced) or isinstance(card, Unpriced):
            self._unpriced(span, facts, cast("Unpriced", tokens).reason)
        else:
            self._write(span, facts, offer, card, tokens)

    def _offer(self, facts: Facts, at_ns: int) -> _Offer:
        key = facts[PROFILE], at_ns // DAY_NS
        return self._offers.get(key) or self._remembered(key, self._made(facts, at_ns))

    def _remembered(self, key: tuple[object, int], offer: _Offer) -> _Offer:
        by_minute = isinstance(offer.card, Card) and offer.card.by_minute
        if key[0] is not None and not by_minute:
            if len(self._offers) >= _MAX_OFFERS:
                self._offers = {}
            self._offers[key] = offer
        return offer

    def _made(self, facts: Facts, at_ns: int) -> _Offer:
        """Quote the served model; the requested one when only that is in the book."""
        provider, requested, served = facts[PROVIDER] or facts[SYSTEM], *facts[_MODELS]
        tier = service_tier(facts)
        server = facts[SERVER_ADDRESS] if may_be_local(provider) else None
        card = self._book.quote(provider, served, at_ns, tier, server, asked=requested)
        if isinstance(card, Unpriced) and requested:
            other = self._book.quote(provider, requested, at_ns, tier, server)
            if not served:
                return _Offer(other)
            if isinstance(other, Card):
                return _Offer(other, "requested_model")
        return _Offer(card)

    def _write(
        self, span: SpanView, facts: Facts, offer: _Offer, card: Card, tokens: Tokens
    ) -> None:
        band, rate = card.band(tokens.prompt), self._config.per_usd
        input, output, read, write, tools = band.fast.charge(tokens)
        total = input + output + read + write + tools
        numbers = [total * rate, input * rate, output * rate]
        reads = bool(tokens.cache_read or tokens.audio_cache_read or tokens.image_cache_read)
        if reads:
            numbers.append(read * rate)
        writes = bool(tokens.cache_write or tokens.cache_write_1h)
        if writes:
            numbers.append(write * rate)
        if tools:
            numbers.append(tools * rate)
        usage_cost = self._config.usage_cost and _is_unknown(facts)
        if usage_cost:
            numbers.append(total)
        kind = (band.above, tokens.quality, reads, writes, bool(tools), usage_cost)
        template = offer.templates.get(kind)
        if template is None:
            words = self._provenance(card, band, tokens.quality or offer.doubt or card.quality)
            template = offer.templates[kind] = _template(words, *kind[2:])
        span.fill(template, numbers)

    def _provenance(self, card: Card, band: Band, quality: str | None) -> dict[str, str]:
        words = {
            own.COST_CURRENCY: self._config.currency,
            own.COST_PRICE_SOURCE: card.source,
            own.COST_PRICE_MATCH: card.match,
            own.COST_PRICE_TIER: card.tier_of(band),
            own.COST_PRICE_AS_OF: card.as_of,
            own.COST_QUALITY: quality,
        }
        return {name: word for name, word in words.items() if word}

    def _unpriced(self, span: SpanView, facts: Facts, reason: str) -> None:
        reported = facts[COST_REPORTED]
        if reported is not None and 0 <= reported < TOO_DEAR:
            span.set(own.COST_TOTAL, reported * self._config.per_usd)
            span.set(own.COST_CURRENCY, self._config.currency)
            span.set(own.COST_PRICE_SOURCE, "provider")
        elif not (reason == "no_usage" and span.is_error):
            provider = facts[PROVIDER] or facts[SYSTEM] or ""
            model = facts[RESPONSE_MODEL] or facts[REQUEST_MODEL] or ""
            self._count(Missing(label(provider), label(model), reason))

    def _count(self, missing: Missing) -> None:
        with self._lock:
            if missing not in self._missing and len(self._missing) >= _MAX_UNPRICED:
                missing = Missing("other", "other", missing.reason)
            self._missing[missing] += 1


def _book(config: CostConfig) -> PriceBook:
    second = SecondList(Path(config.second_prices)) if config.second_prices else None
    return PriceBook(config.prices, second=second)


def _template(words: Mapping[str, str], *parts: bool) -> Template:
    """``parts``: which of the ``_PARTS`` there are."""
    always = (own.COST_TOTAL, own.COST_INPUT, own.COST_OUTPUT)
    return Template([*always, *compress(_PARTS, parts)], words)


_PARTS = (own.COST_CACHE_READ, own.COST_CACHE_WRITE, own.COST_TOOLS, own.USAGE_COST)


def _is_unknown(facts: Facts) -> bool:
    return facts[USAGE_COST] is None and facts[COST_REPORTED] is None
