"""The SDK let go of in time: at exit, and wherever else a process is about to end.

At exit the SDK flushes one signal after another and retries for ten seconds each when nobody
answers. Here they are flushed side by side and given five seconds in all, or
``OTEL_LLM_EXIT_TIMEOUT`` (seconds), so that a dead endpoint does not keep a finished program.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Callable, Sequence

from otel_llm.instrumentation.core.flushing import Aside, all_over, flush, of_providers
from otel_llm.instrumentation.core.left_open import abandon_streams

from . import EXIT_TIMEOUT

_log = logging.getLogger(__name__)


def at_exit() -> None:
    """Have all providers shut down when the program exits, in place of the SDK's own handlers."""
    leave = _Exit(of_providers("shutdown"))
    atexit.register(leave)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=leave.ready)


def deliver(timeout_s: float | None = None) -> None:
    """Hand on what there is: telemetry goes on if the process does. Never raises."""
    given_s = exit_timeout_s() if timeout_s is None else min(timeout_s, exit_timeout_s())
    if given_s > 0 and not flush(given_s):
        _log.warning("otel-llm: the OTLP endpoint took no telemetry within %g s", given_s)


def exit_timeout_s() -> float:
    """Return for how long a program that ends may wait."""
    try:
        return max(0.0, float(os.environ.get(EXIT_TIMEOUT) or 5))
    except ValueError:
        return 5.0


class _Exit:
    """Runs before the handlers that the SDK registered, and takes those away."""

    def __init__(self, shutdowns: Sequence[Callable[..., object]]) -> None:
        self._shutdowns = shutdowns
        for shutdown in shutdowns:
            atexit.unregister(shutdown)  # else the SDK waits once more, for one after the other
        self.ready()

    def ready(self) -> None:
        """Start the threads: now, and in every child, as the SDK does with its own."""
        self._asides = [Aside(shutdown) for shutdown in self._shutdowns]

    def __call__(self) -> None:
        abandon_streams()  # the interpreter takes them when nothing is sent any more
        for aside in self._asides:
            aside.begin()
        timeout_s = exit_timeout_s()
        if not all_over(self._asides, time.monotonic() + timeout_s):
            _log.warning(
                "otel-llm: the OTLP endpoint took no telemetry within %g s at exit; "
                "the rest is lost",
                timeout_s,
            )
