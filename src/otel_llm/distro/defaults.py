"""Which defaults the environment gets, which the SDK reads like any other value, and only the SDK;
and how what is installed of instrumentors is loaded.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.distro import BaseDistro

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_log = logging.getLogger(__name__)

DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
}
"""Values of variables that are unset; an empty one counts as unset (OpenTelemetry specification,
"Environment variable specification")."""
_unset: dict[str, str | None] = {}
"""The variables that stand at a default for now, and what they were."""
_SKIPPED = (ImportError, DependencyConflictError)
"""What the loader says a word of, and goes on; with anything else it ends."""


def withdraw() -> None:
    """Leave the environment as it was found, once the SDK has read it.

    Others read the same variables, also in programs that this one becomes or starts: Datadog's
    tracer stops sending to its agent where traces are to go by OTLP.
    """
    while _unset:
        name, before = _unset.popitem()
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


class Distro(BaseDistro):
    """Sends traces, metrics and logs by OTLP where the environment does not say otherwise, and
    lets no instrumentor that fails, whoever's it is, keep the others from being loaded."""

    def _configure(self, **kwargs: Any) -> None:
        for name, value in DEFAULTS.items():
            if not os.environ.get(name):
                _unset[name] = os.environ.get(name)
                os.environ[name] = value

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Instrument; raises only what the loader goes on after."""
        try:
            super().load_instrumentor(entry_point, **kwargs)  # pyright: ignore[reportUnknownMemberType] - untyped
        except _SKIPPED:
            raise
        except Exception as error:  # noqa: BLE001 - others' instrumentors fail in any way
            what = f"{entry_point.name} ({entry_point.value}): {type(error).__name__}"
            _log.warning("otel-llm: %s; it is left out, the others are loaded", what, exc_info=True)
