"""LlamaIndex: chat engines that stream, whose answer a thread or a task of LlamaIndex reads."""

from __future__ import annotations

import gc
from contextlib import suppress
from threading import Event

import pytest

pytest.importorskip("llama_index.core")

from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.chat_engine.types import BaseChatEngine, StreamingAgentChatResponse
from llama_index.core.llms import ChatMessage, ChatResponse

from otel_llm import semconv
from otel_llm.testing import openai as wire
from otel_llm.testing import sse

from .both import first, got, read
from .llama_index_sdk import instrument, llm, openai, sdk
from .trees import tree

__all__ = ["instrument", "llm", "openai", "sdk"]

pytestmark = pytest.mark.usefixtures("instrument")
with_sdk = pytest.mark.usefixtures("sdk")

CHAT = ("chat gpt-4o", [])
SEARCH = ("retrieval", [("embeddings", [])])


@pytest.fixture(params=["", "a"], ids=["sync", "async"])
def prefix(request):
    return request.param


@pytest.fixture
def index(telemetry):
    documents = [Document(text="It is here.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=2))
    telemetry.clear()
    return index


def said(answer):
    """Return what reads the words of a streamed answer."""
    return answer.async_response_gen() if answer.achat_stream else answer.response_gen


def ends(telemetry):
    """Return the status of every span that has ended."""
    return {span["name"]: span["status"] for span in telemetry.spans()}


@with_sdk
@pytest.mark.parametrize(
    ("kind", "below"),
    [
        (SimpleChatEngine, [CHAT]),
        (ContextChatEngine, [SEARCH, CHAT]),
        (CondensePlusContextChatEngine, [CHAT, SEARCH, CHAT]),
        (CondenseQuestionChatEngine, [CHAT, SEARCH, CHAT]),
    ],
)
async def test_a_chat_that_streams_lasts_until_its_model_has_spoken(
    index, openai, llm, telemetry, prefix, kind, below
):
    made = {
        "retriever": index.as_retriever(),
        "query_engine": index.as_query_engine(openai, streaming=True),
    }
    if kind is CondenseQuestionChatEngine:
        made.pop("retriever")
    engine = kind.from_defaults(llm=openai, **made)
    history = [
        ChatMessage(role="user", content="Is it?"),
        ChatMessage(role="assistant", content="Yes."),
    ]

    answer = await got(getattr(engine, f"{prefix}stream_chat")("where is it", history))
    words = await read(said(answer))

    assert isinstance(answer, StreamingAgentChatResponse)
    assert "".join(words) == answer.response
    assert wire.TEXT in answer.response
    assert engine.chat_history[-1].content == answer.response
    assert tree(telemetry) == [("invoke_workflow", below)]
    *_, call, workflow = telemetry.finished
    assert workflow.end_time >= call.end_time
    assert set(ends(telemetry).values()) == {"UNSET"}


@with_sdk
async def test_a_chat_is_not_over_while_its_model_speaks(openai, llm, telemetry, prefix):
    go_on = Event()
    head, *rest = wire.completion_chunks()
    llm.queue(sse([head, rest[0], go_on, *rest[1:]]))
    engine = SimpleChatEngine.from_defaults(llm=openai)

    answer = await got(getattr(engine, f"{prefix}stream_chat")("2+2?"))
    words = said(answer)
    await first(words)
    before = ends(telemetry)
    go_on.set()
    await read(words)

    assert before == {}
    assert ends(telemetry) == {"chat gpt-4o": "UNSET", "invoke_workflow": "UNSET"}


@with_sdk
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_chat_whose_model_fails_in_the_middle_failed(openai, llm, telemetry, prefix):
    head, *_ = wire.completion_chunks()
    llm.queue(sse([head, {"error": {"message": "sk-secret", "type": "server_error"}}]))
    engine = SimpleChatEngine.from_defaults(llm=openai)

    answer = await got(getattr(engine, f"{prefix}stream_chat")("2+2?"))
    with pytest.raises(Exception, match="sk-secret") as raised:
        await read(said(answer))

    assert type(raised.value).__name__ == "APIError"
    assert ends(telemetry) == {"chat gpt-4o": "ERROR", "invoke_workflow": "ERROR"}
    assert {span[semconv.ERROR_TYPE] for span in telemetry.spans()} == {"openai.APIError"}


@with_sdk
async def test_a_chat_that_the_caller_stops_reading_ends_all_the_same(openai, telemetry, prefix):
    engine = SimpleChatEngine.from_defaults(llm=openai)

    answer = await got(getattr(engine, f"{prefix}stream_chat")("2+2?"))
    words = said(answer)
    await first(words)
    if prefix:
        await words.aclose()
    else:
        words.close()

    assert tree(telemetry) == [("invoke_workflow", [CHAT])]


class Own(BaseChatEngine):
    """An engine of the user's own, whose answers nobody reads but the caller."""

    def __init__(self, inner=None):
        self.inner = inner

    def stream_chat(self, message, chat_history=None):
        if self.inner is not None:
            "".join(self.inner.stream_chat(message).response_gen)
        answers = (
            ChatResponse(message=ChatMessage(role="assistant", content=word), delta=word)
            for word in ("a", "b")
        )
        return StreamingAgentChatResponse(chat_stream=answers, is_writing_to_memory=False)

    def chat(self, message, chat_history=None):
        return "".join(self.stream_chat(message).response_gen)

    async def achat(self, message, chat_history=None):
        return self.chat(message)

    async def astream_chat(self, message, chat_history=None):
        return self.stream_chat(message)

    def reset(self): ...

    @property
    def chat_history(self):
        return []


async def test_a_chat_that_only_the_caller_reads_lasts_until_it_is_read(telemetry, prefix):
    answer = await got(getattr(Own(), f"{prefix}stream_chat")("2+2?"))
    before = ends(telemetry)
    words = list(answer.response_gen)

    assert (before, words) == ({}, ["a", "b"])
    assert ends(telemetry) == {"invoke_workflow": "UNSET"}


async def test_a_chat_that_nobody_reads_ends_with_its_answer(telemetry, prefix):
    await got(getattr(Own(), f"{prefix}stream_chat")("2+2?"))
    gc.collect()

    assert ends(telemetry) == {"invoke_workflow": "UNSET"}


@pytest.mark.parametrize("name", ["chat", "stream_chat"])
async def test_an_engine_inside_an_engine_does_not_end_it(telemetry, prefix, name):
    engine = Own(inner=Own())

    answer = await got(getattr(engine, f"{prefix}{name}")("2+2?"))
    before = ends(telemetry)
    with suppress(AttributeError):
        answer = "".join(answer.response_gen)

    assert answer == "ab"
    assert before == ({} if name == "stream_chat" else {"invoke_workflow": "UNSET"})
    assert tree(telemetry) == [("invoke_workflow", [])]


async def test_an_answer_made_outside_of_any_engine_is_left_alone(telemetry):
    stream = (word for word in ())

    answer = StreamingAgentChatResponse(chat_stream=stream)

    assert answer.chat_stream is stream
    assert telemetry.spans() == []
