"""Tools that an SDK runs itself in the middle of a call: a span each, within that of the call.

Model calls that a tool makes are calls of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_llm import semconv

from .activation import activate, release
from .activity import TOOL, Activity
from .guard import guarded
from .telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Tool:
    """One run of a tool."""

    name: str
    description: str | None = None
    arguments: Mapping[str, Any] | None = None
    """By name; kept only where content is captured."""


Signals: TypeAlias = Callable[[], Telemetry | None]
Described: TypeAlias = Callable[..., Tool]
"""From the arguments of the SDK's function that runs tools."""
_Args: TypeAlias = tuple[Any, ...]
_Kwargs: TypeAlias = dict[str, Any]


def tool(signals: Signals, described: Described) -> Callable[..., Any]:
    """Return the wrapper of a ``Hook`` on the function with which an SDK runs tools."""

    def wrapper(wrapped: Callable[..., Any], _: Any, args: _Args, kwargs: _Kwargs) -> Any:
        activity = _begun(signals, described, args, kwargs)
        if activity is None:
            return wrapped(*args, **kwargs)
        token = activate(activity.context)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            release(token)
            activity.end(_raised(error))
            raise
        release(token)
        _ended(activity, result)
        return result

    return wrapper


def tool_async(signals: Signals, described: Described) -> Callable[..., Awaitable[Any]]:
    """Return the same for a coroutine function."""

    async def wrapper(wrapped: Callable[..., Any], _: Any, args: _Args, kwargs: _Kwargs) -> Any:
        activity = _begun(signals, described, args, kwargs)
        if activity is None:
            return await wrapped(*args, **kwargs)
        token = activate(activity.context)
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            release(token)
            activity.end(_raised(error))
            raise
        release(token)
        _ended(activity, result)
        return result

    return wrapper


def _begun(signals: Signals, described: Described, args: _Args, kwargs: _Kwargs) -> Activity | None:
    with guarded("starting a tool"):
        telemetry = signals()
        if telemetry is None or not is_instrumentation_enabled():
            return None
        run = described(*args, **kwargs)
        named = {semconv.TOOL_NAME: run.name, semconv.TOOL_TYPE: "function"}
        about = {semconv.TOOL_DESCRIPTION: run.description}
        activity = Activity(telemetry, TOOL, {**named, **about})
        activity.put_content(semconv.TOOL_CALL_ARGUMENTS, run.arguments)
        return activity
    return None


def _raised(error: BaseException) -> BaseException:
    """Return what the tool itself raised; SDKs raise their own for it."""
    return error.__cause__ or error.__context__ or error


def _ended(activity: Activity, result: Any) -> None:
    kept = result if isinstance(result, dict) else {"result": result}  # pyright: ignore[reportUnknownVariableType] - whatever a tool returns
    activity.put_content(semconv.TOOL_CALL_RESULT, kept)
    activity.end()
