"""What ``opentelemetry-instrument`` loads: OTLP for all signals, unless a variable says otherwise.

The distro sets defaults of standard variables and nothing else; the SDK's own configurator reads
them. Which protocol and where to is the SDK's business too: ``OTEL_EXPORTER_OTLP_PROTOCOL``
(``grpc`` when unset), ``OTEL_EXPORTER_OTLP_ENDPOINT`` and their kin work as they are documented.

Beside another distribution, such as ``opentelemetry-distro``, the loader takes the first distro and
the first configurator it finds, and warns about every other configurator. That is harmless: both
set the same defaults. Say which one is meant to have a fixed choice::

    OTEL_PYTHON_DISTRO=otel_llm
    OTEL_PYTHON_CONFIGURATOR=otel_llm

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
from threading import Thread
from typing import Any

from opentelemetry.instrumentation.distro import BaseDistro

_log = logging.getLogger(__name__)

DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
}
"""Values of variables that are unset; an empty one counts as unset (OpenTelemetry specification,
"Environment variable specification")."""

EXIT_TIMEOUT = "OTEL_LLM_EXIT_TIMEOUT"
"""Seconds to wait at exit until telemetry is delivered; 5 when unset or no number."""


class Distro(BaseDistro):
    """Sends traces, metrics and logs by OTLP where the environment does not say otherwise."""

    def _configure(self, **kwargs: Any) -> None:
        for name, value in DEFAULTS.items():
            os.environ[name] = os.environ.get(name) or value


class Configurator:
    """Sets up the SDK as the environment says.

    Stands in for the SDK's own configurator so that this module is imported without the SDK.
    """

    def configure(self, **kwargs: Any) -> None:
        """Configure the providers of all signals; raises what the SDK raises."""
        # The SDK asks distributions to subclass this class, its underscore notwithstanding.
        from opentelemetry.sdk import _configuration

        kind: Any = type("Configurator", (_configuration._OTelSDKConfigurator,), {})  # pyright: ignore[reportPrivateUsage]
        kind().configure(**kwargs)
        atexit.register(_leave)


def _leave() -> None:
    """Shut all providers down side by side; runs before the handlers that the SDK registered."""
    threads = [Thread(target=end, daemon=True, name="otel-llm-exit") for end in _endings()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _exit_timeout_s()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        _log.warning(
            "otel-llm: the OTLP endpoint took no telemetry within %g s at exit; the rest is lost",
            _exit_timeout_s(),
        )


def _endings() -> Sequence[Callable[..., object]]:
    from opentelemetry import metrics, trace
    from opentelemetry._logs import get_logger_provider

    providers = trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider()
    endings = [end for p in providers if callable(end := getattr(p, "shutdown", None))]
    for end in endings:
        atexit.unregister(end)  # else the SDK waits once more, for one signal after the other
    return endings


def _exit_timeout_s() -> float:
    try:
        return max(0.0, float(os.environ.get(EXIT_TIMEOUT) or 5))
    except ValueError:
        return 5.0
