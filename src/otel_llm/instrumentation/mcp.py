"""MCP (``mcp`` 2): the metrics of clients and servers, and what their spans leave out.

Since version 2 the package makes the spans itself, one for each message sent and one for each
received, and carries the trace over in ``_meta`` (scope ``mcp-python-sdk``). Nothing is doubled
here: the client's span gains the tool or prompt it is about, and every message is measured as
``mcp.client.operation.duration`` or ``mcp.server.operation.duration``. Not covered: version 1,
the durations of sessions, arguments and results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Any

from otel_llm import semconv
from otel_llm.semconv import metrics
from otel_llm.semconv.metrics import Metric

from .core import Hook, LLMInstrumentor, guarded
from .core.operation import type_name
from .shapes.values import field, fields, integer, known, text

_Attributes = dict[str, Any]
_TOOL, _PROMPT = "tools/call", "prompts/get"


def _about(method: Any, target: Any) -> _Attributes:
    """Return what a message is about: its method, and the tool or prompt that it names."""
    named = text(target)
    found = {semconv.MCP_METHOD_NAME: text(method)}
    if method == _TOOL:
        found |= {semconv.OPERATION_NAME: "execute_tool", semconv.TOOL_NAME: named}
    if method == _PROMPT:
        found |= {semconv.PROMPT_NAME: named}
    return {name: value for name, value in found.items() if value is not None}


def _sent(_: Any, arguments: Mapping[str, Any]) -> _Attributes:
    return _about(arguments.get("method"), fields(arguments.get("params")).get("name"))


def _received(_: Any, arguments: Mapping[str, Any]) -> _Attributes:
    told = arguments.get("ctx")
    version = known(**{semconv.MCP_PROTOCOL_VERSION: text(field(told, "protocol_version"))})
    return {**_about(field(told, "method"), fields(field(told, "params")).get("name")), **version}


def _measuring(
    metric: Metric, about: Callable[[Any, Mapping[str, Any]], _Attributes], *positional: str
) -> Any:
    """Return the hook on a coroutine function that sends or answers one message."""

    async def measured(
        wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        started_ns = perf_counter_ns()
        named = {**dict(zip(positional, args, strict=False)), **kwargs}
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            with guarded("measuring a failed MCP message"):
                _record(metric, {**about(instance, named), **_raised(error)}, started_ns)
            raise
        with guarded("measuring an MCP message"):
            _record(metric, {**about(instance, named), **_failed(result)}, started_ns)
        return result

    return measured


def _record(metric: Metric, attributes: _Attributes, started_ns: int) -> None:
    telemetry = MCPInstrumentor.telemetry
    if telemetry is not None and semconv.MCP_METHOD_NAME in attributes:
        seconds = (perf_counter_ns() - started_ns) / 1e9
        telemetry.histogram(metric).record(seconds, attributes)


def _raised(error: BaseException) -> _Attributes:
    """Return the JSON-RPC code of what the other side answered, else the exception's class."""
    code = integer(field(field(error, "error"), "code"))
    if code is None:
        return {semconv.ERROR_TYPE: type_name(error)}
    return {semconv.ERROR_TYPE: str(code), semconv.RPC_RESPONSE_STATUS_CODE: str(code)}


def _failed(result: Any) -> _Attributes:
    """Return whether a tool failed, which is an answer and no exception."""
    failed = field(result, "isError") is True or field(result, "is_error") is True
    return {semconv.ERROR_TYPE: "tool_error"} if failed else {}


def _named_span(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Start the package's span of a message sent, with what it leaves out."""
    given = kwargs
    with guarded("describing an MCP message"):
        said = fields(kwargs.get("attributes"))
        method = text(said.get(semconv.MCP_METHOD_NAME)) or ""
        name = text(args[0] if args else kwargs.get("name")) or ""
        target = name.removeprefix(f"MCP send {method}").strip()
        given = {**kwargs, "attributes": {**_about(method, target), **said}}
    return wrapped(*args, **given)


_DISPATCHER = "mcp.shared.jsonrpc_dispatcher"
_SEND = _measuring(metrics.MCP_CLIENT_OPERATION_DURATION, _sent, "method", "params")
_ANSWER = _measuring(metrics.MCP_SERVER_OPERATION_DURATION, _received, "ctx", "call_next")


class MCPInstrumentor(LLMInstrumentor):
    """Measures MCP clients and servers."""

    requires = ("mcp >= 2, < 3",)
    patches = ()
    hooks = (
        Hook(_DISPATCHER, "JSONRPCDispatcher.send_raw_request", _SEND),
        Hook(_DISPATCHER, "JSONRPCDispatcher.notify", _SEND),
        Hook(_DISPATCHER, "otel_span", _named_span),
        Hook("mcp.server._otel", "OpenTelemetryMiddleware.__call__", _ANSWER),
    )
