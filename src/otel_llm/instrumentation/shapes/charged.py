"""What a provider itself says that an answer cost: its bill, not a price list.

OpenRouter says ``cost`` with the usage, Perplexity ``cost.total_cost``, both in US dollars; xAI
``cost_in_usd_ticks``, of which ten thousand million make one.
"""

from __future__ import annotations

from typing import Any

from otel_llm.semconv import own

from .values import field, fields, integer, number

_TICKS = 10**10


def charged(usage: Any) -> dict[str, Any]:
    """Return what the usage of an answer says that it cost, by our own name for it."""
    get = fields(usage).get
    cost, ticks = get("cost"), integer(get("cost_in_usd_ticks"))
    dollars = number(cost) if number(cost) is not None else number(field(cost, "total_cost"))
    if dollars is None and ticks is not None:
        dollars = ticks / _TICKS
    return {} if dollars is None else {own.COST_REPORTED: float(dollars)}
