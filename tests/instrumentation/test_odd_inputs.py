"""Bad and odd input of frameworks and stores: what comes back is what comes back without us.

One row per way to call: a function that makes the object, and the calls to try on it. Each call is
made twice, traced with content and not at all, and has to give or raise the same.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import openai as wire

from .both import got, read

BAD_TEXT = "broken \ud800 text \x00"
HUGE = "word " * 100_000

ODD: dict[str, Any] = {
    "none": None,
    "nothing": "",
    "a number": 7,
    "not a number": math.nan,
    "bytes": b"\xff\xfe",
    "no UTF-8": BAD_TEXT,
    "huge": HUGE,
    "an empty list": [],
    "a list of none": [None],
    "an odd message": [{"role": None, "content": 7}],
    "an object": object(),
}


@dataclass(frozen=True)
class Row:
    """One way to call something."""

    package: str
    instrumentor: str
    make: Callable[[], Any]
    call: Callable[[Any, Any], Any]


def _own_chat():
    return import_module("tests.instrumentation.langchain_sdk").OwnChat()


def _langchain_tool():
    from langchain_core.tools import tool

    @tool
    def echo(said: str) -> str:
        """Say it again."""
        return said

    return echo


def _shelf():
    """Return a retriever whose documents have odd scores and ids."""
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    class Odd(BaseRetriever):
        k: Any = "many"

        def _get_relevant_documents(self, query, *, run_manager):
            scores = (0, math.inf, math.nan, "best", None, True, [1])
            return [Document("x", metadata={"score": score}) for score in scores]

    return Odd()


def _graph():
    from langgraph.graph import START, StateGraph

    made = StateGraph(dict)
    made.add_node("one", lambda state: {"said": 1})
    made.add_edge(START, "one")
    return made.compile()


def _own_llm():
    return import_module("tests.instrumentation.test_llama_index").OwnLLM()


def _llama_tool():
    from llama_index.core.tools import FunctionTool

    return FunctionTool.from_defaults(lambda said: said, name="echo", description="Echo.")


def _index():
    from llama_index.core import MockEmbedding, VectorStoreIndex
    from llama_index.core.schema import TextNode

    nodes = [TextNode(text="x", embedding=[0.5, 0.5])]
    return VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=2)).as_retriever()


def _qdrant():
    sdk = import_module("qdrant_client")
    client = sdk.QdrantClient(":memory:")
    vectors = sdk.models.VectorParams(size=2, distance=sdk.models.Distance.COSINE)
    client.create_collection("docs", vectors_config=vectors)
    return client


def _lancedb():
    import tempfile

    folder = tempfile.mkdtemp()
    rows = [{"id": 1, "vector": [0.25, 0.75]}]
    return import_module("lancedb").connect(folder).create_table("docs", rows)


async def _mcp(_, odd):
    async with import_module("tests.instrumentation.mcp_sdk").in_memory() as client:
        return await client.call_tool("add", odd)


async def _mcp_name(_, odd):
    async with import_module("tests.instrumentation.mcp_sdk").in_memory() as client:
        return await client.call_tool(odd, {"a": 1, "b": 2})


async def _agents(_, odd):
    """Let an agent answer an odd question, over a provider that answers oddly."""
    import agents
    import openai

    agents.set_tracing_disabled(True)
    answer = wire.completion(wire.choice(None), usage={"prompt_tokens": "many"})
    with FakeProvider(wire.ROUTES) as provider:
        provider.queue(json_answer(answer))
        url = f"{provider.url}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
            model = agents.OpenAIChatCompletionsModel("gpt-4o", client)
            result = await agents.Runner.run(agents.Agent("a", model=model), odd)
    return result.final_output


async def _weaviate(_, odd):
    from weaviate import connect_to_local

    from .weaviate_wire import FakeWeaviate

    with (
        FakeWeaviate() as server,
        connect_to_local(
            "127.0.0.1", server.http_port, server.port, skip_init_checks=True
        ) as client,
    ):
        return client.collections.get("Docs").query.near_text(odd, limit=odd)


_LANGCHAIN = "langchain:LangChainInstrumentor"
_LLAMA = "llama_index:LlamaIndexInstrumentor"
ROWS = {
    "langchain model": Row(
        "langchain_core", _LANGCHAIN, _own_chat, lambda model, odd: model.invoke(odd)
    ),
    "langchain model, async": Row(
        "langchain_core", _LANGCHAIN, _own_chat, lambda model, odd: model.ainvoke(odd)
    ),
    "langchain stream": Row(
        "langchain_core", _LANGCHAIN, _own_chat, lambda model, odd: model.stream(odd)
    ),
    "langchain stop": Row(
        "langchain_core", _LANGCHAIN, _own_chat, lambda model, odd: model.invoke("x", stop=odd)
    ),
    "langchain tool": Row(
        "langchain_core", _LANGCHAIN, _langchain_tool, lambda tool, odd: tool.invoke(odd)
    ),
    "langchain tool's argument": Row(
        "langchain_core", _LANGCHAIN, _langchain_tool, lambda tool, odd: tool.invoke({"said": odd})
    ),
    "langchain retriever": Row(
        "langchain_core", _LANGCHAIN, _shelf, lambda shelf, odd: shelf.invoke(odd)
    ),
    "langgraph": Row("langgraph", _LANGCHAIN, _graph, lambda graph, odd: graph.invoke(odd)),
    "langgraph config": Row(
        "langgraph",
        _LANGCHAIN,
        _graph,
        lambda graph, odd: graph.invoke({"x": 1}, {"configurable": {"thread_id": odd}}),
    ),
    "llama_index chat": Row(
        "llama_index.core", _LLAMA, _own_llm, lambda model, odd: model.chat(odd)
    ),
    "llama_index complete": Row(
        "llama_index.core", _LLAMA, _own_llm, lambda model, odd: model.acomplete(odd)
    ),
    "llama_index stream": Row(
        "llama_index.core", _LLAMA, _own_llm, lambda model, odd: model.stream_complete(odd)
    ),
    "llama_index temperature": Row(
        "llama_index.core",
        _LLAMA,
        _own_llm,
        lambda model, odd: model.complete("x", temperature=odd, stop=odd),
    ),
    "llama_index tool": Row(
        "llama_index.core", _LLAMA, _llama_tool, lambda tool, odd: tool.call(said=odd)
    ),
    "llama_index retriever": Row(
        "llama_index.core", _LLAMA, _index, lambda retriever, odd: retriever.retrieve(odd)
    ),
    "mcp arguments": Row("mcp", "mcp:MCPInstrumentor", object, _mcp),
    "mcp name": Row("mcp", "mcp:MCPInstrumentor", object, _mcp_name),
    "openai agents": Row("agents", "openai_agents:OpenAIAgentsInstrumentor", object, _agents),
    "weaviate": Row("weaviate", "weaviate:WeaviateInstrumentor", object, _weaviate),
    "qdrant query": Row(
        "qdrant_client",
        "qdrant:QdrantInstrumentor",
        _qdrant,
        lambda client, odd: client.query_points("docs", odd),
    ),
    "qdrant limit": Row(
        "qdrant_client",
        "qdrant:QdrantInstrumentor",
        _qdrant,
        lambda client, odd: client.query_points("docs", [0.25, 0.75], limit=odd),
    ),
    "lancedb limit": Row(
        "lancedb",
        "lancedb:LanceDBInstrumentor",
        _lancedb,
        lambda table, odd: table.search([0.25, 0.75]).limit(odd).to_list(),
    ),
}


@pytest.fixture(params=ROWS.values(), ids=ROWS.keys())
def row(request):
    pytest.importorskip(request.param.package, exc_type=ImportError)
    return request.param


@pytest.fixture(params=ODD.values(), ids=ODD.keys())
def odd(request):
    return request.param


@pytest.mark.usefixtures("silent")
@pytest.mark.filterwarnings("ignore")
async def test_odd_input_gives_or_raises_what_it_does_without_us(row, odd, telemetry):
    module, _, name = row.instrumentor.partition(":")
    instrumentor = getattr(import_module(f"otel_llm.instrumentation.{module}"), name)()
    thing = row.make()
    plain = await _told(row, thing, odd)

    instrumentor.instrument(**telemetry.providers, capture="SPAN_AND_EVENT")
    try:
        traced = await _told(row, thing, odd)
    finally:
        instrumentor.uninstrument()

    assert traced == plain
    assert all(span["status"] in ("UNSET", "ERROR") for span in telemetry.spans())
    for span in telemetry.finished:
        span.to_json().encode()  # what cannot be encoded would cost the whole batch


async def _told(row, thing, odd):
    try:
        result = await got(row.call(thing, odd))
        if hasattr(result, "__next__"):
            result = await read(result)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return type(error), str(error)[:200]
    return type(result), _same(result)


def _same(result):
    """Return a result as text, without the ids that frameworks make up."""
    return re.sub(
        r"lc_run-[-\w]+|0x[0-9a-f]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "id",
        repr(result)[:2000],
    )
