"""A clock that retention can trust: what it removes never comes back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_log = logging.getLogger(__name__)

_AHEAD_S: Final = 3600.0
"""A clock that jumped by more is not believed at once."""
_BELIEVED_AFTER_S: Final = 3600.0


def _awake_s() -> float:
    """Seconds that passed, also those that the machine slept where the system tells."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SteadyClock:
    """Unix seconds. A clock that jumps ahead by hours or years, as when a time server or a guest's
    host is wrong, is followed only when it stays there for an hour. Not thread-safe."""

    def __init__(
        self, clock: Callable[[], float] = time.time, passed: Callable[[], float] = _awake_s
    ) -> None:
        self._clock, self._passed = clock, passed
        self._offset = clock() - passed()
        self._doubted_since: float | None = None

    def __call__(self) -> float:
        """Return the time as far as it is believed."""
        now, passed = self._clock(), self._passed()
        if now - passed - self._offset > _AHEAD_S and not self._convinced(now, passed):
            return passed + self._offset
        self._offset, self._doubted_since = now - passed, None
        return now

    def _convinced(self, now: float, passed: float) -> bool:
        if self._doubted_since is None:
            self._doubted_since = passed
            ahead = (now - passed - self._offset) / 3600
            _log.warning("the clock jumped ahead by %.1f hours: retention follows later", ahead)
        return passed - self._doubted_since >= _BELIEVED_AFTER_S
