"""Which defaults the environment gets; the SDK reads them like any other value."""

from __future__ import annotations

import os
from typing import Any

from opentelemetry.instrumentation.distro import BaseDistro

DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
}
"""Values of variables that are unset; an empty one counts as unset (OpenTelemetry specification,
"Environment variable specification")."""


class Distro(BaseDistro):
    """Sends traces, metrics and logs by OTLP where the environment does not say otherwise."""

    def _configure(self, **kwargs: Any) -> None:
        for name, value in DEFAULTS.items():
            os.environ[name] = os.environ.get(name) or value
