"""Our sums held against what the provider charged, by day and model.

The provider's side is a CSV export of its console: OpenAI's costs, Anthropic's costs, the AWS cost
and usage report, or any other table once its columns are named. What is left over (``Residual``)
is what to look into: calls that were not traced, prices that are off, fees that no span shows.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from otel_llm.genai import Call

from .card import ZERO


@dataclass(frozen=True, slots=True)
class Columns:
    """Where an export keeps what we need, by column name."""

    day: str
    """A day or moment in ISO form, or Unix seconds."""
    model: str
    amount: str
    """What was charged, in US dollars."""
    only: tuple[str, str] | None = None
    """A column and the text that must be in it, to leave other products out."""


EXPORTS: Mapping[str, Columns] = {
    "openai": Columns("start_time_iso", "line_item", "amount_value"),
    "anthropic": Columns("usage_date_utc", "model", "cost_usd"),
    "aws": Columns(
        "line_item_usage_start_date",
        "line_item_usage_type",
        "line_item_unblended_cost",
        ("line_item_product_code", "Bedrock"),
    ),
}
"""Exports whose columns are known: OpenAI's "Export cost data", Anthropic's cost CSV, AWS CUR."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of an export."""

    day: date
    model: str
    """As the export has it: ``gpt-4o-2024-08-06, cached input``, ``Claude Haiku 4.5``."""
    amount: Decimal


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
    our name for it. Calls without a cost count as nothing: their charge shows up as a residual.
    """
    names: dict[str, str] = {}
    ours = _ours(calls, names)
    theirs = _theirs(charges, models or {}, names)
    rows = [
        Residual(day, names[key], ours.get((day, key)), theirs.get((day, key)))
        for day, key in ours.keys() | theirs.keys()
    ]
    return sorted(rows, key=lambda row: (-abs(row.amount), row.day, row.model))


def read_charges(file: Path, columns: Columns | None = None) -> Iterator[Charge]:
    """Yield the lines of an export; its kind is told by its header unless ``columns`` names it.

    Lines without an amount are left out. Raises ``OSError``, and ``ValueError`` for a header that
    is not known and for a day or amount that cannot be read, with its line number.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        found = columns or _recognise(file.name, rows.fieldnames or ())
        for row in rows:
            if row.get(found.amount) and _is_wanted(row, found):
                try:
                    amount = Decimal(row[found.amount])
                    yield Charge(_day(row[found.day]), row[found.model] or "", amount)
                except (InvalidOperation, ValueError) as error:
                    where = f"{file.name}:{rows.line_num}"
                    raise ValueError(f"{where}: no day or no amount of money") from error


def reported(calls: Iterable[Call]) -> list[Residual]:
    """Hold our costs against what the provider said with each answer, by day and model.

    Only calls that have both are compared.
    """
    both = [call for call in calls if call.cost is not None and call.reported_cost is not None]
    said = [
        Charge(_day_of(call), call.model or "", Decimal(str(call.reported_cost)))
        for call in both
        if call.billed and call.model
    ]
    return reconcile(both, said)


def _recognise(name: str, header: Iterable[str]) -> Columns:
    given = set(header)
    for columns in EXPORTS.values():
        if {columns.day, columns.model, columns.amount} <= given:
            return columns
    raise ValueError(
        f"{name}: not an export that is known ({', '.join(EXPORTS)}); name its columns"
    )


def _is_wanted(row: Mapping[str, str], columns: Columns) -> bool:
    return columns.only is None or columns.only[1] in (row.get(columns.only[0]) or "")


def _day(text: str) -> date:
    if text.isdigit() and len(text) > 8:
        return datetime.fromtimestamp(int(text), UTC).date()
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _ours(calls: Iterable[Call], names: dict[str, str]) -> dict[tuple[date, str], Decimal]:
    sums: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for call in calls:
        if call.billed and call.model and call.cost is not None:
            key = _key(call.model)
            names.setdefault(key, call.model)
            sums[_day_of(call), key] += Decimal(str(call.cost.total))
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
    }
)
_REVISION = re.compile(r"-?v\d+:\d+$")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_REGION = re.compile(r"^[A-Z]{3}\d-")


def _key(model: str) -> str:
    """Return what two names of one model have in common."""
    bare = _HUMP.sub("-", _REGION.sub("", model.partition(",")[0]))
    plain = _DATE.sub("", _REVISION.sub("", bare).lower())
    return " ".join(sorted(token for token in _TOKEN.findall(plain) if token not in _NOISE))
