"""Telemetry handed on now, all signals side by side, and waited for no longer than was said."""

from __future__ import annotations

import _thread
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

from .guard import guarded
from .operation import forks

_under_way: Sequence[Aside] = ()


class Aside:
    """A call that a thread of its own makes when it is told to.

    The thread waits from the start: since Python 3.12 none can be started any more while the
    program exits. Where there can be none, who tells it makes the call. It is a raw one, which
    takes no lock to start: a signal may have struck while the main thread held that.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._due, self._over = Event(), Event()
        self._thread_of: int | None = None
        with suppress(RuntimeError):  # too many threads, or too late
            _thread.start_new_thread(self._run, ())
            self._thread_of = forks()

    def begin(self) -> None:
        """Have the call made; a forked child has none of its parent's threads."""
        self._due.set()
        if self._thread_of != forks():
            self._run()

    def over(self, deadline: float) -> bool:
        """Wait until ``deadline`` (of ``time.monotonic``) and return whether it is done."""
        if self._thread_of != forks():
            return True
        return self._over.wait(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        self._due.wait()
        with guarded("handing telemetry on"):
            self._call()
        self._over.set()


def flush(timeout_s: float = 5.0) -> bool:
    """Have all global providers hand on what they hold; return whether they did within the time.

    For a process that is about to be frozen, or ended without an exit. Whether it was taken is for
    the exporters to say: they log what they lose. While an earlier flush has not come to its end,
    on account of an endpoint that does not answer, none begins. Never raises.
    """
    global _under_way
    deadline = time.monotonic() + timeout_s
    if not all_over(_under_way, deadline):
        return False
    _under_way = [Aside(flush) for flush in of_providers("force_flush")]
    for one in _under_way:
        one.begin()
    return all_over(_under_way, deadline)


def all_over(asides: Sequence[Aside], deadline: float) -> bool:
    """Wait until ``deadline`` and return whether all are done."""
    return all([one.over(deadline) for one in asides])


def of_providers(name: str) -> Sequence[Callable[..., object]]:
    """Return that method of every global provider that is set up."""
    providers = trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider()
    return [call for p in providers if callable(call := getattr(p, name, None))]
