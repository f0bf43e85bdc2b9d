"""Where an instrumentor's signals go: one tracer, its instruments, one logger, the settings."""

from __future__ import annotations

from typing import Any

from opentelemetry._logs import get_logger
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram, get_meter
from opentelemetry.trace import get_tracer

from otel_llm import semconv
from otel_llm.semconv.metrics import Metric
from otel_llm.version import __version__

from .attributes import tokens
from .ending import Ending
from .instruments import counter, histogram, recorder
from .privacy import Privacy
from .requests import Requests
from .series import AllSeries, Points
from .settings import Settings


class Telemetry:
    """The signals of one instrumentor. ``None`` for a provider means the global one."""

    __slots__ = (
        "_made",
        "_meter",
        "_outcomes",
        "content_on_event",
        "content_on_span",
        "events",
        "logger",
        "privacy",
        "reads_content",
        "record",
        "requests",
        "series",
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
        self.privacy = Privacy(settings)
        self.content_on_span = settings.capture.on_span
        self.content_on_event = settings.capture.on_event and settings.events
        self.reads_content = self.content_on_span or self.content_on_event or self.privacy.derives
        self.tracer = get_tracer(scope, __version__, tracer_provider)
        self.logger = get_logger(scope, __version__, logger_provider)
        self._meter = meter = get_meter(scope, __version__, meter_provider)
        self._made: dict[str, Histogram] = {}
        self.series = AllSeries(settings)
        self.record = recorder(meter, settings.metrics)
        """Records the client metrics of one operation."""
        self.requests = Requests(meter) if settings.request_metrics else None
        """Counts the HTTP requests below calls, where that is wanted."""
        self._outcomes = counter(meter, semconv.own.STREAM_OUTCOMES)

    def durations(self, *, pin: Metric | None, head: Metric | None) -> list[Histogram]:
        """Return where a duration goes, by the names that ``OTEL_LLM_METRICS`` asks for."""
        asked = {"pin": (pin,), "head": (head,), "both": (pin, head)}[self.settings.metrics]
        return [self.histogram(metric) for metric in dict.fromkeys(asked) if metric is not None]

    def histogram(self, metric: Metric) -> Histogram:
        """Return an instrument that few programs need, made when it is first asked for."""
        made = self._made.get(metric.name)
        if made is None:
            made = self._made[metric.name] = histogram(self._meter, metric)
        return made

    def count_stream(self, points: Points, ending: Ending, context: Context) -> None:
        """Count how a stream ended; record its longest wait and its pace."""
        attributes = {**points.attributes, semconv.own.STREAM_OUTCOME: ending.outcome}
        self._outcomes.add(1, attributes, context)
        if gaps := ending.chunk_gaps_s:
            longest = self.histogram(semconv.own.STREAM_LONGEST_GAP)
            longest.record(max(gaps), points.attributes, context)
            wrote = tokens(ending.response.usage.output_tokens)
            if wrote and (seconds := sum(gaps)) > 0:
                rate = self.histogram(semconv.own.STREAM_OUTPUT_RATE)
                rate.record(wrote / seconds, points.attributes, context)
