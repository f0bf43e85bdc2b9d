"""LangChain: real models, chains, tools and retrievers over a fake provider."""

from __future__ import annotations

import asyncio
import json

import pytest

from otel_llm.instrumentation.langchain import LangChainInstrumentor
from otel_llm.testing import json_answer, sse
from otel_llm.testing import openai as wire

pytest.importorskip("langchain_core")

from langchain_core.language_models import BaseChatModel, FakeListLLM
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch, RunnableLambda, RunnableParallel
from langchain_core.tools import BaseTool, tool

from .langchain_sdk import (
    CHAT,
    OwnChat,
    Shelf,
    add,
    capturing,
    chat_openai,
    instrumented,
    kind,
    llm,
    run,
    sdk,
    timeless,
)
from .trees import tree

__all__ = ["capturing", "chat_openai", "instrumented", "kind", "llm", "run", "sdk"]


@pytest.mark.usefixtures("instrumented")
async def test_a_model_without_a_traced_sdk_is_one_inference_span(run, telemetry):
    answer = await run(OwnChat(), "invoke", "2+2?")

    assert answer.content == "four"
    assert telemetry.span() == CHAT


@pytest.mark.usefixtures("instrumented")
async def test_a_stream_of_such_a_model_is_one_span_with_the_tokens_of_its_chunks(run, telemetry):
    chunks = await run(OwnChat(), "stream", "2+2?")

    assert "".join(chunk.content for chunk in chunks) == "four"
    assert timeless(telemetry.span()) == {**CHAT, "gen_ai.request.stream": True}
    assert telemetry.span()["gen_ai.response.time_to_first_chunk"] > 0


@pytest.mark.usefixtures("instrumented")
async def test_an_error_is_the_providers_and_reaches_the_caller(run, telemetry):
    error = ValueError("secret")

    with pytest.raises(ValueError, match="secret") as caught:
        await run(OwnChat(error=error), "invoke", "2+2?")

    span = telemetry.span()
    assert caught.value is error
    assert (span["status"], span["error.type"]) == ("ERROR", "ValueError")
    assert "secret" not in str(span)


@pytest.mark.usefixtures("instrumented")
async def test_a_plain_language_model_is_a_text_completion(run, telemetry):
    await run(FakeListLLM(responses=["four"]), "invoke", "2+2?")
    await run(FakeListLLM(responses=["four"]), "stream", "2+2?")

    operations = [span["gen_ai.operation.name"] for span in telemetry.spans()]
    assert operations == ["text_completion", "text_completion"]


@pytest.mark.usefixtures("instrumented", "sdk")
@pytest.mark.parametrize("name", ["invoke", "stream"])
async def test_over_a_traced_sdk_the_sdks_span_is_the_only_one(
    run, llm, chat_openai, telemetry, name
):
    await run(chat_openai(), name, "2+2?")

    (span,) = telemetry.finished
    assert span.instrumentation_scope.name == "otel_llm.instrumentation.openai"
    assert span.attributes["server.address"] == "127.0.0.1"


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("name", ["invoke", "stream"])
async def test_over_an_sdk_that_is_not_traced_the_frameworks_span_counts(
    run, llm, chat_openai, telemetry, name
):
    await run(chat_openai(stream_usage=True), name, "2+2?")

    span = telemetry.span()
    assert (span["name"], span["gen_ai.provider.name"]) == ("chat gpt-4o", "openai")
    assert (span["server.address"], span["server.port"]) == ("127.0.0.1", llm.port)
    assert span["gen_ai.usage.input_tokens"] > 0
    assert span["gen_ai.usage.output_tokens"] > 0


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_a_flex_call_cached_and_thought_is_counted_and_its_tier_is_told(
    run, llm, chat_openai, telemetry, streamed
):
    said = wire.usage(100, 50)
    said["prompt_tokens_details"] = {"cached_tokens": 40}
    said["completion_tokens_details"] = {"reasoning_tokens": 20}
    whole = json_answer(wire.completion(usage=said, service_tier="flex"))
    chunks = wire.completion_chunks(include_usage=said, service_tier="flex")
    llm.queue(sse(chunks) if streamed else whole)

    model = chat_openai(stream_usage=True, service_tier="flex")
    await run(model, "stream" if streamed else "invoke", "2+2?")

    span = telemetry.span()
    assert span["openai.response.service_tier"] == "flex"
    assert {name: value for name, value in span.items() if ".usage." in name} == {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.reasoning.output_tokens": 20,
    }


@pytest.mark.usefixtures("instrumented")
async def test_the_responses_api_of_such_an_sdk_is_read_too(run, llm, chat_openai, telemetry):
    await run(chat_openai(use_responses_api=True), "invoke", "2+2?")

    span = telemetry.span()
    assert span["gen_ai.usage.input_tokens"] > 0
    assert span["gen_ai.response.id"].startswith("resp_")


@pytest.mark.usefixtures("instrumented")
async def test_what_the_model_does_is_inside_its_span(run, telemetry):
    class Inside(OwnChat):
        def _generate(self, *args, **kwargs):
            with telemetry.tracer_provider.get_tracer("http").start_as_current_span("POST"):
                return super()._generate(*args, **kwargs)

    await run(ChatPromptTemplate.from_template("{q}") | Inside(), "invoke", {"q": "2+2?"})

    assert tree(telemetry) == [("invoke_workflow", [("chat m", [("POST", [])])])]


@pytest.mark.usefixtures("instrumented")
def test_streams_read_in_turns_keep_to_their_own_parents(telemetry):
    chain = ChatPromptTemplate.from_template("{q}") | OwnChat()
    first, second = (chain.stream({"q": "2+2?"}, {"run_name": name}) for name in ("one", "two"))

    both = list(zip(first, second, strict=True))

    assert len(both) >= 2
    assert sorted(tree(telemetry)) == [
        ("invoke_workflow one", [("chat m", [])]),
        ("invoke_workflow two", [("chat m", [])]),
    ]


@pytest.mark.usefixtures("instrumented")
async def test_a_branch_runs_inside_the_workflow(run, telemetry):
    branch = RunnableBranch((lambda asked: bool(asked), OwnChat()), OwnChat())

    await run(RunnableLambda(str) | branch, "invoke", "2+2?")

    assert tree(telemetry) == [("invoke_workflow", [("chat m", [])])]


@pytest.mark.usefixtures("capturing")
async def test_a_tool_given_a_plain_text_keeps_it(run, telemetry):
    @tool
    def echo(said: str) -> str:
        """Say it again."""
        return said

    await run(echo, "invoke", "again")

    (arguments,) = json.loads(telemetry.span()["gen_ai.tool.call.arguments"]).values()
    assert arguments == "again"


@pytest.mark.usefixtures("instrumented")
async def test_the_outermost_chain_is_a_workflow_and_what_is_inside_nests(run, telemetry):
    inner = ChatPromptTemplate.from_template("{q}") | OwnChat()
    chain = RunnableParallel(one=inner, two=inner) | RunnableLambda(str)

    await run(chain, "invoke", {"q": "2+2?"}, {"run_name": "twice"})

    assert tree(telemetry) == [("invoke_workflow twice", [("chat m", []), ("chat m", [])])]


@pytest.mark.usefixtures("instrumented")
async def test_a_streamed_chain_is_a_workflow(run, telemetry):
    chain = ChatPromptTemplate.from_template("{q}") | OwnChat()

    await run(chain, "stream", {"q": "2+2?"})

    assert tree(telemetry) == [("invoke_workflow", [("chat m", [])])]


@pytest.mark.usefixtures("instrumented")
async def test_a_batch_runs_in_threads_and_stays_one_trace(run, telemetry):
    chain = ChatPromptTemplate.from_template("{q}") | OwnChat()

    await run(chain, "batch", [{"q": "1"}, {"q": "2"}, {"q": "3"}])

    assert tree(telemetry) == [("invoke_workflow", [("chat m", [])] * 3)]


@pytest.mark.usefixtures("instrumented")
async def test_a_tool_is_a_span_without_content(run, telemetry):
    assert await run(add, "invoke", {"a": 2, "b": 3}) == 5

    assert telemetry.span() == {
        "name": "execute_tool add",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Add two numbers.",
    }


@pytest.mark.usefixtures("capturing")
async def test_a_tool_call_keeps_id_arguments_and_result_where_content_is_captured(run, telemetry):
    call = {"name": "add", "args": {"a": 2, "b": 3}, "id": "call_7", "type": "tool_call"}

    await run(add, "invoke", call)

    span = telemetry.span()
    assert span["gen_ai.tool.call.id"] == "call_7"
    assert json.loads(span["gen_ai.tool.call.arguments"]) == {"a": 2, "b": 3}
    assert json.loads(span["gen_ai.tool.call.result"]) == {"result": "5"}


@pytest.mark.usefixtures("instrumented")
async def test_a_tool_that_fails_is_an_error_and_a_model_inside_it_is_a_call_of_its_own(
    kind, run, telemetry
):
    @tool
    def ask(question: str) -> str:
        """Ask a model."""
        OwnChat().invoke(question)
        raise RuntimeError(question)

    with pytest.raises(RuntimeError, match="why"):
        await run(ask, "invoke", {"question": "why"})

    assert tree(telemetry) == [("execute_tool ask", [("chat m", [])])]
    assert telemetry.spans()[1]["error.type"] == "RuntimeError"


@pytest.mark.usefixtures("instrumented")
async def test_a_retriever_is_a_span_without_content(run, telemetry):
    await run(Shelf(), "invoke", "what?")

    assert telemetry.span() == {
        "name": "retrieval",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "retrieval",
        "gen_ai.retrieval.top_k": 2,
    }


@pytest.mark.usefixtures("capturing")
async def test_documents_are_ids_and_scores_that_are_numbers(run, telemetry):
    await run(Shelf(), "invoke", "what?")

    span = telemetry.span()
    assert span["gen_ai.retrieval.query.text"] == "what?"
    assert json.loads(span["gen_ai.retrieval.documents"]) == [
        {"id": "d1", "score": 0.5},
        {"id": "d2"},
    ]


@pytest.mark.usefixtures("capturing")
@pytest.mark.parametrize("name", ["invoke", "stream"])
async def test_messages_are_kept_where_content_is_captured(run, telemetry, name):
    image = {"type": "image", "url": "https://x.test/a.png"}
    sent = [SystemMessage("Be brief."), HumanMessage([{"type": "text", "text": "2+2?"}, image])]

    await run(OwnChat(), name, sent)

    span = telemetry.span()
    assert json.loads(span["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief."}
    ]
    (message,) = json.loads(span["gen_ai.input.messages"])
    assert message["role"] == "user"
    assert [part["type"] for part in message["parts"]] == ["text", "uri"]
    assert json.loads(span["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "four"}],
            "finish_reason": "stop",
        }
    ]


@pytest.mark.usefixtures("instrumented")
async def test_the_model_gets_what_it_was_sent_and_no_handler_is_added(run, telemetry):
    model = OwnChat(seen=[])
    sent = [HumanMessage("2+2?")]

    await run(model, "invoke", sent)

    assert model.seen == [sent]
    assert model.callbacks is None


@pytest.mark.usefixtures("instrumented")
async def test_a_cancelled_stream_and_a_closed_one_end_their_spans(telemetry):
    reached = asyncio.Event()

    async def wait():
        async for _ in OwnChat().astream("2+2?"):
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stream = OwnChat().stream("2+2?")
    next(stream)
    stream.close()

    assert [span["name"] for span in telemetry.spans()] == ["chat m", "chat m"]


async def test_after_uninstrument_nothing_of_ours_is_left(telemetry):
    before = BaseChatModel.__dict__["stream"], BaseTool.__dict__["run"]
    LangChainInstrumentor().instrument(**telemetry.providers)
    assert BaseChatModel.__dict__["stream"] is not before[0]
    stream = OwnChat().stream("2+2?")
    LangChainInstrumentor().uninstrument()

    list(stream)
    OwnChat().invoke("2+2?")
    add.invoke({"a": 1, "b": 2})

    assert (BaseChatModel.__dict__["stream"], BaseTool.__dict__["run"]) == before
    assert telemetry.spans() == []


@pytest.mark.usefixtures("instrumented")
async def test_an_answer_from_langchains_cache_counts_no_tokens(run, telemetry):
    from langchain_core.caches import InMemoryCache

    model = OwnChat(cache=InMemoryCache())
    await run(model, "invoke", "2+2?")
    await run(model, "invoke", "2+2?")

    first, second = telemetry.spans()
    assert first["gen_ai.usage.input_tokens"] == 11
    assert "gen_ai.usage.input_tokens" not in second


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_what_the_provider_refuses_is_one_span_of_the_sdk(run, llm, chat_openai, telemetry):
    llm.queue(wire.error(429, "no"))

    with pytest.raises(Exception, match="429"):
        await run(chat_openai(), "invoke", "2+2?")

    assert telemetry.span()["status"] == "ERROR"


@pytest.mark.usefixtures("instrumented")
async def test_what_a_provider_refuses_is_named_by_its_own_error(run, llm, chat_openai, telemetry):
    llm.queue(json_answer({"error": {"message": "no", "type": "t", "code": "c"}}, status=429))

    with pytest.raises(Exception, match="429"):
        await run(chat_openai(), "invoke", "2+2?")

    assert telemetry.span()["error.type"] == "openai.RateLimitError"
