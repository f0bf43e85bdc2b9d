"""What a provider itself says with the usage that an answer cost: its bill, or its tier.

OpenRouter says ``cost`` with the usage, Perplexity ``cost.total_cost``, both in US dollars; xAI
``cost_in_usd_ticks``, of which ten thousand million make one. Mistral says ``service_tier``.
"""

from __future__ import annotations

from typing import Any

from otel_llm.semconv import own

from .values import field, fields, integer, number, real, text

_TICKS = 10**10


def charged(usage: Any) -> dict[str, Any]:
    """Return what the usage of an answer says that it cost, by our own names for it."""
    get = fields(usage).get
    cost, ticks, tier = get("cost"), get("cost_in_usd_ticks"), get("service_tier")
    if cost is ticks is tier is None:  # as nearly always
        return {}
    dollars, told = _dollars(cost, ticks), text(tier)
    found: dict[str, Any] = {} if told is None else {own.RESPONSE_SERVICE_TIER: told}
    return found if dollars is None else {**found, own.COST_REPORTED: dollars}


def _dollars(cost: Any, ticks: Any) -> float | None:
    said = real(cost) if number(cost) is not None else real(field(cost, "total_cost"))
    if said is None and (counted := real(integer(ticks))) is not None:
        return counted / _TICKS
    return said
