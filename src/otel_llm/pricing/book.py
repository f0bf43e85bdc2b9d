"""The price book: custom before list, cached by day, answers in about a microsecond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from otel_llm.genai import Usage

from .card import Band, Bill, Card, Unpriced
from .custom import CustomPrice, first_fit
from .listed import PriceList
from .local import is_free
from .names import elsewhere, other_snapshots, reference
from .rates import FREE
from .tokens import Tokens, disjoint

_MINUTE_NS = 60 * 10**9
DAY_NS = 24 * 60 * _MINUTE_NS
_FIRST_DAY = 18262
"""2020-01-01 in days since 1970. Earlier start times are broken clocks, not calls to a model."""
_MAX_CARDS = 16_384
"""Bound of the cache, some 40 MB: model names come from the outside, fine-tuned ones by the ten
thousand."""

_ALLOWING = ("google/",)
"""Who gives every account so many searches for nothing before charging for them: how many of those
are left, no answer says."""
_BY_PROMPT = ("google/gemini-1", "google/gemini-2")
"""Models that are charged for a prompt that was searched for, however often: later ones are for
each query (ai.google.dev/gemini-api/docs/pricing)."""
_NOTHING = Tokens(prompt=0, input=0, cache_read=0, cache_write=0, output=0)
_LOCAL = Card(bands=(Band.of(-1, FREE),), source="local", match="local", free=True)


class SecondPrices(Protocol):
    """Another price list, without history."""

    def card(self, provider: str | None, model: str, tier: str | None) -> Card | Unpriced:
        """Return the rates of a model, or why there are none."""
        ...


class PriceBook:
    """Prices calls. Thread-safe: the cache only ever gains entries or is replaced whole."""

    def __init__(
        self,
        custom: Sequence[CustomPrice] = (),
        listed: PriceList | None = None,
        second: SecondPrices | None = None,
    ) -> None:
        """Prices in ``custom`` go before ``listed`` (the table of the library when ``None``), and
        ``second`` (see ``second.SecondList``) is asked for what that does not have."""
        self._custom = tuple(custom)
        self._second = second
        self.listed = listed or PriceList()
        self._cards: dict[object, Card | Unpriced] = {}

    def cost(
        self,
        provider: str | None,
        model: str | None,
        usage: Usage,
        at_ns: int,
        tier: str | None = None,
        *,
        server: str | None = None,
        asked: str | None = None,
    ) -> Bill | None:
        """Return what the call cost, ``None`` when model, price or usage is unknown.

        ``at_ns`` is the call's start in Unix nanoseconds: prices change. ``tier`` is the service
        tier that was served (``batch``, ``flex``, ``priority``, …). ``server`` is the
        ``server.address``: only it can tell that a call stayed on the operator's own machine.
        ``asked`` is the model as it was asked for, which may have a price of the operator's own.
        """
        found = self.bill(provider, model, usage, at_ns, tier, server=server, asked=asked)
        return found if isinstance(found, Bill) else None

    def bill(
        self,
        provider: str | None,
        model: str | None,
        usage: Usage,
        at_ns: int,
        tier: str | None = None,
        *,
        server: str | None = None,
        asked: str | None = None,
    ) -> Bill | Unpriced:
        """Return what the call cost, or why that is unknown. See ``cost``."""
        card = self.quote(provider, model, at_ns, tier, server, asked=asked)
        if isinstance(card, Unpriced):
            return card
        tokens = billable(card, usage)
        if isinstance(tokens, Unpriced):
            return tokens
        band = card.band(tokens.prompt)
        return Bill(
            band.exact.charge(tokens), card, card.tier_of(band), tokens.quality or card.quality
        )

    def quote(
        self,
        provider: str | None,
        model: str | None,
        at_ns: int,
        tier: str | None = None,
        server: str | None = None,
        *,
        asked: str | None = None,
    ) -> Card | Unpriced:
        """Return the rates for a call of ``model`` at ``at_ns``, or why there are none."""
        key = (provider, model, at_ns // DAY_NS, tier, server, asked)
        card = self._cards.get(key)
        if card is None:
            card = self._remember(key, self._look_up(provider, model, at_ns, tier, server, asked))
        if isinstance(card, Card) and card.by_minute:
            minute = (*key, at_ns // _MINUTE_NS)
            card = self._cards.get(minute) or self._remember(
                minute, self._look_up(provider, model, at_ns, tier, server, asked)
            )
        return card

    def context_window(self, provider: str | None, model: str) -> int | None:
        """Return how many tokens the model takes in and gives out together, as it is listed."""
        return self.listed.context_window(*reference(provider, model))

    def _remember(self, key: object, card: Card | Unpriced) -> Card | Unpriced:
        if len(self._cards) >= _MAX_CARDS:
            self._cards = {}
        self._cards[key] = card
        return card

    def _look_up(
        self,
        provider: str | None,
        model: str | None,
        at_ns: int,
        tier: str | None,
        server: str | None,
        asked: str | None,
    ) -> Card | Unpriced:
        if not model:
            return Unpriced("no_model")
        who, name = reference(provider, model)
        at = _moment(at_ns)
        own = self._own(provider, model, at) or (self._own(provider, asked, at) if asked else None)
        if own and (card := own.card(None)):
            return card
        if who and is_free(who, name, server):
            return replace(_LOCAL, match=f"local/{name}")
        listed = self._listed(who, name, at, tier)
        if isinstance(listed, Unpriced):
            listed = self._second_hand(who, name, tier, listed)
        if own and isinstance(listed, Card):
            return own.card(listed) or listed
        return listed

    def _own(self, provider: str | None, model: str, at: datetime | None) -> CustomPrice | None:
        who, name = reference(provider, model)
        return first_fit(self._custom, who, (name, model), at)

    def _listed(
        self, provider: str | None, model: str, at: datetime | None, tier: str | None
    ) -> Card | Unpriced:
        """Look the model up, else another snapshot or region: few change the price, it is said."""
        found = self.listed.card(provider, model, at, tier)
        if found != Unpriced("unknown_model"):
            return found
        names = [(name, "other_snapshot") for name in other_snapshots(model)]
        names += [(name, "other_region") for name in elsewhere(provider, model)]
        for name, doubt in names:
            card = self.listed.card(provider, name, at, tier)
            if isinstance(card, Card):
                return replace(card, quality=card.quality or doubt)
        return found

    def _second_hand(
        self, provider: str | None, model: str, tier: str | None, found: Unpriced
    ) -> Card | Unpriced:
        card = self._second.card(provider, model, tier) if self._second else found
        return card if isinstance(card, Card) else found


def billable(card: Card, usage: Usage) -> Tokens | Unpriced:
    """Split ``usage`` into what ``card`` has rates for, or say what is missing.

    A model without output rates (embeddings) needs no output count, a free one no count at all:
    zero times any number of tokens is zero. Audio without a rate of its own is billed as text,
    which may be right (some models make no difference) or far too low, and is said; so are searches
    without a fee, and with one that is only due beyond some that are free.
    """
    if card.free:
        return _NOTHING
    if usage.output_tokens is None and not card.output_priced:
        usage = Usage.of({**vars(usage), "output_tokens": 0})
    tokens = disjoint(usage)
    if tokens is None:
        return Unpriced("no_usage")
    if tokens.output and not card.output_priced:
        return Unpriced("no_output_rate")
    if not card.audio_priced and (tokens.audio_input or tokens.audio_output):
        tokens = tokens._replace(quality=tokens.quality or "audio_at_text_rate")
    if tokens.web_searches or tokens.file_searches:
        return _with_searches(card, tokens)
    return tokens


def billed_usage(operation: str | None, usage: Usage) -> Usage:
    """Return what is charged for: an embedding has no token in its answer, said or not."""
    if usage.output_tokens is None and operation == "embeddings":
        return Usage.of({**vars(usage), "output_tokens": 0})
    return usage


def _with_searches(card: Card, tokens: Tokens) -> Tokens:
    if card.match.startswith(_BY_PROMPT):
        tokens = tokens._replace(web_searches=min(tokens.web_searches, 1))
    return tokens._replace(quality=tokens.quality or _doubt_of_fees(card, tokens))


def _doubt_of_fees(card: Card, tokens: Tokens) -> str | None:
    ran = {"web_search": tokens.web_searches, "file_search": tokens.file_searches}
    fees, missing = card.bands[-1].rates, card.unknown_fees
    if "request" in missing and any(count and name in missing for name, count in ran.items()):
        return "unpriced_searches"
    return "search_allowance" if fees.web_search and card.match.startswith(_ALLOWING) else None


def _moment(at_ns: int) -> datetime | None:
    if at_ns // DAY_NS < _FIRST_DAY:
        return None
    return datetime.fromtimestamp(at_ns // 10**9, UTC)
