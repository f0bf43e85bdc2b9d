"""Everything needed to start an operation, now or when the request is really sent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

from opentelemetry.context import get_current

from otel_llm.genai import Request

from . import datadog
from .guard import swallowed
from .operation import Operation
from .patch import Endpoint, Origin, Patch
from .suppression import suppressed
from .telemetry import Telemetry


class Source(Protocol):
    """What is needed of an instrumentor."""

    telemetry: Telemetry | None
    """``None`` while it is not instrumenting: methods that a client kept then do nothing."""

    provider: ClassVar[str]
    """Value of ``gen_ai.provider.name`` when ``origin`` fails."""

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Say whom the call goes to."""
        ...


Start: TypeAlias = Callable[[], Operation | None]
"""Starts an operation, when the time has come for it; see ``begin``."""


def begin(
    source: Source, patch: Patch, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Operation | None:
    """Return the operation of one call, running; ``None`` when this call is not ours to trace."""
    telemetry, endpoint, request = source.telemetry, patch.endpoint, None
    if telemetry is None:
        return None
    try:
        arguments = _by_name(patch, args, kwargs) if args else kwargs
        if patch.choose is not None:
            endpoint = patch.choose(instance, arguments)
            if endpoint is None:
                return None
        if (outer := get_current()) and suppressed(outer, endpoint.operation):
            return None
        try:
            origin = source.origin(instance, arguments)
        except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
            swallowed("reading whom a call goes to", error)
            origin = Origin(source.provider)
        if isinstance(read := endpoint.model, str):
            model = arguments.get(read)
        elif read is not None:
            model = _model(endpoint, read, arguments)
        else:
            request = _request(endpoint, arguments)
            model = request.model
        operation = Operation(telemetry, endpoint, origin, model, request, outer)
        if operation.described and request is None:
            operation.request = _request(endpoint, arguments)
        if telemetry.reads_content:
            operation.capture(arguments)
        if datadog.TRACER in sys.modules:
            datadog.tell(source, operation.context)
        return operation
    except Exception as error:  # noqa: BLE001 - our mistake must not stop the user's call
        swallowed(f"starting {patch.endpoint.operation}", error)
        return None


def _model(
    endpoint: Endpoint, read: Callable[[Mapping[str, Any]], Any], arguments: Mapping[str, Any]
) -> Any:
    try:
        return read(arguments)
    except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
        swallowed(f"reading the model of a {endpoint.operation} request", error)
        return None


def _request(endpoint: Endpoint, arguments: Mapping[str, Any]) -> Request:
    try:
        return endpoint.request(arguments)
    except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
        swallowed(f"reading a {endpoint.operation} request", error)
        return Request()


def _by_name(patch: Patch, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any]:
    named = dict(zip(patch.positional, args, strict=False))
    if kwargs:
        named.update(kwargs)
    return named
