"""The write-ahead log: what is acknowledged is on the disk, and stays until it is delivered.

A log is one sequence of records cut into segment files. A position in it is the number of bytes
before it since the log began; a segment's name is the position at which it starts. A record is a
head (length, CRC-32 of the rest, time of acceptance) and one export request. ``docs/adr`` says why
this is a file and not a database; ``queue.py`` reads it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal, Protocol

from otel_llm.config.units import Size

from ..component import Kept
from ..durable import make_directory, sync_directory
from ..errors import Refused
from .recent import Recent
from .segments import HEAD, SUFFIX, Record, Segment, head_of, recovered

logger = logging.getLogger(__name__)

MIN_SEGMENT_BYTES = 16 * 2**20
MAX_SEGMENTS = 64
"""Each costs an open file."""
CROWDED = 0.9
"""Share of ``max_size`` from which destinations that are far behind give up their oldest."""
COMPLAIN_S = 10.0
TRIAL, TRIAL_BYTES = "trial", 4096
"""What is written, and removed, to see whether a disk that failed is well again."""
LOCK = "lock"
"""The file in every journal that one process at a time has."""
WORTH_FREEING_BYTES = 2**20
"""A segment that is still written to is begun anew when it was read and is at least this large."""


@dataclass(frozen=True, slots=True)
class JournalConfig:
    """Where accepted data is kept until it is delivered."""

    directory: Path
    """Made when missing, for its owner alone. One collector per directory."""
    durability: Literal["fsync", "os"] = "fsync"
    """``fsync``: survives a power cut; ``os``: survives the end of this process, however it ends,
    and costs less."""
    max_size: Size = 2 * 2**30
    """Bytes on the disk for each pipeline. When it is nearly full, destinations that are far behind
    give up their oldest data to the dead letter; when it is full, senders are asked to come back.
    """
    acknowledge: Literal["received", "processed"] = "received"
    """When senders of traces are answered. ``received``: as soon as what they sent is in the
    journal, and it is processed right after; ``processed``: not before what comes of it is there.
    It is always ``processed`` in front of ``redact``, ``drop_content`` and ``content_store``:
    nothing lies on the disk that they have not seen."""

    def __post_init__(self) -> None:
        if self.max_size < MIN_SEGMENT_BYTES:
            raise ValueError(f"max_size: at least {MIN_SEGMENT_BYTES // 2**20}MiB")


class Reader(Protocol):
    """A destination."""

    @property
    def position(self) -> int:
        """Everything before it was delivered or buried."""
        ...

    def heard(self) -> None:
        """Learn that ``Journal.end`` has moved. Called by whoever appends: quick."""
        ...


class Journal:
    """One log and its files. Thread-safe.

    ``append`` groups: requests that arrive while a sync is under way share the next one.
    """

    def __init__(self, config: JournalConfig, name: str) -> None:
        """Open the log ``name``, repairing what a crash left. Raises ``OSError`` when the files
        cannot be used or another process uses them."""
        self.directory = config.directory / name
        make_directory(self.directory)
        self.size_bytes = 0
        self.end = 0
        """The position up to which everything may be read."""
        self.change(config)
        self._lock, self._sync_lock = Lock(), Lock()
        self._process_lock = _claim(self.directory)
        self._segments: list[Segment] = []
        self._group = _new_group()
        self._ordered = False  # somebody will sync the present group
        self._syncer = ThreadPoolExecutor(1, "journal")  # begins when it is first used
        self._unsynced: list[Segment] = []
        self._recent = Recent()
        self._suspect = False
        self._unlisted = False  # there is a file whose name a power cut may take
        self._refused = False  # the disk took nothing when it was last asked
        self._complained = -COMPLAIN_S
        self._readers: tuple[Reader, ...] = ()
        """Replaced as a whole: who looks through them must not pass one over for another that left,
        and delete what it has not read."""
        try:
            self._begin()
        except BaseException:
            self._close_files()
            raise

    def change(self, config: JournalConfig) -> None:
        """Go on by other settings, in the same directory. Nobody may be appending."""
        self.max_bytes = config.max_size
        self._sync = config.durability == "fsync"
        self._segment_bytes = max(MIN_SEGMENT_BYTES, config.max_size // MAX_SEGMENTS)

    @property
    def start(self) -> int:
        """The oldest position that is still there."""
        return self._segments[0].start

    def join(self, reader: Reader) -> None:
        """Keep what ``reader`` has not read, and tell it when there is more."""
        self.skip_to(reader.position)
        with self._lock:
            self._readers = (*self._readers, reader)

    def leave(self, reader: Reader) -> None:
        """Keep nothing for ``reader`` any more."""
        with self._lock:
            self._readers = tuple(other for other in self._readers if other is not reader)

    @property
    def is_read(self) -> bool:
        """Whether anybody reads what is appended."""
        return bool(self._readers)

    @property
    def crowded(self) -> bool:
        """Whether there is little room."""
        return self.size_bytes > CROWDED * self.max_bytes

    def lags(self, reader: Reader) -> bool:
        """Whether there is little room and ``reader`` holds up what others are past."""
        if not self.crowded or not self._segments:
            return False
        edge = self._segments[0].end
        return reader.position < edge and any(other.position >= edge for other in self._readers)

    def waits_for(self, reader: Reader) -> bool:
        """Whether the disk takes nothing more, and ``reader`` alone holds what lies on it."""
        if not self._refused or not self._segments:
            return False
        edge = self._segments[0].end
        others = [other for other in self._readers if other is not reader]
        return reader.position < edge and all(other.position >= edge for other in others)

    def append(self, payload: bytes) -> None:
        """Return when ``payload`` is as durable as was asked for. Raises ``Refused`` when there is
        no room or the disk fails; then it may or may not be delivered, but is not answered for."""
        group = self._written([payload])
        if self._sync:
            self._commit(group)
        self._tell_readers()

    def begin(self, *payloads: bytes) -> Kept:
        """As ``append``, all of them or none, but where that would wait, return what it would wait
        for: a thread of the journal's own syncs for all who began by then."""
        group = self._written(payloads)
        if not self._sync:
            self._tell_readers()
            return None
        with self._lock:
            ordered, self._ordered = self._ordered, True
        if not ordered:
            self._order()
        return group

    def _order(self) -> None:
        try:
            self._syncer.submit(self.settle)
        except RuntimeError:  # no thread is to be had: whoever asks does it
            self.settle()

    def _written(self, payloads: Sequence[bytes]) -> Future[None]:
        at_ns = time.time_ns()
        heads = [head_of(payload, at_ns) for payload in payloads]
        with self._lock:
            self._write_all(heads, payloads)
            if not self._sync:
                self.end = self._segments[-1].end
            return self._group

    def settle(self) -> None:
        """Sync what was begun by now."""
        with self._sync_lock:
            if self._unsynced or self._ordered:
                self._sync_group()
        self._tell_readers()

    def _tell_readers(self) -> None:
        for reader in self._readers:
            reader.heard()

    def recent(self, position: int, max_bytes: int) -> tuple[Sequence[Record], int]:
        """Return requests that stand at ``position`` and after it, and where they end, if they are
        still in memory."""
        with self._lock:
            return self._recent.take(position, self.end, max_bytes)

    def segment_after(self, position: int) -> Segment | None:
        """Return the segment that holds ``position``, or the next one if it lies in a gap."""
        with self._lock:
            return next((s for s in self._segments if position < min(s.end, self.end)), None)

    def release(self) -> None:
        """Delete what every reader is past."""
        self._release(WORTH_FREEING_BYTES)

    def clear(self) -> None:
        """As ``release``, also where it is little that nobody waits for any more."""
        self._release(1)

    def _release(self, worth: int) -> None:
        position = min((reader.position for reader in self._readers), default=self.end)
        with self._lock:
            self._renew(position, worth)
            while len(self._segments) > 1 and self._segments[0].end <= position:
                self._drop(self._segments.pop(0))

    @property
    def free_bytes(self) -> int:
        """What is left on the disk. Raises ``OSError`` where there is none any more."""
        disk = os.statvfs(self.directory)
        return disk.f_bavail * disk.f_frsize

    @property
    def takes_data(self) -> bool:
        """Whether a small request would be taken. The disk is asked, where it took nothing when it
        was last asked: nobody sends to a collector that says that it is not ready."""
        return self.has_room(1) and (not self._refused or self._disk_takes_something())

    def _disk_takes_something(self) -> bool:
        trial = self.directory / TRIAL
        try:
            file = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                written = os.write(file, bytes(TRIAL_BYTES))
                os.fsync(file)
            finally:
                os.close(file)
                trial.unlink()
        except OSError:
            return False
        return written == TRIAL_BYTES

    def has_room(self, size: int) -> bool:
        """Whether a request of ``size`` bytes fits. One larger than the journal passes alone."""
        if self.size_bytes < WORTH_FREEING_BYTES:
            return True
        return self.size_bytes + HEAD.size + size <= self.max_bytes

    def close(self) -> None:
        """Close the files. Safe to call twice."""
        self._syncer.shutdown()
        if self._readers:  # without any, one that could not begin is to find all of it next time
            self.release()
        with self._sync_lock:
            if self._unsynced:
                self._sync_group()  # somebody is about to wait for it
            self._close_files()

    def _close_files(self) -> None:
        with self._lock:
            for segment in self._segments:
                os.close(segment.file)
            self._segments = []
            if self._process_lock >= 0:
                os.close(self._process_lock)
                self._process_lock = -1

    def _begin(self) -> None:
        """Start a new segment: what an earlier process wrote is only read."""
        self._segments.extend(recovered(self.directory))
        self.end = max((segment.end for segment in self._segments), default=0)
        self.size_bytes = sum(segment.size for segment in self._segments)
        self._rotate(self.end)

    def skip_to(self, position: int) -> None:
        """Let the next record stand at ``position`` or after it: a reader that was further than
        the log is (a power cut took its end) must not take new records for old ones."""
        with self._lock:
            if position > self._segments[-1].end:
                self._rotate(position)
                self.end = position

    def _write_all(self, heads: Sequence[bytes], payloads: Sequence[bytes]) -> None:
        if not self._segments:
            raise Refused("the journal is closed")
        if not self.has_room(sum(map(len, payloads))):
            raise Refused("the journal is full")
        begin = self._segments[-1].end
        try:
            for head, payload in zip(heads, payloads, strict=True):
                self._write(head, payload)
        except Refused:
            self._take_back(begin)
            raise

    def _take_back(self, end: int) -> None:
        """Let nothing stand behind ``end``."""
        for segment in self._segments:
            self._cut(segment, max(0, end - segment.start))
        self._recent.cut(end)

    def _write(self, head: bytes, payload: bytes) -> None:
        segment = self._segments[-1]
        size = len(head) + len(payload)
        try:
            if not os.fstat(segment.file).st_nlink:
                raise OSError("its files were deleted: what comes would be, too; start again")
            if segment.size and (self._suspect or segment.size + size > self._segment_bytes):
                segment = self._rotate(segment.end)
            if os.pwritev(segment.file, (head, payload), segment.size) < size:
                raise OSError("the disk took only a part: it is full")
        except OSError as error:
            self.complain(error)
            self._refused = True
            with suppress(OSError):
                os.ftruncate(segment.file, segment.size)  # no half record for what comes next
            raise Refused("the journal cannot be written") from error
        self._recent.add(segment.end, Record(HEAD.unpack(head)[2] / 1e9, payload))
        segment.size += size
        self.size_bytes += size
        if not self._sync:
            self._refused = False
        elif not self._unsynced or self._unsynced[-1] is not segment:
            self._unsynced.append(segment)

    def _rotate(self, start: int) -> Segment:
        path = self.directory / f"{start:020d}{SUFFIX}"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        segment = Segment(start, 0, path, file)
        if self._segments and self._segments[-1].path == path:  # an empty one, begun again
            os.close(self._segments.pop().file)
        self._segments.append(segment)
        self._suspect, self._unlisted = False, True
        return segment

    def _commit(self, group: Future[None]) -> None:
        """Wait until ``group`` is on the disk; whoever comes first syncs for all who wrote by
        then. Raises ``Refused`` when that failed."""
        with self._sync_lock:
            if not group.done():
                self._sync_group()
        group.result()

    def _sync_group(self) -> None:
        with self._lock:
            group, self._group = self._group, _new_group()
            self._ordered = False
            segments, self._unsynced = self._unsynced, []
            unlisted, self._unlisted = self._unlisted, False
            end = self._segments[-1].end
        try:
            for segment in segments:
                _sync_file(segment.file)
            if unlisted:
                sync_directory(self.directory)
        except OSError as error:
            self._distrust(group, error)
        else:
            self.end = end
            self._refused = False
            group.set_result(None)

    def _distrust(self, group: Future[None], error: OSError) -> None:
        """Answer for nothing that is not on the disk by now, take it back, and write elsewhere:
        after a failed sync, the next one of the same file proves nothing."""
        self.complain(error)
        with self._lock:
            later, self._group = self._group, _new_group()
            self._unsynced = []
            self._suspect = self._unlisted = self._refused = True
            self._take_back(self.end)
            self.end = self._segments[-1].end
        for waiting in (group, later):
            waiting.set_exception(Refused("the journal cannot be synced"))

    def _cut(self, segment: Segment, size: int) -> None:
        """Let nothing stand behind ``size``, where anything does."""
        if size < segment.size:
            self.size_bytes -= segment.size - size
            segment.size = size
            with suppress(OSError):  # what stays is cut off, or passed over, when it is recovered
                os.ftruncate(segment.file, size)

    def complain(self, error: OSError) -> None:
        """Say what is wrong with the disk, but not to every sender's every attempt."""
        now = time.monotonic()
        if now - self._complained >= COMPLAIN_S:
            self._complained = now
            why = error.strerror or error
            logger.error("%s: %s; senders are asked to come back", self.directory, why)

    def _renew(self, position: int, worth: int) -> None:
        """Begin anew when all that was written is read; what was delivered shall not lie about."""
        last = self._segments[-1] if self._segments else None
        if last and last.size >= worth and position >= last.end:
            with suppress(OSError):  # it only stays a little longer
                self._rotate(last.end)

    def _drop(self, segment: Segment) -> None:
        self.size_bytes -= segment.size
        os.close(segment.file)
        try:
            segment.path.unlink(missing_ok=True)
        except OSError as error:  # the next process finds that it was read, and tries again
            logger.warning("%s stays: %s", segment.path, error.strerror)


def _new_group() -> Future[None]:
    group = Future[None]()
    group.set_running_or_notify_cancel()  # one who no longer waits must not cancel for all
    return group


def _claim(directory: Path) -> int:
    """Take the directory for this process; the kernel gives it back, however the process ends."""
    file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise OSError(f"{directory} is in use by another collector") from None
    return file


def _sync_file(file: int) -> None:
    if hasattr(os, "fdatasync"):
        os.fdatasync(file)
    else:  # macOS
        os.fsync(file)
