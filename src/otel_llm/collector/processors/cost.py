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
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from otel_llm import semconv
from otel_llm.genai.call import BILLED_OPERATIONS
from otel_llm.pricing import Card, CustomPrice, PriceBook, Unpriced
from otel_llm.pricing.book import billable
from otel_llm.pricing.card import Band, Parts
from otel_llm.pricing.tokens import Tokens
from otel_llm.semconv import own

from ..usage import read_usage

if TYPE_CHECKING:
    from ..data import Batch, SpanView

_SERVED_TIER = (
    semconv.OPENAI_RESPONSE_SERVICE_TIER,
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
)
_REQUESTED_TIER = (
    semconv.OPENAI_REQUEST_SERVICE_TIER,
    "gen_ai.openai.request.service_tier",
    "gen_ai.request.service_tier",
)
_MAX_UNPRICED = 1000
"""Bound of the counter: names come from the outside. Beyond it, calls count as ``other``."""


@dataclass(frozen=True, slots=True)
class CostConfig:
    """Settings of the ``cost`` processor."""

    prices: tuple[CustomPrice, ...] = ()
    """Prices and discounts of your own, before the list; the first that fits is taken."""
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


class Missing(NamedTuple):
    """What could not be priced. ``unpriced()`` counts calls by it."""

    provider: str
    model: str
    reason: str
    """See ``pricing.Unpriced``."""


class CostProcessor:
    """Prices calls. Leaves a span alone that already has our cost: pricing twice is once."""

    def __init__(self, config: CostConfig | None = None, book: PriceBook | None = None) -> None:
        self._config = config or CostConfig()
        self._book = book or PriceBook(self._config.prices)
        self._missing: Counter[Missing] = Counter()
        self._lock = Lock()

    def process(self, batch: Batch) -> None:
        """Price every billed call in ``batch``."""
        for span in batch.genai():
            if span.text(semconv.OPERATION_NAME) in BILLED_OPERATIONS:
                self._price(span)

    def unpriced(self) -> dict[Missing, int]:
        """Return how many calls had no price so far, by provider, model and reason."""
        with self._lock:
            return dict(self._missing)

    def _price(self, span: SpanView) -> None:
        if span.has(own.COST_TOTAL):
            return
        provider = span.text(semconv.PROVIDER_NAME) or span.text("gen_ai.system")
        priced = self._served_or_requested(span, provider)
        if isinstance(priced, Missing):
            self._unpriced(span, priced)
        else:
            self._write(span, *priced)

    def _served_or_requested(
        self, span: SpanView, provider: str | None
    ) -> tuple[Card, Tokens, str | None] | Missing:
        """Price by the served model; by the requested one when only that is in the book."""
        served = span.text(semconv.RESPONSE_MODEL)
        card = self._quote(span, provider, served)
        doubt = None
        if isinstance(card, Unpriced) and (asked := span.text(semconv.REQUEST_MODEL)) != served:
            other = self._quote(span, provider, asked)
            if isinstance(other, Card):
                card, doubt = other, "requested_model" if served else None
            served = served or asked
        if isinstance(card, Unpriced):
            return Missing(provider or "", served or "", card.reason)
        usage = read_usage(span)
        if usage.output_tokens is None and span.text(semconv.OPERATION_NAME) == "embeddings":
            usage.output_tokens = 0
        tokens = billable(card, usage)
        if isinstance(tokens, Unpriced):
            return Missing(provider or "", served or "", tokens.reason)
        return card, tokens, tokens.quality or doubt or card.quality

    def _quote(self, span: SpanView, provider: str | None, model: str | None) -> Card | Unpriced:
        tier = _first(span, _SERVED_TIER) or _first(span, _REQUESTED_TIER)
        server = span.text(semconv.SERVER_ADDRESS)
        return self._book.quote(provider, model, span.start_ns, tier, server)

    def _write(self, span: SpanView, card: Card, tokens: Tokens, quality: str | None) -> None:
        band = card.band(tokens.prompt)
        parts = band.fast.charge(tokens)
        if self._config.usage_cost and not (
            span.has(own.USAGE_COST) or span.has(own.COST_REPORTED)
        ):
            span.set(own.USAGE_COST, sum(parts))
        self._write_amounts(span, parts, tokens)
        _write_provenance(span, card, band, quality)

    def _write_amounts(self, span: SpanView, parts: Parts[float], tokens: Tokens) -> None:
        rate = self._config.per_usd
        span.set(own.COST_TOTAL, sum(parts) * rate)
        span.set(own.COST_INPUT, parts.input * rate)
        span.set(own.COST_OUTPUT, parts.output * rate)
        if tokens.cache_read or parts.cache_read:
            span.set(own.COST_CACHE_READ, parts.cache_read * rate)
        if tokens.cache_write or tokens.cache_write_1h:
            span.set(own.COST_CACHE_WRITE, parts.cache_write * rate)
        span.set(own.COST_CURRENCY, self._config.currency)

    def _unpriced(self, span: SpanView, missing: Missing) -> None:
        reported = span.number(own.COST_REPORTED)
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


def _write_provenance(span: SpanView, card: Card, band: Band, quality: str | None) -> None:
    span.set(own.COST_PRICE_SOURCE, card.source)
    span.set(own.COST_PRICE_MATCH, card.match)
    span.set(own.COST_PRICE_TIER, card.tier_of(band))
    if card.as_of:
        span.set(own.COST_PRICE_AS_OF, card.as_of)
    if quality:
        span.set(own.COST_QUALITY, quality)


def _first(span: SpanView, names: Sequence[str]) -> str | None:
    for name in names:
        if span.has(name):
            return span.text(name)
    return None
