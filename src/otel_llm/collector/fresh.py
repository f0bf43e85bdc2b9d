"""What is made of files, made anew when one of them changed: no restart for a new certificate."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Final, Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

AGAIN_S: Final = 10.0
"""Until files that could not be used are tried again as they are: there may have been no more
files to open, or a disk that gave nothing."""


class Fresh(Generic[T]):
    """What was made last. Files of no use, half-written perhaps, leave the one before in place.
    Thread-safe."""

    def __init__(
        self,
        files: Iterable[Path | None],
        make: Callable[[], T],
        end: Callable[[T], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``make`` raises ``OSError`` or ``ValueError`` when the files cannot be used; so does
        this, and never again. ``end`` gets what is not used any more."""
        self._files = [file for file in files if file]
        self._make, self._end, self._clock = make, end, clock
        self._again_at = math.inf
        self._closed = False
        self._lock = Lock()
        self._seen = self._stamps()
        self._made = make()

    def get(self) -> T:
        """Return the present one. Costs a few looks at the file system."""
        if not self._files:
            return self._made
        with self._lock:
            stamps = self._stamps()
            if stamps != self._seen or self._clock() >= self._again_at:
                self._seen = stamps
                self._renew()
            return self._made

    def replace(self, given: T) -> None:
        """Make anew what ``get`` gave, though no file changed; nothing if another has."""
        with self._lock:
            if self._made is given and not self._closed:
                self._made = self._make()
                self._end(given)

    def close(self) -> None:
        """End the present one."""
        with self._lock:
            self._files, self._closed = [], True
            self._end(self._made)

    def _renew(self) -> None:
        name, before = self._files[0], self._made
        try:
            self._made = self._make()
        except (OSError, ValueError) as error:
            self._again_at = self._clock() + AGAIN_S
            logger.error("%s: what was read before stays: %s", name, _why(error))
        else:
            self._again_at = math.inf
            self._end(before)
            logger.info("%s was read again", name)

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(file) for file in self._files]


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        info = file.stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_ino, info.st_size


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__) if error.args else "unusable"
