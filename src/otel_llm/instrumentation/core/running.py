"""Run the SDK inside an operation: its context current, its exception noted and passed on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .activation import activate, release
from .operation import Operation
from .settling import kind_of, settled


def run(
    operation: Operation,
    function: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Return what ``function`` returns, followed if there is more to come."""
    token = activate(operation.context)
    try:
        result = function(*args, **kwargs) if kwargs else function(*args)
    except BaseException as error:
        release(token)
        operation.fail(error)
        raise
    release(token)
    kind = kind_of(result)
    if kind == "awaitable":
        return run_async(operation, result)
    return settled(operation, result, kind)


async def run_async(operation: Operation, pending: Awaitable[Any]) -> Any:
    """Return what ``pending`` gives, followed if there is more to come."""
    token = activate(operation.context)
    try:
        result = await pending
    except BaseException as error:
        release(token)
        operation.fail(error)
        raise
    release(token)
    return settled(operation, result, kind_of(result))
