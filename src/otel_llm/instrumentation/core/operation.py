"""One GenAI operation: its span, metrics and event, from start to exactly one end."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock
from time import perf_counter_ns, time_ns
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm import semconv
from otel_llm.genai import Request

from . import attributes as write
from .attributes import Attributes
from .captured import Captured
from .ending import Ending
from .events import emit_details
from .guard import guarded, swallowed
from .instruments import Measured
from .patch import Endpoint, Origin
from .rounds import counted, counting
from .said import said
from .suppression import LAYERS, marked
from .telemetry import Telemetry
from .watching import Finished, tell, watchers

_METRIC_EXTRAS = (
    semconv.OPENAI_RESPONSE_SERVICE_TIER,
    semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
)
"""Provider attributes that the conventions want on durations and token counts too."""


class Operation:
    """A running operation. ``end`` may be called from anywhere, any number of times; one wins.

    ``context`` is what the SDK runs in: our span current, and the mark that keeps other layers
    of the same call from making another.
    """

    __slots__ = (
        "_attributes",
        "_captured",
        "_ended",
        "_endpoint",
        "_forks",
        "_kind",
        "_request",
        "_said",
        "_span",
        "_started_ns",
        "_telemetry",
        "_ticks",
        "context",
    )

    def __init__(
        self, telemetry: Telemetry, endpoint: Endpoint, origin: Origin, request: Request
    ) -> None:
        self._telemetry = telemetry
        self._endpoint = endpoint
        self._kind = endpoint.operation
        self._request = request
        self._attributes = known = _at_start(endpoint.operation, origin, request)
        name = known.get(semconv.REQUEST_MODEL)
        if endpoint.subject is not None:
            name = _subject(endpoint.subject, request) or name
        self._started_ns = time_ns()
        self._ticks = perf_counter_ns()
        self._span = telemetry.tracer.start_span(
            f"{endpoint.operation} {name}" if name else endpoint.operation,
            kind=SpanKind.CLIENT,
            attributes=known,
            start_time=self._started_ns,
        )
        self._ended = Lock()
        self._forks = _forks
        self._captured: Captured | None = None
        outer = get_current()
        self.context: Context = marked(outer, self._span, endpoint.operation, self._ended)
        self._said = said(outer, endpoint.operation, telemetry.settings.baggage) if outer else {}
        if endpoint.rounds is not None:
            self.context = counting(self.context)

    @property
    def ended(self) -> bool:
        """Whether somebody ended it already."""
        return self._ended.locked()

    @property
    def over(self) -> Callable[[], bool]:
        """What tells ``ended``, for those who ask at every read of a stream."""
        return self._ended.locked

    @property
    def captures(self) -> bool:
        """Whether the answer's messages are wanted."""
        return self._captured is not None

    def capture(self, arguments: Any) -> None:
        """Read the input messages, if content is wanted and has somewhere to go."""
        content, telemetry = self._endpoint.content, self._telemetry
        if content is None or not telemetry.reads_content:
            return
        recording = self._span.is_recording()
        on_span = telemetry.content_on_span and recording
        on_event = telemetry.content_on_event and self._evented
        if on_span or on_event or (telemetry.privacy.derives and recording):
            self._captured = Captured(telemetry.privacy, on_span=on_span, on_event=on_event)
            self._captured.put_input(content, arguments)

    def seconds_since_start(self, ticks_ns: int) -> float:
        """Return how long after the start ``ticks_ns`` (of ``perf_counter_ns``) was."""
        return (ticks_ns - self._ticks) / 1e9

    def fail(self, error: BaseException) -> None:
        """End as an error. The exception itself stays with the caller."""
        if not self.ended:
            self.end(Ending(error_type=self.error_type(error)))

    def error_type(self, error: BaseException) -> str:
        """Return ``error.type`` for an exception of the SDK."""
        named: str | None = None
        if self._endpoint.error_type is not None:
            with guarded("naming an error"):
                named = self._endpoint.error_type(error)
        return named or type_name(error)

    def end(self, ending: Ending) -> None:
        """Write everything down and end the span. The first call wins, from whatever thread."""
        if not self._ended.acquire(blocking=False) or self._forks != _forks:
            return  # ended already, or the affair of the parent process that started it
        duration_ns = perf_counter_ns() - self._ticks
        if ending.error_type is None:
            ending.error_type = ending.response.error_type
        if self._endpoint.rounds is not None:
            with guarded("adding up rounds"):
                self._add_up(ending)
        if ending.response.operation is not None:
            with guarded("renaming an operation"):
                self._become(ending.response.operation)
        # Each of the three, whatever becomes of the others; ``guarded``, without its price.
        found: Attributes = {}
        try:
            found = self._describe(ending, self._started_ns + duration_ns)
        except Exception as error:  # noqa: BLE001 - ours, in the middle of the user's call
            swallowed("describing a finished operation", error)
        try:
            self._span.end(self._started_ns + duration_ns)
        except Exception as error:  # noqa: BLE001 - of a span processor
            swallowed("ending a span", error)
        try:
            self._measure(ending, duration_ns / 1e9, found)
        except Exception as error:  # noqa: BLE001 - ours, in the middle of the user's call
            swallowed("recording metrics", error)

    def _become(self, operation: str) -> None:
        """Take the operation that only the answer could tell."""
        self._kind = self._attributes[semconv.OPERATION_NAME] = operation
        model = self._attributes.get(semconv.REQUEST_MODEL)
        self._span.update_name(f"{operation} {model}" if model else operation)
        self._span.set_attribute(semconv.OPERATION_NAME, operation)

    def _add_up(self, ending: Ending) -> None:
        read, failed = self._endpoint.rounds, ending.error_type is not None
        usage = counted(self.context, read, failed=failed) if read else None
        if usage is not None:
            ending.response.usage = usage

    @property
    def _evented(self) -> bool:
        return LAYERS.get(self._kind) == "inference"

    def _describe(self, ending: Ending, end_ns: int) -> Attributes:
        """Write everything down and return what was found, where nobody looks: for metrics."""
        recording = self._span.is_recording()
        evented = self._telemetry.events and self._evented
        if not recording and not evented:  # and nobody looks: as much as metrics carry
            return write.for_metrics(ending.response)
        if ending.error_type is not None:
            # No description: a provider's message may quote the prompt or the key.
            self._span.set_status(StatusCode.ERROR)
        if self._captured is not None and ending.output is not None:
            self._captured.put_output(ending.output, ending)
        found = self._found(ending)
        if recording:
            self._span.set_attributes(found)
            if ending.outcome is not None or self._captured is not None:
                self._write_more(ending)
        if evented:
            emit_details(
                self._telemetry.logger,
                {**self._attributes, **found},
                self._captured.event if self._captured else {},
                context=self.context,
                timestamp_ns=end_ns,
            )
        return found

    def _found(self, ending: Ending) -> Attributes:
        became = self._kind != self._endpoint.operation  # and the request was for something else
        found = {} if became else write.of_request(self._request)
        if self._said:
            found = {**self._said, **found}
        write.add_response(found, ending.response, own=self._telemetry.settings.span_attributes)
        if ending.first_chunk_s is not None and self._evented:
            found[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = ending.first_chunk_s
        if ending.error_type is not None:
            found[semconv.ERROR_TYPE] = ending.error_type
        return found

    def _write_more(self, ending: Ending) -> None:
        if ending.outcome is not None and self._telemetry.settings.span_attributes:
            self._span.set_attribute(semconv.own.STREAM_OUTCOME, ending.outcome)
        if self._captured is not None:
            self._span.set_attributes({**self._captured.span, **self._captured.derived})

    def _measure(self, ending: Ending, duration_s: float, found: Attributes) -> None:
        attributes = self._attributes  # ours alone by now: the SDK copies what it takes
        if semconv.RESPONSE_MODEL in found:
            attributes[semconv.RESPONSE_MODEL] = found[semconv.RESPONSE_MODEL]
        detailed = attributes
        for name in _METRIC_EXTRAS:
            if name in found:
                detailed = attributes.copy() if detailed is attributes else detailed
                detailed[name] = found[name]
        measured = Measured(self._kind, attributes, detailed, ending, duration_s, self.context)
        for names in self._telemetry.names:
            names.record(measured)
        if watchers(self.context):
            self._tell(ending, duration_s)
        if ending.outcome is not None:
            self._telemetry.count_stream(ending.outcome, measured)

    def _tell(self, ending: Ending, duration_s: float) -> None:
        finished = Finished(
            self._kind, self._attributes, duration_s, ending.error_type, ending.response
        )
        tell(self.context, finished)


_forks = 0
"""How many forks lie between this process and the one that loaded us."""


def _forked() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_forked)


def _subject(name: str, request: Request) -> str | None:
    """Return what a span is named after where that is not the model."""
    return None if request.more is None else write.text(request.more.get(name))


def _at_start(operation: str, origin: Origin, request: Request) -> Attributes:
    """Return what samplers may decide on (GenAI conventions, inference span)."""
    known: Attributes = {
        semconv.OPERATION_NAME: operation,
        semconv.PROVIDER_NAME: origin.provider,
    }
    if (model := write.text(request.model)) is not None:
        known[semconv.REQUEST_MODEL] = model
    if origin.address is not None:
        known[semconv.SERVER_ADDRESS] = origin.address
        if origin.port is not None:
            known[semconv.SERVER_PORT] = origin.port
    return known


def type_name(error: BaseException) -> str:
    """Return ``error.type``: the exception's class as its users import it."""
    kind = type(error)
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
