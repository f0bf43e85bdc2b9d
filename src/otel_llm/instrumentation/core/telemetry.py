"""Where an instrumentor's signals go: one tracer, its instruments, one logger, the settings."""

from __future__ import annotations

from typing import Any

from opentelemetry._logs import get_logger
from opentelemetry.metrics import get_meter
from opentelemetry.trace import get_tracer

from otel_llm import semconv
from otel_llm.version import __version__

from .instruments import Measured, counter, instruments
from .settings import Settings


class Telemetry:
    """The signals of one instrumentor. ``None`` for a provider means the global one."""

    __slots__ = (
        "_names",
        "_outcomes",
        "content_on_event",
        "content_on_span",
        "events",
        "logger",
        "settings",
        "tracer",
    )

    def __init__(
        self,
        scope: str,
        settings: Settings,
        *,
        tracer_provider: Any = None,
        meter_provider: Any = None,
        logger_provider: Any = None,
    ) -> None:
        self.settings = settings
        self.events = settings.events
        self.content_on_span = settings.capture.on_span
        self.content_on_event = settings.capture.on_event and settings.events
        self.tracer = get_tracer(scope, __version__, tracer_provider)
        self.logger = get_logger(scope, __version__, logger_provider)
        meter = get_meter(scope, __version__, meter_provider)
        self._names = instruments(meter, settings.metrics)
        self._outcomes = counter(meter, semconv.own.STREAM_OUTCOMES)

    def record(self, call: Measured) -> None:
        """Record the client metrics of one finished operation."""
        for names in self._names:
            names.record(call)

    def count_stream(self, outcome: str, call: Measured) -> None:
        """Count how a stream ended."""
        attributes = {**call.attributes, semconv.own.STREAM_OUTCOME: outcome}
        self._outcomes.add(1, attributes, call.context)
