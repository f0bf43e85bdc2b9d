"""OpenAI Agents SDK (``openai-agents`` from 0.24): agents, their tools, and workflows.

The SDK has spans of its own, which it sends to OpenAI or, where tracing is disabled, nowhere. Ours
start and end with them, enabled or not, and are current exactly where the SDK makes its own
current; no trace processor is added. An agent is ``invoke_agent``, a function tool
``execute_tool``, a trace that was given a name ``invoke_workflow``, as is a run of an agent that
hands off to others, so that all of them are in one trace. ``group_id`` is the conversation.

One call, one inference span: it is that of the SDK below (``openai``, ``litellm``) where that is
traced, as it knows the wire. Otherwise the SDK's own ``generation`` or ``response`` becomes one
here, without content. Tasks and turns, whose tokens are sums, make none. What the SDK drops or
uninstrumenting leaves open ends without an error. Not covered: handoffs
and guardrails, voice and realtime; the id of a tool call, which the SDK does not tell.
"""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, finalize

from opentelemetry.context import Context, create_key, get_current, get_value, set_value

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from .core import Endpoint, Hook, LLMInstrumentor, Origin, guarded
from .core.activation import activate, release
from .core.activity import AGENT, TOOL, WORKFLOW, Activity
from .core.around import Around, around
from .core.ending import Ending
from .core.operation import Operation, type_name
from .core.said import saying
from .core.suppression import suppressed
from .core.telemetry import Telemetry
from .core.traced import traced
from .shapes import responses
from .shapes.hosts import server_at
from .shapes.values import count, field, fields, integer, number, parsed, text

_HANDS_OFF = create_key("otel-llm-agents-hand-off")
"""Set in a run whose first agent may hand off to others."""

_DEFAULT_NAMES = (None, "Agent workflow", "no-op")
"""Names of traces that nobody named."""


@dataclass(slots=True)
class _Run:
    """What of ours runs with one span or trace of the SDK."""

    activity: Activity | None = None
    operation: Operation | None = None
    token: Any = None
    before: BaseException | None = None
    """What was being handled when it started: no failure of its own."""
    error_type: str | None = None
    """Of a failure that the SDK noted and went on from."""
    dropped: finalize[Any, Any] | None = None

    def let_go(self) -> None:
        """End it because nobody else will any more."""
        with guarded("ending what openai-agents left open"):
            if self.activity is not None:
                self.activity.end()
            if self.operation is not None:
                self.operation.end(Ending())


_runs: WeakKeyDictionary[Any, _Run] = WeakKeyDictionary()
"""By the SDK's span or trace."""


def _telemetry() -> Telemetry | None:
    return OpenAIAgentsInstrumentor.telemetry


def _starting(open: Callable[[Telemetry, Any], tuple[_Run, Context | None]]) -> Any:
    """Return the hook on ``start`` of spans or traces: ``open`` gives what to make current."""

    def start(
        wrapped: Callable[..., Any], thing: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        result = wrapped(*args, **kwargs)
        telemetry = _telemetry()
        with guarded("starting what openai-agents runs"):
            if telemetry is not None and thing not in _runs:
                run, inside = open(telemetry, thing)
                run.before = sys.exc_info()[1]
                if inside is not None and (args[0] if args else kwargs.get("mark_as_current")):
                    run.token = activate(inside)
                run.dropped = finalize(thing, _collected, run)
                run.dropped.atexit = False  # nothing can be exported then
                _runs[thing] = run
        return result

    return start


def _collected(run: _Run) -> None:
    """Let go of a run in a thread: the collector strikes anywhere, also where locks are held."""
    with suppress(RuntimeError):  # the interpreter is going down
        _thread.start_new_thread(run.let_go, ())


def _finish(
    wrapped: Callable[..., Any], thing: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """End what runs with a span or trace of the SDK, then that one."""
    with guarded("ending what openai-agents ran"):
        run = _runs.pop(thing, None)
        if run is not None:
            _end(run, thing)
    return wrapped(*args, **kwargs)


def _end(run: _Run, thing: Any) -> None:
    if run.dropped is not None:
        run.dropped.detach()
    if run.token is not None:
        release(run.token)
    error_type = _raised(run) or run.error_type
    if run.activity is not None:
        _describe(run.activity, field(thing, "span_data"))
        run.activity.end(error_type)
    if run.operation is not None:
        run.operation.end(Ending(_answer(field(thing, "span_data")), error_type))


def _raised(run: _Run) -> str | None:
    """Return the type of what is being raised through the span: the SDK ends it in ``finally``."""
    error = sys.exc_info()[1]
    if error is None or error is run.before or isinstance(error, GeneratorExit):
        return None
    return type_name(error)


def _set_error(
    wrapped: Callable[..., Any], span: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Note a failure that is not raised through the span: a tool's is told to the model."""
    with guarded("noting an error of openai-agents"):
        run = _runs.get(span)
        if run is not None:
            run.error_type = _raised(run) or run.error_type or "_OTHER"
    return wrapped(*args, **kwargs)


def _open_span(telemetry: Telemetry, span: Any) -> tuple[_Run, Context | None]:
    data = field(span, "span_data")
    kind = text(field(data, "type"))
    if kind == "agent":
        activity = Activity(telemetry, AGENT, _agent(data))
        return _Run(activity), activity.context
    if kind == "function":
        activity = Activity(telemetry, TOOL, _tool(data))
        return _Run(activity), activity.context
    if kind in ("generation", "response"):
        return _Run(operation=_operation(telemetry, data)), None
    return _Run(), None


def _agent(data: Any) -> dict[str, Any]:
    """Describe an agent, with what it was told to answer in if that is more than text."""
    output = text(field(data, "output_type"))
    asked = "json" if output not in (None, "str") else None
    return {semconv.AGENT_NAME: text(field(data, "name")), semconv.OUTPUT_TYPE: asked}


def _tool(data: Any) -> dict[str, Any]:
    return {semconv.TOOL_NAME: text(field(data, "name")) or "_OTHER", semconv.TOOL_TYPE: "function"}


def _describe(activity: Activity, data: Any) -> None:
    """Keep arguments and result of a tool, which the SDK has by now."""
    if activity.operation != TOOL.operation or not activity.captures:
        return
    for name, key in ((semconv.TOOL_CALL_ARGUMENTS, "input"), (semconv.TOOL_CALL_RESULT, "output")):
        if (value := parsed(field(data, key))) is not None:
            activity.put_content(name, value if isinstance(value, Mapping) else {key: value})


def _open_trace(telemetry: Telemetry, trace: Any) -> tuple[_Run, Context | None]:
    name, group = text(field(trace, "name")), text(field(trace, "group_id"))
    said = {} if group is None else {semconv.CONVERSATION_ID: group}
    activity, inside = None, get_current()
    if name not in _DEFAULT_NAMES or get_value(_HANDS_OFF):
        called = None if name in _DEFAULT_NAMES else name
        activity = Activity(telemetry, WORKFLOW, {semconv.WORKFLOW_NAME: called, **said})
        inside = activity.context
    return _Run(activity), saying(inside, said, ()) if said else inside


def _runner(telemetry: Telemetry, _: Any, arguments: Mapping[str, Any]) -> Around:
    hands_off = bool(field(arguments.get("starting_agent"), "handoffs"))
    return Around(inside=set_value(_HANDS_OFF, hands_off))


_CHAT = Endpoint("chat", lambda _: Request(), lambda _: Response())


def _operation(telemetry: Telemetry, data: Any) -> Operation | None:
    """Return a model call, unless the SDK below makes a span of it."""
    config = fields(field(data, "model_config"))
    sdk = text(config.get("model_impl")) or "openai"
    if traced(sdk) or suppressed(get_current(), _CHAT.operation):
        return None
    host, port = server_at(text(config.get("base_url")) or "")
    provider = "openai" if sdk == "openai" else "_OTHER"
    origin = Origin(provider, host, port if host is not None else None)
    request = _request(data, config)
    return Operation(telemetry, _CHAT, origin, request.model, request)


def _request(data: Any, config: Mapping[str, Any]) -> Request:
    return Request(
        model=text(field(data, "model")),
        temperature=number(config.get("temperature")),
        top_p=number(config.get("top_p")),
        max_tokens=integer(config.get("max_tokens")),
        frequency_penalty=number(config.get("frequency_penalty")),
        presence_penalty=number(config.get("presence_penalty")),
    )


def _answer(data: Any) -> Response:
    """Read what the SDK noted; it counts zero for what the provider did not say."""
    answer = field(data, "response")
    response = Response() if answer is None else responses.response(answer)
    told = fields(field(data, "usage"))
    asked, wrote = count(told.get("input_tokens")), count(told.get("output_tokens"))
    if answer is None and (asked or wrote):
        response.usage = Usage(
            input_tokens=asked,
            output_tokens=wrote,
            cache_read=count(fields(told.get("input_tokens_details")).get("cached_tokens")) or None,
            reasoning=count(fields(told.get("output_tokens_details")).get("reasoning_tokens"))
            or None,
        )
    return response


_SPANS, _TRACES = "agents.tracing.spans", "agents.tracing.traces"
_START_SPAN, _START_TRACE = _starting(_open_span), _starting(_open_trace)
_AROUND_RUN = around(_telemetry, _runner, ("starting_agent",))


class OpenAIAgentsInstrumentor(LLMInstrumentor):
    """Traces the OpenAI Agents SDK."""

    requires = ("openai-agents >= 0.24, < 1",)
    patches = ()
    hooks = tuple(
        Hook(module, name, wrapper)
        for module, name, wrapper in (
            *((_SPANS, f"{kind}.start", _START_SPAN) for kind in ("SpanImpl", "NoOpSpan")),
            *((_SPANS, f"{kind}.finish", _finish) for kind in ("SpanImpl", "NoOpSpan")),
            *((_SPANS, f"{kind}.set_error", _set_error) for kind in ("SpanImpl", "NoOpSpan")),
            *((_TRACES, f"{kind}.start", _START_TRACE) for kind in ("TraceImpl", "NoOpTrace")),
            *((_TRACES, f"{kind}.finish", _finish) for kind in ("TraceImpl", "NoOpTrace")),
            ("agents.run", "AgentRunner.run", _AROUND_RUN),
            ("agents.run", "AgentRunner.run_streamed", _AROUND_RUN),
        )
    )

    def _uninstrument(self, **kwargs: Any) -> None:
        super()._uninstrument(**kwargs)
        for run in list(_runs.values()):
            run.let_go()
        _runs.clear()
