"""The runs that the public API hands to the user."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.context import Context, get_current
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider, Span, get_current_span

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from .activity import Activity, Kind
from .attributes import integer, text, texts, tokens
from .ending import Ending
from .guard import guarded
from .messages import answered, sent
from .operation import Operation
from .patch import Content, Endpoint, Message, Origin
from .settings import Settings
from .summary import TraceSummary, summarised, summary_of
from .telemetry import Telemetry
from .unseen_importlib_bootstrap.generators import is_generator

_telemetry: Telemetry | None = None


def configure(**settings: Any) -> None:
    """Choose providers (``tracer_provider``, ``meter_provider``, ``logger_provider``) and settings.

    Takes what ``instrument()`` takes. Without it, the global providers and the environment count.
    """
    global _telemetry
    names = ("tracer_provider", "meter_provider", "logger_provider")
    providers = {name: settings.pop(name, None) for name in names}
    _telemetry = Telemetry("otel_llm", Settings.from_environment(**settings), **providers)


def signals() -> Telemetry:
    """Return where the signals of the public API go."""
    if _telemetry is None:
        configure()
    return cast(Telemetry, _telemetry)


class ActivityRun:
    """A running workflow, agent, tool or retrieval."""

    __slots__ = ("_activity", "context", "summary")

    def __init__(self, kind: Kind, attributes: Mapping[str, Any]) -> None:
        self._activity = _activity(kind, attributes)
        outer = summary_of(get_current())
        self.summary = outer or TraceSummary()
        """What ended so far in the outermost scope around here."""
        inside = self._activity.context
        self.context: Context = inside if outer else summarised(inside, self.summary)

    @property
    def span(self) -> Span:
        """The OpenTelemetry span."""
        return self._activity.span

    def set(self, name: str, value: Any) -> None:
        """Set an attribute by its full name, e.g. ``gen_ai.agent.version``."""
        with guarded("setting an attribute"):
            self._activity.put({name: value})

    def set_input(self, value: Any) -> None:
        """Keep what went in where content is captured: messages, arguments or a query.

        Messages may be a text, or several, or have ``role`` and ``content``.
        """
        name = _INPUT.get(self._activity.operation, semconv.INPUT_MESSAGES)
        self._put(name, value, sent)

    def set_output(self, value: Any) -> None:
        """Keep what came out where content is captured: messages, a result or documents."""
        name = _OUTPUT.get(self._activity.operation, semconv.OUTPUT_MESSAGES)
        self._put(name, value, answered)

    def _put(self, name: str, value: Any, messages: Callable[[Any], Sequence[Message]]) -> None:
        if value is None or not self._activity.captures:
            return
        with guarded("capturing content of an activity"):
            said = messages(value) if name in _MESSAGES else value
            self._activity.put_content(name, said)

    def end(self, error: BaseException | None = None) -> None:
        """End it, as an error if there is one; the first call wins."""
        self._activity.end(error)

    def note(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        result: Any,
    ) -> None:
        """Keep the arguments and the result of a decorated tool; not what a generator gives."""
        if self._activity.operation != "execute_tool" or not self._activity.captures:
            return
        self.set_input(_arguments(function, args, kwargs))
        if not is_generator(result):
            self.set_output(result if isinstance(result, Mapping) else {"result": result})


def _activity(kind: Kind, attributes: Mapping[str, Any]) -> Activity:
    """Return a running activity; one that nobody sees, if a processor of spans raises."""
    with guarded("starting an activity"):
        return Activity(signals(), kind, attributes)
    return Activity(_silent(), kind, attributes)


def _silent() -> Telemetry:
    return Telemetry(
        "otel_llm",
        Settings(),
        tracer_provider=NoOpTracerProvider(),
        meter_provider=NoOpMeterProvider(),
        logger_provider=NoOpLoggerProvider(),
    )


def _arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return arguments by name, without the object whose method it is: nobody passed that."""
    bound = inspect.signature(function).bind(*args, **kwargs).arguments
    first = next(iter(bound), None)
    return {name: v for name, v in bound.items() if name != first or name not in ("self", "cls")}


_INPUT = {
    "execute_tool": semconv.TOOL_CALL_ARGUMENTS,
    "retrieval": semconv.RETRIEVAL_QUERY_TEXT,
}
_OUTPUT = {
    "execute_tool": semconv.TOOL_CALL_RESULT,
    "retrieval": semconv.RETRIEVAL_DOCUMENTS,
}


_MESSAGES = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES)


class CallRun:
    """A running model call that the program describes itself."""

    __slots__ = ("_ending", "_operation", "context", "span")

    def __init__(
        self,
        operation: str,
        model: str | None,
        provider: str,
        server: tuple[str, int] | None,
        parameters: Mapping[str, Any],
    ) -> None:
        self._ending = Ending()
        self._operation = _operation(
            operation, _origin(provider, server), _request(model, parameters)
        )
        self.context: Context = self._operation.context
        self.span: Span = get_current_span(self.context)
        """The OpenTelemetry span."""

    def set_input(self, messages: str | Message | Sequence[str | Message]) -> None:
        """Keep what was sent where content is captured.

        A text, or messages with ``role`` and ``content`` (a text, or parts as chat completions have
        them), or in the conventions' shape.
        """
        with guarded("capturing the messages of a call"):
            self._operation.capture({"messages": sent(messages)})

    def set_output(self, messages: str | Message | Sequence[str | Message]) -> None:
        """Keep what came back, likewise."""
        with guarded("capturing the answer of a call"):
            if self._operation.captured is None:
                self._operation.capture({"messages": ()})
            kept = messages if isinstance(messages, str | Mapping) else list(messages)
            self._ending.output = lambda: answered(kept, self._ending.response.finish_reasons)

    def set_response(
        self,
        *,
        model: str | None = None,
        id: str | None = None,
        finish_reasons: Sequence[str] = (),
        error_type: str | None = None,
        **usage: int | None,
    ) -> None:
        """Say what came back. ``usage`` takes the fields of ``otel_llm.genai.Usage``.

        ``input_tokens`` includes cached ones, ``output_tokens`` includes reasoning. What was said
        before and is not said again stays.
        """
        said = self._ending.response
        said.id, said.model = id or said.id, model or said.model
        said.finish_reasons = texts(finish_reasons) or said.finish_reasons
        said.error_type = error_type or said.error_type
        for name, count in usage.items():
            with guarded("reading the usage of a call"):
                setattr(said.usage, _USAGE[name], tokens(count))

    def end(self, error: BaseException | None = None) -> None:
        """End it, as an error if there is one; the first call wins."""
        if error is not None:
            self._ending.error_type = self._operation.error_type(error)
        self._operation.end(self._ending)


_USAGE = {name: name for name in Usage.__dataclass_fields__}


def _request(model: str | None, parameters: Mapping[str, Any]) -> Request:
    """Return what is asked for; a parameter of another name costs no other."""
    known = {name: v for name, v in parameters.items() if name in Request.__dataclass_fields__}
    with guarded("reading the parameters of a call"):
        if len(known) < len(parameters):
            raise TypeError("a request has no such parameter")
    return Request(model, **known)


def _origin(provider: str, server: tuple[str, int] | None) -> Origin:
    provider = text(provider) or "_OTHER"
    with guarded("reading the server of a call"):
        address, port = server or (None, None)
        return Origin(provider, text(address), integer(port))
    return Origin(provider)


def _operation(name: str, origin: Origin, request: Request) -> Operation:
    """Return a running call; one that nobody sees, if a processor of spans raises."""
    endpoint = _endpoint(name)
    with guarded("starting a call"):
        return Operation(signals(), endpoint, origin, request.model, request)
    return Operation(_silent(), endpoint, origin, request.model, request)


def _endpoint(operation: str) -> Endpoint:
    content = Content(lambda arguments: arguments["messages"], lambda answer: answer)
    return Endpoint(operation, lambda _: Request(), lambda _: Response(), content=content)
