"""What comes after a request was taken: several that wait as one, and what to do then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock

from .component import Kept


def then(kept: Kept, do: Callable[[bool], object]) -> None:
    """Call ``do`` with whether the data was taken: now, or when that is known, in the thread that
    learns of it and before anyone who asks later is told."""
    if kept is None:
        do(True)
    else:
        kept.add_done_callback(lambda ended: do(ended.exception() is None))


def all_of(kept: Sequence[Kept]) -> Kept:
    """Return what ends when all have ended, and fails when one did."""
    waiting = [one for one in kept if one is not None]
    if len(waiting) < 2:
        return waiting[0] if waiting else None
    whole, left, lock = Future[None](), len(waiting), Lock()
    whole.set_running_or_notify_cancel()

    def ended(one: Future[None]) -> None:
        nonlocal left
        with lock:
            left -= 1
            if whole.done():
                return
            if error := one.exception():
                whole.set_exception(error)
            elif not left:
                whole.set_result(None)

    for one in waiting:
        one.add_done_callback(ended)
    return whole
