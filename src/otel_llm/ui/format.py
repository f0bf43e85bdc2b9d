"""Numbers as people read them. ``None`` is shown as unknown, never as zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

UNKNOWN: Final = "—"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def money(dollars: float | None) -> str:
    """US dollars with as many digits as small amounts need: what costs something never reads 0."""
    if dollars is None:
        return UNKNOWN
    if dollars == 0 or dollars >= 1:
        return f"${dollars:,.2f}"
    if dollars >= 0.01:
        return f"${dollars:.4f}"
    return (
        f"${dollars:.6f}" if dollars >= 0.000001 else f"${Decimal(f'{dollars:.1e}').normalize():f}"
    )


def count(number: float | None) -> str:
    """A whole number with separators."""
    return UNKNOWN if number is None else f"{number:,.0f}"


def ms(milliseconds: float | None) -> str:
    """A duration: milliseconds below one second, then seconds, minutes, hours."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"
    seconds = milliseconds / 1e3
    if seconds < 60:
        return f"{seconds:.2f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def percent(share: float | None) -> str:
    """A share of one as a percentage."""
    if share is None:
        return UNKNOWN
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def score(value: float | None) -> str:
    """A score from 0 to 1."""
    return UNKNOWN if value is None else f"{value:.2f}"


def moment(ns: int) -> str:
    """Unix nanoseconds as a time of day in UTC, for people."""
    return _utc(ns).strftime("%Y-%m-%d %H:%M:%S")


def iso(ns: int) -> str:
    """Unix nanoseconds as ISO 8601, for machines."""
    return _utc(ns).isoformat().replace("+00:00", "Z")


def _utc(ns: int) -> datetime:
    # Not fromtimestamp: a float has no room for microseconds at today's dates.
    return _EPOCH + timedelta(microseconds=ns // 1_000)
