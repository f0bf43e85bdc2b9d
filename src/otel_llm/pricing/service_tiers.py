"""Service tiers as providers call them, in the words of the price lists; and where a model ran."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

_STANDARD: Final = frozenset(
    {
        *("", "auto", "default", "standard", "standard_only", "unspecified"),
        *("on_demand", "on-demand", "traffic_type_unspecified"),
    }
)
"""Service tiers that are billed at the plain rates."""
_SAME: Final = {
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
    "service_tier_flex": "flex",
    "service_tier_priority": "priority",
    "service_tier_standard": "standard",
}
"""Vertex AI's kinds of traffic, and what the Gemini API's enumeration has before its words."""
_PLAIN: Final = frozenset({("groq", "flex")})
"""Tiers of one provider that cost what its plain one does: Groq's page on flex processing."""
_TABLE: Final = {("google", "flex"): ("flex", "batch")}
"""Under which words a price list may have a tier: Google's price page has the same rates for flex
as for batches, cached tokens included."""
_HALF: Final = Decimal("0.5")
_USUAL: Final = {
    **dict.fromkeys((("openai", "batch"), ("anthropic", "batch"), ("google", "batch")), _HALF),
    ("google", "flex"): _HALF,
    ("google", "priority"): Decimal("1.8"),
    **dict.fromkeys((("aws", "batch"), ("aws", "flex")), _HALF),
    ("aws", "priority"): Decimal("1.75"),
}
"""What share of the plain rates makers take for a tier, whatever the model: so their price pages.
The table says it for some models alone. LiteLLM's table of November 2026 has these shares for each
of Google's models; for nine in ten of Bedrock's, and for the others up to a tenth beside."""
_ROUGH: Final = frozenset({"aws"})
_SURCHARGES: Final = {("anthropic", "us"): Decimal("1.1")}
"""What Anthropic takes for a model that is kept in the United States, on every rate: its page on
data residency. Models before Claude Opus 4.6 know no such wish and never say so."""
_GEOS: Final = frozenset(geo for _, geo in _SURCHARGES)


class Terms(NamedTuple):
    """What a tier means for the rates of a table."""

    tier: str
    """As the card has it: that of the rates, which may not be the one that served."""
    share: Decimal
    """Times this are the rates."""
    doubt: str | None
    """``unpriced_tier`` or ``usual_tier_rates``; see ``Card.quality``."""


def located(tier: str | None, geo: str | None) -> str | None:
    """Return ``tier`` with where the model ran: ``batch@us``; as it is when that is anywhere."""
    return f"{tier or 'standard'}@{geo}" if geo in _GEOS else tier


def named(provider: str | None, tier: str | None) -> str:
    """Return the tier in the price lists' word, ``""`` for the plain one."""
    lowered = (tier or "").partition("@")[0].strip().lower()
    name = _SAME.get(lowered, lowered)
    return "" if name in _STANDARD or (provider, name) in _PLAIN else name


def tables_of(provider: str, tier: str | None) -> tuple[str, ...]:
    """Return the words that a table may have the rates of a tier under, the best first."""
    name = named(provider, tier)
    return _TABLE.get((provider, name), (name,)) if name else ()


def terms_of(provider: str, tier: str | None, *, own: bool, later: bool = False) -> Terms:
    """Return what a tier means for the rates; ``own``: they are the tier's own already; ``later``:
    of a later day, with the same plain rates."""
    name, geo = named(provider, tier), (tier or "").rpartition("@")[2]
    known = _USUAL.get((provider, name))
    usual = None if own else known
    doubt = "unpriced_tier" if name and not own and usual is None else None
    if (later and known is None) or (usual is not None and provider in _ROUGH):
        doubt = "usual_tier_rates"
    surcharge = _SURCHARGES.get((provider, geo))
    region = "" if surcharge is None else f"@{geo}"
    rates = name if own or usual is not None else "standard"
    return Terms(rates + region, (usual or _ONE) * (surcharge or _ONE), doubt)


_ONE: Final = Decimal(1)
