"""Times of day and time zones, as an operator writes them."""

from __future__ import annotations

from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


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
        raise ValueError(f"unknown time zone {name!r}") from None
