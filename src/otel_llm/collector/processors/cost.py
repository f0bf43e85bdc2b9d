"""``cost``: writes what each model call cost onto its span.

Prices spans that are billed (chat, generate_content, text_completion, embeddings); agents and
workflows only repeat the tokens of the calls below them. The served model goes before the
requested one, the served tier before the requested one, and the price is that of the day the call
started. Writes ``otel_llm.cost.*``; and ``gen_ai.usage.cost`` in US dollars, which is what most
backends read, unless the span already has one. A call whose price or usage is unknown gets no
cost, never zero: it is counted by provider, model and reason (``unpriced``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from otel_llm.genai import Usage
from otel_llm.genai.call import BILLED_OPERATIONS
from otel_llm.pricing import Card, CustomPrice, PriceBook, Unpriced
from otel_llm.pricing.book import billable
from otel_llm.pricing.local import may_be_local
from otel_llm.pricing.second import SecondList
from otel_llm.pricing.tokens import Tokens
from otel_llm.semconv import own

from ..facts import (
    COST_REPORTED,
    COST_TOTAL,
    DUPLICATE_OF,
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    RESPONSE_MODEL,
    SERVER_ADDRESS,
    SYSTEM,
    TIERS,
    USAGE_COST,
    Facts,
)
from ..samples import Family, Sample
from ..template import Template
from ..usage import read_usage

if TYPE_CHECKING:
    from ..data import Batch, SpanView

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
        if self.currency != "USD" and self.per_usd == 1.0:
            raise ValueError(f"currency {self.currency}: give per_usd, what one US dollar buys")
        if self.per_usd <= 0:
            raise ValueError("per_usd must be above zero")
        if self.second_prices and not Path(self.second_prices).is_file():
            raise ValueError(f"second_prices: there is no file {self.second_prices}")


class Missing(NamedTuple):
    """What could not be priced. ``unpriced()`` counts calls by it."""

    provider: str
    model: str
    reason: str
    """See ``pricing.Unpriced``."""


class _Asked(NamedTuple):
    """What a price depends on, beside the time and the tokens."""

    provider: str | None
    served: str | None
    requested: str | None
    tier: str | None
    server: str | None
    """Only where the price can depend on it."""

    @classmethod
    def by(cls, facts: Facts) -> _Asked:
        provider = facts[PROVIDER] or facts[SYSTEM]
        tier = next((tier for tier in facts[TIERS] if tier is not None), None)
        server = facts[SERVER_ADDRESS] if may_be_local(provider) else None
        return cls(provider, facts[RESPONSE_MODEL], facts[REQUEST_MODEL], tier, server)

    def missing(self, why: Unpriced) -> Missing:
        model = self.served or self.requested or ""
        return Missing(self.provider or "", model, why.reason)


class CostProcessor:
    """Prices calls. Leaves a span alone that already has our cost: pricing twice is once."""

    def __init__(self, config: CostConfig | None = None, book: PriceBook | None = None) -> None:
        self._config = config or CostConfig()
        self._book = book or _book(self._config)
        self._missing: Counter[Missing] = Counter()
        self._lock = Lock()

    def process(self, batch: Batch) -> None:
        """Price every billed call in ``batch``."""
        for span in batch.genai():
            facts = span.facts
            billed = facts[OPERATION] in BILLED_OPERATIONS and facts[DUPLICATE_OF] is None
            if billed and facts[COST_TOTAL] is None:
                self._price(span, facts)

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

    def _price(self, span: SpanView, facts: Facts) -> None:
        call = _Asked.by(facts)
        card, doubt = self._card(call, span.start_ns)
        if isinstance(card, Unpriced):
            self._unpriced(span, facts, call.missing(card))
            return
        tokens = billable(card, _usage(facts))
        if isinstance(tokens, Unpriced):
            self._unpriced(span, facts, call.missing(tokens))
        else:
            self._write(span, facts, card, tokens, tokens.quality or doubt or card.quality)

    def _card(self, call: _Asked, at_ns: int) -> tuple[Card | Unpriced, str | None]:
        """Quote the served model; the requested one when only that is in the book."""
        provider, served, requested, tier, server = call
        card = self._book.quote(provider, served, at_ns, tier, server)
        if isinstance(card, Unpriced) and requested:
            other = self._book.quote(provider, requested, at_ns, tier, server)
            if not served:
                return other, None
            if isinstance(other, Card):
                return other, "requested_model"
        return card, None

    def _write(
        self, span: SpanView, facts: Facts, card: Card, tokens: Tokens, quality: str | None
    ) -> None:
        band, rate = card.band(tokens.prompt), self._config.per_usd
        parts = band.fast.charge(tokens)
        total = parts.input + parts.output + parts.cache_read + parts.cache_write
        numbers = [total * rate, parts.input * rate, parts.output * rate]
        read = bool(tokens.cache_read or tokens.audio_cache_read or tokens.image_cache_read)
        if read:
            numbers.append(parts.cache_read * rate)
        written = bool(tokens.cache_write or tokens.cache_write_1h)
        if written:
            numbers.append(parts.cache_write * rate)
        more = self._config.usage_cost and facts[USAGE_COST] is None
        more = more and facts[COST_REPORTED] is None
        if more:
            numbers.append(total)
        provenance = _Provenance(card.source, card.match, card.tier_of(band), card.as_of, quality)
        span.fill(_template(self._config.currency, provenance, read, written, more), numbers)

    def _unpriced(self, span: SpanView, facts: Facts, missing: Missing) -> None:
        reported = facts[COST_REPORTED]
        if reported is not None and reported >= 0:
            span.set(own.COST_TOTAL, reported * self._config.per_usd)
            span.set(own.COST_CURRENCY, self._config.currency)
            span.set(own.COST_PRICE_SOURCE, "provider")
        elif not (missing.reason == "no_usage" and span.is_error):
            self._count(missing)

    def _count(self, missing: Missing) -> None:
        with self._lock:
            if missing not in self._missing and len(self._missing) >= _MAX_UNPRICED:
                missing = Missing("other", "other", missing.reason)
            self._missing[missing] += 1


def _book(config: CostConfig) -> PriceBook:
    second = SecondList(Path(config.second_prices)) if config.second_prices else None
    return PriceBook(config.prices, second=second)


class _Provenance(NamedTuple):
    """Where a price is from."""

    source: str
    match: str
    tier: str
    as_of: str | None
    quality: str | None


@lru_cache(maxsize=4096)
def _template(
    currency: str, price: _Provenance, cache_read: bool, cache_write: bool, usage_cost: bool
) -> Template:
    """Return what the spans of one price have in common; the flags tell which parts there are."""
    doubles = [own.COST_TOTAL, own.COST_INPUT, own.COST_OUTPUT]
    doubles += [own.COST_CACHE_READ] * cache_read + [own.COST_CACHE_WRITE] * cache_write
    words = {
        own.COST_CURRENCY: currency,
        own.COST_PRICE_SOURCE: price.source,
        own.COST_PRICE_MATCH: price.match,
        own.COST_PRICE_TIER: price.tier,
        own.COST_PRICE_AS_OF: price.as_of,
        own.COST_QUALITY: price.quality,
    }
    known = {name: word for name, word in words.items() if word}
    return Template([*doubles, *[own.USAGE_COST] * usage_cost], known)


def _usage(facts: Facts) -> Usage:
    """Return the tokens; an embedding has none in its answer, said or not."""
    usage = read_usage(facts)
    if usage.output_tokens is None and facts[OPERATION] == "embeddings":
        usage.output_tokens = 0
    return usage
