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
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from otel_llm import semconv
from otel_llm.genai.call import BILLED_OPERATIONS
from otel_llm.pricing import Card, CustomPrice, PriceBook, Unpriced
from otel_llm.pricing.book import billable
from otel_llm.pricing.local import may_be_local
from otel_llm.pricing.second import SecondList
from otel_llm.pricing.tokens import Tokens
from otel_llm.semconv import own

from ..samples import Family, Sample
from ..usage import read_usage

if TYPE_CHECKING:
    from ..data import Batch, SpanView

_NAMES = (
    semconv.PROVIDER_NAME,
    semconv.RESPONSE_MODEL,
    own.COST_TOTAL,
    # service tiers, the served before the requested one
    semconv.OPENAI_RESPONSE_SERVICE_TIER,
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
    semconv.OPENAI_REQUEST_SERVICE_TIER,
    "gen_ai.openai.request.service_tier",
    "gen_ai.request.service_tier",
)
_TIERS = slice(3, None)
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
    """What a price depends on, as far as the span names it in one place."""

    provider: str | None
    served: str | None
    tier: str | None


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
            billed = span.text(semconv.OPERATION_NAME) in BILLED_OPERATIONS
            if billed and not span.has(own.DUPLICATE_OF):
                self._price(span)

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
        provider, served, total, *_ = read = span.read_all(_NAMES)
        if total is not None:
            return
        tier = next((tier for tier in read[_TIERS] if isinstance(tier, str)), None)
        call = _Asked(_text(provider) or span.text("gen_ai.system"), _text(served), tier)
        priced = self._priced(span, call)
        if isinstance(priced, Missing):
            self._unpriced(span, priced)
        else:
            self._write(span, *priced)

    def _priced(self, span: SpanView, call: _Asked) -> tuple[Card, Tokens, str | None] | Missing:
        card, doubt = self._card(span, call)
        if isinstance(card, Unpriced):
            return _missing(span, call, card)
        usage = read_usage(span)
        if usage.output_tokens is None and span.text(semconv.OPERATION_NAME) == "embeddings":
            usage.output_tokens = 0
        tokens = billable(card, usage)
        if isinstance(tokens, Unpriced):
            return _missing(span, call, tokens)
        return card, tokens, tokens.quality or doubt or card.quality

    def _card(self, span: SpanView, call: _Asked) -> tuple[Card | Unpriced, str | None]:
        """Quote the served model; the requested one when only that is in the book."""
        card = self._quote(span, call.provider, call.served, call.tier)
        if isinstance(card, Unpriced) and (asked := span.text(semconv.REQUEST_MODEL)):
            other = self._quote(span, call.provider, asked, call.tier)
            if not call.served:
                return other, None
            if isinstance(other, Card):
                return other, "requested_model"
        return card, None

    def _quote(
        self, span: SpanView, provider: str | None, model: str | None, tier: str | None
    ) -> Card | Unpriced:
        server = span.text(semconv.SERVER_ADDRESS) if may_be_local(provider) else None
        return self._book.quote(provider, model, span.start_ns, tier, server)

    def _write(self, span: SpanView, card: Card, tokens: Tokens, quality: str | None) -> None:
        band, rate = card.band(tokens.prompt), self._config.per_usd
        parts = band.fast.charge(tokens)
        total = parts.input + parts.output + parts.cache_read + parts.cache_write
        values: dict[str, str | float] = {
            own.COST_TOTAL: total * rate,
            own.COST_INPUT: parts.input * rate,
            own.COST_OUTPUT: parts.output * rate,
            own.COST_CURRENCY: self._config.currency,
            own.COST_PRICE_SOURCE: card.source,
            own.COST_PRICE_MATCH: card.match,
            own.COST_PRICE_TIER: card.tier_of(band),
        }
        if tokens.cache_read or tokens.audio_cache_read or tokens.image_cache_read:
            values[own.COST_CACHE_READ] = parts.cache_read * rate
        if tokens.cache_write or tokens.cache_write_1h:
            values[own.COST_CACHE_WRITE] = parts.cache_write * rate
        if card.as_of:
            values[own.COST_PRICE_AS_OF] = card.as_of
        if quality:
            values[own.COST_QUALITY] = quality
        if self._config.usage_cost and not _reported(span):
            values[own.USAGE_COST] = total
        span.set_all(values)

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


def _book(config: CostConfig) -> PriceBook:
    second = SecondList(Path(config.second_prices)) if config.second_prices else None
    return PriceBook(config.prices, second=second)


def _missing(span: SpanView, call: _Asked, why: Unpriced) -> Missing:
    model = call.served or span.text(semconv.REQUEST_MODEL)
    return Missing(call.provider or "", model or "", why.reason)


def _reported(span: SpanView) -> bool:
    return span.has(own.USAGE_COST) or span.has(own.COST_REPORTED)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
