"""The operator's own prices and discounts, which go before the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

from .card import ZERO, Band, Card, Rates
from .names import provider_id


def parse_money(written: object) -> Decimal:
    """Return a price as written (``0.15``, ``"0.15"``). Raises ``ValueError`` below zero."""
    try:
        amount = Decimal(str(written))
    except InvalidOperation:
        raise ValueError(f"expected an amount such as 0.15, found {written!r}") from None
    if isinstance(written, bool) or not amount.is_finite() or amount < 0:
        raise ValueError(f"expected an amount of zero or more, found {written!r}")
    return amount


def parse_date(written: object) -> date:
    """Return a day from ``2026-11-21``, quoted or not. Raises ``ValueError`` otherwise."""
    if isinstance(written, date) and not isinstance(written, datetime):
        return written
    try:
        return date.fromisoformat(str(written))
    except ValueError:
        raise ValueError(f"expected a day such as 2026-11-21, found {written!r}") from None


def parse_discount(written: object) -> Decimal:
    """Return a discount as a fraction from 0 to 1. Raises ``ValueError`` outside of it."""
    fraction = parse_money(written)
    if fraction > 1:
        raise ValueError(f"expected a fraction such as 0.15 for 15 %, found {written!r}")
    return fraction


Money = Annotated[Decimal, parse_money]
"""US dollars per million tokens."""
Day = Annotated[date, parse_date]
Discount = Annotated[Decimal, parse_discount]


@dataclass(frozen=True, slots=True)
class CustomPrice:
    """One price of the operator's own. The first that fits a call is taken.

    Give prices (at least ``input``) or a ``discount`` off the list price, not both. What is left
    out costs what it is part of: cached tokens what ``input`` says, and ``output`` nothing.
    """

    model: str
    """The model as asked for or served; ``*`` stands for any characters (``gpt-4*``)."""
    provider: str | None = None
    """Only for this provider, by its name in the conventions; ``None``: for any."""
    input: Money | None = None
    output: Money | None = None
    cache_read: Money | None = None
    cache_write: Money | None = None
    cache_write_1h: Money | None = None
    audio_input: Money | None = None
    audio_output: Money | None = None
    image_input: Money | None = None
    image_output: Money | None = None
    reasoning: Money | None = None
    request: Money | None = None
    """US dollars per call."""
    discount: Discount | None = None
    """Fraction off the list price: 0.15 is 15 % off."""
    valid_from: Day | None = None
    """First day (UTC) of calls that it is for."""
    valid_until: Day | None = None
    """Last day (UTC) of calls that it is for."""

    def __post_init__(self) -> None:
        if self.discount is None and self.input is None:
            raise ValueError(f"price of {self.model!r}: give input or discount")
        if self.discount is not None and self.input is not None:
            raise ValueError(f"price of {self.model!r}: give input or discount, not both")

    def fits(self, provider: str | None, model: str, at: datetime | None) -> bool:
        """Return whether this price is for a call of ``model`` at ``at``."""
        if self.provider is not None and provider_id(self.provider) != provider:
            return False
        return self._in_force(at) and _like(self.model.lower(), model.lower())

    def card(self, listed: Card | None) -> Card | None:
        """Return the rates; a discount needs the ``listed`` card, ``None`` without one."""
        if self.discount is not None:
            return _discounted(listed, self.discount) if listed else None
        return Card(
            bands=(Band.of(-1, self._rates()),),
            source="custom",
            match=self.model if self.provider is None else f"{self.provider}/{self.model}",
            as_of=self.valid_from.isoformat() if self.valid_from else None,
        )

    def _in_force(self, at: datetime | None) -> bool:
        if at is None:
            return self.valid_until is None
        day = at.date()
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )

    def _rates(self) -> Rates[Decimal]:
        million = Decimal(1_000_000)
        given = self.input if self.input is not None else ZERO
        output = _first(self.output, ZERO)
        read, write = _first(self.cache_read, given), _first(self.cache_write, given)
        return Rates(
            input=given / million,
            output=output / million,
            cache_read=read / million,
            cache_write=write / million,
            cache_write_1h=_first(self.cache_write_1h, write) / million,
            audio_input=_first(self.audio_input, given) / million,
            image_input=_first(self.image_input, given) / million,
            audio_cache_read=read / million,
            image_cache_read=read / million,
            reasoning=_first(self.reasoning, output) / million,
            audio_output=_first(self.audio_output, output) / million,
            image_output=_first(self.image_output, output) / million,
            request=_first(self.request, ZERO),
        )


def first_fit(
    prices: Sequence[CustomPrice], provider: str | None, model: str, at: datetime | None
) -> CustomPrice | None:
    """Return the first price that is for this call."""
    return next((price for price in prices if price.fits(provider, model, at)), None)


def _first(amount: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if amount is None else amount


def _discounted(listed: Card, discount: Decimal) -> Card:
    share = 1 - discount
    bands = tuple(
        Band.of(band.above, Rates(*(rate * share for rate in band.exact))) for band in listed.bands
    )
    percent = (discount * 100).normalize()
    return replace(listed, bands=bands, source="custom", match=f"{listed.match} less {percent:f} %")


def _like(pattern: str, model: str) -> bool:
    """Compare with ``*`` as any characters, in time linear in both lengths."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == model
    *middle, last = rest
    if not model.startswith(first) or not model.endswith(last):
        return False
    at, end = len(first), len(model) - len(last)
    for part in middle:
        at = model.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return at <= end
