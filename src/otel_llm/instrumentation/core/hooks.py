"""Functions of an SDK that are no calls of their own, yet have to know of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

from .activation import activate, release
from .patch import Hook
from .suppression import unmarked


class Switch(Protocol):
    """What a hook needs of its instrumentor."""

    telemetry: Any
    """``None`` while it is not instrumenting."""


def hooked(switch: Switch, hook: Hook) -> Callable[..., Any]:
    """Return the wrapper of a hook, in wrapt's form: out of the way while ``switch`` is off."""

    def wrapper(
        wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if switch.telemetry is None:
            return wrapped(*args, **kwargs)
        return hook.wrapper(wrapped, instance, args, kwargs)

    return wrapper


def apart(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run a tool that an SDK calls in the middle of a call: its model calls are its own.

    The wrapper of a ``Hook`` on a function; ``apart_async`` is that of a coroutine function.
    """
    token = activate(unmarked(get_current(), get_current_span()))
    try:
        return wrapped(*args, **kwargs)
    finally:
        release(token)


def apart_async(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Awaitable[Any]:
    """Run an asynchronous tool that an SDK calls in the middle of a call, like ``apart``."""

    async def run() -> Any:
        token = activate(unmarked(get_current(), get_current_span()))
        try:
            return await wrapped(*args, **kwargs)
        finally:
            release(token)

    return run()
