"""Models that were called and have no price, with why: what the sums lack."""

from __future__ import annotations

from dataclasses import dataclass

from otel_llm.pricing import PriceBook, Unpriced
from otel_llm.pricing.book import billable

from .filters import Filter
from .kinds import Kind
from .store import Store


@dataclass(slots=True)
class UnpricedModel:
    """Calls of one model, as the sender names it, without a cost."""

    provider: str | None
    model: str | None
    reason: str
    """See ``pricing.Unpriced``; ``priced_now``: the table has a price by now, see ``reprice``."""
    calls: int = 0
    tokens: int = 0
    """Known tokens, input and output."""
    first_ns: int = 0
    last_ns: int = 0
    """Start of the first and of the last call, Unix nanoseconds."""

    def add(self, kind: Kind) -> None:
        """Count the calls of one kind."""
        self.calls += kind.calls
        self.tokens += kind.tokens
        self.first_ns = min(self.first_ns or kind.first_ns, kind.first_ns)
        self.last_ns = max(self.last_ns, kind.last_ns)


def unpriced(store: Store, where: Filter, book: PriceBook) -> list[UnpricedModel]:
    """Return the unpriced models of a selection, those with most calls first."""
    found: dict[tuple[str | None, str | None, str], UnpricedModel] = {}
    for kind in store.unpriced(where):
        key = (kind.provider, kind.model, why(kind, book))
        found.setdefault(key, UnpricedModel(*key)).add(kind)
    return sorted(found.values(), key=lambda one: (-one.calls, one.model or "", one.reason))


def why(kind: Kind, book: PriceBook) -> str:
    """Return why calls have no price by ``book``."""
    reasons: list[str] = []
    for model in (kind.response_model, kind.request_model):
        card = book.quote(kind.provider, model, kind.first_ns, None, kind.server_address)
        if not isinstance(card, Unpriced):
            tokens = billable(card, kind.usage)
            return tokens.reason if isinstance(tokens, Unpriced) else "priced_now"
        reasons.append(card.reason)
    return next((reason for reason in reasons if reason != "no_model"), "no_model")
