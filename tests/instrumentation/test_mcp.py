"""MCP: a real client and a real server, of either major version, over every transport."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from importlib.metadata import version

import pytest

pytest.importorskip("mcp")

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import get_current_span

from otel_llm.instrumentation.core.activation import activate, release
from otel_llm.instrumentation.core.activity import TOOL as TOOL_KIND
from otel_llm.instrumentation.core.activity import Activity
from otel_llm.instrumentation.mcp import MCPInstrumentor

from .mcp_sdk import FIRST, in_memory, lowlevel, made, over_http, over_stdio
from .trees import tree

first_only = pytest.mark.skipif(not FIRST, reason="version 2 makes its spans itself")
second_only = pytest.mark.skipif(FIRST, reason="version 1 makes no spans itself")
TRANSPORTS = {"memory": in_memory, "stdio": over_stdio, "http": over_http}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add"}
HTTP = {"network.transport": "tcp", "network.protocol.name": "http"}


@pytest.fixture
def instrument(telemetry, monkeypatch):
    if not FIRST:
        from mcp.shared import _otel

        tracer = telemetry.tracer_provider.get_tracer("mcp-python-sdk")
        monkeypatch.setattr(_otel, "_tracer", tracer)

    def instrument(**settings):
        MCPInstrumentor().uninstrument()
        MCPInstrumentor().instrument(**telemetry.providers, **settings)

    MCPInstrumentor().instrument(**telemetry.providers)
    yield instrument
    MCPInstrumentor().uninstrument()


@pytest.fixture
def instrumented(instrument):
    return instrument


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


def only(telemetry, name, kind):
    (span,) = (s for s in telemetry.finished if s.name.endswith(name) and s.kind.name == kind)
    return span


async def settled(read):
    """Return what ``read`` gives once it gives something; the server may lag behind."""
    for _ in range(6000):
        if found := read():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come within a minute")


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("side", ["client", "server"])
async def test_a_tool_call_is_measured_on_both_sides(telemetry, side):
    async with in_memory() as client:
        await client.call_tool("add", {"a": 2, "b": 3})

    assert measured(telemetry, side)["tools/call"] == TOOL


@pytest.mark.usefixtures("instrumented")
async def test_both_sides_are_one_trace(telemetry):
    async with in_memory() as client:
        await client.call_tool("add", {"a": 2, "b": 3})

    sent, received = (only(telemetry, "tools/call add", kind) for kind in ("CLIENT", "SERVER"))
    assert received.parent.span_id == sent.context.span_id
    assert {n: sent.attributes[n] for n in TOOL} == TOOL
    assert {n: received.attributes[n] for n in TOOL} == TOOL
    assert sent.attributes["jsonrpc.request.id"] == received.attributes["jsonrpc.request.id"]


@second_only
@pytest.mark.usefixtures("instrumented")
async def test_the_packages_own_spans_stay_the_only_ones(telemetry):
    async with in_memory() as client:
        await client.call_tool("add", {"a": 2, "b": 3})

    assert {s.instrumentation_scope.name for s in telemetry.finished} == {"mcp-python-sdk"}


@first_only
@pytest.mark.usefixtures("instrumented")
async def test_every_request_of_version_1_is_a_span_on_both_sides(telemetry):
    async with in_memory() as client:
        await client.call_tool("add", {"a": 2, "b": 3})
        await client.read_resource("sums://x")

    about = {"mcp.protocol.version": client_version(telemetry), "status": "UNSET"}
    by_kind = {
        kind: {s["name"]: s for s in telemetry.spans() if s["kind"] == kind}
        for kind in ("CLIENT", "SERVER")
    }
    for kind, spans in by_kind.items():
        assert spans.keys() >= {"initialize", "tools/call add", "resources/read"}
        call = spans["tools/call add"]
        assert call == {
            "name": "tools/call add",
            "kind": kind,
            "mcp.method.name": "tools/call",
            "jsonrpc.request.id": call["jsonrpc.request.id"],
            **TOOL,
            **about,
        }
        assert spans["resources/read"]["mcp.resource.uri"] == "sums://x"


def client_version(telemetry):
    (point,) = telemetry.points("mcp.client.session.duration")
    return point.attributes["mcp.protocol.version"]


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("side", ["client", "server"])
async def test_a_tool_that_fails_is_a_tool_error_and_still_an_answer(telemetry, side):
    async with in_memory() as client:
        result = await client.call_tool("broken", {})

    assert result.isError if FIRST else result.is_error
    assert measured(telemetry, side)["tools/call"] == {
        **TOOL,
        "gen_ai.tool.name": "broken",
        "error.type": "tool_error",
    }
    span = only(telemetry, "tools/call broken", side.upper())
    assert (span.status.status_code.name, span.attributes["error.type"]) == ("ERROR", "tool_error")


@pytest.mark.usefixtures("instrumented")
async def test_a_refused_request_is_named_by_its_code_and_reaches_the_caller(telemetry):
    from mcp.shared import exceptions

    async with in_memory() as client:
        with pytest.raises(exceptions.McpError if FIRST else exceptions.MCPError) as caught:
            await client.get_prompt("nowhere")

    code = str(caught.value.error.code)
    assert measured(telemetry, "client")["prompts/get"] == {
        "gen_ai.prompt.name": "nowhere",
        "error.type": code,
        "rpc.response.status_code": code,
    }
    for kind in ("CLIENT", "SERVER"):
        span = only(telemetry, "prompts/get nowhere", kind)
        assert (span.status.status_code.name, span.status.description) == ("ERROR", None)
        if FIRST or kind == "CLIENT":  # the server of version 2 knows the exception only
            assert span.attributes["rpc.response.status_code"] == code
        assert span.events == ()


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("uri", ["sums://x", "nowhere://x"])
async def test_a_request_of_a_resource_names_it_on_both_sides(telemetry, uri):
    from mcp.shared import exceptions

    async with in_memory() as client:
        with suppress(exceptions.McpError if FIRST else exceptions.MCPError):
            await client.read_resource(uri)

    for kind in ("CLIENT", "SERVER"):
        span = only(telemetry, "resources/read", kind)
        assert span.attributes["mcp.resource.uri"] == uri
    assert "mcp.resource.uri" not in measured(telemetry, "client")["resources/read"]


@pytest.mark.usefixtures("instrumented")
async def test_an_answer_that_did_not_come_in_time_is_a_timeout_and_no_answer(telemetry):
    from mcp.shared import exceptions

    server = made()

    @server.tool()
    async def wait() -> None:
        await asyncio.Future()

    limit = timedelta(seconds=0.05) if FIRST else 0.05
    async with in_memory(server) as client:
        with pytest.raises(exceptions.McpError if FIRST else exceptions.MCPError):
            await client.call_tool("wait", {}, read_timeout_seconds=limit)

    named = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "wait"}
    assert measured(telemetry, "client")["tools/call"] == {**named, "error.type": "TimeoutError"}
    span = only(telemetry, "tools/call wait", "CLIENT")
    assert span.attributes["error.type"] == "TimeoutError"
    assert "rpc.response.status_code" not in span.attributes


@pytest.mark.usefixtures("instrumented")
async def test_what_a_server_raises_is_named_and_never_quoted(telemetry):
    from mcp.shared import exceptions

    server = made()

    @server.resource("broken://it")
    def fails() -> str:
        raise LookupError("secret")

    async with in_memory(server) as client:
        with pytest.raises(exceptions.McpError if FIRST else exceptions.MCPError):
            await client.read_resource("broken://it")

    for kind in ("CLIENT", "SERVER"):
        span = only(telemetry, "resources/read", kind)
        assert (span.status.status_code.name, span.status.description) == ("ERROR", None)
        assert span.attributes["error.type"]
        assert span.events == ()
    assert "secret" not in "".join(s.to_json() for s in telemetry.finished)


@pytest.mark.usefixtures("instrumented")
async def test_every_other_message_is_measured_by_its_method(telemetry):
    async with in_memory() as client:
        await client.list_tools()
        await client.send_ping()

    assert measured(telemetry, "client")["tools/list"] == {}
    assert measured(telemetry, "client")["ping"] == {}
    assert measured(telemetry, "client")["notifications/initialized"] == {}
    assert measured(telemetry, "server")["initialize"] == {}


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("name", TRANSPORTS)
async def test_a_call_says_by_which_transport_it_went(telemetry, name):
    async with TRANSPORTS[name]() as client:
        result = await client.call_tool("add", {"a": 2, "b": 3})

    assert result.content[0].text == "5"
    found = measured(telemetry, "client")["tools/call"]
    port = found.pop("server.port", None)
    expected = {
        "memory": {},
        "stdio": {"network.transport": "pipe"},
        "http": {**HTTP, "server.address": "127.0.0.1"},
    }[name]
    assert found == {**TOOL, **expected}
    assert (port is not None) == (name == "http")
    span = only(telemetry, "tools/call add", "CLIENT")
    assert expected.items() <= span.attributes.items()


class Recording:
    """A stream that a program put around another, here without room for weak references."""

    __slots__ = ("_inner",)

    def __init__(self, inner):
        self._inner = inner

    async def __aenter__(self):
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *raised):
        await self._inner.__aexit__(*raised)

    def __getattr__(self, name):
        return getattr(self._inner, name)


class Hiding(Recording):
    """One that does not say what it is put around."""

    __slots__ = ("_hidden",)

    def __init__(self, inner):
        self._hidden = inner

    def __getattr__(self, name):
        if name == "_inner":
            raise AttributeError(name)
        return getattr(self._hidden, name)

    async def __aenter__(self):
        await self._hidden.__aenter__()
        return self

    async def __aexit__(self, *raised):
        await self._hidden.__aexit__(*raised)


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("around", [Recording, Hiding])
async def test_streams_of_the_programs_own_around_those_of_the_package_do_not_matter(
    telemetry, around
):
    from mcp.client.session import ClientSession
    from mcp.shared.memory import create_client_server_memory_streams

    async with create_client_server_memory_streams() as (near, far):
        server = lowlevel(made())
        serving = asyncio.create_task(server.run(*far, server.create_initialization_options()))
        async with ClientSession(near[0], around(near[1])) as client:
            await client.initialize()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    assert "initialize" in measured(telemetry, "client")


@pytest.mark.skipif(
    version("mcp").startswith("1.8."), reason="this version does not tell which request it was"
)
@pytest.mark.usefixtures("instrumented")
async def test_a_server_over_http_knows_its_client_and_the_session(telemetry):
    async with over_http() as client:
        await client.call_tool("add", {"a": 2, "b": 3})

    span = only(telemetry, "tools/call add", "SERVER")
    about = {**HTTP, "network.protocol.version": "1.1", "client.address": "127.0.0.1"}
    assert about.items() <= span.attributes.items()
    assert isinstance(span.attributes["client.port"], int)
    assert measured(telemetry, "server")["tools/call"] == {
        **TOOL,
        **HTTP,
        "network.protocol.version": "1.1",
    }
    if FIRST:
        sent = only(telemetry, "tools/call add", "CLIENT")
        assert sent.attributes["mcp.session.id"] == span.attributes["mcp.session.id"]


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("name", TRANSPORTS)
async def test_a_session_is_measured_once_it_is_over(telemetry, name):
    async with TRANSPORTS[name]() as client:
        await client.send_ping()
        assert telemetry.points("mcp.client.session.duration") == []

    (session,) = telemetry.points("mcp.client.session.duration")
    transport = {"stdio": "pipe", "http": "tcp"}.get(name)
    assert (session.count, session.attributes.get("network.transport")) == (1, transport)
    assert session.attributes["mcp.protocol.version"]
    assert "error.type" not in session.attributes
    if name == "memory":
        (served,) = await settled(lambda: telemetry.points("mcp.server.session.duration"))
        assert served.attributes["mcp.protocol.version"]


@pytest.mark.usefixtures("instrumented")
async def test_a_session_left_by_an_exception_is_an_error(telemetry):
    with pytest.raises(BaseException):  # noqa: B017, PT011 - anyio may put it into a group
        await _left_by_an_exception()

    (session,) = telemetry.points("mcp.client.session.duration")
    assert session.attributes["error.type"] == "ZeroDivisionError"


async def _left_by_an_exception():
    async with in_memory():
        raise ZeroDivisionError


@first_only
@pytest.mark.usefixtures("instrumented")
async def test_the_callers_request_is_not_changed(telemetry):
    from mcp import types

    params = types.CallToolRequestParams(name="add", arguments={"a": 2, "b": 3})
    request = types.ClientRequest(types.CallToolRequest(method="tools/call", params=params))
    before = request.model_dump()

    async with in_memory() as client:
        await client.send_request(request, types.CallToolResult)

    assert request.model_dump() == before
    assert request.root.params.meta is None


@first_only
@pytest.mark.usefixtures("instrumented")
async def test_what_the_caller_put_into_meta_arrives_beside_the_trace(telemetry):
    from mcp import types
    from mcp.shared.session import RequestResponder

    seen = []
    begin = RequestResponder.__init__

    def noting(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        seen.append(self.request_meta)

    meta = types.RequestParams.Meta.model_validate({"progressToken": "p", "own": 7})
    params = types.CallToolRequestParams(name="add", arguments={"a": 2, "b": 3}, _meta=meta)
    request = types.ClientRequest(types.CallToolRequest(method="tools/call", params=params))
    RequestResponder.__init__ = noting
    try:
        async with in_memory() as client:
            await client.send_request(request, types.CallToolResult)
    finally:
        RequestResponder.__init__ = begin

    arrived = seen[-1].model_dump()
    assert (arrived["progressToken"], arrived["own"]) == ("p", 7)
    assert "traceparent" in arrived


@pytest.mark.usefixtures("instrumented")
async def test_a_frameworks_span_of_the_tool_stands_for_the_clients(telemetry):
    async with in_memory() as client:
        telemetry.clear()
        activity = Activity(MCPInstrumentor.telemetry, TOOL_KIND, {"gen_ai.tool.name": "add"})
        token = activate(activity.context)
        await client.call_tool("add", {"a": 2, "b": 3})
        release(token)
        activity.end()

    spans = [s for s in telemetry.finished if s.attributes.get("gen_ai.tool.name") == "add"]
    assert tree_of(spans) == [("execute_tool add", [("tools/call add", [])])]
    assert spans[-1].attributes["mcp.method.name"] == "tools/call"


def tree_of(spans):
    class Only:
        finished = spans

    return tree(Only)


async def test_content_is_what_a_tool_was_called_with_and_gave(telemetry, instrument):
    instrument(capture="SPAN_ONLY")

    async with in_memory() as client:
        await client.call_tool("add", {"a": 2, "b": 3})

    for kind in ("CLIENT", "SERVER"):
        span = only(telemetry, "tools/call add", kind)
        assert json.loads(span.attributes["gen_ai.tool.call.arguments"]) == {"a": 2, "b": 3}
        result = json.loads(span.attributes["gen_ai.tool.call.result"])
        assert result["content"][0]["text"] == "5"


@pytest.mark.usefixtures("instrumented")
async def test_no_content_leaves_by_default(telemetry):
    async with in_memory() as client:
        await client.call_tool("add", {"a": 271828, "b": 3})

    everything = "".join(s.to_json() for s in telemetry.finished)
    everything += "".join(m.to_json() for m in telemetry.metrics())
    assert "271828" not in everything
    assert "271831" not in everything


@first_only
@pytest.mark.usefixtures("instrumented")
async def test_what_a_server_asks_of_its_client_is_in_the_same_trace(telemetry):
    from mcp import types
    from mcp.server.fastmcp import Context, FastMCP

    server = FastMCP("asks")

    async def ask(ctx):
        """Ask the client's model."""
        message = types.SamplingMessage(
            role="user", content=types.TextContent(type="text", text="2+2?")
        )
        answer = await ctx.session.create_message([message], max_tokens=9)
        return answer.content.text

    ask.__annotations__ = {"ctx": Context, "return": str}  # local names cannot be looked up
    server.tool()(ask)

    async def answer(context, params):
        content = types.TextContent(type="text", text="four")
        return types.CreateMessageResult(role="assistant", content=content, model="m")

    async with in_memory(server, sampling_callback=answer) as client:
        result = await client.call_tool("ask", {})

    assert result.content[0].text == "four"
    (call,) = (below for name, below in tree(telemetry) if name == "tools/call ask")
    asked = ("sampling/createMessage", [("sampling/createMessage", [])])
    assert call == [("tools/call ask", [asked])]


@second_only
@pytest.mark.filterwarnings("ignore:The sampling capability")
async def test_what_a_server_of_version_2_asks_of_its_client_keeps_to_its_span(
    telemetry, instrument
):
    import mcp_types as types
    from mcp.server.mcpserver import Context, MCPServer

    instrument(capture="SPAN_ONLY")
    server = MCPServer("asks")

    async def ask(ctx, question):
        """Ask the client's model."""
        said = types.TextContent(type="text", text=question)
        message = types.SamplingMessage(role="user", content=said)
        answer = await ctx.session.create_message([message], max_tokens=9)
        return answer.content.text

    ask.__annotations__ = {"ctx": Context, "question": str, "return": str}
    server.tool()(ask)

    async def answer(context, params):
        content = types.TextContent(type="text", text="four")
        return types.CreateMessageResult(role="assistant", content=content, model="m")

    async with in_memory(server, sampling_callback=answer) as client:
        result = await client.call_tool("ask", {"question": "2+2?"})

    assert result.content[0].text == "four"
    (call,) = (below for name, below in tree(telemetry) if name == "MCP send tools/call ask")
    assert call == [("tools/call ask", [("MCP send sampling/createMessage", [])])]
    for kind in ("CLIENT", "SERVER"):
        span = only(telemetry, "tools/call ask", kind)
        assert json.loads(span.attributes["gen_ai.tool.call.arguments"]) == {"question": "2+2?"}
        result = json.loads(span.attributes["gen_ai.tool.call.result"])
        assert result["structuredContent"] == {"result": "four"}
    asked = only(telemetry, "sampling/createMessage", "CLIENT")
    assert not [name for name in asked.attributes if name.startswith("gen_ai.tool.call")]


async def test_what_is_redacted_is_taken_out_of_arguments_and_results(telemetry, instrument):
    instrument(capture="SPAN_ONLY", redact="pii")

    async with in_memory() as client:
        await client.call_tool("echo", {"said": "to ada@lovelace.dev"})

    for kind in ("CLIENT", "SERVER"):
        span = only(telemetry, "tools/call echo", kind)
        assert json.loads(span.attributes["gen_ai.tool.call.arguments"]) == {"said": "to [email]"}
        assert "to [email]" in span.attributes["gen_ai.tool.call.result"]
        assert "ada@" not in span.to_json()


@second_only
@pytest.mark.usefixtures("instrumented")
async def test_a_server_in_the_process_of_its_client_is_measured_on_both_sides(telemetry):
    from mcp.client import Client

    tracer = telemetry.tracer_provider.get_tracer("app")
    async with Client(made()) as client:
        with tracer.start_as_current_span("app") as span:
            await client.call_tool("add", {"a": 2, "b": 3})

    assert measured(telemetry, "client")["tools/call"] == TOOL
    assert measured(telemetry, "server")["tools/call"] == TOOL
    received = only(telemetry, "tools/call add", "SERVER")
    assert received.context.trace_id == span.get_span_context().trace_id


@second_only
@pytest.mark.usefixtures("instrumented")
async def test_a_call_suppressed_inside_a_tool_leaves_the_tools_span_alone(telemetry):
    server = made()

    async def quiet() -> str:
        async with in_memory() as inner:
            with suppress_instrumentation():
                await inner.call_tool("broken", {})
        return "done"

    server.tool()(quiet)

    async with in_memory(server) as client:
        await client.call_tool("quiet", {})

    for kind in ("CLIENT", "SERVER"):
        assert only(telemetry, "tools/call quiet", kind).status.status_code.name == "UNSET"


@pytest.mark.usefixtures("instrumented")
async def test_calls_at_once_do_not_mix(telemetry):
    tracer = telemetry.tracer_provider.get_tracer("app")

    async def ask(client, number):
        with tracer.start_as_current_span("app") as span:
            await client.call_tool("add", {"a": number, "b": 1})
            assert get_current_span() is span
            return span.get_span_context().trace_id

    async with in_memory() as client:
        traces = await asyncio.gather(*(ask(client, number) for number in range(8)))

    received = [
        s for s in telemetry.finished if s.kind.name == "SERVER" and s.name == "tools/call add"
    ]
    assert sorted(s.context.trace_id for s in received) == sorted(traces)


@pytest.mark.usefixtures("instrumented")
async def test_a_call_cancelled_while_it_waits_is_an_error(telemetry):
    async with in_memory() as client:
        task = asyncio.create_task(client.call_tool("add", {"a": 2, "b": 3}))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    cancelled = "asyncio.exceptions.CancelledError"
    assert measured(telemetry, "client")["tools/call"]["error.type"] == cancelled
    span = only(telemetry, "tools/call add", "CLIENT")
    assert (span.status.status_code.name, span.attributes["error.type"]) == ("ERROR", cancelled)


@pytest.mark.usefixtures("instrumented")
async def test_suppressed_calls_are_not_measured(telemetry):
    async with in_memory() as client:
        with suppress_instrumentation():
            await client.call_tool("add", {"a": 2, "b": 3})

    assert "tools/call" not in measured(telemetry, "client")


@pytest.mark.usefixtures("instrumented")
async def test_the_answer_is_the_one_without_us(telemetry):
    async with in_memory() as client:
        traced = await client.call_tool("add", {"a": 2, "b": 3})
        MCPInstrumentor().uninstrument()
        plain = await client.call_tool("add", {"a": 2, "b": 3})

    assert (type(traced), traced.model_dump()) == (type(plain), plain.model_dump())


def test_every_target_of_this_version_is_there():
    import importlib

    names = ("send_request", "_handle_request") if FIRST else ("send_raw_request", "__call__")
    MCPInstrumentor().instrument()
    try:
        for binding in MCPInstrumentor().bindings:
            try:
                importlib.import_module(binding.patch.module)
            except ImportError:
                assert binding.patch.optional
        bound = {
            b.patch.name.rpartition(".")[2]
            for b in MCPInstrumentor().bindings
            if b.state == "bound"
        }
        assert bound >= {*names, "run", "__aenter__", "__aexit__", "stdio_client", "stdio_server"}
    finally:
        MCPInstrumentor().uninstrument()


async def test_after_uninstrument_nothing_is_measured(telemetry):
    if FIRST:
        from mcp.shared.session import BaseSession as Sender
    else:
        from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher as Sender
    name = "send_request" if FIRST else "send_raw_request"
    before = vars(Sender)[name]
    MCPInstrumentor().instrument(**telemetry.providers)
    assert vars(Sender)[name] is not before
    MCPInstrumentor().uninstrument()

    async with in_memory() as client:
        await client.list_tools()

    assert vars(Sender)[name] is before
    assert telemetry.metrics() == []


def test_the_example_prints_its_answer_with_the_span_and_the_metric():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "examples/mcp_tools.py"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert "2 + 3 = 5" in done.stdout
    name = "tools/call add" if FIRST else "MCP send tools/call add"
    assert f'"name": "{name}"' in done.stdout
    assert '"name": "mcp.client.operation.duration"' in done.stdout
