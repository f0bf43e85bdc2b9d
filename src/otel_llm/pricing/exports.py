"""What providers charged, as their consoles export it: CSV tables, read line by line.

As it comes, compressed with gzip, or saved again by a spreadsheet: in UTF-16 or Windows' letters,
with tabs or semicolons between the columns, with the days and amounts of its country.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Columns:
    """Where an export keeps what we need, by column name."""

    day: str
    """A day or moment: ``2026-11-20``, ``11/20/2026``, ``20.11.2026``, or Unix seconds."""
    model: str
    amount: str
    """What was charged, in US dollars."""
    seller: str | None = None
    """Whose bill it is, by the price list's id; ``None``: nobody's in particular."""
    currency: str | None = None
    """Where it says what the amount is in."""
    products: tuple[str, ...] = ()
    """Where it names the product, if it has other products too."""
    only: str = ""
    """What one of ``products`` holds where the line is about models."""
    kind: str = ""
    """Where it tells usage from what else is on a bill, if it does."""
    fee: str = ""
    """Where it says what a line is about that names no model, if it does."""


_NO_USAGE = frozenset({"Tax", "Credit", "Refund", "Adjustment"})
"""Lines of a bill, by ``Columns.kind``, that are about no call: they would hide what is."""


EXPORTS: Mapping[str, Columns] = {
    "openai": Columns("start_time_iso", "line_item", "amount_value", "openai", "amount_currency"),
    "anthropic": Columns("usage_date_utc", "model", "cost_usd", "anthropic", fee="cost_type"),
    "aws": Columns(
        "line_item_usage_start_date",
        "line_item_usage_type",
        "line_item_unblended_cost",
        "aws",
        "line_item_currency_code",
        ("line_item_product_code", "product_product_name", "product"),
        "Bedrock",
        "line_item_line_item_type",
    ),
    "focus": Columns(
        "ChargePeriodStart",
        "x_UsageType",
        "BilledCost",
        "aws",
        "BillingCurrency",
        ("ServiceName", "x_ServiceCode"),
        "Bedrock",
        "ChargeCategory",
    ),
}
"""Exports whose columns are known: OpenAI's "Export cost data", Anthropic's cost CSV, AWS's cost
and usage report in both of its versions (``lineItem/UsageType`` is ``line_item_usage_type``), and
what AWS exports by the FOCUS specification (1.0 and later), which names no usage type itself."""

_SUMS = frozenset({"total", "totals", "grand total", "sum", "gesamt", "summe"})
"""What stands in place of a day where a spreadsheet has added up the lines above."""
_WINDOWS = "otel_llm.windows_1252"
codecs.register_error(_WINDOWS, lambda error: _as_windows(error))

_RESOLD = re.compile(r"([^\"{}:]+) \(Amazon Bedrock Edition\)")
"""What AWS sells for others is a product by itself, and its usage type does not tell the model."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of an export."""

    day: date
    model: str
    """As the export has it: ``gpt-4o-2024-08-06, cached input``, ``Claude Haiku 4.5``."""
    amount: Decimal
    seller: str | None = None
    """Whose bill it is; see ``Columns``."""


def read_charges(file: Path, columns: Columns | None = None) -> Iterator[Charge]:
    """Yield the lines of an export; its kind is told by its header unless ``columns`` names it.

    Lines without an amount are left out. Raises ``OSError``, and ``ValueError`` for a header that
    is not known or lacks a column, and for a day or an amount of US dollars that cannot be read,
    with its line number.
    """
    with _opened(file) as lines:
        rows = csv.DictReader(lines)
        try:
            delimiter = _delimiter(lines)
            rows = csv.DictReader(lines, delimiter=delimiter)
            yield from _charges(rows, columns, "," if delimiter == ";" else ".")
        except (csv.Error, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"line {rows.line_num}: {error}") from error


def _opened(file: Path) -> TextIO:
    with file.open("rb") as raw:
        start = raw.read(2)
    if start == b"PK":
        raise ValueError("is a workbook or an archive: save the table as CSV")
    encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    if start == b"\x1f\x8b":
        return gzip.open(file, "rt", encoding=encoding, errors=_WINDOWS, newline="")
    return file.open(encoding=encoding, errors=_WINDOWS, newline="")


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """Read what is no UTF-8 as Windows-1252: spreadsheets still save that."""
    if not isinstance(error, UnicodeDecodeError) or not error.encoding.startswith("utf-8"):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


def _delimiter(lines: TextIO) -> str:
    header = lines.readline()
    lines.seek(0)
    return max(",;\t", key=header.count)


def _charges(rows: csv.DictReader[str], columns: Columns | None, point: str) -> Iterator[Charge]:
    """Read the lines; ``point`` is what stands before cents, a comma where semicolons part."""
    rows.fieldnames = [_snake(name) for name in rows.fieldnames or ()]
    found = columns or _recognise(rows.fieldnames)
    _check(found, rows.fieldnames)
    for row in rows:
        if row.get(found.amount) and _is_wanted(row, found):
            try:
                yield _charge(row, found, point)
            except (InvalidOperation, ValueError, OverflowError) as error:
                raise ValueError(
                    f"line {rows.line_num}: no day or no amount of US dollars"
                ) from error


def _recognise(header: Sequence[str]) -> Columns:
    given = set(header)
    for columns in EXPORTS.values():
        if {columns.day, columns.model, columns.amount} <= given:
            return columns
    raise ValueError(
        f"not an export that is known ({', '.join(EXPORTS)}) by its header ({_shown(header)}); "
        "name its columns: --day-column, --model-column, --amount-column"
    )


def _check(columns: Columns, header: Sequence[str]) -> None:
    wanted = (columns.day, columns.model, columns.amount)
    if missing := [name for name in wanted if name not in header]:
        raise ValueError(f"has no column {', '.join(missing)}; it has {_shown(header)}")


def _shown(header: Sequence[str]) -> str:
    return ", ".join(header)[:300] or "nothing"


def _snake(name: str) -> str:
    """Return AWS's ``lineItem/UsageType`` as it is in the newer version; others have no slash."""
    name = name.strip()
    if "/" not in name:
        return name
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.replace("/", "_")).lower()


def _is_wanted(row: Mapping[str, str | None], columns: Columns) -> bool:
    if columns.kind and row.get(columns.kind) in _NO_USAGE:
        return False
    if (row.get(columns.day) or "").strip().lower() in _SUMS:
        return False
    return not columns.only or any(columns.only in (row.get(n) or "") for n in columns.products)


def _charge(row: Mapping[str, str], columns: Columns, point: str) -> Charge:
    if columns.currency and (row.get(columns.currency) or "usd").lower() != "usd":
        raise ValueError("another currency")
    amount = _amount(row[columns.amount], point)
    return Charge(_day(row[columns.day]), _model(row, columns), amount, columns.seller)


def _model(row: Mapping[str, str], columns: Columns) -> str:
    resold = (_RESOLD.search(row.get(name) or "") for name in columns.products)
    found = next(filter(None, resold), None)
    return found[1].strip() if found else row[columns.model] or row.get(columns.fee) or ""


_UNIT = re.compile(r"US\$|\$|\bUSD\b|[\s'\u2019]", re.I)
"""What an amount of dollars may have beside its digits: apostrophes and spaces part thousands."""
_THOUSANDS = {
    ",": re.compile(r"-?\d{1,3}(?:,\d{3})+"),
    ".": re.compile(r"-?\d{1,3}(?:\.\d{3}){2,}"),
}
"""Numbers in which commas, or points, can only part thousands."""


def _amount(text: str, point: str) -> Decimal:
    """Return US dollars. Where both signs stand in a number the last one is before the cents; where
    it is one alone, ``point`` tells; brackets are a minus, as accountants have it."""
    plain = _UNIT.sub("", text)
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    last = max(".,", key=plain.rfind)
    other = "," if last == "." else "."
    parts = other not in plain and last != point and _THOUSANDS[last].fullmatch(plain)
    amount = Decimal(plain.replace(other, "").replace(last, "" if parts else "."))
    if not amount.is_finite():
        raise ValueError("no amount")
    return amount


_WRITTEN = re.compile(r"(?:(\d{1,2})/(\d{1,2})/|(\d{1,2})\.(\d{1,2})\.)(\d{4})(?: .*)?")
"""A day as spreadsheets show it: the month first before slashes, as in the providers' country."""


def _day(text: str) -> date:
    text = text.strip().removesuffix(" UTC")
    if text.isdigit() and len(text) > 8:
        return datetime.fromtimestamp(int(text), UTC).date()
    if written := _WRITTEN.fullmatch(text):
        month, day, day_first, month_second, year = written.groups()
        return date(int(year), int(month or month_second), int(day or day_first))
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
