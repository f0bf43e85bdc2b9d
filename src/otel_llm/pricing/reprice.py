"""What calls of the past cost by another book: after a table update, or with new own prices.

``reprice`` says which recorded costs are out of date, ``priced`` gives one to a call without;
``differences`` holds two books against each other before one replaces the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isclose
from typing import TypeAlias

from otel_llm.genai import Call, Cost

from .book import PriceBook, billed_usage
from .card import Bill
from .lookup import TIERS
from .rates import ZERO

_Model: TypeAlias = tuple[str, str]
"""Provider and model."""
_SAME = 1e-9
"""Relative difference below which two amounts are one: costs are stored as doubles."""


@dataclass(frozen=True, slots=True)
class Change:
    """One call whose cost is another by the book."""

    call: Call
    before: float | None
    """US dollars as recorded; ``None``: it had no price."""
    bill: Bill
    """What it costs by the book."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What a change of prices does to one model, in US dollars."""

    provider: str
    model: str
    calls: int
    before: Decimal
    """Sum over the calls that had a price."""
    after: Decimal
    newly_priced: int
    """Calls that had no price before."""
    no_longer_priced: int = 0
    """Calls that have none by the other book; their cost is in ``before`` alone."""


def reprice(calls: Iterable[Call], book: PriceBook) -> Iterator[Change]:
    """Yield the calls that cost something else by ``book`` on the day they were made.

    Repricing what was repriced yields nothing. A call that the book cannot price keeps what it
    has, and so does one in another currency, and one whose provider said what it cost. A call that
    does not tell its service tier and whose cost is right in any of them is left alone.
    """
    for call in calls:
        if call.billed and not _is_fixed(call):
            bill = _bill(call, book, _tier(call))
            if bill is not None and not _is_right(call, bill, book):
                yield Change(call, call.cost.total if call.cost else None, bill)


def settled(change: Change) -> Call:
    """Return the call with the cost that it has by the book."""
    bill = change.bill
    parts = bill.parts
    cost = Cost(
        total=float(bill.total),
        input=float(parts.input),
        output=float(parts.output),
        cache_read=float(parts.cache_read) if parts.cache_read else None,
        cache_write=float(parts.cache_write) if parts.cache_write else None,
        source=bill.card.source,
        tier=bill.tier,
        tools=float(parts.tools) if parts.tools else None,
    )
    return replace(change.call, cost=cost)


def priced(call: Call, book: PriceBook) -> Call:
    """Return the call with its cost by the book; as it is where it has one, or none is known."""
    changes = () if call.cost else reprice([call], book)
    return next(map(settled, changes), call)


def differences(calls: Iterable[Call], old: PriceBook, new: PriceBook) -> list[Shift]:
    """Return what ``calls`` cost by two books, by provider and model, where that differs; the
    largest difference first. What was recorded with the calls does not matter."""
    found: defaultdict[_Model, _Sums] = defaultdict(_Sums)
    for call in calls:
        if call.billed and not (call.cost and call.cost.source == "provider"):
            bills = (_bill(call, book, _tier(call)) for book in (old, new))
            before, after = (None if bill is None else bill.total for bill in bills)
            if before != after:
                found[_model(call)].add(before, after)
    return _rows(found)


def shifts(changes: Iterable[Change]) -> list[Shift]:
    """Sum changes up by provider and model, the largest change of money first."""
    found: defaultdict[_Model, _Sums] = defaultdict(_Sums)
    for change in changes:
        before = None if change.before is None else Decimal(str(change.before))
        found[_model(change.call)].add(before, change.bill.total)
    return _rows(found)


@dataclass(slots=True)
class _Sums:
    calls: int = 0
    before: Decimal = ZERO
    after: Decimal = ZERO
    newly: int = 0
    no_longer: int = 0

    def add(self, before: Decimal | None, after: Decimal | None) -> None:
        self.calls += 1
        self.before += before or ZERO
        self.after += after or ZERO
        self.newly += before is None
        self.no_longer += after is None

    def shift(self, provider: str, model: str) -> Shift:
        sums = (self.calls, self.before, self.after, self.newly, self.no_longer)
        return Shift(provider, model, *sums)


def _model(call: Call) -> _Model:
    return call.provider or "", call.model or ""


def _rows(found: Mapping[_Model, _Sums]) -> list[Shift]:
    rows = [sums.shift(provider, model) for (provider, model), sums in found.items()]
    return sorted(rows, key=_largest_first)


def _largest_first(row: Shift) -> tuple[Decimal, str, str]:
    return -abs(row.after - row.before), row.provider, row.model


def _is_fixed(call: Call) -> bool:
    return call.cost is not None and (call.cost.currency != "USD" or call.cost.source == "provider")


def _is_right(call: Call, standard: Bill, book: PriceBook) -> bool:
    if call.cost is None:
        return False
    if isclose(call.cost.total, float(standard.total), rel_tol=_SAME):
        return True
    if call.cost.tier is not None:
        return False
    others = (_bill(call, book, tier) for tier in TIERS[1:])
    return any(b and isclose(call.cost.total, float(b.total), rel_tol=_SAME) for b in others)


def _tier(call: Call) -> str | None:
    """Return the service tier, as it was named: that of the rates may be another, as an own price
    knows no tier, and a table not all. Calls of older releases have only that one, and the length
    of the prompt with it, which follows from the usage."""
    if call.service_tier is not None:
        return call.service_tier
    return call.cost.tier.partition("+")[0] if call.cost and call.cost.tier else None


def _bill(call: Call, book: PriceBook, tier: str | None) -> Bill | None:
    """Price by the served model, else by the requested one, as the collector does."""
    usage = billed_usage(call.operation, call.usage)
    asked, called = call.request_model, (usage, call.start_ns, tier)
    for model in (call.response_model, asked):
        server = call.server_address
        bill = book.cost(call.provider, model, *called, server=server, asked=asked)
        if bill is not None:
            return bill
    return None
