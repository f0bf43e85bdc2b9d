"""A daily cap that holds over restarts, threads and processes: what may be spent is set aside
before it is spent.

One row per UTC day in a small SQLite file, in billionths of a US dollar. A process that is killed
in the middle of a call leaves the whole amount that was set aside as spent: the cap may be kept too
strictly, never too loosely.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

from .state import opened

_NANO = 10**9
_SCHEMA = "create table if not exists spending (day text primary key, nano integer not null)"
_ADD = "insert into spending values (?, ?) on conflict (day) do update set nano = nano + ?"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was set aside, and for which day."""

    day: str
    nano: int


class Spending:
    """What was spent today. Thread-safe; several processes may share the file."""

    def __init__(
        self,
        path: Path | None = None,
        limit: Decimal | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``limit`` in US dollars a day, ``None`` for none. Without a ``path`` a restart forgets.
        Raises ``OSError`` for a file that cannot be used."""
        self.limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._db = opened(path, _SCHEMA)
        weakref.finalize(self, self._db.close)

    def reserve(self, amount: Decimal) -> Reservation | None:
        """Set ``amount`` US dollars aside; ``None`` when today's limit does not leave so much."""
        reservation = Reservation(self._today(), _nano(amount))
        with self._lock:
            self._db.execute("begin immediate")
            with self._db:  # ends the transaction, also where it cannot be committed
                fits = self.limit is None or (
                    self._read(reservation.day) + reservation.nano <= self.limit * _NANO
                )
                if fits:
                    self._add(reservation.day, reservation.nano)
        return reservation if fits else None

    def settle(self, reservation: Reservation, spent: Decimal) -> None:
        """Replace what was set aside by what it came to."""
        with self._lock:
            self._add(reservation.day, _nano(spent) - reservation.nano)

    def spent(self) -> Decimal:
        """Return what was spent and set aside today, in US dollars."""
        with self._lock:
            return Decimal(self._read(self._today())) / _NANO

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        with self._lock:
            self._db.close()

    def _read(self, day: str) -> int:
        row = self._db.execute("select nano from spending where day = ?", (day,)).fetchone()
        return row[0] if row else 0

    def _add(self, day: str, nano: int) -> None:
        self._db.execute(_ADD, (day, nano, nano))

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()


def _nano(amount: Decimal) -> int:
    return int((amount * _NANO).to_integral_value(ROUND_CEILING))
