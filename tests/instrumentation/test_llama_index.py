"""LlamaIndex without any model: query engines, retrievers, tools. Runs by ``tests.sdks``."""

from __future__ import annotations

import json

import pytest

from otel_llm import semconv
from otel_llm.instrumentation.llama_index import LlamaIndexInstrumentor

from .both import got

pytest.importorskip("llama_index.core")

from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.schema import TextNode
from llama_index.core.tools import FunctionTool

RETRIEVAL = {
    "name": "retrieval",
    "kind": "CLIENT",
    "status": "UNSET",
    semconv.OPERATION_NAME: "retrieval",
    semconv.RETRIEVAL_TOP_K: 1,
}
TOOL = {
    "name": "execute_tool add",
    "kind": "INTERNAL",
    "status": "UNSET",
    semconv.OPERATION_NAME: "execute_tool",
    semconv.TOOL_NAME: "add",
    semconv.TOOL_DESCRIPTION: "Adds.",
    semconv.TOOL_TYPE: "function",
}


@pytest.fixture(autouse=True)
def instrument(telemetry):
    def instrument(**settings):
        LlamaIndexInstrumentor().uninstrument()
        LlamaIndexInstrumentor().instrument(**telemetry.providers, **settings)

    instrument()
    yield instrument
    LlamaIndexInstrumentor().uninstrument()


@pytest.fixture
def index():
    nodes = [TextNode(id_="7", text="what nobody may read", embedding=[0.5, 0.5])]
    return VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=2))


def add(a: int, b: int) -> int:
    return a + b


@pytest.fixture
def tool():
    return FunctionTool.from_defaults(add, name="add", description="Adds.")


@pytest.fixture(params=["", "a"], ids=["sync", "async"])
def prefix(request):
    return request.param


async def test_a_retrieval_is_one_span_without_content(index, telemetry, prefix):
    retriever = index.as_retriever(similarity_top_k=1)

    (node,) = await got(getattr(retriever, f"{prefix}retrieve")("where is it"))

    assert node.node_id == "7"
    assert telemetry.spans() == [RETRIEVAL]


async def test_content_is_the_query_and_the_ids_found(index, telemetry, instrument, prefix):
    instrument(capture="SPAN_ONLY")
    retriever = index.as_retriever(similarity_top_k=1)

    (node,) = await got(getattr(retriever, f"{prefix}retrieve")("where is it"))

    span = telemetry.span()
    assert json.loads(span.pop(semconv.RETRIEVAL_DOCUMENTS)) == [{"id": "7", "score": node.score}]
    assert span == {**RETRIEVAL, semconv.RETRIEVAL_QUERY_TEXT: "where is it"}


async def test_a_query_is_a_workflow_around_its_retrieval(index, telemetry, prefix):
    engine = index.as_query_engine(llm=MockLLM(), similarity_top_k=1)

    await got(getattr(engine, f"{prefix}query")("where is it"))

    names = [span["name"] for span in telemetry.spans()]
    assert names == ["retrieval", "invoke_workflow RetrieverQueryEngine"]
    retrieval, workflow = telemetry.finished
    assert retrieval.parent.span_id == workflow.context.span_id


async def test_a_tool_is_one_span(tool, telemetry, prefix):
    output = await got((tool.acall if prefix else tool.call)(a=1, b=2))

    assert output.raw_output == 3
    assert telemetry.span() == TOOL


async def test_a_tools_arguments_and_result_are_kept_with_content(
    tool, telemetry, instrument, prefix
):
    instrument(capture="SPAN_ONLY")

    await got((tool.acall if prefix else tool.call)(a=1, b=2))

    assert telemetry.span() == {
        **TOOL,
        semconv.TOOL_CALL_ARGUMENTS: '{"a":1,"b":2}',
        semconv.TOOL_CALL_RESULT: '{"result":"3"}',
    }


def test_a_tool_that_fails_raises_the_same_and_is_named(tool, telemetry):
    with pytest.raises(TypeError):
        tool.call(a=1, b="2")

    assert telemetry.span() == {**TOOL, "status": "ERROR", semconv.ERROR_TYPE: "TypeError"}


def test_nothing_is_traced_after_uninstrument(tool, telemetry):
    LlamaIndexInstrumentor().uninstrument()

    tool.call(a=1, b=2)

    assert telemetry.spans() == []
