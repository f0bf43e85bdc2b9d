"""The operator's own prices and discounts, which go before the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

from .card import Band, Card
from .names import provider_id
from .rates import FEES, PART_OF, ZERO, Marginal, Rates


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
class LongPrompt:
    """What longer prompts cost. What is left out costs what it does for shorter ones."""

    above: int
    """Tokens of the whole prompt, cached ones included, that it must be longer than."""
    input: Money | None = None
    output: Money | None = None
    cache_read: Money | None = None
    cache_write: Money | None = None
    cache_write_1h: Money | None = None

    def __post_init__(self) -> None:
        if self.above < 1:
            raise ValueError("above: expected a number of tokens")

    def amounts(self) -> dict[str, Decimal]:
        """Return what is given, in US dollars per million tokens."""
        return _given(self, Rates._fields)


@dataclass(frozen=True, slots=True)
class CustomPrice:
    """One price of the operator's own. The first that fits a call is taken.

    Give prices (at least ``input``) or a ``discount`` off the list price, not both; fees may be
    given with either. What is left out costs what it is part of: cached tokens what ``input`` says,
    and ``output`` nothing.
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
    web_search: Money | None = None
    """US dollars per search of the web that the provider ran."""
    file_search: Money | None = None
    """US dollars per search of stored files that the provider ran."""
    long_prompts: tuple[LongPrompt, ...] = ()
    """Other prices for longer prompts."""
    marginal: bool = False
    """Whether those are for the part of the prompt that is longer alone, and not for all of it.
    Output is always charged whole, by the length of the prompt."""
    discount: Discount | None = None
    """Fraction off the list price: 0.15 is 15 % off."""
    valid_from: Day | None = None
    """First day (UTC) of calls that it is for."""
    valid_until: Day | None = None
    """Last day (UTC) of calls that it is for."""

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ValueError("model: name one; * is any")
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError(f"price of {self.model!r}: valid_until is before valid_from")
        if self.discount is None and self.input is None:
            raise ValueError(f"price of {self.model!r}: give input or discount")
        if self.discount is not None and (self.input is not None or self.long_prompts):
            raise ValueError(f"price of {self.model!r}: give input or discount, not both")
        lengths = [one.above for one in self.long_prompts]
        if len({*lengths}) < len(lengths):
            raise ValueError(f"price of {self.model!r}: two prices above the same length")

    def fits(self, provider: str | None, model: str, at: datetime | None) -> bool:
        """Return whether this price is for a call of ``model`` at ``at``."""
        if self.provider is not None and provider_id(self.provider) != provider:
            return False
        return self._in_force(at) and _like(self.model.lower(), model.lower())

    def card(self, listed: Card | None) -> Card | None:
        """Return the rates; a discount needs the ``listed`` card, ``None`` without one."""
        if self.discount is not None:
            fees = {name: fee for name, fee in self._amounts().items() if name in FEES}
            return _discounted(listed, self.discount, fees) if listed else None
        return Card(
            bands=self._bands(),
            source="custom",
            match=self.model if self.provider is None else f"{self.provider}/{self.model}",
            as_of=self.valid_from.isoformat() if self.valid_from else None,
            unknown_fees=frozenset(FEES) - self._amounts().keys(),
        )

    def _in_force(self, at: datetime | None) -> bool:
        if at is None:
            return self.valid_until is None
        day = at.date()
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )

    def _bands(self) -> tuple[Band, ...]:
        """Return the bands, longest prompts first; each adds to what the ones below it say."""
        rates = self._amounts()
        bands = [Band.of(-1, _rates(rates))]
        for longer in sorted(self.long_prompts, key=lambda one: one.above):
            rates |= longer.amounts()
            above = _rates(rates)
            if self.marginal:
                short = bands[0].exact.without_fee()
                bands.insert(0, Band.of(longer.above, Marginal(longer.above, short, above)))
            else:
                bands.insert(0, Band.of(longer.above, above))
        return tuple(bands)

    def _amounts(self) -> dict[str, Decimal]:
        return _given(self, Rates._fields)


def _given(written: object, names: Sequence[str]) -> dict[str, Decimal]:
    amounts = {name: getattr(written, name, None) for name in names}
    return {name: amount for name, amount in amounts.items() if amount is not None}


def _rates(given: Mapping[str, Decimal]) -> Rates[Decimal]:
    """Return rates per token from those per million; what is left out costs what it is part of."""
    million, rates = Decimal(1_000_000), dict[str, Decimal]()
    for name, parent in PART_OF.items():
        inherited = rates[parent] if parent else ZERO
        rates[name] = given[name] / million if name in given else inherited
    return Rates(**rates, **{name: given.get(name, ZERO) for name in FEES})


def first_fit(
    prices: Sequence[CustomPrice], provider: str | None, names: Sequence[str], at: datetime | None
) -> CustomPrice | None:
    """Return the first price that is for this call, whose model may go by several ``names``."""
    fitting = (one for one in prices if any(one.fits(provider, name, at) for name in names))
    return next(fitting, None)


def _discounted(listed: Card, discount: Decimal, fees: Mapping[str, Decimal]) -> Card:
    share = 1 - discount
    bands = tuple(band.times(share).with_fees(fees) for band in listed.bands)
    percent = (discount * 100).normalize()
    return replace(
        listed,
        bands=bands,
        source="custom",
        match=f"{listed.match} less {percent:f} %",
        unknown_fees=listed.unknown_fees - fees.keys(),
    )


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
