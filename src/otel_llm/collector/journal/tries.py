"""How often one request was begun without an end: it may be what ends the process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


class Tries:
    """Counts, across processes, for the position that was begun last. Losing count is no harm."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def begin(self, position: int) -> int:
        """Return how often this position has been begun without another one after it, this time
        included."""
        last, count = self._read()
        count = count + 1 if last == position else 1
        try:
            file = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as written:
                written.write(f"{position} {count}\n")
        except OSError:
            return 1
        return count

    def end(self) -> None:
        """Note that the process outlived what was begun last, whatever came of it."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _read(self) -> tuple[int, int]:
        try:
            position, count = map(int, self._file.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return -1, 0
        return position, count
