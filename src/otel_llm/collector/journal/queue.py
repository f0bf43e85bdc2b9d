"""What waits for one destination in the journal: a cursor, and nothing in memory."""

from __future__ import annotations

import logging
import math
import os
import struct
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Condition

from ..sending.dead_letter import safe_name
from ..sending.queues import Lot
from .cursor import SUFFIX, Cursor, position
from .log import LOCK, Journal
from .segments import HEAD, Found, Record, Segment, end_of, read_back

logger = logging.getLogger(__name__)

UNREADABLE_PAUSE_S = 1.0
UNREADABLE_PATIENCE_S = 300.0
"""How long a disk may take to come back before what it does not give is passed over."""
CROWDED_PATIENCE_S = 30.0
"""The same where there is little room, and senders wait, or soon will."""
_PEEKED_BYTES = 2**20


class JournalQueue:
    """A ``Queue`` whose requests are in a journal that several destinations share."""

    def __init__(self, journal: Journal, destination: str) -> None:
        self._journal = journal
        file = journal.directory / (safe_name(destination) + SUFFIX)
        self._cursor = Cursor(file, journal.start, journal.end)
        self._name = destination
        self._read_to = self._cursor.position
        self._in_hand: Lot | None = None
        self._closed = self._abandoned = False
        self._changed = Condition()
        self._wanted = math.inf
        self._since = time.monotonic()
        self._unreadable_since: float | None = None
        self.corrupt_bytes = 0
        """Bytes of records that the disk did not give back as they were written."""
        journal.join(self)

    @property
    def position(self) -> int:
        """Everything before it was delivered or buried."""
        return self._cursor.position

    @property
    def size_bytes(self) -> int:
        """See ``Queue``."""
        return max(0, self._journal.end - self._cursor.position)

    @property
    def capacity_bytes(self) -> int:
        """See ``Queue``."""
        return self._journal.max_bytes

    @property
    def oldest_s(self) -> float | None:
        """See ``Queue``."""
        if lot := self._in_hand:
            return max(0.0, time.time() - lot.since)
        return max(0.0, time.monotonic() - self._since) if self.size_bytes else None

    @property
    def pressed(self) -> bool:
        """See ``Queue``."""
        return self._journal.lags(self)

    def take(self, max_bytes: int, flush_s: float) -> Lot | None:
        """See ``Queue``."""
        while not self._wait(max_bytes, flush_s):
            if lot := self._read(max_bytes):
                self._in_hand = lot
                return lot
        return None

    def done(self, lot: Lot) -> None:
        """See ``Queue``."""
        with self._changed:
            self._in_hand = None
            if self._abandoned:
                return
            try:
                self._cursor.move(lot.end)
            except OSError as error:  # at worst the next process sends it again
                logger.warning(
                    "%s: its place in the journal is not kept: %s", self._name, error.strerror
                )
        self._journal.release()

    def pending(self) -> Iterator[bytes]:
        """Yield what waits, without taking it. Raises ``OSError`` when it cannot be read."""
        at = self._read_to
        while segment := self._journal.segment_after(at):
            start, end = max(at, segment.start), min(segment.end, self._journal.end)
            found = _read_records(segment, start, end, _PEEKED_BYTES)
            yield from (bytes(record.payload) for record in found.records)
            at = found.end

    def close(self) -> None:
        """See ``Queue``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> tuple[bytes, ...]:
        """See ``Queue``: the journal keeps it all."""
        with self._changed:
            if not self._abandoned:
                self._closed = self._abandoned = True
                self._cursor.close()
                self._changed.notify_all()
        return ()

    def forget(self) -> None:
        """End as if it had never begun: nothing was taken."""
        self._journal.leave(self)
        self._closed = self._abandoned = True
        self._cursor.forget()

    def heard(self) -> None:
        """See ``Reader``."""
        if self._unread() >= self._wanted:
            with self._changed:
                self._changed.notify_all()

    def _wait(self, max_bytes: int, flush_s: float) -> bool:
        """Wait as ``take`` says; return whether the end has come."""
        with self._changed:
            if not self._unread():
                self._wait_for(1, None)
                self._since = time.monotonic()
            self._wait_for(max_bytes, max(0.0, self._since + flush_s - time.monotonic()))
            return self._abandoned or not self._unread()

    def _wait_for(self, unread: int, timeout_s: float | None) -> None:
        self._wanted = unread
        self._changed.wait_for(lambda: self._closed or self._unread() >= unread, timeout_s)
        self._wanted = math.inf

    def _unread(self) -> int:
        return self._journal.end - self._read_to

    def _read(self, max_bytes: int) -> Lot | None:
        """Read up to ``max_bytes``, at least one record; ``None`` after skipping what is lost."""
        found, end = self._journal.recent(self._read_to, max_bytes)
        return self._lot(found, end) if found else self._read_back(max_bytes)

    def _read_back(self, max_bytes: int) -> Lot | None:
        segment = self._journal.segment_after(self._read_to)
        if segment is None:
            self._read_to = self._journal.end
            return None
        start = max(self._read_to, segment.start)
        end = min(segment.end, self._journal.end)
        try:
            found = _readable(segment, start, end, max_bytes)
        except OSError as error:
            return self._unreadable(segment, start, end, error)
        self._unreadable_since = None
        if found.lost:
            self._lose(found.lost)
        if not found.records:
            self._read_to = found.end
            return None
        return self._lot(found.records, found.end)

    def _lot(self, found: Sequence[Record], end: int) -> Lot:
        self._read_to, self._since = end, time.monotonic()
        payloads = tuple(record.payload for record in found)
        return Lot(payloads, found[0].at, end, found[-1].at)

    def _unreadable(self, segment: Segment, start: int, end: int, error: OSError) -> None:
        """Wait for the disk to come back; but not for ever, and less while all senders wait for
        room: one bad block must not stop everything."""
        since = self._unreadable_since = self._unreadable_since or time.monotonic()
        patience_s = CROWDED_PATIENCE_S if self._journal.crowded else UNREADABLE_PATIENCE_S
        if time.monotonic() - since >= patience_s:
            self._unreadable_since = None
            self._read_to = _behind(segment, start, end)
            self._lose(self._read_to - start)
            return
        logger.error("%s: the journal cannot be read: %s", self._name, error.strerror)
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned, UNREADABLE_PAUSE_S)

    def _lose(self, lost: int) -> None:
        self.corrupt_bytes += lost
        logger.error("%s: %d bytes of the journal are unreadable and LOST", self._name, lost)


class Stranger:
    """A destination that is no longer configured. What waits for it is kept while there is room:
    it may come back."""

    def __init__(self, journal: Journal, name: str, position: int) -> None:
        self._journal = journal
        self._name = name
        self.position = position
        logger.warning("%s is no longer a destination; %d bytes wait for it", name, self._waiting())
        journal.join(self)

    def heard(self) -> None:
        """See ``Reader``: nobody listens."""

    def left_for(self, destinations: Iterable[str]) -> bool:
        """Leave when it is one of ``destinations`` again, and whoever sends to it took its place;
        return whether it did."""
        if safe_name(self._name) not in map(safe_name, destinations):
            return False
        self._journal.leave(self)
        return True

    def give_up(self) -> None:
        """Let its data go."""
        logger.error("%s did not come back; its %d bytes are LOST", self._name, self._waiting())
        self._journal.leave(self)
        self._journal.release()

    def _waiting(self) -> int:
        return self._journal.end - max(self.position, self._journal.start)


def strangers(journal: Journal, destinations: Iterable[str]) -> list[Stranger]:
    """Return the destinations of an earlier configuration for which something waits."""
    known = set(map(safe_name, destinations))
    files = [file for file in journal.directory.glob(f"*{SUFFIX}") if file.stem not in known]
    found = {file.stem: position(file.read_bytes()) or 0 for file in files}
    return [Stranger(journal, name, at) for name, at in found.items() if at < journal.end]


def left_behind(root: Path, used: Collection[Path]) -> Iterator[tuple[Path, int]]:
    """Yield the journals below ``root`` that are not in ``used`` or below one of them, though some
    destination has not had all of it, and how many bytes it lacks."""
    for directory in sorted(lock.parent for lock in root.rglob(LOCK)):
        is_used = directory in used or any(parent in used for parent in directory.parents)
        if not is_used and (waiting := waiting_in(directory)):
            yield directory, waiting


def waiting_in(directory: Path) -> int:
    """Return how many bytes of a journal, which nobody has open, some destination has not had."""
    positions = [position(f.read_bytes()) or 0 for f in directory.glob(f"*{SUFFIX}")]
    return max(0, end_of(directory) - min(positions, default=0))


def _read_records(segment: Segment, start: int, end: int, max_bytes: int) -> Found:
    """As ``read_back``, from and to positions."""
    found = read_back(segment.file, start - segment.start, end - segment.start, max_bytes)
    return found._replace(end=segment.start + found.end)


def _readable(segment: Segment, start: int, end: int, max_bytes: int) -> Found:
    """As ``_read_records``, but where not all of it can be read, the first record alone."""
    try:
        return _read_records(segment, start, end, max_bytes)
    except OSError:
        return _read_records(segment, start, end, 0)


def _behind(segment: Segment, start: int, end: int) -> int:
    """Return the position behind a record that cannot be read; of its file, if not even its length
    can."""
    try:
        (length, *_) = HEAD.unpack(os.pread(segment.file, HEAD.size, start - segment.start))
    except (OSError, struct.error):
        return end
    return min(start + HEAD.size + length, end)
