"""MCP (``mcp`` 1 and 2): messages and sessions of clients and servers, over any transport.

Every request is a span where it is sent and a span where it is answered, in one trace: the context
travels in ``_meta``. Version 2 of the package makes these spans itself (scope ``mcp-python-sdk``);
nothing is doubled then, they gain what the package leaves out (failures of tools on the client's
side, arguments and results where content is captured) and lose what exceptions say. Requests,
notifications and sessions are measured on both sides. A framework's span of the same tool takes the
place of the client's.

The transport is known where it was opened through this package's own functions, imported after
``instrument()``, as they are with ``opentelemetry-instrument``. Content of prompts, resources and
sampling is not kept.
"""

from __future__ import annotations

from typing import Any

from ..core import Hook, LLMInstrumentor
from ..shapes import mcp as shape
from .answering import answer, answering, respond
from .links import Live, opening
from .sending import named_span, notify, send, send_request
from .sessions import enter, leave, serving

_DISPATCHER, _SESSION = "mcp.shared.jsonrpc_dispatcher", "mcp.shared.session"
_DIRECT = "mcp.shared.direct_dispatcher"
_TRANSPORTS = (
    ("mcp.client.stdio", "stdio_client", shape.pipe),
    ("mcp.client.sse", "sse_client", shape.http),
    ("mcp.client.streamable_http", "streamable_http_client", shape.http),
    ("mcp.client.streamable_http", "streamablehttp_client", shape.http),
    ("mcp.client.websocket", "websocket_client", shape.websocket),
    ("mcp.server.stdio", "stdio_server", shape.pipe),
    ("mcp.server.sse", "SseServerTransport.connect_sse", shape.served_over_http),
    (
        "mcp.server.streamable_http",
        "StreamableHTTPServerTransport.connect",
        shape.served_over_http,
    ),
)


class MCPInstrumentor(LLMInstrumentor):
    """Traces and measures MCP clients and servers."""

    requires = ("mcp >= 1.8, < 3",)
    patches = ()
    hooks = (
        Hook("mcp.client.session", "ClientSession.__aenter__", enter),
        Hook("mcp.client.session", "ClientSession.__aexit__", leave),
        Hook("mcp.server.lowlevel.server", "Server.run", serving(1)),
        *(Hook(module, name, opening(of), optional=True) for module, name, of in _TRANSPORTS),
        # Version 2, which serves HTTP without ``Server.run``
        Hook("mcp.server.streamable_http_manager", "serve_loop", serving(2), optional=True),
        Hook(_DISPATCHER, "JSONRPCDispatcher.send_raw_request", send, optional=True),
        Hook(_DISPATCHER, "JSONRPCDispatcher.notify", send, optional=True),
        # A client and a server in one process, with no message between them
        Hook(_DIRECT, "DirectDispatcher.send_raw_request", send, optional=True),
        Hook(_DIRECT, "DirectDispatcher.notify", send, optional=True),
        Hook(_DISPATCHER, "otel_span", named_span, optional=True),
        Hook("mcp.server._otel", "otel_span", named_span, optional=True),
        Hook("mcp.server._otel", "OpenTelemetryMiddleware.__call__", answer, optional=True),
        # Version 1
        Hook(_SESSION, "BaseSession.send_request", send_request, optional=True),
        Hook(_SESSION, "BaseSession.send_notification", notify, optional=True),
        Hook(_SESSION, "RequestResponder.respond", respond, optional=True),
        Hook("mcp.server.lowlevel.server", "Server._handle_request", answering(0), optional=True),
        Hook(
            "mcp.server.session",
            "ServerSession._received_request",
            answering(0, only=shape.INITIALIZE),
            optional=True,
        ),
        Hook("mcp.client.session", "ClientSession._received_request", answering(0), optional=True),
    )

    def _instrument(self, **kwargs: Any) -> None:
        super()._instrument(**kwargs)
        Live.telemetry = self.telemetry

    def _uninstrument(self, **kwargs: Any) -> None:
        super()._uninstrument(**kwargs)
        Live.telemetry = None
