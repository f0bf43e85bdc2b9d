"""OpenAI Agents SDK (``openai-agents`` from 0.24): agents, their tools, and workflows.

The SDK has spans of its own, which it sends to OpenAI or, where tracing is disabled, nowhere. Ours
start and end with them, enabled or not, and are current exactly where the SDK makes its own
current; no trace processor is added. An agent is ``invoke_agent``, a tool ``execute_tool``, and so
is a handoff, which is a tool to the model. A trace that was given a name is ``invoke_workflow``, as
is a run of an agent that hands off to others, so that all of them are in one trace. ``group_id``
or the id of the session is the conversation. The conventions know no guardrails: what one decides
is a ``gen_ai.evaluation.result`` event of the agent or the tool that it guards, ``pass`` or
``fail``. A tool that waits for somebody's approval is no run of it; one that the SDK gave up on is
an error.

One call, one inference span: it is that of the SDK below (``openai``, ``litellm``) where that is
traced, as it knows the wire; a model over a websocket, which no SDK below sees, is traced here.
Otherwise the SDK's own ``generation`` or ``response`` becomes one here, without content. Tasks and
turns, whose tokens are sums, make none. What the SDK drops, or what is still open when it shuts its
tracing down (before the interpreter exits) or when uninstrumenting, ends without an error. Not
covered: the arguments of handoffs, voice and realtime.
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
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import get_current_span

from otel_llm import semconv
from otel_llm.genai import Request, Response

from .core import Endpoint, Hook, LLMInstrumentor, Origin, Patch, guarded
from .core.activation import activate, release
from .core.activity import AGENT, TOOL, WORKFLOW, Activity
from .core.ending import Ending
from .core.events import emit_evaluation
from .core.operation import Operation, type_name
from .core.said import said, saying
from .core.suppression import suppressed
from .core.telemetry import Telemetry
from .core.traced import traced
from .core.unseen_importlib_bootstrap.around import Around, around
from .shapes import openai_agents as shape
from .shapes.hosts import Origins, provider_of, server_at
from .shapes.values import field, fields, items, parsed, text

_HANDS_OFF = create_key("otel-llm-agents-hand-off")
"""Set in a run whose first agent may hand off to others."""

_HANDOFF = create_key("otel-llm-agents-handoff")
"""The SDK's ``ToolRunHandoff`` that is being run."""

_TOOL = create_key("otel-llm-agents-tool")
"""The ``_Run`` of the tool that is being run."""

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
    """Return where signals go, unless the program wants none of this run."""
    return OpenAIAgentsInstrumentor.telemetry if is_instrumentation_enabled() else None


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
    error_type, data = _failure(run), field(thing, "span_data")
    if run.activity is not None:
        _describe(run.activity, data)
        run.activity.end(error_type)
    if run.operation is not None:
        run.operation.end(Ending(shape.answer(data), error_type))
    if text(field(data, "type")) == "guardrail":
        _judged(data, error_type)


def _judged(data: Any, error_type: str | None) -> None:
    """Say what a guardrail decided on the span of its agent; a cancelled one decided nothing."""
    telemetry, cancelled = _telemetry(), (error_type or "").endswith("CancelledError")
    if telemetry is None or cancelled or not get_current_span().get_span_context().is_valid:
        return
    verdict = shape.verdict(data, error_type)
    emit_evaluation(telemetry.logger, verdict, context=get_current())


def _failure(run: _Run) -> str | None:
    """Return how it failed; a tool by its own exception, for which the SDK raises another."""
    noted = None if run.error_type == "_OTHER" else run.error_type
    tool = run.activity is not None and run.activity.operation == TOOL.operation
    first, then = (noted, _raised(run)) if tool else (_raised(run), noted)
    return first or then or run.error_type


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
            said = shape.named_failure(args[0] if args else kwargs.get("error"))
            run.error_type = _raised(run) or run.error_type or said or "_OTHER"
    return wrapped(*args, **kwargs)


def _open_span(telemetry: Telemetry, span: Any) -> tuple[_Run, Context | None]:
    data = field(span, "span_data")
    kind = text(field(data, "type"))
    if kind == "agent":
        activity = Activity(telemetry, AGENT, shape.agent(data))
        return _Run(activity), activity.context
    if kind == "function":
        run = _Run(activity := Activity(telemetry, TOOL, shape.tool(data)))
        return run, set_value(_TOOL, run, activity.context)
    if kind == "handoff" and (handoff := get_value(_HANDOFF)) is not None:
        activity = Activity(telemetry, TOOL, shape.handoff(handoff))
        return _Run(activity), activity.context
    if kind in ("generation", "response") and (operation := _operation(telemetry, data)):
        return _Run(operation=operation), operation.context
    return _Run(), None


def _called(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Note which call of the model a tool is run for, and what the tool is said to be for."""
    with guarded("reading the call of a tool"):
        run = get_value(_TOOL)
        if isinstance(run, _Run) and run.activity is not None:
            run.activity.put(shape.call({**dict(zip(_CALLED, args, strict=False)), **kwargs}))
    return wrapped(*args, **kwargs)


_CALLED = ("context", "tool_call_id", "tool_call", "agent")


async def _asked(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Forget the run of a tool that waits for somebody's approval: it runs when that is there."""
    result = await wrapped(*args, **kwargs)
    with guarded("reading whether a tool may run"):
        run = get_value(_TOOL)
        if isinstance(run, _Run) and shape.waits(result):
            run.activity = None  # a span that never ends is never sent
    return result


def _timed_out(
    wrapped: Callable[..., Any], error: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Note that a tool took too long, of which the model is told and nobody else."""
    run = get_value(_TOOL)
    if isinstance(run, _Run):
        run.error_type = type_name(error)
    return wrapped(*args, **kwargs)


async def _guarding(
    wrapped: Callable[..., Any], guardrail: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Say what the guardrail of a tool decided on the span of that tool."""
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        _judged_tool(guardrail, None, type_name(error))
        raise
    _judged_tool(guardrail, result, None)
    return result


def _judged_tool(guardrail: Any, result: Any, error_type: str | None) -> None:
    with guarded("reading what a guardrail decided"):
        _judged(shape.judged(guardrail, result), error_type)


def _describe(activity: Activity, data: Any) -> None:
    """Keep arguments and result of a tool, which the SDK has by now."""
    if activity.operation != TOOL.operation or not activity.captures:
        return
    for name, key in ((semconv.TOOL_CALL_ARGUMENTS, "input"), (semconv.TOOL_CALL_RESULT, "output")):
        if (value := parsed(field(data, key))) is not None:
            activity.put_content(name, value if isinstance(value, Mapping) else {key: value})


def _open_trace(telemetry: Telemetry, trace: Any) -> tuple[_Run, Context | None]:
    name, group = text(field(trace, "name")), text(field(trace, "group_id"))
    told = {} if group is None else {semconv.CONVERSATION_ID: group}
    activity, inside = None, get_current()
    if name not in _DEFAULT_NAMES or get_value(_HANDS_OFF):
        called = None if name in _DEFAULT_NAMES else name
        activity = Activity(telemetry, WORKFLOW, {semconv.WORKFLOW_NAME: called, **told})
        inside = activity.context
    return _Run(activity), saying(inside, told, ()) if told else inside


def _runner(telemetry: Telemetry, _: Any, arguments: Mapping[str, Any]) -> Around:
    hands_off = bool(field(arguments.get("starting_agent"), "handoffs"))
    inside = set_value(_HANDS_OFF, hands_off)
    told = semconv.CONVERSATION_ID in said(inside, AGENT.operation, ())
    session = text(field(arguments.get("session"), "session_id"))
    if told or session is None:
        return Around(inside=inside)
    return Around(inside=saying(inside, {semconv.CONVERSATION_ID: session}, ()))


def _handing_off(_: Telemetry, __: Any, arguments: Mapping[str, Any]) -> Around:
    asked = items(arguments.get("run_handoffs"))
    return Around(inside=set_value(_HANDOFF, asked[0] if asked else None))


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
    request = shape.request(data)
    return Operation(telemetry, _CHAT, origin, request.model, request)


def _shut_down(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    _let_all_go()
    return wrapped(*args, **kwargs)


def _let_all_go() -> None:
    runs = list(_runs.values())
    _runs.clear()
    for run in reversed(runs):  # what is inside first
        run.let_go()


_SPANS, _TRACES = "agents.tracing.spans", "agents.tracing.traces"
_TURNS, _TOOLS = "agents.run_internal.turn_resolution", "agents.tool_context"
_PROVIDER = "agents.tracing.provider"
_RUNS, _GUARDS = "agents.run_internal.tool_execution", "agents.tool_guardrails"
_ERRORS = "agents.exceptions"
_OPTIONAL = frozenset({_TURNS, _TOOLS, _PROVIDER, _RUNS, _GUARDS, _ERRORS})
"""What only adds to spans that are there without it."""
_START_SPAN, _START_TRACE = _starting(_open_span), _starting(_open_trace)
_AROUND_RUN = around(_telemetry, _runner, ("starting_agent",))


class OpenAIAgentsInstrumentor(LLMInstrumentor):
    """Traces the OpenAI Agents SDK."""

    requires = ("openai-agents >= 0.24, < 1",)
    provider = "openai"
    patches = (
        Patch(
            "agents.models.openai_responses",
            "OpenAIResponsesWSModel._iter_websocket_response_events",
            shape.SOCKET,
            positional=("create_kwargs",),
            optional=True,
        ),
    )
    hooks = tuple(
        Hook(module, name, wrapper, optional=module in _OPTIONAL)
        for module, name, wrapper in (
            *((_SPANS, f"{kind}.start", _START_SPAN) for kind in ("SpanImpl", "NoOpSpan")),
            *((_SPANS, f"{kind}.finish", _finish) for kind in ("SpanImpl", "NoOpSpan")),
            *((_SPANS, f"{kind}.set_error", _set_error) for kind in ("SpanImpl", "NoOpSpan")),
            *((_TRACES, f"{kind}.start", _START_TRACE) for kind in ("TraceImpl", "NoOpTrace")),
            *((_TRACES, f"{kind}.finish", _finish) for kind in ("TraceImpl", "NoOpTrace")),
            ("agents.run", "AgentRunner.run", _AROUND_RUN),
            ("agents.run", "AgentRunner.run_streamed", _AROUND_RUN),
            (_TURNS, "execute_handoffs", around(_telemetry, _handing_off)),
            (_TOOLS, "ToolContext.from_agent_context", _called),
            (_RUNS, "_FunctionToolBatchExecutor._maybe_execute_tool_approval", _asked),
            (_ERRORS, "ToolTimeoutError.__init__", _timed_out),
            *((_GUARDS, f"Tool{side}Guardrail.run", _guarding) for side in ("Input", "Output")),
            (_PROVIDER, "DefaultTraceProvider.shutdown", _shut_down),
        )
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider of a model over a websocket by its client's host."""
        return _ORIGINS.of(instance._client)

    def _uninstrument(self, **kwargs: Any) -> None:
        super()._uninstrument(**kwargs)
        _let_all_go()


_ORIGINS = Origins(provider_of)
