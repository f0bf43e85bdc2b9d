"""What ``opentelemetry-instrument`` loads: OTLP for all signals, unless a variable says otherwise.

The distro sets defaults of standard variables and nothing else; the SDK's own configurator reads
them. Which protocol and where to is the SDK's business too: ``OTEL_EXPORTER_OTLP_PROTOCOL``
(``grpc`` when unset), ``OTEL_EXPORTER_OTLP_ENDPOINT`` and their kin work as they are documented.

Beside another distribution, such as ``opentelemetry-distro``, the loader takes the first distro and
the first configurator it finds, and warns about every other configurator. That is harmless: both
set the same defaults. Say which one is meant to have a fixed choice::

    OTEL_PYTHON_DISTRO=otel_llm
    OTEL_PYTHON_CONFIGURATOR=otel_llm

Importing this package loads nothing of OpenTelemetry: the loader has what ``Distro`` and
``Configurator`` are made of, and who only looks around here does not need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .configurator import Configurator
    from .defaults import Distro

__all__ = ["EXIT_TIMEOUT", "Configurator", "Distro"]

EXIT_TIMEOUT = "OTEL_LLM_EXIT_TIMEOUT"
"""Seconds to wait at exit, when SIGTERM ends the program, and wherever else a process ends or is
frozen, until telemetry is delivered; 5 when unset or no number. With 0 nothing waits, and SIGTERM
is not touched."""

_HOMES = {"Configurator": ".configurator", "Distro": ".defaults"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
