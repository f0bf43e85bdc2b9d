"""Whether this process has memory for one more request."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import time
from contextlib import suppress
from pathlib import Path

_log = logging.getLogger(__name__)

_SHARE = 0.75
_LOOK_S = 0.1
_TIDY_S = 1.0
_STATM = Path("/proc/self/statm")
_GROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


class Memory:
    """Looks at most ten times a second, so that it can be asked for every request."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit or int(_SHARE * available())
        self._looked = self._tidied = 0.0
        self._short = False

    def short(self) -> bool:
        """Whether there is none to spare."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self._look(now)
        return self._short

    def _look(self, now: float) -> None:
        short = resident() > self._limit
        if short and now - self._tidied >= _TIDY_S:
            self._tidied = now
            _tidy()
            short = resident() > self._limit
        if short != self._short:
            self._short = short
            said = "has more than" if short else "is again below"
            mebibytes = self._limit // 2**20
            _log.warning("the process %s %d MiB of memory (max_memory)", said, mebibytes)


def resident() -> int:
    """Return the bytes this process has in memory; 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def available() -> int:
    """Return the bytes that the machine, or the container, has in all."""
    known = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in _GROUP_LIMITS:
        with suppress(OSError, ValueError):  # "max", or not there
            known.append(int(file.read_text()))
    return min(known)


def _tidy() -> None:
    """Give back what is only kept for later."""
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)
