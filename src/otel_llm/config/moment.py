"""A moment as people write it, in a query as on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_UNIX: Final = re.compile(r"\d{1,10}(\.\d{1,9})?", re.ASCII)
_DAY: Final = re.compile(r"(19|20)\d{6}", re.ASCII)
"""ISO 8601's short form of a day, which as seconds would be one of August 1970."""


def moment_ns(text: str, now_ns: int) -> int:
    """Unix nanoseconds of ``24h`` (ago), ``2026-11-21T12:00:00Z``, ``2026-11-21`` (UTC) or Unix
    seconds. Raises ``ValueError``, which says so, for anything else."""
    if ago := _AGO.fullmatch(text):
        return now_ns - int(ago[1]) * _UNITS[ago[2]] * 10**9
    if _UNIX.fullmatch(text) and not _DAY.fullmatch(text):
        return round(float(text) * 1e9)
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1e6) * 1_000
    except (ValueError, OverflowError):
        raise ValueError(
            "expected a time such as 24h, 2026-11-21T12:00:00Z or 1790000000"
        ) from None
