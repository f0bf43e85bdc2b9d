"""The files of a journal: records, and what a crash leaves of them."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .deflate import crc32

HEAD = struct.Struct("<IIq")
"""Length of the payload, CRC-32 of what follows it, Unix nanoseconds; little-endian."""
SUFFIX = ".journal"


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


def recovered(directory: Path) -> Iterator[Segment]:
    """Open what is there. Only the last file can have been torn: others were followed by one."""
    paths = sorted(directory.glob(f"*{SUFFIX}"))
    for path in paths:
        file = os.open(path, os.O_RDWR)
        size = os.fstat(file).st_size
        if path == paths[-1]:
            size = _sound(file, size)
            os.ftruncate(file, size)
        if size:
            yield Segment(int(path.stem), size, path, file)
        else:
            os.close(file)
            path.unlink()


def _sound(file: int, size: int) -> int:
    """Return how much of a file is whole records."""
    upto = 0
    while upto < size:
        head = os.pread(file, HEAD.size, upto)
        length = HEAD.unpack(head)[0] if len(head) == HEAD.size else size
        if upto + HEAD.size + length > size:
            break
        if not records(os.pread(file, HEAD.size + length, upto))[0]:
            break
        upto += HEAD.size + length
    return upto
