"""The one wrapper around every patched call."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from .generators import stand_in
from .late import LateReading
from .managers import follow_manager
from .patch import Patch
from .running import run, run_async
from .start import Source, Start

Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = dict[str, Any]
_Way: TypeAlias = Callable[[Start, Callable[..., Any], Args, Kwargs], Any]


def wrapper_for(source: Source, patch: Patch, function: Any) -> Callable[..., Any]:
    """Return the wrapper, in wrapt's form, for ``function`` as ``patch`` describes it."""
    way = _way(patch, inspect.unwrap(function))

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
        if source.telemetry is None:
            return wrapped(*args, **kwargs)
        return way(Start(source, patch, instance, args, kwargs), wrapped, args, kwargs)

    return wrapper


def _way(patch: Patch, function: Any) -> _Way:
    """Tell when the request is sent: a coroutine or a generator does nothing until it is run."""
    if patch.manager:
        return _sent_when_entered
    if inspect.iscoroutinefunction(function):
        return _sent_when_awaited
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return _sent_when_read
    return _sent_at_once


def _sent_at_once(start: Start, wrapped: Callable[..., Any], args: Args, kwargs: Kwargs) -> Any:
    operation = start()
    if operation is None:
        return wrapped(*args, **kwargs)
    return run(operation, start.endpoint, wrapped, args, kwargs)


def _sent_when_awaited(
    start: Start, wrapped: Callable[..., Any], args: Args, kwargs: Kwargs
) -> Any:
    try:
        pending = wrapped(*args, **kwargs)
    except BaseException as error:  # the SDK checks arguments before it makes the coroutine
        if (operation := start()) is not None:
            operation.fail(error)
        raise
    return _awaited(start, pending)


async def _awaited(start: Start, pending: Awaitable[Any]) -> Any:
    operation = start()
    if operation is None:
        return await pending
    return await run_async(operation, start.endpoint, pending)


def _sent_when_read(start: Start, wrapped: Callable[..., Any], args: Args, kwargs: Kwargs) -> Any:
    return stand_in(wrapped(*args, **kwargs), LateReading(start))


def _sent_when_entered(
    start: Start, wrapped: Callable[..., Any], args: Args, kwargs: Kwargs
) -> Any:
    return follow_manager(wrapped(*args, **kwargs), start)
