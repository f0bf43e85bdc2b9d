"""LlamaIndex: streams that are read elsewhere than they were asked for, and forms of answers."""

from __future__ import annotations

import gc

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.llms import ChatMessage

from otel_llm.instrumentation.core.activation import activate, release
from otel_llm.instrumentation.core.activity import WORKFLOW, Activity
from otel_llm.instrumentation.llama_index import LlamaIndexInstrumentor
from otel_llm.testing import json_answer
from otel_llm.testing import openai as wire

from .both import first, got, read
from .llama_index_sdk import instrument, llm, openai, sdk
from .trees import tree

__all__ = ["instrument", "llm", "openai", "sdk"]

pytestmark = pytest.mark.usefixtures("instrument", "sdk")

SEARCH = ("retrieval", [("embeddings", [])])


@pytest.fixture(params=["", "a"], ids=["sync", "async"])
def prefix(request):
    return request.param


@pytest.fixture
def engine(openai, telemetry):
    index = VectorStoreIndex.from_documents(
        [Document(text="It is here.")], embed_model=MockEmbedding(embed_dim=2)
    )
    telemetry.clear()
    return index.as_query_engine(llm=openai, streaming=True)


async def test_a_query_that_streams_lasts_until_its_text_is_read(engine, telemetry, prefix):
    answer = await got(getattr(engine, f"{prefix}query")("where is it"))

    assert "invoke_workflow" not in [span["name"] for span in telemetry.spans()]
    assert "".join(await read(answer.response_gen)).startswith("The answer is four.")
    assert tree(telemetry) == [("invoke_workflow", [SEARCH, ("chat gpt-4o", [])])]
    *_, call, workflow = telemetry.finished
    assert workflow.end_time >= call.end_time


async def test_a_query_that_streams_and_is_left_ends(engine, telemetry, prefix):
    answer = await got(getattr(engine, f"{prefix}query")("where is it"))
    await first(answer.response_gen)
    if prefix:
        await answer.response_gen.aclose()
    del answer
    gc.collect()

    ended = {span["name"]: span["status"] for span in telemetry.spans()}
    assert ended["invoke_workflow"] == "UNSET"
    assert len(tree(telemetry)) == 1


async def test_a_query_that_streams_and_is_not_read_ends(engine, telemetry, prefix):
    await got(getattr(engine, f"{prefix}query")("where is it"))
    gc.collect()

    assert tree(telemetry) == [("invoke_workflow", [SEARCH])]


@pytest.mark.parametrize("name", ["stream_chat", "stream_complete"])
async def test_a_stream_belongs_where_it_was_asked_for(openai, telemetry, prefix, name):
    asked = [ChatMessage(role="user", content="2+2?")] if name.endswith("chat") else "2+2?"
    flow = Activity(LlamaIndexInstrumentor.telemetry, WORKFLOW, {})

    token = activate(flow.context)
    stream = await got(getattr(openai, f"{prefix}{name}")(asked))
    release(token)
    flow.end()
    await read(stream)

    assert tree(telemetry) == [("invoke_workflow", [("chat gpt-4o", [])])]


async def test_the_form_of_an_answer_is_no_tool(openai, llm, telemetry, prefix):
    from llama_index.core.program import FunctionCallingProgram
    from pydantic import BaseModel

    class Sum(BaseModel):
        """A sum."""

        value: int

    call = wire.tool_call("Sum", '{"value": 4}')
    llm.queue(json_answer(wire.completion(wire.choice(None, "tool_calls", tool_calls=[call]))))
    program = FunctionCallingProgram.from_defaults(Sum, "2+2?", llm=openai)

    answer = await program.acall() if prefix else program()

    assert answer.value == 4
    assert tree(telemetry) == [("chat gpt-4o", [])]
