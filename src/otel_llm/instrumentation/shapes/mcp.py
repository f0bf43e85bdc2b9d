"""Messages and transports of the Model Context Protocol, as its SDK has them (``mcp`` 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

from otel_llm import semconv

from .hosts import server_at
from .values import field, fields, integer, items, known, text

TOOL, PROMPT, INITIALIZE = "tools/call", "prompts/get", "initialize"

TIMEOUTS = (408, -32001)
"""Codes by which the packages of version 1 and 2 tell that an answer did not come in time."""

Attributes = dict[str, Any]


@dataclass(slots=True)
class Link:
    """What is known of a connection: by its transport at once, by what is said on it later."""

    network: Attributes = default(default_factory=dict[str, Any])
    """Transport and protocol; for a client the server's address too."""
    version: str | None = None
    """Protocol version that both sides agreed on."""
    session: Any = None
    """Id of the session, or a function that gives it."""

    def measured(self) -> Attributes:
        """Return what metrics carry too."""
        return {**self.network, **known(**{semconv.MCP_PROTOCOL_VERSION: self.version})}

    def shown(self) -> Attributes:
        """Return what only spans carry."""
        id = self.session() if callable(self.session) else self.session
        return known(**{semconv.MCP_SESSION_ID: text(id)})


def pipe(*_: Any) -> Attributes:
    """Describe the standard streams of a process."""
    return {semconv.NETWORK_TRANSPORT: "pipe"}


def served_over_http(*_: Any) -> Attributes:
    """Describe the server's end of HTTP."""
    return {semconv.NETWORK_TRANSPORT: "tcp", semconv.NETWORK_PROTOCOL_NAME: "http"}


def http(url: Any = None, *_: Any) -> Attributes:
    """Describe the client's end of HTTP."""
    return {**served_over_http(), **_server(url)}


def websocket(url: Any = None, *_: Any) -> Attributes:
    """Describe the client's end of a websocket."""
    named = {semconv.NETWORK_TRANSPORT: "tcp", semconv.NETWORK_PROTOCOL_NAME: "websocket"}
    return {**named, **_server(url)}


def _server(url: Any) -> Attributes:
    host, port = server_at(url) if text(url) else (None, None)
    return {} if host is None else {semconv.SERVER_ADDRESS: host, semconv.SERVER_PORT: port}


def about(method: Any, params: Any) -> Attributes:
    """Return what a message is about: its method, and the tool or prompt that it names."""
    told = fields(params)
    named = text(told.get("name"))
    found = {semconv.MCP_METHOD_NAME: text(method)}
    if method == TOOL:
        found |= {semconv.OPERATION_NAME: "execute_tool", semconv.TOOL_NAME: named}
    if method == PROMPT:
        found |= {semconv.PROMPT_NAME: named}
    return {name: value for name, value in found.items() if value is not None}


def details(id: Any, params: Any) -> Attributes:
    """Return what only the message's span says: its id, and the resource that it names."""
    uri = fields(params).get("uri")
    request = None if id is None else str(id)
    resource = None if uri is None else str(uri)
    return known(**{semconv.JSONRPC_REQUEST_ID: request, semconv.MCP_RESOURCE_URI: resource})


def asked_by(request: Any) -> tuple[Attributes, Attributes]:
    """Describe the HTTP request that brought a message: for metrics and spans, for spans only."""
    scope = fields(field(request, "scope"))
    if scope.get("type") != "http":
        return {}, {}
    host, port = (*(scope.get("client") or ()), None, None)[:2]
    near = {semconv.CLIENT_ADDRESS: text(host), semconv.CLIENT_PORT: integer(port)}
    version = {semconv.NETWORK_PROTOCOL_VERSION: text(scope.get("http_version"))}
    session = {semconv.MCP_SESSION_ID: text(request.headers.get("mcp-session-id"))}
    return {**served_over_http(), **known(**version)}, known(**near, **session)


def failed(result: Any) -> Attributes:
    """Return whether a tool failed, which is an answer and no exception, or the whole request."""
    if (code := integer(field(result, "code"))) is not None and field(
        result, "message"
    ) is not None:
        return refused(code)
    answer = field(result, "root") or result
    wrong = field(answer, "isError") is True or field(answer, "is_error") is True
    return {semconv.ERROR_TYPE: "tool_error"} if wrong else {}


def refused(code: int) -> Attributes:
    """Return the JSON-RPC code that the other side answered with."""
    return {semconv.ERROR_TYPE: str(code), semconv.RPC_RESPONSE_STATUS_CODE: str(code)}


def version_of(result: Any) -> str | None:
    """Return the protocol version that the answer to ``initialize`` settles."""
    answer = field(result, "root") or result
    return text(field(answer, "protocolVersion")) or text(field(answer, "protocol_version"))


def result_of(result: Any) -> dict[str, Any] | None:
    """Return what a tool gave, in the words of the protocol."""
    answer = field(result, "root") or result
    content = [_plain(one) for one in items(field(answer, "content"))]
    structured = field(answer, "structuredContent") or field(answer, "structured_content")
    return known(content=content or None, structuredContent=structured) or None


def _plain(block: Any) -> Any:
    """Return a block of content of either version: a model, or what was never made one."""
    dump = getattr(block, "model_dump", None)
    return dump(by_alias=True, exclude_none=True, mode="json") if callable(dump) else block


def arguments_of(method: Any, params: Any) -> Mapping[str, Any] | None:
    """Return what a tool is called with."""
    given = fields(params).get("arguments")
    return given if method == TOOL and isinstance(given, Mapping) else None  # pyright: ignore[reportUnknownVariableType] - any JSON
