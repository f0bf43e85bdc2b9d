"""One GenAI operation: its span, metrics and event, from start to exactly one end."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from time import perf_counter_ns, time_ns
from typing import Any, Final

from opentelemetry.context import Context, get_current
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm import semconv
from otel_llm.genai import Request, Usage

from . import attributes as write
from .attributes import Attributes
from .captured import Captured
from .ending import Ending
from .events import emit_details, emit_exception
from .guard import guarded, swallowed
from .patch import Endpoint, Origin
from .rounds import counting
from .said import said
from .series import EXTRAS, Points
from .suppression import marked
from .telemetry import Telemetry
from .watching import Finished, tell, watchers


class Operation:
    """A running operation. ``end`` may be called from anywhere, any number of times; one wins.

    ``context`` is what the SDK runs in: our span current, and the mark that keeps other layers
    of the same call from making another.
    """

    __slots__ = (
        "_ended",
        "_forks",
        "_recording",
        "_rounds",
        "_said",
        "_series",
        "_span",
        "_started_ns",
        "_telemetry",
        "_ticks",
        "_watched",
        "captured",
        "context",
        "described",
        "endpoint",
        "request",
    )

    def __init__(
        self,
        telemetry: Telemetry,
        endpoint: Endpoint,
        origin: Origin,
        model: Any,
        request: Request | None = None,
        outer: Context | None = None,
    ) -> None:
        self._telemetry = telemetry
        self.endpoint = endpoint
        self.request = request
        """What was asked for; may be set until the end, if the operation is ``described``."""
        outer = get_current() if outer is None else outer
        self._series = series = telemetry.series.of(endpoint.operation, origin, model)
        self._started_ns = time_ns()
        self._ticks = perf_counter_ns()
        self._span = span = telemetry.tracer.start_span(
            series.name if endpoint.subject is None else _named(endpoint, request),
            kind=_CLIENT,
            attributes=series.attributes.copy(),  # a sampler may keep it
            start_time=self._started_ns,
            context=outer,
        )
        self._ended = ended = Lock()
        self._forks = _forks
        self.captured: Captured | None = None
        """Where the messages go, if they are wanted."""
        if endpoint.rounds is None and not endpoint.parsed:
            self._rounds = None
            self.context: Context = marked(outer, span, series.layer, ended)
        else:
            self._rounds = list[Any]()
            self.context = marked(outer, span, series.layer, ended, counting(self._rounds))
        self._said = self._watched = None
        if outer:
            self._said = said(outer, endpoint.operation, telemetry.settings.baggage)
            self._watched = watchers(outer)
        self._recording = recording = span.is_recording()
        self.described = recording or self._watched or series.described
        """Whether anybody looks at more than its metrics carry."""
        if telemetry.requests is not None:
            self.context = telemetry.requests.below(self.context, series.attributes)

    @property
    def ended(self) -> bool:
        """Whether somebody ended it already."""
        return self._ended.locked()

    @property
    def over(self) -> Callable[[], bool]:
        """What tells ``ended``, for those who ask at every read of a stream."""
        return self._ended.locked

    def capture(self, arguments: Any) -> None:
        """Read the input messages, if content is wanted and has somewhere to go."""
        content, telemetry = self.endpoint.content, self._telemetry
        if content is None or not telemetry.reads_content:
            return
        recording = self._recording
        on_span = telemetry.content_on_span and recording
        on_event = telemetry.content_on_event and self._series.evented
        if on_span or on_event or (telemetry.privacy.derives and recording):
            self.captured = Captured(telemetry.privacy, on_span=on_span, on_event=on_event)
            self.captured.put_input(content, arguments)

    def seconds_since_start(self, ticks_ns: int) -> float:
        """Return how long after the start ``ticks_ns`` (of ``perf_counter_ns``) was."""
        return (ticks_ns - self._ticks) / 1e9

    def fail(self, error: BaseException) -> None:
        """End as an error. The exception itself stays with the caller."""
        if not self.ended:
            if self._was_not_made(error):
                self._ended.acquire(False)  # a span that never ends is never sent
                return
            self.raised(error)
            ending = Ending(error_type=self.error_type(error))
            if self._rounds and self.endpoint.parsed:
                with guarded("reading an answer that the SDK raised over"):
                    self._answered(self._rounds[-1], ending)
            self.end(ending)

    def _was_not_made(self, error: BaseException) -> bool:
        if self.endpoint.not_made is not None:
            with guarded("reading whether a call was made"):
                return self.endpoint.not_made(error)
        return False

    def _answered(self, answer: Any, ending: Ending) -> None:
        """Take what came before the call failed."""
        ending.response = self.endpoint.response(answer)
        if self.captured is not None and self.endpoint.content is not None:
            ending.output = partial(self.endpoint.content.output_messages, answer)

    def raised(self, error: BaseException) -> None:
        """Emit the event of an exception that ends it, where exceptions have one."""
        if self._telemetry.settings.exceptions != "off" and self._forks == _forks:
            with guarded("emitting an exception"):
                told = self._telemetry.privacy.of_exception(error, type_name(error))
                emit_exception(self._telemetry.logger, told, context=self.context)

    def error_type(self, error: BaseException) -> str:
        """Return ``error.type`` for an exception of the SDK."""
        named: str | None = None
        if self.endpoint.error_type is not None:
            with guarded("naming an error"):
                named = self.endpoint.error_type(error)
        return named or type_name(error)

    def end(self, ending: Ending) -> None:
        """Write everything down and end the span. The first call wins, from whatever thread."""
        if not self._ended.acquire(False) or self._forks != _forks:
            return  # ended already, or the affair of the parent process that started it
        duration_ns = perf_counter_ns() - self._ticks
        response = ending.response
        if response.error_type is not None and ending.error_type is None:
            ending.error_type = response.error_type
        if response.operation is not None or self._rounds:
            self._settle(ending)
        # Each by itself, whatever becomes of the others; ``guarded``, without its price.
        end_ns = self._started_ns + duration_ns
        try:
            points = self._series.points(response.model, response.more)
        except Exception as error:  # noqa: BLE001 - ours, in the middle of the user's call
            swallowed("reading the model that served", error)
            points = self._series.points(None, None)
        try:
            if self.described:
                self._describe(ending, end_ns, points)
        except Exception as error:  # noqa: BLE001 - ours, in the middle of the user's call
            swallowed("describing a finished operation", error)
        try:
            self._span.end(end_ns)
        except Exception as error:  # noqa: BLE001 - of a span processor
            swallowed("ending a span", error)
        try:
            self._telemetry.record(points, ending, duration_ns / 1e9, self.context)
            if self._watched or ending.outcome is not None:
                self._tell(points, ending, duration_ns / 1e9)
        except Exception as error:  # noqa: BLE001 - ours, in the middle of the user's call
            swallowed("recording metrics", error)

    def _settle(self, ending: Ending) -> None:
        """Take what the call turned out to be when it was over."""
        if self._rounds and self.endpoint.rounds is not None:
            with guarded("adding up rounds"):
                self._add_up(self._rounds, self.endpoint.rounds, ending)
        if ending.response.operation is not None:
            with guarded("renaming an operation"):
                self._become(ending.response.operation)

    def _become(self, operation: str) -> None:
        """Take the operation that only the answer could tell."""
        asked = self._series
        self._series = became = self._telemetry.series.of(operation, asked.origin, asked.model)
        self.request = None  # it was for something else
        self._span.update_name(became.name)
        self._span.set_attribute(semconv.OPERATION_NAME, operation)

    def _add_up(self, rounds: Sequence[Any], read: Callable[[Any], Usage], ending: Ending) -> None:
        """Count all rounds, where the answer knows of the last one alone.

        A call that failed has no answer, and yet rounds that were billed.
        """
        if len(rounds) > 1 or ending.error_type is not None:
            ending.response.usage = sum(map(read, rounds), Usage())

    def _describe(self, ending: Ending, end_ns: int, points: Points) -> None:
        if ending.error_type is not None:
            # No description: a provider's message may quote the prompt or the key.
            self._span.set_status(StatusCode.ERROR)
        if self.captured is not None and ending.output is not None:
            self.captured.put_output(ending.output, ending)
        found = {} if self._said is None else self._said
        if self.request is not None:
            write.add_request(found, self.request)
        response = ending.response
        write.add_response(found, response)
        found.update(points.said)
        if response.more and not response.more.keys() <= EXTRAS:
            write.add_more(found, response.more)
        if ending.first_chunk_s is not None and self._series.evented:
            found[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = ending.first_chunk_s
        if ending.error_type is not None:
            found[semconv.ERROR_TYPE] = ending.error_type
        if self._recording:
            if ending.outcome is not None or self.captured is not None:
                self._span.set_attributes({**found, **self._more(ending)})
            else:
                self._span.set_attributes(found)
        if self._telemetry.events and self._series.evented:
            emit_details(
                self._telemetry.logger,
                {**self._series.attributes, **found},
                self.captured.event if self.captured else {},
                context=self.context,
                timestamp_ns=end_ns,
            )

    def _more(self, ending: Ending) -> Attributes:
        """Return what only the span has."""
        more: Attributes = {}
        if ending.outcome is not None and self._telemetry.settings.span_attributes:
            more[semconv.own.STREAM_OUTCOME] = ending.outcome
        if self.captured is not None:
            more.update(self.captured.span)
            more.update(self.captured.derived)
        return more

    def _tell(self, points: Points, ending: Ending, duration_s: float) -> None:
        if self._watched:
            operation, known = self._series.operation, points.attributes
            tell(
                self.context,
                Finished(operation, known, duration_s, ending.error_type, ending.response),
            )
        if ending.outcome is not None:
            self._telemetry.count_stream(points, ending, self.context)


_CLIENT: Final = SpanKind.CLIENT
"""Asking an enumeration for its member takes longer than a lock does."""

_forks = 0


def forks() -> int:
    """Return how many forks lie between this process and the one that loaded us."""
    return _forks


def _forked() -> None:
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_forked)


def _named(endpoint: Endpoint, request: Request | None) -> str:
    """Return the name of a span that is named after something else than the model."""
    if endpoint.subject is None or request is None or request.more is None:
        return endpoint.operation
    subject = write.text(request.more.get(endpoint.subject))
    return f"{endpoint.operation} {subject}" if subject else endpoint.operation


def type_name(error: BaseException) -> str:
    """Return ``error.type``: the exception's class as its users import it."""
    kind = type(error)
    if kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
