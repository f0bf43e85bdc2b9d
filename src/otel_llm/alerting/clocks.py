"""Times of day and time zones, as an operator writes them."""

from __future__ import annotations

from datetime import time
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


def minutes(clock: str) -> int:
    """Return minutes since midnight. Raises ``ValueError`` for what is no time of day."""
    if clock == "24:00":
        return 24 * 60
    try:
        parsed = time.fromisoformat(clock)
    except ValueError:
        raise ValueError(f"{clock!r} is no time of day such as 08:30") from None
    return parsed.hour * 60 + parsed.minute


def check_zone(name: str) -> None:
    """Raise ``ValueError`` for what is no time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = get_close_matches(name, available_timezones(), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown time zone {name!r}{hint}") from None
