"""Everything needed to start an operation, now or when the request is really sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from opentelemetry.context import get_current

from otel_llm.genai import Request

from .guard import swallowed
from .operation import Operation
from .patch import Origin, Patch
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


class Start:
    """One call of a patched method, not yet sent."""

    __slots__ = ("_args", "_instance", "_kwargs", "_patch", "_source", "endpoint")

    def __init__(
        self,
        source: Source,
        patch: Patch,
        instance: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._source = source
        self._patch = patch
        self._instance = instance
        self._args = args
        self._kwargs = kwargs
        self.endpoint = patch.endpoint

    def __call__(self) -> Operation | None:
        """Return the running operation; ``None`` when this call is not ours to trace."""
        telemetry, endpoint = self._source.telemetry, self.endpoint
        try:
            if telemetry is None:
                return None
            arguments = self._arguments() if self._args else self._kwargs
            if self._patch.choose is not None:
                chosen = self._patch.choose(self._instance, arguments)
                if chosen is None:
                    return None
                self.endpoint = endpoint = chosen
            if (outer := get_current()) and suppressed(outer, endpoint.operation):
                return None
            return self._started(telemetry, arguments)
        except Exception as error:  # noqa: BLE001 - our mistake must not stop the user's call
            swallowed(f"starting {endpoint.operation}", error)
            return None

    def _started(self, telemetry: Telemetry, arguments: Mapping[str, Any]) -> Operation:
        source, endpoint = self._source, self.endpoint
        try:
            origin = source.origin(self._instance, arguments)
        except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
            swallowed("reading whom a call goes to", error)
            origin = Origin(source.provider)
        try:
            request = endpoint.request(arguments)
        except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
            swallowed(f"reading a {endpoint.operation} request", error)
            request = Request()
        operation = Operation(telemetry, endpoint, origin, request)
        if telemetry.reads_content:
            operation.capture(arguments)
        return operation

    def _arguments(self) -> Mapping[str, Any]:
        return {**dict(zip(self._patch.positional, self._args, strict=False)), **self._kwargs}
