"""Our sums held against what the provider charged, by day and model.

The provider's side is an export of its console (``exports``). What is left over (``Residual``) is
what to look into: calls that were not traced, prices that are off, fees that no span shows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from otel_llm.genai import Call

from .exports import Charge
from .names import reference
from .rates import ZERO


@dataclass(frozen=True, slots=True)
class Residual:
    """One model on one day, both sides in US dollars; ``None``: that side knows nothing of it."""

    day: date
    model: str
    """Our name for it, else the provider's."""
    ours: Decimal | None
    theirs: Decimal | None

    @property
    def amount(self) -> Decimal:
        """What the provider charged beyond our sum; below zero when we came to more."""
        return (self.theirs or ZERO) - (self.ours or ZERO)

    @property
    def share(self) -> Decimal | None:
        """The residual as a share of the charge; ``None`` when there was none."""
        return self.amount / self.theirs if self.theirs else None


def reconcile(
    calls: Iterable[Call], charges: Iterable[Charge], models: Mapping[str, str] | None = None
) -> list[Residual]:
    """Return both sides by day and model, the largest residual first.

    Names are compared by their words and version numbers, whatever their order, without dates of
    snapshots. ``models`` names the provider's model (as in the export) for which that fails, with
    our name for it. Calls without a cost in US dollars count as nothing: their charge shows up as
    a residual. Where the charges tell whose bill it is, other providers' calls are left out. Fees
    for searches are in a row of their own where the charges have lines for them.
    """
    named, called = dict[str, str](), dict[str, str]()
    charges = list(charges)
    sellers = {charge.seller for charge in charges}
    theirs = _theirs(charges, models or {}, named)
    billed = (call for call in calls if _is_on_bill(call, sellers))
    ours = _ours(billed, called, apart=_FEES in named)
    names = named | called | {_FEES: _FEES}
    rows = [
        Residual(day, names[key], ours.get((day, key)), theirs.get((day, key)))
        for day, key in ours.keys() | theirs.keys()
    ]
    return sorted(rows, key=lambda row: (-abs(row.amount), row.day, row.model))


def reported(calls: Iterable[Call]) -> list[Residual]:
    """Hold our costs against what the provider said with each answer, by day and model.

    Only calls that have both are compared, ours in US dollars as theirs.
    """
    both = [c for c in calls if c.cost and c.cost.currency == "USD" and c.reported_cost is not None]
    said = [
        Charge(_day_of(call), call.model or "", Decimal(str(call.reported_cost)))
        for call in both
        if call.billed and call.model
    ]
    return reconcile(both, said)


def _is_on_bill(call: Call, sellers: Set[str | None]) -> bool:
    seller, _ = reference(call.provider, call.model or "")
    return None in sellers or seller is None or seller in sellers


def _ours(
    calls: Iterable[Call], names: dict[str, str], *, apart: bool
) -> dict[tuple[date, str], Decimal]:
    """``apart``: whether fees are no part of what a model cost."""
    sums: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for call in calls:
        if call.billed and call.model and call.cost and call.cost.currency == "USD":
            key = _key(call.model)
            names.setdefault(key, call.model)
            fees = Decimal(str(call.cost.tools or 0)) if apart else ZERO
            sums[_day_of(call), key] += Decimal(str(call.cost.total)) - fees
            if fees:
                sums[_day_of(call), _FEES] += fees
    return sums


def _day_of(call: Call) -> date:
    return datetime.fromtimestamp(call.start_ns // 10**9, UTC).date()


def _theirs(
    charges: Iterable[Charge], models: Mapping[str, str], names: dict[str, str]
) -> dict[tuple[date, str], Decimal]:
    sums: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for charge in charges:
        name = models.get(charge.model, charge.model)
        key = _key(name)
        names.setdefault(key, name)
        sums[charge.day, key] += charge.amount
    return sums


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_TOKEN = re.compile(r"[a-z]+|\d+")
_NOISE = frozenset(
    {
        *("input", "output", "tokens", "token", "cache", "cached", "read", "write", "batch"),
        *("count", "units", "text", "latest", "v", "us", "eu", "apac", "global", "use", "usw"),
        *("euw", "euc", "apn", "aps", "anthropic", "amazon", "meta", "mistral", "openai"),
        *("cross", "region", "geo", "flex", "priority", "standard", "demand", "on", "bedrock"),
    }
)
_FINE_TUNED = re.compile(r"^(ft:[^:]+):.*$")
"""A bill names the model that was tuned, and not who tuned it to what."""
_NOUGHT = re.compile(r"(?<=\d)\.0(?!\d)")
_REVISION = re.compile(r"-?v\d+:\d+$|-\d+:\d+$| v\d$")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_REGION = re.compile(r"^[A-Z]{3}\d-")


_FEES = "searches"
_SEARCHES = re.compile(r"\b(?:web|file)[ _-]?search(?:es)?\b|\bgrounding\b", re.I)


def _key(model: str) -> str:
    """Return what two names of one model have in common, or of fees for searches."""
    if _SEARCHES.search(model):
        return _FEES
    named = _FINE_TUNED.sub(r"\1", model.partition(",")[0])
    bare = _NOUGHT.sub("", _HUMP.sub("-", _REGION.sub("", named)))
    plain = _DATE.sub("", _REVISION.sub("", bare).lower())
    tokens = [token for token in _TOKEN.findall(plain) if token not in _NOISE]
    numbers = [token for token in tokens if token.isdigit()]
    return " ".join(sorted([*numbers, *({*tokens} - {*numbers})]))  # ``qwen.qwen3`` is Qwen3
