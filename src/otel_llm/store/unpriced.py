"""Models that were called and have no price, with why: what the sums lack."""

from __future__ import annotations

from dataclasses import dataclass, replace

from otel_llm.genai import Call
from otel_llm.pricing import PriceBook, Unpriced
from otel_llm.pricing.book import billable

from .filters import Filter
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

    def add(self, call: Call) -> None:
        """Count one call; they come in order of time."""
        self.calls += 1
        self.tokens += call.tokens or 0
        self.first_ns = self.first_ns or call.start_ns
        self.last_ns = call.start_ns


def unpriced(store: Store, where: Filter, book: PriceBook) -> list[UnpricedModel]:
    """Return the unpriced models of a selection, those with most calls first."""
    found: dict[tuple[str | None, str | None, str], UnpricedModel] = {}
    for call in store.history(where.since_ns or 0, replace(where, unpriced=True)):
        key = (call.provider, call.model, why(call, book))
        found.setdefault(key, UnpricedModel(*key)).add(call)
    return sorted(found.values(), key=lambda one: (-one.calls, one.model or "", one.reason))


def why(call: Call, book: PriceBook) -> str:
    """Return why ``call`` has no price by ``book``."""
    reasons: list[str] = []
    for model in (call.response_model, call.request_model):
        card = book.quote(call.provider, model, call.start_ns, None, call.server_address)
        if not isinstance(card, Unpriced):
            tokens = billable(card, call.usage)
            return tokens.reason if isinstance(tokens, Unpriced) else "priced_now"
        reasons.append(card.reason)
    return next((reason for reason in reasons if reason != "no_model"), "no_model")
