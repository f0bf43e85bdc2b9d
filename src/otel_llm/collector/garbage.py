"""How a running collector keeps house: it looks for cycles seldom, gives memory back late, and lets
threads take turns often.

A batch and its spans leave no cycles behind, and each look walks over the price table and every
open connection: 4 to 5 % of the processor with 512 spans a request, measured. The buffers of such
a request are as large as what glibc gives back to the system at once, so that every one of them
had its pages anew, each with a fault: a fifth of what a span costs. Of the thread that answers
and the one that processes, Python lets the second go on for 5 ms before the first has its turn,
several times for each answer.
"""

from __future__ import annotations

import ctypes
import gc
import sys

_THRESHOLDS = (100_000, 50, 100)
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Of glibc's ``mallopt``."""
_TURN_S = 0.001
_KEPT_FREE = 64 * 2**20
_MAPPED_FROM = 32 * 2**20
"""The most that glibc takes."""


def prepare() -> None:
    """Call before there are threads: they share one heap. With one for each, which keeps what was
    freed there, a busy collector took 30 MiB more."""
    _tune(_ARENA_MAX, 1)


def settle() -> None:
    """Call when everything that lasts is there: it is left out of every later look. When it is
    called again, after a reload, what nobody uses any more is freed, cycles too."""
    _tune(_MMAP_THRESHOLD, _MAPPED_FROM)
    _tune(_TRIM_THRESHOLD, _KEPT_FREE)
    sys.setswitchinterval(_TURN_S)
    unsettle()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def unsettle() -> None:
    """Call before the process ends: extension modules report what is still frozen as leaked."""
    gc.unfreeze()
    gc.collect()


def _tune(parameter: int, value: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc alone has it
    if mallopt is not None:
        mallopt(parameter, value)
