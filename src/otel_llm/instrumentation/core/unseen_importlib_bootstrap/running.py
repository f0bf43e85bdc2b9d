"""Run the SDK inside an operation: its context current, its exception noted and passed on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..activation import activate, release
from ..answers import finish
from ..operation import Operation
from ..settling import kind_of, settled


def run(
    operation: Operation,
    function: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Return what ``function`` returns, followed if there is more to come."""
    token = activate(operation.context)
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        release(token)
        operation.fail(error)
        raise
    release(token)
    kind, endpoint = kind_of(result), operation.endpoint
    if kind == "whole" and endpoint.pending is None:
        finish(operation, endpoint, result)
        return result
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
