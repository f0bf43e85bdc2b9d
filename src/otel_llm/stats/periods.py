"""Days, weeks and months of a time zone, as seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` up to, but without, ``end`` (Unix seconds). A day may have 23 or 25 hours."""

    start: float
    end: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end - self.start

    def __contains__(self, at: float) -> bool:
        return self.start <= at < self.end


def period_of(at: float, kind: Kind, zone: ZoneInfo) -> Period:
    """Return the day, week (from Monday) or month of ``zone`` in which ``at`` lies."""
    local = datetime.fromtimestamp(at, UTC).astimezone(zone)
    first = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    if kind == "week":
        first -= timedelta(days=first.weekday())
    if kind == "month":
        first = first.replace(day=1)
    return Period(_seconds(first, zone), _seconds(_next(first, kind), zone))


def _next(first: datetime, kind: Kind) -> datetime:
    if kind == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=1 if kind == "day" else 7)


def _seconds(local: datetime, zone: ZoneInfo) -> float:
    return local.replace(tzinfo=zone).timestamp()
