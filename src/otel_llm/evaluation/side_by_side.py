"""Several things at a time, in threads that nobody has to wait for: neither an interrupt on the
command line nor a collector that stops is held up by a slow model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_LOOK_S = 0.2


class Halted(Exception):
    """It was to stop before everything was done."""


def side_by_side(
    do: Callable[[T], R],
    items: Sequence[T],
    concurrency: int,
    halted: threading.Event | None = None,
) -> Iterator[tuple[int, R]]:
    """Yield the place and result of each item as it is done. Raises what ``do`` raises, and
    ``Halted`` soon after ``halted`` is set; what is under way then is left to itself, and nothing
    else is begun."""
    stop = halted or threading.Event()
    waiting, done = deque(enumerate(items)), SimpleQueue[tuple[int, R | BaseException]]()

    def work() -> None:
        while waiting and not stop.is_set():
            try:
                at, item = waiting.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                done.put((at, do(item)))
            except BaseException as error:  # noqa: BLE001  # raised where the results are read
                done.put((at, error))

    for _ in range(min(concurrency, len(items))):
        threading.Thread(target=work, name="side-by-side", daemon=True).start()
    try:
        for _ in items:
            at, result = _next(done, stop)
            if isinstance(result, BaseException):
                raise result
            yield at, result
    finally:
        waiting.clear()


def _next(
    done: SimpleQueue[tuple[int, R | BaseException]], stop: threading.Event
) -> tuple[int, R | BaseException]:
    while True:
        try:
            return done.get(timeout=_LOOK_S)
        except Empty:
            if stop.is_set():
                raise Halted("stopped") from None
