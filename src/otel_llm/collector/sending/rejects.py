"""What receivers rejected while they took its neighbours, on its way to the dead letter.

Whoever sends sees to what is rejected, so it must fill neither the memory nor the dead letter, in
which destinations need room: what is too large, or too much at once, is counted and let go.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Final

from ..component import Signal
from ..errors import Refused
from .dead_letter import DeadLetter
from .status import REMIND_S

_log = logging.getLogger(__name__)

LARGEST: Final = 2**20
"""Bytes of one request that are kept; it is written as JSON."""
_WAITING: Final = 100
"""Requests that may wait to be written."""


class Rejects:
    """Writes in a thread of its own."""

    def __init__(self, letter: Callable[[], DeadLetter | None]) -> None:
        """``letter`` returns the dead letter there is at the moment."""
        self._letter = letter
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._lock = Lock()
        self._said = -REMIND_S

    def bury(self, receiver: str, signal: Signal, payload: bytes, reason: str) -> None:
        """Keep what a receiver rejected. Returns at once."""
        letter = self._letter()
        if letter is None:
            return
        with self._lock:
            if len(payload) > LARGEST or self._waiting >= _WAITING:
                self._let_go("it is too much")
                return
            self._waiting += 1
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, "rejects")
            with suppress(RuntimeError):  # no thread is to be had: it is written by the next one
                self._thread.submit(self._write, letter, receiver, signal, payload, reason)

    def close(self) -> None:
        """Write what waits. Nothing comes any more."""
        if self._thread is not None:
            self._thread.shutdown()

    def _write(
        self, letter: DeadLetter, receiver: str, signal: Signal, payload: bytes, reason: str
    ) -> None:
        try:
            if not letter.has_room_to_spare:
                raise Refused("the dead letter has no room to spare")
            letter.bury(f"rejected-{receiver}", signal, payload, reason)
        except (OSError, Refused) as error:
            self._let_go(str(error))
        except Exception as error:  # noqa: BLE001 - it was broken to begin with
            self._let_go(type(error).__name__)
        finally:
            with self._lock:
                self._waiting -= 1

    def _let_go(self, why: str) -> None:
        if time.monotonic() - self._said >= REMIND_S:
            self._said = time.monotonic()
            _log.warning("something rejected is not kept in the dead letter: %s", why)
