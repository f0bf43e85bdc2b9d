"""The SDK set up as the environment says, and let go of in time.

At exit the SDK flushes one signal after another and retries for ten seconds each when nobody
answers. Here they are flushed side by side and given five seconds in all, or
``OTEL_LLM_EXIT_TIMEOUT`` (seconds), so that a dead endpoint does not keep a finished program. The
same is done before SIGTERM ends a program that does not handle it, unless the time is 0.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any

from . import EXIT_TIMEOUT
from .terminating import before_termination

_log = logging.getLogger(__name__)


class Configurator:
    """Sets up the SDK as the environment says.

    Stands in for the SDK's own configurator so that this module is imported without the SDK.
    """

    def configure(self, **kwargs: Any) -> None:
        """Configure the providers of all signals; where the SDK refuses, says so and does not."""
        # The SDK asks distributions to subclass this class, its underscore notwithstanding.
        from opentelemetry.sdk import _configuration

        kind: Any = type("Configurator", (_configuration._OTelSDKConfigurator,), {})  # pyright: ignore[reportPrivateUsage]
        try:
            kind().configure(**kwargs)
        except Exception as error:  # noqa: BLE001  a variable of the operator's that it cannot take
            _log.error("otel-llm: nothing is sent, for the SDK cannot be set up: %s", error)
            return
        atexit.register(_leave, [_Ending(shutdown) for shutdown in _shutdowns()])
        if _exit_timeout_s():
            before_termination(_deliver)


class _Ending:
    """One provider's shutdown, or its flush. Its thread waits from the start: since Python 3.12
    none can be started any more while the program exits."""

    def __init__(self, shutdown: Callable[..., object]) -> None:
        self._shutdown = shutdown
        self._due = Event()
        self._thread = Thread(target=self._run, daemon=True, name="otel-llm-exit")
        self._thread.start()

    def _run(self) -> None:
        self._due.wait()
        self._shutdown()

    def begin(self) -> None:
        """Let the thread run; a forked child has none of its parent's and does it itself."""
        if self._thread.is_alive():
            self._due.set()
        else:
            self._shutdown()

    def over(self, deadline: float) -> bool:
        """Wait until ``deadline`` (of ``time.monotonic``) and return whether it is done."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()


def _leave(endings: Sequence[_Ending]) -> None:
    """Shut all providers down side by side; runs before the handlers that the SDK registered."""
    for ending in endings:
        ending.begin()
    deadline = time.monotonic() + _exit_timeout_s()
    if not all([ending.over(deadline) for ending in endings]):
        _log.warning(
            "otel-llm: the OTLP endpoint took no telemetry within %g s at exit; the rest is lost",
            _exit_timeout_s(),
        )


def _deliver() -> None:
    """Flush all providers side by side: telemetry goes on if the process does."""
    _leave([_Ending(flush) for flush in _each("force_flush")])


def _each(name: str) -> Sequence[Callable[..., object]]:
    """Return that method of every provider that is set up."""
    from opentelemetry import metrics, trace
    from opentelemetry._logs import get_logger_provider

    providers = trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider()
    return [call for p in providers if callable(call := getattr(p, name, None))]


def _shutdowns() -> Sequence[Callable[..., object]]:
    shutdowns = _each("shutdown")
    for shutdown in shutdowns:
        atexit.unregister(shutdown)  # else the SDK waits once more, for one after the other
    return shutdowns


def _exit_timeout_s() -> float:
    try:
        return max(0.0, float(os.environ.get(EXIT_TIMEOUT) or 5))
    except ValueError:
        return 5.0
