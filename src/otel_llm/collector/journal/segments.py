"""The files of a journal: records, and what a crash or a bad disk leaves of them."""

from __future__ import annotations

import logging
import os
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from ..wire.deflate import crc32

logger = logging.getLogger(__name__)

HEAD = struct.Struct("<IIq")
"""Length of the payload, CRC-32 of what follows it, Unix nanoseconds; little-endian."""
SUFFIX = ".journal"
_NAME: Final = re.compile(r"\d{20}")
_YEARS: Final = re.compile(rb"[\x14-\x26]", re.DOTALL)
"""The highest byte of a time between 2015 and 2057: where it stands, a head may end."""
_NEAR_NS: Final = 30 * 86_400 * 10**9
"""How far from the others of its file a record's time may lie to be looked for behind damage."""


class Record(NamedTuple):
    """One request as it was accepted."""

    at: float
    """Unix seconds."""
    payload: bytes | memoryview


@dataclass(slots=True)
class Segment:
    """One file. It holds the positions from ``start`` to ``end``."""

    start: int
    size: int
    path: Path
    file: int

    @property
    def end(self) -> int:
        """The position after its last record."""
        return self.start + self.size


class Found(NamedTuple):
    """Records that were read back."""

    records: Sequence[Record]
    end: int
    """Where the last of them ends; the end of what was asked for when there is none."""
    lost: int = 0
    """Bytes before the first of them that are no sound record."""


def head_of(payload: bytes, at_ns: int) -> bytes:
    """Return what stands before ``payload`` in the file."""
    check = crc32(payload, crc32(at_ns.to_bytes(8, "little", signed=True)))
    return HEAD.pack(len(payload), check, at_ns)


def records(read: bytes) -> tuple[Sequence[Record], int]:
    """Return the whole, sound records at the start of what was ``read`` and the bytes they take."""
    found: list[Record] = []
    chunk, offset = memoryview(read), 0  # a view: a batch is copied once, when it is joined
    while offset + HEAD.size <= len(chunk):
        length, check, at = HEAD.unpack_from(chunk, offset)
        begin, end = offset + HEAD.size, offset + HEAD.size + length
        payload = chunk[begin:end] if end <= len(chunk) else None
        if payload is None or check != crc32(payload, crc32(chunk[begin - 8 : begin])):
            break
        found.append(Record(at / 1e9, payload))
        offset = end
    return found, offset


def read_back(file: int, start: int, end: int, max_bytes: int) -> Found:
    """Read records between two offsets of a file, not more than ``max_bytes`` unless the first
    alone is larger. What is damaged is passed over. Raises ``OSError`` as the disk does."""
    found, taken = _read(file, start, end, max_bytes)
    if found:
        return Found(found, start + taken)
    sound = after_damage(file, start, end)
    found, taken = _read(file, sound, end, max_bytes) if sound < end else ((), 0)
    return Found(found, sound + taken, sound - start)


def _read(file: int, start: int, end: int, max_bytes: int) -> tuple[Sequence[Record], int]:
    head = os.pread(file, HEAD.size, start)
    first = HEAD.size + (HEAD.unpack(head)[0] if len(head) == HEAD.size else 0)
    return records(os.pread(file, min(max(max_bytes, first), end - start), start))


def after_damage(file: int, start: int, end: int) -> int:
    """Return the offset of the next sound record behind one at ``start`` that is not; ``end`` when
    there is none. Its length may be right, or part of the damage: then it is looked for."""
    damaged = os.pread(file, end - start, start)
    whole = memoryview(damaged)
    for offset in _candidates(damaged, _times(file)):
        length, check, _ = HEAD.unpack_from(damaged, offset)
        upto = offset + HEAD.size + length
        if upto <= len(damaged) and check == crc32(whole[offset + HEAD.size - 8 : upto]):
            return start + offset
    return end


def _candidates(damaged: bytes, near_ns: Sequence[int]) -> Iterator[int]:
    """Yield where a head may stand, first where the one at the start says that the next one is."""
    if len(damaged) < HEAD.size:
        return
    following = HEAD.size + HEAD.unpack_from(damaged)[0]
    if following + HEAD.size <= len(damaged):
        yield following
    for year in _YEARS.finditer(damaged, HEAD.size):
        offset = year.end() - HEAD.size
        _, _, at = HEAD.unpack_from(damaged, offset)
        if any(abs(at - near) < _NEAR_NS for near in near_ns):
            yield offset


def _times(file: int) -> Sequence[int]:
    """Return about when the records of a file were written: what its first one says, which may be
    damaged, and the file, which may be a copy."""
    head = os.pread(file, HEAD.size, 0)
    return os.fstat(file).st_mtime_ns, HEAD.unpack(head)[2] if len(head) == HEAD.size else 0


def end_of(directory: Path) -> int:
    """Return the position where a journal that nobody has open ends, as its files say."""
    files = [path for path in directory.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.stem)]
    return max((int(path.stem) + path.stat().st_size for path in files), default=0)


def recovered(directory: Path) -> Iterator[Segment]:
    """Open what is there. Only the last file can have been torn: others were followed by one.

    Raises ``OSError`` for a file that is none of ours.
    """
    paths = sorted(directory.glob(f"*{SUFFIX}"))
    for path in paths:
        if not _NAME.fullmatch(path.stem):
            raise OSError(f"{path} is no file of a journal; move it elsewhere")
    for path, following in zip_longest(paths, paths[1:]):
        file = os.open(path, os.O_RDWR)
        size = os.fstat(file).st_size
        if following is None:
            size = _whole(path, file, size)
        else:  # what a failing disk would not cut off lies where the next file goes on
            size = min(size, int(following.stem) - int(path.stem))
        if size:
            yield Segment(int(path.stem), size, path, file)
        else:
            os.close(file)
            path.unlink()


def _whole(path: Path, file: int, size: int) -> int:
    """Cut off what a dying process left of its last record; return how much stays."""
    try:
        sound = _sound(file, size)
    except OSError as error:  # whoever reads it waits for the disk
        logger.error("%s cannot be read: %s", path, error.strerror)
        return size
    if sound < size:
        logger.warning("%s: %d bytes at its end are no whole request", path, size - sound)
        os.ftruncate(file, sound)
        os.fsync(file)  # a power cut must not bring it back beside what comes next
    return sound


def _sound(file: int, size: int) -> int:
    """Return where the last whole record of a file ends."""
    upto = 0
    while upto < size:
        head = os.pread(file, HEAD.size, upto)
        length = HEAD.unpack(head)[0] if len(head) == HEAD.size else size
        if records(os.pread(file, min(HEAD.size + length, size - upto), upto))[0]:
            upto += HEAD.size + length
            continue
        sound = after_damage(file, upto, size)
        if sound == size:
            break
        upto = sound
    return upto
