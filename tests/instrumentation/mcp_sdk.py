"""A server with two tools for either major version of MCP, over any of three transports."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import anyio

try:
    FIRST = version("mcp").startswith("1.")
except PackageNotFoundError:
    FIRST = False


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def broken() -> str:
    """Fail."""
    raise LookupError("secret")


def echo(said: str) -> str:
    """Say it again."""
    return said


def shown(key: str) -> str:
    """Give what belongs to a key."""
    return f"value of {key}"


def made(**options):
    """Return a new server; version 2 calls the class otherwise."""
    place, name = ("fastmcp", "FastMCP") if FIRST else ("mcpserver", "MCPServer")
    server = getattr(import_module(f"mcp.server.{place}"), name)("sums", **options)
    server.tool()(add)
    server.tool()(broken)
    server.tool()(echo)
    server.resource("sums://{key}")(shown)
    return server


def lowlevel(server):
    """Return the server below the one with decorators."""
    return server._mcp_server if FIRST else server._lowlevel_server


@asynccontextmanager
async def in_memory(server=None, **options):
    """Connect a client and a server by streams in memory."""
    from mcp.client.session import ClientSession
    from mcp.shared.memory import create_client_server_memory_streams

    server = lowlevel(server or made())
    async with (
        create_client_server_memory_streams() as (near, far),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(server.run, *far, server.create_initialization_options())
        async with ClientSession(*near, **options) as client:
            await client.initialize()
            yield client
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def over_stdio():
    """Connect to a server in a process of its own."""
    from mcp.client import stdio
    from mcp.client.session import ClientSession

    command = stdio.StdioServerParameters(command=sys.executable, args=["-W", "ignore", __file__])
    async with stdio.stdio_client(command) as streams, ClientSession(*streams) as client:
        await client.initialize()
        yield client


@asynccontextmanager
async def over_http():
    """Connect to a server that speaks HTTP on a port of 127.0.0.1."""
    from mcp.client import streamable_http
    from mcp.client.session import ClientSession

    connect = getattr(streamable_http, "streamable_http_client", None)
    connect = connect or streamable_http.streamablehttp_client
    async with (
        served(made()) as url,
        connect(url) as streams,
        ClientSession(*streams[:2]) as client,
    ):
        await client.initialize()
        yield client


@asynccontextmanager
async def served(server):
    """Serve over HTTP; give the URL."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(server.streamable_http_app(), log_level="critical", ws="none")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running._serve([listening]))
    while not running.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.005)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    running.should_exit = True
    await task
    listening.close()


if __name__ == "__main__":
    made().run("stdio")
