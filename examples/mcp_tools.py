"""Call a tool of an MCP server in a process of its own; the client's spans and metrics are printed.

    python examples/mcp_tools.py

An application needs none of the lines about OpenTelemetry: ``opentelemetry-instrument python
app.py`` does them, for clients and for servers.
"""

import asyncio
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from otel_llm.instrumentation.mcp import MCPInstrumentor

try:
    from mcp.server.mcpserver import MCPServer
except ImportError:  # version 1 of the package
    from mcp.server.fastmcp import FastMCP as MCPServer

server = MCPServer("sums")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def trace_to_console() -> None:
    trace.set_tracer_provider(TracerProvider())
    trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    reader = PeriodicExportingMetricReader(ConsoleMetricExporter())
    metrics.set_meter_provider(MeterProvider([reader]))
    MCPInstrumentor().instrument()


async def ask() -> None:
    command = StdioServerParameters(command=sys.executable, args=[__file__, "serve"])
    async with stdio_client(command) as streams, ClientSession(*streams) as session:
        await session.initialize()
        result = await session.call_tool("add", {"a": 2, "b": 3})
        print("2 + 3 =", result.content[0].text)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        server.run()
    else:
        trace_to_console()
        asyncio.run(ask())
