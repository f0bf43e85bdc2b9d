"""Instrument your own code: workflows, agents, tools, retrievals and calls made by hand.

Everything that has a duration is a decorator and a context manager at once, for functions,
coroutines, generators and asynchronous generators::

    from otel_llm import agent, set_user, tool, workflow

    @tool
    def search(query: str) -> list[str]: ...

    @workflow("answer")
    async def answer(question: str) -> str:
        set_user("u-7")
        with agent("researcher", model="gpt-5") as run:
            ...

Nothing here raises on account of telemetry, and without an OpenTelemetry SDK nothing is recorded.
What is said with ``set_user`` and its like holds for the rest of the scope it is said in, or, as a
``with`` block, for the block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any, ParamSpec, TypeVar, overload

from opentelemetry.context import Context, get_current

from otel_llm import semconv

from .core import guarded
from .core.activation import activate, release
from .core.activity import AGENT, RETRIEVAL, TOOL, WORKFLOW, Kind
from .core.attributes import plain
from .core.budget import budget_ok as budget_ok
from .core.events import emit_evaluation
from .core.executor import CarryingThreadPoolExecutor
from .core.flushing import flush as flush
from .core.runs import ActivityRun, CallRun, signals
from .core.runs import configure as configure
from .core.said import saying
from .core.summary import TraceSummary, summary_of
from .core.unseen_importlib_bootstrap.scope import F, Scope

P = ParamSpec("P")
T = TypeVar("T")


@overload
def workflow(name: F) -> F: ...
@overload
def workflow(name: str | None = None) -> Scope[ActivityRun]: ...
def workflow(name: Any = None) -> Any:
    """Trace one run of a whole application flow: span ``invoke_workflow {name}`` and duration.

    As a bare decorator it takes the function's name.
    """
    return _scope(WORKFLOW, name, {})


@overload
def agent(name: F) -> F: ...
@overload
def agent(
    name: str | None = None,
    *,
    model: str | None = None,
    description: str | None = None,
    version: str | None = None,
) -> Scope[ActivityRun]: ...
def agent(
    name: Any = None,
    *,
    model: str | None = None,
    description: str | None = None,
    version: str | None = None,
) -> Any:
    """Trace one run of an agent: ``invoke_agent {name}``, its duration, model calls and tools.

    An agent run inside it counts its own calls, and they are not counted here again.
    """
    about = {
        semconv.REQUEST_MODEL: model,
        semconv.AGENT_DESCRIPTION: description,
        semconv.AGENT_VERSION: version,
    }
    return _scope(AGENT, name, about)


@overload
def tool(name: F) -> F: ...
@overload
def tool(
    name: str | None = None,
    *,
    description: str | None = None,
    type: str = "function",
    call_id: str | None = None,
) -> Scope[ActivityRun]: ...
def tool(
    name: Any = None,
    *,
    description: str | None = None,
    type: str = "function",
    call_id: str | None = None,
) -> Any:
    """Trace one run of a tool: ``execute_tool {name}``; model calls inside are calls of their own.

    As a decorator it keeps arguments and result where content is captured on spans.
    """
    about = {
        semconv.TOOL_DESCRIPTION: description,
        semconv.TOOL_TYPE: type,
        semconv.TOOL_CALL_ID: call_id,
    }
    return _scope(TOOL, name, about)


@overload
def retrieval(data_source: F) -> F: ...
@overload
def retrieval(
    data_source: str | None = None, *, top_k: int | None = None, provider: str | None = None
) -> Scope[ActivityRun]: ...
def retrieval(
    data_source: Any = None, *, top_k: int | None = None, provider: str | None = None
) -> Any:
    """Trace one look into a store of documents: ``retrieval {data_source}``."""
    about = {semconv.RETRIEVAL_TOP_K: top_k, semconv.PROVIDER_NAME: provider}
    return _scope(RETRIEVAL, data_source, about)


def llm_call(
    model: str | None = None,
    *,
    provider: str = "_OTHER",
    operation: str = "chat",
    server: tuple[str, int] | None = None,
    **parameters: Any,
) -> Scope[CallRun]:
    """Trace a model call that no instrumentor knows: ``{operation} {model}`` and all its metrics.

    ``parameters`` are fields of ``otel_llm.genai.Request`` such as ``temperature``. Say what came
    back with ``run.set_response(...)``; what is not said is left out.
    """
    return Scope(partial(CallRun, operation, model, provider, server, parameters))


def embedding(
    model: str | None = None,
    *,
    provider: str = "_OTHER",
    server: tuple[str, int] | None = None,
    **parameters: Any,
) -> Scope[CallRun]:
    """Trace an embeddings call that no instrumentor knows. See ``llm_call``."""
    return Scope(partial(CallRun, "embeddings", model, provider, server, parameters))


def _scope(kind: Kind, name: Any, about: Mapping[str, Any]) -> Any:
    if callable(name) or isinstance(name, classmethod):  # ``@tool`` without parentheses
        return _scope(kind, None, about)(name)
    if name is not None:
        return Scope(partial(ActivityRun, kind, {kind.subject: _text(name), **about}))
    return _Unnamed(kind, about)


class _Unnamed(Scope[ActivityRun]):
    """A scope that takes its name from the function it decorates."""

    def __init__(self, kind: Kind, about: Mapping[str, Any]) -> None:
        super().__init__(partial(ActivityRun, kind, about))
        self._kind, self._about = kind, about

    def __call__(self, function: F) -> F:
        named = {self._kind.subject: _name_of(function), **self._about}
        return Scope(partial(ActivityRun, self._kind, named))(function)


def _name_of(function: Any) -> str:
    inner = function.func if isinstance(function, partial) else function
    return getattr(inner, "__name__", None) or type(inner).__name__


class Said:
    """Something said about the calls from here on; as a ``with`` block, about those inside."""

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self._token: Any = None
        with guarded("saying what calls are for"):
            carried = signals().settings.baggage
            self._token = activate(saying(get_current(), attributes, carried))

    async def __aenter__(self) -> Said:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def __enter__(self) -> Said:
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            release(self._token)


def set_user(id: str) -> Said:
    """Say whom the calls are made for: ``user.id``."""
    return Said({semconv.own.USER_ID: _text(id)})


def set_session(id: str) -> Said:
    """Say which conversation they belong to: ``session.id`` and ``gen_ai.conversation.id``."""
    return Said({semconv.own.SESSION_ID: _text(id), semconv.CONVERSATION_ID: _text(id)})


def _text(value: object) -> str | None:
    """Return an id as a string, whatever type of it a program has; none stays unknown."""
    return None if value is None else _words(value) or None


def _words(value: object) -> str | None:
    """Return what ``str`` says of any object; ``None`` where it raises."""
    with guarded("reading what a program says of its calls"):
        return str(value)
    return None


def set_prompt(
    name: str, version: str | None = None, variables: Mapping[str, Any] | None = None
) -> Said:
    """Say which prompt template they use; its variables are kept only where content is on spans."""
    attributes = {semconv.PROMPT_NAME: _text(name), semconv.PROMPT_VERSION: _text(version)}
    with guarded("reading the variables of a prompt"):
        if (live := signals()).content_on_span:
            known = ((key, v) for key, v in (variables or {}).items() if v is not None)
            for key, value in known:
                attributes[f"{semconv.PROMPT_VARIABLE}.{key}"] = live.privacy.kept_value(str(value))
    return Said(attributes)


def set_tags(*, feature: str | None = None, team: str | None = None, **tags: str) -> Said:
    """Say what they are for: ``feature`` and ``team``, by which costs are grouped, and free tags.

    Tags replace those said before, as ``key=value`` strings in ``otel_llm.tags``.
    """
    attributes: dict[str, Any] = {
        semconv.own.FEATURE: _text(feature),
        semconv.own.TEAM: _text(team),
    }
    known = {key: said for key, value in tags.items() if (said := _words(value)) is not None}
    attributes[semconv.own.TAGS] = tuple(f"{key}={said}" for key, said in known.items()) or None
    return Said(attributes)


def trace_summary() -> TraceSummary | None:
    """Return what ended so far inside the outermost scope around here; ``None`` outside of any."""
    return summary_of(get_current())


def record_evaluation(
    name: str,
    score: float | None = None,
    *,
    label: str | None = None,
    explanation: str | None = None,
    response_id: str | None = None,
    run: ActivityRun | CallRun | None = None,
) -> None:
    """Record a judgement as a ``gen_ai.evaluation.result`` event on ``run``, else the current span.

    ``run`` may have ended. ``explanation`` is sent whatever is captured, and without keys and
    personal data, whatever ``OTEL_LLM_REDACT`` says. A score that is no finite number is left out.
    """
    with guarded("recording an evaluation"):
        why = None if explanation is None else signals().privacy.kept_comment(str(explanation))
        said = {
            semconv.EVALUATION_NAME: name,
            semconv.EVALUATION_SCORE_VALUE: _finite(score),
            semconv.EVALUATION_SCORE_LABEL: label,
            semconv.EVALUATION_EXPLANATION: why,
            semconv.RESPONSE_ID: response_id,
        }
        cleaned = {key: plain(value) for key, value in said.items()}
        attributes = {key: value for key, value in cleaned.items() if value is not None}
        context: Context = run.context if run is not None else get_current()
        emit_evaluation(signals().logger, attributes, context=context)


def _finite(score: float | None) -> float | None:
    if score is None:
        return None
    try:
        value = float(score)
    except OverflowError:  # no double is as large
        return None
    return value if isfinite(value) else None


def record_feedback(
    score: float,
    comment: str | None = None,
    *,
    response_id: str | None = None,
    run: ActivityRun | CallRun | None = None,
) -> None:
    """Record what a user thought of an answer: an evaluation called ``user_feedback``."""
    record_evaluation("user_feedback", score, explanation=comment, response_id=response_id, run=run)


def carry(function: Callable[P, T]) -> Callable[P, T]:
    """Return ``function`` bound to the trace of here and now, to be called from another thread.

    Of a coroutine function or a generator all that it runs is, wherever that is.
    """
    return Scope(partial(_Here, get_current()))(function)


@dataclass(frozen=True, slots=True)
class _Here:
    """The context that a carried function runs in."""

    context: Context

    def end(self, error: BaseException | None = None) -> None:
        """Nothing ends with it."""


__all__ = [
    "CarryingThreadPoolExecutor",
    "TraceSummary",
    "agent",
    "budget_ok",
    "carry",
    "configure",
    "embedding",
    "llm_call",
    "record_evaluation",
    "record_feedback",
    "retrieval",
    "set_prompt",
    "set_session",
    "set_tags",
    "set_user",
    "tool",
    "trace_summary",
    "workflow",
]
