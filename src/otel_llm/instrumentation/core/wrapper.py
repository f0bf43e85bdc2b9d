"""The one wrapper around every patched call."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from opentelemetry.context import get_current

from otel_llm.genai import Request

from .activation import activate, release
from .guard import guarded, swallowed
from .operation import Ending, Operation
from .patch import Endpoint, Origin, Patch
from .reading import Reading
from .streams import follow
from .suppression import suppressed
from .telemetry import Telemetry


class Source(Protocol):
    """What the wrapper needs of an instrumentor."""

    telemetry: Telemetry | None
    """``None`` while it is not instrumenting: methods that a client kept then do nothing."""

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Say whom the call goes to."""
        ...


def wrapper_for(source: Source, patch: Patch, function: Any) -> Callable[..., Any]:
    """Return the wrapper, in wrapt's form, for ``function`` as ``patch`` describes it."""
    call = _sent_when_awaited if _is_async(function) else _sent_at_once

    def wrapper(
        wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        telemetry = source.telemetry
        if telemetry is None or suppressed(get_current(), patch.endpoint.operation):
            return wrapped(*args, **kwargs)
        return call(Start(source, telemetry, patch, instance, args, kwargs), wrapped, args, kwargs)

    return wrapper


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(inspect.unwrap(function))


class Start:
    """Everything needed to start an operation, now or when the request is really sent."""

    __slots__ = ("_args", "_instance", "_kwargs", "_source", "_telemetry", "endpoint", "patch")

    def __init__(
        self,
        source: Source,
        telemetry: Telemetry,
        patch: Patch,
        instance: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._source = source
        self._telemetry = telemetry
        self._instance = instance
        self._args = args
        self._kwargs = kwargs
        self.patch = patch
        self.endpoint = patch.endpoint

    def __call__(self) -> Operation | None:
        """Return the running operation; ``None`` when even that failed."""
        try:
            return self._started()
        except Exception as error:  # noqa: BLE001 - our mistake must not stop the user's call
            swallowed(f"starting {self.endpoint.operation}", error)
            return None

    def _started(self) -> Operation:
        arguments = self._arguments()
        origin, request = Origin("_OTHER"), Request()
        with guarded("reading whom a call goes to"):
            origin = self._source.origin(self._instance, arguments)
        with guarded(f"reading a {self.endpoint.operation} request"):
            request = self.endpoint.request(arguments)
        operation = Operation(self._telemetry, self.endpoint, origin, request)
        operation.capture(arguments)
        return operation

    def _arguments(self) -> Mapping[str, Any]:
        if not self._args:
            return self._kwargs
        return {**dict(zip(self.patch.positional, self._args, strict=False)), **self._kwargs}


def _sent_at_once(
    start: Start, wrapped: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    operation = start()
    if operation is None:
        return wrapped(*args, **kwargs)
    token = activate(operation.context)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        release(token)
        operation.fail(error)
        raise
    release(token)
    if inspect.isawaitable(result):
        return _awaited(operation, start.endpoint, result)
    return settled(operation, start.endpoint, result)


def _sent_when_awaited(
    start: Start, wrapped: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """A coroutine does nothing before it is awaited, so neither do we."""
    return _started_and_awaited(start, wrapped(*args, **kwargs))


async def _started_and_awaited(start: Start, pending: Awaitable[Any]) -> Any:
    operation = start()
    if operation is None:
        return await pending
    return await _awaited(operation, start.endpoint, pending)


async def _awaited(operation: Operation, endpoint: Endpoint, pending: Awaitable[Any]) -> Any:
    token = activate(operation.context)
    try:
        result = await pending
    except BaseException as error:
        release(token)
        operation.fail(error)
        raise
    release(token)
    return settled(operation, endpoint, result)


def settled(operation: Operation, endpoint: Endpoint, result: Any) -> Any:
    """End the operation with ``result``, or return it followed if it is still to come."""
    if endpoint.stream is not None and (
        hasattr(result, "__next__") or hasattr(result, "__anext__")
    ):
        with guarded("following a stream"):
            return follow(result, Reading(operation, endpoint.stream(operation.captures)))
    finish(operation, endpoint, result)
    return result


def finish(operation: Operation, endpoint: Endpoint, result: Any) -> None:
    """End the operation with what came back whole."""
    ending = Ending()
    try:
        ending.response = endpoint.response(result)
    except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
        swallowed(f"reading a {endpoint.operation} response", error)
    content = endpoint.content
    if operation.captures and content is not None:
        ending.output = lambda: content.output_messages(result)
    operation.end(ending)
