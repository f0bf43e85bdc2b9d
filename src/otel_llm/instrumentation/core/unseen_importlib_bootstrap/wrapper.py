"""The one wrapper around every patched call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from opentelemetry.context import get_current

from ..activation import activate, release
from ..late import LateReading
from ..patch import Patch
from ..start import Source, Start, begin
from ..suppression import silencing
from ..unawaited import Unawaited
from .alike import named_after
from .generators import stand_in
from .managers import follow_manager
from .running import run, run_async

Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = dict[str, Any]
_Wrapper: TypeAlias = Callable[[Callable[..., Any], Any, Args, Kwargs], Any]


def wrapper_for(source: Source, patch: Patch, function: Any) -> _Wrapper:
    """Return the wrapper, in wrapt's form, for ``function`` as ``patch`` describes it."""
    function = inspect.unwrap(function)
    if not (patch.manager or _is_late(function)):
        return _sent_at_once(source, patch)
    way = _way(patch, function)

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
        if source.telemetry is None:
            return wrapped(*args, **kwargs)
        return way(partial(begin, source, patch, instance, args, kwargs), wrapped, args, kwargs)

    return wrapper


def _sent_at_once(source: Source, patch: Patch) -> _Wrapper:
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: Args, kwargs: Kwargs) -> Any:
        operation = begin(source, patch, instance, args, kwargs)
        if operation is None:
            return wrapped(*args, **kwargs)
        return run(operation, wrapped, args, kwargs)

    return wrapper


_Way: TypeAlias = Callable[[Start, Callable[..., Any], Args, Kwargs], Any]


def _is_late(function: Any) -> bool:
    """Tell whether the request is sent only when what was returned is run."""
    return any(
        is_kind(function)
        for is_kind in (
            inspect.iscoroutinefunction,
            inspect.isgeneratorfunction,
            inspect.isasyncgenfunction,
        )
    )


def _way(patch: Patch, function: Any) -> _Way:
    if patch.manager:
        return partial(_sent_when_entered, patch.endpoint.operation)
    return _sent_when_awaited if inspect.iscoroutinefunction(function) else _sent_when_read


def _sent_when_awaited(
    start: Start, wrapped: Callable[..., Any], args: Args, kwargs: Kwargs
) -> Any:
    try:
        pending = wrapped(*args, **kwargs)
    except BaseException as error:  # the SDK checks arguments before it makes the coroutine
        if (operation := start()) is not None:
            operation.fail(error)
        raise
    return named_after(_awaited(start, Unawaited(pending)), pending)


async def _awaited(start: Start, pending: Unawaited) -> Any:
    operation = start()
    if operation is None:
        return await pending.coroutine
    return await run_async(operation, pending.coroutine)


def _sent_when_read(start: Start, wrapped: Callable[..., Any], args: Args, kwargs: Kwargs) -> Any:
    return stand_in(wrapped(*args, **kwargs), LateReading(start))


def _sent_when_entered(
    operation: str, start: Start, wrapped: Callable[..., Any], args: Args, kwargs: Kwargs
) -> Any:
    token = activate(silencing(get_current(), operation))
    try:
        manager = wrapped(*args, **kwargs)
    finally:
        release(token)
    return follow_manager(manager, start)
