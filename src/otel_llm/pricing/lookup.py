"""The price book as rows, for people: show a model, search for one, explain a bill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches

from otel_llm.genai import Usage

from .book import PriceBook
from .card import Band, Bill, Card, Unpriced
from .rates import FEES, PART_OF

_MILLION = Decimal(1_000_000)
TIERS = ("standard", "batch", "flex", "priority", "fast")


@dataclass(frozen=True, slots=True)
class PriceRow:
    """Rates of one model in one tier and for one length of prompt."""

    provider: str
    model: str
    tier: str
    """``standard``, ``batch``, …; ``+above_200000`` for longer prompts."""
    rates: dict[str, Decimal]
    """US dollars per million tokens by bucket (``input``, ``output``, ``cache_read``, …); a bucket
    that costs what it is part of is left out. ``request`` is per call, ``web_search`` and
    ``file_search`` are per search."""
    source: str
    match: str
    as_of: str | None

    @property
    def origin(self) -> str:
        """Where the rates are from, in words."""
        return _origin(self.source, self.match, self.as_of)


@dataclass(frozen=True, slots=True)
class BillRow:
    """One line of a bill."""

    part: str
    amount: Decimal
    """US dollars."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A bill for people."""

    lines: tuple[BillRow, ...]
    """The parts that cost something, and their ``total``."""
    origin: str
    """Where the rates are from, and for which tier."""
    quality: str | None
    """Why it is not beyond doubt, as on a span."""


def show(
    book: PriceBook, provider: str | None, model: str, at_ns: int
) -> list[PriceRow] | Unpriced:
    """Return the rates of a model at a time in each tier that has its own, or why there are none.

    ``provider`` and ``model`` in any spelling a span may have.
    """
    standard = book.quote(provider, model, at_ns)
    if isinstance(standard, Unpriced):
        return standard
    rows = list(_rows(provider, model, standard))
    for tier in TIERS[1:]:
        card = book.quote(provider, model, at_ns, tier)
        if isinstance(card, Card) and card.tier == tier:
            rows += _rows(provider, model, card)
    return rows


def tiers(book: PriceBook, provider: str | None, model: str, at_ns: int) -> list[str]:
    """Return the tiers that a model has rates for at a time, ``standard`` the first of them."""
    cards = [book.quote(provider, model, at_ns, tier) for tier in TIERS]
    return [t for t, card in zip(TIERS, cards, strict=True) if _is_of(card, t)]


def _is_of(card: Card | Unpriced, tier: str) -> bool:
    return isinstance(card, Card) and card.tier == tier


def search(book: PriceBook, text: str, at_ns: int) -> Iterator[PriceRow]:
    """Yield the standard rates of every listed model whose id or provider holds ``text``."""
    wanted = text.lower()
    for provider, model in book.listed.models():
        if wanted in f"{provider.id}/{model.id}".lower():
            card = book.quote(provider.id, model.id, at_ns)
            if isinstance(card, Card):
                yield from _rows(provider.id, model.id, card)


def similar(book: PriceBook, model: str) -> list[str]:
    """Return the listed models that ``model`` may be a slip of the pen for, the closest first."""
    names = {info.id for _, info in book.listed.models()}
    return get_close_matches(model, sorted(names), cutoff=0.8)


def explain(
    book: PriceBook,
    provider: str | None,
    model: str,
    usage: Usage,
    at_ns: int,
    tier: str | None,
    *,
    server: str | None = None,
) -> Explained | Unpriced:
    """Return the bill for one call line by line, or why there is none. See ``PriceBook.bill``."""
    bill = book.bill(provider, model, usage, at_ns, tier, server=server)
    if not isinstance(bill, Bill):
        return bill
    parts = [BillRow(part, amount) for part, amount in bill.parts._asdict().items() if amount]
    origin = _origin(bill.card.source, bill.card.match, bill.card.as_of)
    lines = (*parts, BillRow("total", bill.total))
    return Explained(lines, f"{origin}, {bill.tier}", bill.quality)


def _origin(source: str, match: str, as_of: str | None) -> str:
    return f"{source}, {match}{f', as of {as_of}' if as_of else ''}"


def at_day(day: str | None) -> int:
    """Return noon of an ISO day as Unix nanoseconds; 0, the table's own date, for ``None``."""
    if day is None:
        return 0
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    return int(noon.timestamp()) * 10**9


def per_million(card: Card, band: Band | None = None) -> dict[str, Decimal]:
    """Return rates as a price list prints them, what repeats its parent's rate left out.

    ``band`` is one of the card's, by default the one for short prompts.
    """
    rates = (band or card.bands[-1]).rates
    priced = {name: rate * _MILLION for name, rate in rates._asdict().items()}
    priced |= {name: getattr(rates, name) for name in FEES}
    if not card.output_priced:
        del priced["output"]
    return {
        name: amount.normalize()
        for name, amount in priced.items()
        if amount != _implied(name, priced)
    }


def _implied(name: str, priced: dict[str, Decimal]) -> Decimal | None:
    if name in ("input", "output"):
        return None
    return priced.get(PART_OF.get(name) or "", Decimal(0))


def _rows(provider: str | None, model: str, card: Card) -> Iterable[PriceRow]:
    for band in reversed(card.bands):
        yield PriceRow(
            provider=provider or card.match.partition("/")[0],
            model=model,
            tier=card.tier_of(band),
            rates=per_million(card, band),
            source=card.source,
            match=card.match,
            as_of=card.as_of,
        )
