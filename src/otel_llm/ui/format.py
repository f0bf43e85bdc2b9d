"""Numbers as people read them. ``None`` is shown as unknown, never as zero."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from otel_llm.alerting import signals
from otel_llm.config.moment import moment_ns
from otel_llm.store.trends import SHARES

UNKNOWN: Final = "—"
_SHARES: Final = frozenset(
    {"budget_use", "budget_forecast", "queue_use", "suite_pass_rate", "hedging_rate", *SHARES}
)
"""Reported signals, kinds of drift and of trends that are shares of one."""
_SCORES: Final = frozenset({"quality", "quality_mean", "score"})
_LONG: Final = ((7_200, 60, "min"), (172_800, 3_600, "h"), (math.inf, 86_400, "d"))
"""Below how many seconds a duration is in which unit."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_NS: Final = 253_402_300_799 * 10**9
"""The end of the year 9999."""


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
    """A duration: milliseconds below one second, then seconds, minutes, hours, days."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"
    seconds = milliseconds / 1e3
    if seconds < 60:
        return f"{seconds:.2f} s"
    unit_s, unit = next(unit for unit in _LONG if seconds < unit[0])[1:]
    return f"{seconds / unit_s:,.1f}".removesuffix(".0") + f" {unit}"


def size(number: float) -> str:
    """Bytes, in the largest unit that leaves a whole one."""
    units = ("bytes", "KiB", "MiB", "GiB")
    power = next((n for n in range(3) if number < 1_024 ** (n + 1)), 3)
    return f"{number / 1_024**power:,.{min(power, 1)}f} {units[power]}"


def percent(share: float | None) -> str:
    """A share of one as a percentage."""
    if share is None:
        return UNKNOWN
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def score(value: float | None) -> str:
    """A score from 0 to 1."""
    return UNKNOWN if value is None else f"{value:.2f}"


def reading(value: float | None, signal: str, *, factor: bool = False) -> str:
    """A value of an alert's signal or of a kind of drift, in its unit; ``factor`` is one over the
    usual."""
    if value is None:
        return UNKNOWN
    if factor:
        return f"{value:.4g} times"
    if signal in _SCORES or signal.startswith("score."):
        return score(value)
    if signal == "output_length":
        return f"{value:,.0f} characters"
    if signal in ("cost", "mean_cost"):
        return money(value)
    found = signals.call_signal(signal)
    if signal.endswith("_age") or (found is not None and found.unit == "s"):
        return ms(value * 1_000)
    shared = signal in _SHARES or (found is not None and found.unit == "1")
    if shared:
        return percent(value)
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def per_week(value: float, signal: str) -> str:
    """How a trend's signal changes in a week: shares in points, scores as they are, the rest by
    how much of it."""
    if signal in SHARES:
        return f"{value * 100:+z.2f} points"
    return f"{value:+z.3f}" if signal.startswith("score.") else f"{value:+z.1%}"


def readable(given: str) -> str:
    """A moment as it is written in a query, for people."""
    return _utc(_asked_ns(given)).strftime("%Y-%m-%d %H:%M")


def instant(given: str) -> str:
    """The same as the value of an input for date and time."""
    return _utc(_asked_ns(given)).strftime("%Y-%m-%dT%H:%M")


def _asked_ns(given: str) -> int:
    # What a calendar cannot show is cut off: such a range is drawn all the same.
    return min(max(moment_ns(given, time.time_ns()), 0), _LAST_NS)


def moment(ns: int) -> str:
    """Unix nanoseconds as a time of day in UTC, for people."""
    return _utc(ns).strftime("%Y-%m-%d %H:%M:%S")


def day(ns: int) -> str:
    """Unix nanoseconds as a day in UTC."""
    return _utc(ns).date().isoformat()


def iso(ns: int) -> str:
    """Unix nanoseconds as ISO 8601, for machines."""
    return _utc(ns).isoformat().replace("+00:00", "Z")


def _utc(ns: int) -> datetime:
    # Not fromtimestamp: a float has no room for microseconds at today's dates.
    return _EPOCH + timedelta(microseconds=ns // 1_000)
