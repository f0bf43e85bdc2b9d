"""LlamaIndex: models, embeddings, engines, retrievers, tools. Runs by ``tests.sdks``."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys

import pytest

from otel_llm import semconv
from otel_llm.instrumentation.llama_index import LlamaIndexInstrumentor
from otel_llm.instrumentation.shapes import llama_index as shape
from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import openai as wire

from .both import got, read
from .llama_index_sdk import instrument, llm, openai, sdk
from .trees import tree

pytest.importorskip("llama_index.core")

from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.base.llms import types
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ImageBlock,
    LLMMetadata,
    TextBlock,
)
from llama_index.core.llms import CustomLLM, MockLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.schema import TextNode
from llama_index.core.tools import FunctionTool, QueryEngineTool

__all__ = ["instrument", "llm", "openai", "sdk"]

pytestmark = pytest.mark.usefixtures("instrument")

needs_blocks = pytest.mark.skipif(
    not hasattr(types, "ToolCallBlock"), reason="this version keeps tool calls elsewhere"
)

RETRIEVAL = {
    "name": "retrieval",
    "kind": "CLIENT",
    "status": "UNSET",
    semconv.OPERATION_NAME: "retrieval",
    semconv.RETRIEVAL_TOP_K: 1,
}
EMBEDDINGS = {
    "name": "embeddings",
    "kind": "CLIENT",
    "status": "UNSET",
    semconv.OPERATION_NAME: "embeddings",
    semconv.PROVIDER_NAME: "_OTHER",
    semconv.EMBEDDINGS_DIMENSION_COUNT: 2,
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
COMPLETION = {
    "name": "text_completion own",
    "kind": "CLIENT",
    "status": "UNSET",
    semconv.OPERATION_NAME: "text_completion",
    semconv.PROVIDER_NAME: "_OTHER",
    semconv.REQUEST_MODEL: "own",
    semconv.USAGE_INPUT_TOKENS: 11,
    semconv.USAGE_OUTPUT_TOKENS: 5,
}


class OwnLLM(CustomLLM):
    """A model of the user's own, without any SDK below."""

    @property
    def metadata(self):
        return LLMMetadata(model_name="own", is_chat_model=False)

    @llm_completion_callback()
    def complete(self, prompt, formatted=False, **kwargs):
        counted = {"prompt_tokens": 11, "completion_tokens": 5}
        return CompletionResponse(text="four", additional_kwargs=counted)

    @llm_completion_callback()
    def stream_complete(self, prompt, formatted=False, **kwargs):
        yield CompletionResponse(text="fo", delta="fo")
        counted = {"prompt_tokens": 11, "completion_tokens": 5}
        yield CompletionResponse(text="four", delta="ur", additional_kwargs=counted)


@pytest.fixture
def index(instrument):
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


def ask(content="What?"):
    return [ChatMessage(role="user", content=content)]


# Models


async def test_a_model_of_the_users_own_is_traced_too(telemetry, prefix):
    answer = await got(getattr(OwnLLM(), f"{prefix}complete")("What?"))

    assert answer.text == "four"
    assert telemetry.span() == COMPLETION


@pytest.mark.parametrize("name", ["chat", "stream_chat"])
async def test_one_method_that_calls_another_is_one_call(telemetry, prefix, name):
    answer = await got(getattr(OwnLLM(), f"{prefix}{name}")(ask()))
    if name == "stream_chat":
        await read(answer)

    span = telemetry.span()
    assert (span["name"], span[semconv.OPERATION_NAME]) == ("chat own", "chat")


async def test_a_stream_of_completions_has_the_tokens_of_its_end(telemetry, prefix):
    chunks = await read(await got(getattr(OwnLLM(), f"{prefix}stream_complete")("What?")))

    assert chunks[-1].text == "four"
    span = telemetry.span()
    assert span.pop(semconv.RESPONSE_TIME_TO_FIRST_CHUNK) > 0
    assert span == {**COMPLETION, semconv.REQUEST_STREAM: True}


async def test_a_class_made_while_instrumenting_is_traced_and_let_go_of(telemetry, instrument):
    class Late(OwnLLM):
        @llm_completion_callback()
        def complete(self, prompt, formatted=False, **kwargs):
            return super().complete(prompt, formatted)

    Late().complete("What?")
    LlamaIndexInstrumentor().uninstrument()
    Late().complete("What?")

    assert telemetry.span() == COMPLETION
    assert type(vars(OwnLLM)["complete"]).__name__ != "Patched"


async def test_structured_output_is_one_call(openai, llm, telemetry, prefix):
    from pydantic import BaseModel

    class Sum(BaseModel):
        """A sum."""

        value: int

    call = wire.tool_call("Sum", '{"value": 4}')
    # Versions ask for it as a tool, which they then call, or as JSON.
    said = wire.choice('{"value": 4}', "tool_calls", tool_calls=[call])
    llm.queue(json_answer(wire.completion(said)))

    answer = await got(getattr(openai.as_structured_llm(Sum), f"{prefix}chat")(ask()))

    assert answer.raw.value == 4
    (call,) = (s for s in telemetry.spans() if s["name"] == "chat gpt-4o")
    assert call[semconv.USAGE_INPUT_TOKENS] == 11


@pytest.mark.usefixtures("sdk")
@pytest.mark.parametrize("name", ["chat", "stream_chat", "complete", "stream_complete"])
async def test_with_the_sdk_traced_a_call_is_one_span_from_there(openai, telemetry, prefix, name):
    asked = ask() if name.endswith("chat") else "What?"
    answer = await got(getattr(openai, f"{prefix}{name}")(asked))
    if name.startswith("stream"):
        await read(answer)

    (span,) = telemetry.finished
    assert span.instrumentation_scope.name == "otel_llm.instrumentation.openai"
    assert span.name == "chat gpt-4o"


@needs_blocks
async def test_content_is_what_was_said_and_what_was_asked_of_tools(
    openai, llm, telemetry, instrument, prefix
):
    instrument(capture="SPAN_ONLY")
    call = wire.tool_call("add", '{"a": 2}', "call_1")
    llm.queue(json_answer(wire.completion(wire.choice(None, "tool_calls", tool_calls=[call]))))
    messages = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(
            role="user",
            blocks=[TextBlock(text="See:"), ImageBlock(url="https://example.org/a.png")],
        ),
        ChatMessage(
            role="assistant",
            blocks=[
                types.ToolCallBlock(tool_call_id="call_0", tool_name="add", tool_kwargs={"a": 1})
            ],
        ),
        ChatMessage(role="tool", content="1", additional_kwargs={"tool_call_id": "call_0"}),
    ]

    await got(getattr(openai, f"{prefix}chat")(messages))

    span = telemetry.span()
    assert json.loads(span[semconv.SYSTEM_INSTRUCTIONS]) == [
        {"type": "text", "content": "Be brief."}
    ]
    uri = {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"}
    asked = {"type": "tool_call", "name": "add", "arguments": {"a": 1}, "id": "call_0"}
    told = {"type": "tool_call_response", "response": "1", "id": "call_0"}
    assert json.loads(span[semconv.INPUT_MESSAGES]) == [
        {"role": "user", "parts": [{"type": "text", "content": "See:"}, uri]},
        {"role": "assistant", "parts": [asked]},
        {"role": "tool", "parts": [told]},
    ]
    wanted = {"type": "tool_call", "name": "add", "arguments": {"a": 2}, "id": "call_1"}
    assert json.loads(span[semconv.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [wanted], "finish_reason": "tool_call"}
    ]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {
                "id": "msg_1",
                "model": "m",
                "stop_reason": "end_turn",
                "content": [],
                "usage": {
                    "input_tokens": 7,
                    "output_tokens": 5,
                    "cache_read_input_tokens": 4,
                },
            },
            ("msg_1", "m", ["end_turn"], 11, 5, 4),
        ),
        (
            {
                "stopReason": "end_turn",
                "output": {},
                "usage": {"inputTokens": 11, "outputTokens": 5},
            },
            (None, None, ["end_turn"], 11, 5, None),
        ),
        (
            {
                "finish_reason": "STOP",
                "content": {},
                "usage_metadata": {
                    "prompt_token_count": 11,
                    "candidates_token_count": 3,
                    "thoughts_token_count": 2,
                },
            },
            (None, None, ["STOP"], 11, 5, None),
        ),
        (
            {
                "model": "m",
                "done": True,
                "done_reason": "stop",
                "prompt_eval_count": 11,
                "eval_count": 5,
            },
            (None, "m", ["stop"], 11, 5, None),
        ),
        (
            {
                "id": "resp_1",
                "object": "response",
                "model": "m",
                "status": "completed",
                "output": [],
                "usage": {"input_tokens": 11, "output_tokens": 5},
            },
            ("resp_1", "m", ["stop"], 11, 5, None),
        ),
        ({"choices": None}, (None, None, [], None, None, None)),
        ({"usage": "oops"}, (None, None, [], None, None, None)),
        ("a text", (None, None, [], None, None, None)),
        (None, (None, None, [], None, None, None)),
    ],
    ids=["anthropic", "bedrock", "gemini", "ollama", "responses", "null", "odd", "text", "none"],
)
def test_what_the_provider_said_is_read_in_its_own_shape(raw, expected):
    answer = ChatResponse(message=ChatMessage(role="assistant", content="four"), raw=raw)

    found = shape.response(answer)

    usage = found.usage
    tokens = (usage.input_tokens, usage.output_tokens, usage.cache_read)
    assert (found.id, found.model, list(found.finish_reasons), *tokens) == expected


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (
            [
                {"type": "content_block_delta", "index": 0, "delta": {"text": "four"}},
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn"},
                    "usage": {"input_tokens": 11, "output_tokens": 5},
                },
            ],
            (["end_turn"], 11, 5),
        ),
        (
            [
                {"contentBlockDelta": {"delta": {"text": "four"}}},
                {"messageStop": {"stopReason": "end_turn"}},
                {"metadata": {"usage": {"inputTokens": 11, "outputTokens": 5}}},
            ],
            (["end_turn"], 11, 5),
        ),
        (
            [
                {"usage_metadata": {"prompt_token_count": 11, "candidates_token_count": 1}},
                {
                    "finish_reason": "STOP",
                    "usage_metadata": {"prompt_token_count": 11, "candidates_token_count": 5},
                },
            ],
            (["STOP"], 11, 5),
        ),
        ([None, None], ([], None, None)),
    ],
    ids=["anthropic", "bedrock", "gemini cumulates", "none"],
)
def test_a_stream_is_read_in_the_providers_shape(chunks, expected):
    stream = shape.AnswerStream()
    for raw in chunks:
        message = ChatMessage(role="assistant", blocks=[TextBlock(text="hm")])
        stream.feed(ChatResponse(message=message, raw=raw))

    found = stream.response()

    tokens = (found.usage.input_tokens, found.usage.output_tokens)
    assert (list(found.finish_reasons), *tokens) == expected
    (said,) = stream.output_messages()
    assert said["parts"] == [{"type": "text", "content": "hm"}]


# Embeddings


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("get_query_embedding", "What?"),
        ("get_text_embedding", "what nobody may read"),
        ("get_text_embedding_batch", ["what", "nobody", "may"]),
    ],
)
async def test_embeddings_are_one_span_with_their_size(telemetry, prefix, name, asked):
    await got(getattr(MockEmbedding(embed_dim=2), f"{prefix}{name}")(asked))

    assert telemetry.span() == EMBEDDINGS


@pytest.mark.usefixtures("sdk")
async def test_embeddings_of_a_traced_sdk_are_spans_from_there(llm, telemetry):
    package = pytest.importorskip("llama_index.embeddings.openai")
    import httpx

    with httpx.Client() as client:
        model = package.OpenAIEmbedding(
            model="text-embedding-3-small",
            api_base=f"{llm.url}/v1",
            api_key="k",
            max_retries=0,
            http_client=client,
        )
        model.get_query_embedding("What?")

    (span,) = telemetry.finished
    assert span.instrumentation_scope.name == "otel_llm.instrumentation.openai"
    assert semconv.USAGE_INPUT_TOKENS in span.attributes


def test_a_batch_of_no_texts_asks_for_nothing(telemetry):
    assert MockEmbedding(embed_dim=2).get_text_embedding_batch([]) == []

    assert telemetry.spans() == []


# Retrievers and engines


async def test_a_retrieval_is_one_span_without_content(index, telemetry, prefix):
    retriever = index.as_retriever(similarity_top_k=1)

    (node,) = await got(getattr(retriever, f"{prefix}retrieve")("where is it"))

    assert node.node_id == "7"
    assert telemetry.spans() == [EMBEDDINGS, RETRIEVAL]
    assert tree(telemetry) == [("retrieval", [("embeddings", [])])]


async def test_content_is_the_query_and_the_ids_found(index, telemetry, instrument, prefix):
    instrument(capture="SPAN_ONLY")
    retriever = index.as_retriever(similarity_top_k=1)

    (node,) = await got(getattr(retriever, f"{prefix}retrieve")("where is it"))

    span = telemetry.spans()[-1]
    assert json.loads(span.pop(semconv.RETRIEVAL_DOCUMENTS)) == [{"id": "7", "score": node.score}]
    assert span == {**RETRIEVAL, semconv.RETRIEVAL_QUERY_TEXT: "where is it"}


async def test_a_query_is_a_workflow_around_its_retrieval(index, telemetry, prefix):
    engine = index.as_query_engine(llm=MockLLM(), similarity_top_k=1)

    await got(getattr(engine, f"{prefix}query")("where is it"))

    inside = [("retrieval", [("embeddings", [])]), ("text_completion", [])]
    assert tree(telemetry) == [("invoke_workflow", inside)]


@pytest.mark.parametrize("mode", ["context", "condense_plus_context", "simple"])
async def test_a_chat_engine_is_a_workflow_around_its_calls(index, telemetry, prefix, mode):
    memory = ChatMemoryBuffer.from_defaults(token_limit=3000)  # the default one needs a thread
    engine = index.as_chat_engine(chat_mode=mode, llm=MockLLM(), memory=memory)

    await got(getattr(engine, f"{prefix}chat")("where is it"))

    ((name, inside),) = tree(telemetry)
    assert name == "invoke_workflow"
    assert inside


async def test_dividing_a_question_is_a_plan(telemetry, prefix):
    from llama_index.core.question_gen import LLMQuestionGenerator
    from llama_index.core.schema import QueryBundle

    asking = LLMQuestionGenerator.from_defaults(llm=MockLLM())

    with pytest.raises(Exception):  # noqa: B017, PT011 - a mock divides nothing
        await got(getattr(asking, f"{prefix}generate")([], QueryBundle("where is it")))

    assert tree(telemetry) == [("plan", [("text_completion", [])])]
    assert telemetry.spans()[-1][semconv.OPERATION_NAME] == "plan"


async def test_an_engine_used_as_a_tool_is_the_tool(index, telemetry, prefix):
    engine = index.as_query_engine(llm=MockLLM())
    used = QueryEngineTool.from_defaults(engine, name="look", description="Looks.")

    await got((used.acall if prefix else used.call)("where is it"))

    ((name, ((inside, _),)),) = tree(telemetry)
    assert (name, inside) == ("execute_tool look", "invoke_workflow")


async def test_a_query_that_fails_raises_the_same_and_is_named(index, telemetry, prefix):
    class Breaks(OwnLLM):
        def complete(self, prompt, formatted=False, **kwargs):
            raise LookupError("secret")

    engine = index.as_query_engine(llm=Breaks())

    with pytest.raises(LookupError):
        await got(getattr(engine, f"{prefix}query")("where is it"))

    failed = [s for s in telemetry.spans() if s["status"] == "ERROR"]
    assert [s["name"] for s in failed] == ["text_completion own", "invoke_workflow"]
    assert {s["error.type"] for s in failed} == {"LookupError"}
    assert "secret" not in str(telemetry.spans())


# Tools


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


@pytest.mark.parametrize(
    ("error", "named"), [(LookupError("secret"), "LookupError"), (None, "tool_error")]
)
def test_a_tool_that_says_of_its_failure_is_an_error(telemetry, error, named):
    from llama_index.core.tools import BaseTool, ToolMetadata, ToolOutput, adapt_to_async_tool

    why = {} if error is None else {"exception": error}
    if "exception" not in inspect.signature(ToolOutput).parameters and why:
        pytest.skip("this version does not keep the exception")

    class Own(BaseTool):
        @property
        def metadata(self):
            return ToolMetadata(name="own", description="Is own.")

        def __call__(self, input):
            return ToolOutput("own", "secret", raw_input={}, is_error=True, **why)

    output = adapt_to_async_tool(Own()).call("2")

    assert output.is_error
    assert (telemetry.span()["status"], telemetry.span()["error.type"]) == ("ERROR", named)
    assert "secret" not in str(telemetry.spans())


def test_nothing_is_traced_after_uninstrument(tool, telemetry):
    LlamaIndexInstrumentor().uninstrument()

    tool.call(a=1, b=2)

    assert telemetry.spans() == []


async def test_a_tool_whose_async_call_is_its_own_call_in_a_thread_is_one_span(telemetry):
    from llama_index.core.tools import AsyncBaseTool, ToolMetadata, ToolOutput

    class Own(AsyncBaseTool):
        @property
        def metadata(self):
            return ToolMetadata(name="own", description="Is own.")

        def call(self, input):
            return ToolOutput(content="4", tool_name="own", raw_input={}, raw_output=4)

        async def acall(self, input):
            return self.call(input)

    await Own().acall("2")

    assert telemetry.span()["name"] == "execute_tool own"


def test_every_target_is_there_in_this_version():
    import importlib

    for binding in LlamaIndexInstrumentor().bindings:
        importlib.import_module(binding.patch.module)

    unbound = [b.patch.name for b in LlamaIndexInstrumentor().bindings if b.state != "bound"]
    assert unbound == []


def test_the_methods_of_models_are_counted_by_the_class_that_has_them(telemetry):
    pytest.importorskip("llama_index.llms.openai")
    from otel_llm.instrumentation.doctor import members_of

    counted = list(members_of(LlamaIndexInstrumentor))

    assert "llama_index.llms.openai.base.OpenAI.chat" in counted
    assert "llama_index.llms.openai.base.OpenAI.astream_chat" in counted


@pytest.mark.usefixtures("sdk")
def test_the_example_prints_its_answer_and_the_spans_of_its_agent():
    pytest.importorskip("llama_index.llms.openai")
    with FakeProvider(wire.ROUTES) as provider:
        call = wire.tool_call("add", '{"a": 2, "b": 3}')
        first = wire.completion(wire.choice(None, "tool_calls", tool_calls=[call]))
        provider.queue(json_answer(first), json_answer(wire.completion(wire.choice("It is 5."))))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "examples/llama_index_agent.py"],
            env={
                **os.environ,
                "OPENAI_API_KEY": "k",
                "OPENAI_API_BASE": f"{provider.url}/v1",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert "It is 5." in done.stdout
    for name in ("invoke_agent calculator", "execute_tool add", "chat gpt-4o"):
        assert f'"name": "{name}"' in done.stdout
