"""Whether this process has memory for one more request."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import time
from contextlib import suppress
from pathlib import Path

from .container import container

_log = logging.getLogger(__name__)

_SHARE = 0.75
_MINOR = 0.125
"""A process with less than this of its container is not why that is full."""
_LOOK_S = 0.1
_TIDY_S = 1.0
_LOOK_BYTES = 4 * 2**20
_STATM = Path("/proc/self/statm")


class Memory:
    """Looks at most ten times a second, and again after 4 MiB, so that it can be asked for every
    request.

    Without a ``limit`` the whole container counts, where there is one: its other processes, our
    workers among them, end by the same limit; the pages of files, which it can give back, do not.
    Where others alone have filled it, refusing would help nobody.
    """

    def __init__(self, limit: int | None) -> None:
        held = None if limit else container()
        self._container = held if held and held.limit < machine() else None
        whole = self._container.limit if self._container else machine()
        self._limit = limit or int(_SHARE * whole)
        self._looked = self._tidied = 0.0
        self._unseen = 0
        self._short = False

    def short(self, more: int = 0) -> bool:
        """Whether there is none to spare, now that a request of ``more`` bytes is here."""
        self._unseen += more
        now = time.monotonic()
        if now - self._looked >= _LOOK_S or self._unseen >= _LOOK_BYTES:
            self._looked, self._unseen = now, 0
            self._look(now)
        return self._short

    def _look(self, now: float) -> None:
        short = self._used() > self._limit
        if short and now - self._tidied >= _TIDY_S:
            self._tidied = now
            _tidy()
            short = self._used() > self._limit
        if short != self._short:
            self._short = short
            who = "container" if self._container else "process"
            said = "has more than" if short else "is again below"
            mebibytes = self._limit // 2**20
            _log.warning("the %s %s %d MiB of memory (max_memory)", who, said, mebibytes)

    def _used(self) -> int:
        ours, held = resident(), self._container
        return ours if held is None or ours < held.limit * _MINOR else held.used(self._limit)


def resident() -> int:
    """Return the bytes this process has in memory; 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def machine() -> int:
    """Return the bytes that the machine has in all."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _tidy() -> None:
    """Give back what is only kept for later."""
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)
