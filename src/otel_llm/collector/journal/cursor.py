"""How far one destination has come in a journal."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from ..durable import sync_directory

SUFFIX = ".cursor"


class Cursor:
    """A position on the disk: written in place, and checked, after every delivery.

    It is never synced: after a power cut an older one only means that something is sent twice.
    """

    def __init__(self, file: Path, beginning: int, now: int) -> None:
        """``beginning`` is where to start when the file is unreadable, ``now`` when it is new.
        Raises ``OSError``."""
        new = self.is_new = not file.exists()
        """Whether nobody had been here before."""
        if not new and not file.is_file():
            raise OSError(f"{file} is no file of a journal; move it elsewhere")
        self._path = file
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        found = position(os.pread(self._file, 64, 0))
        self.position = now if new else max(beginning, found or 0)
        self.move(self.position)
        os.fsync(self._file)  # from here on, the file being there means something
        sync_directory(file.parent)

    def move(self, position: int) -> None:
        """Remember ``position``."""
        self.position = position
        digits = b"%020d" % position
        os.pwrite(self._file, b"%s %08x\n" % (digits, zlib.crc32(digits)), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def forget(self) -> None:
        """As ``close``; and that one was here, if this was the first time."""
        self.close()
        if self.is_new:
            self._path.unlink(missing_ok=True)


def position(written: bytes) -> int | None:
    """Return the position in what a cursor file holds; ``None`` when it is damaged."""
    digits, _, check = written.strip().partition(b" ")
    if check != b"%08x" % zlib.crc32(digits) or not digits.isdigit():
        return None
    return int(digits)
