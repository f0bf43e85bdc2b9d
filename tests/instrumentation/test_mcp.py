"""MCP: a real client and a real server, measured on both sides."""

from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from otel_llm.instrumentation.mcp import MCPInstrumentor

pytest.importorskip("mcp.server.mcpserver")

import anyio
from mcp.client.session import ClientSession
from mcp.server.mcpserver import MCPServer
from mcp.shared import _otel
from mcp.shared.exceptions import MCPError
from mcp.shared.memory import create_client_server_memory_streams

server = MCPServer("sums")
lowlevel = server._lowlevel_server


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def broken() -> str:
    """Fail."""
    raise LookupError("secret")


@pytest.fixture
def instrumented(telemetry, monkeypatch):
    monkeypatch.setattr(_otel, "_tracer", telemetry.tracer_provider.get_tracer("mcp-python-sdk"))
    MCPInstrumentor().instrument(**telemetry.providers)
    yield
    MCPInstrumentor().uninstrument()


@asynccontextmanager
async def session():
    """A client and a server that speak over streams in memory."""
    async with (
        create_client_server_memory_streams() as (near, far),
        anyio.create_task_group() as tasks,
    ):
        options = lowlevel.create_initialization_options()
        tasks.start_soon(lowlevel.run, *far, options)
        async with ClientSession(*near) as client:
            await client.initialize()
            yield client
        tasks.cancel_scope.cancel()


def measured(telemetry, side):
    """Return the attributes of every series of a side by its method, without the version."""
    return {
        point.attributes["mcp.method.name"]: {
            name: value
            for name, value in point.attributes.items()
            if name not in ("mcp.method.name", "mcp.protocol.version")
        }
        for point in telemetry.points(f"mcp.{side}.operation.duration")
    }


TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add"}


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("side", ["client", "server"])
async def test_a_tool_call_is_measured_on_both_sides(telemetry, side):
    async with session() as client:
        await client.call_tool("add", {"a": 2, "b": 3})

    assert measured(telemetry, side)["tools/call"] == TOOL


@pytest.mark.usefixtures("instrumented")
async def test_the_packages_own_spans_stay_the_only_ones_in_one_trace(telemetry):
    async with session() as client:
        await client.call_tool("add", {"a": 2, "b": 3})

    sent, received = (
        next(
            s for s in telemetry.finished if s.name.endswith("tools/call add") and s.kind.name == k
        )
        for k in ("CLIENT", "SERVER")
    )
    assert received.parent.span_id == sent.context.span_id
    assert sent.attributes["gen_ai.tool.name"] == "add"
    assert sent.attributes["gen_ai.operation.name"] == "execute_tool"
    assert {s.instrumentation_scope.name for s in telemetry.finished} == {"mcp-python-sdk"}


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("side", ["client", "server"])
async def test_a_tool_that_fails_is_a_tool_error_and_still_an_answer(telemetry, side):
    async with session() as client:
        result = await client.call_tool("broken", {})

    assert result.is_error
    assert measured(telemetry, side)["tools/call"] == {
        **TOOL,
        "gen_ai.tool.name": "broken",
        "error.type": "tool_error",
    }


@pytest.mark.usefixtures("instrumented")
async def test_a_refused_request_is_named_by_its_code_and_reaches_the_caller(telemetry):
    async with session() as client:
        with pytest.raises(MCPError) as caught:
            await client.get_prompt("nowhere")

    code = str(caught.value.error.code)
    assert measured(telemetry, "client")["prompts/get"] == {
        "gen_ai.prompt.name": "nowhere",
        "error.type": code,
        "rpc.response.status_code": code,
    }


@pytest.mark.usefixtures("instrumented")
async def test_every_other_message_is_measured_by_its_method(telemetry):
    async with session() as client:
        await client.list_tools()

    assert measured(telemetry, "client")["tools/list"] == {}
    assert measured(telemetry, "client")["notifications/initialized"] == {}
    assert measured(telemetry, "server")["initialize"] == {}


async def test_after_uninstrument_nothing_is_measured(telemetry):
    from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher

    before = JSONRPCDispatcher.__dict__["send_raw_request"]
    MCPInstrumentor().instrument(**telemetry.providers)
    assert JSONRPCDispatcher.__dict__["send_raw_request"] is not before
    MCPInstrumentor().uninstrument()

    async with session() as client:
        await client.list_tools()

    assert JSONRPCDispatcher.__dict__["send_raw_request"] is before
    assert telemetry.metrics() == []


def test_the_example_prints_its_answer_with_the_span_and_the_metric():
    done = subprocess.run(
        [sys.executable, "examples/mcp_tools.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert "2 + 3 = 5" in done.stdout
    assert '"name": "MCP send tools/call add"' in done.stdout
    assert '"name": "mcp.client.operation.duration"' in done.stdout
