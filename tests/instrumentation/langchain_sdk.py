"""Models, tools and a retriever for LangChain, and spans as the tree they make."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import tool

from otel_llm.instrumentation.langchain import LangChainInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import FakeProvider
from otel_llm.testing import openai as wire

from .both import got, read

USAGE = {
    "input_tokens": 11,
    "output_tokens": 5,
    "total_tokens": 16,
    "input_token_details": {"cache_read": 4},
    "output_token_details": {"reasoning": 2},
}
CHAT = {
    "name": "chat m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "own",
    "gen_ai.request.model": "m",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.response.model": "m-2026",
    "gen_ai.response.id": "r-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.reasoning.output_tokens": 2,
}
ABOUT = {"model_name": "m-2026", "finish_reason": "stop", "id": "r-1"}


class OwnChat(BaseChatModel):
    """A model of the user's own, without any SDK below."""

    model: str = "m"
    temperature: float = 0.5
    error: Any = None
    seen: list[Any] | None = None

    @property
    def _llm_type(self) -> str:
        return "own"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        if self.seen is not None:
            self.seen.append(messages)
        if self.error is not None:
            raise self.error
        message = AIMessage("four", usage_metadata=USAGE, response_metadata=ABOUT)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        for word in ("fo", "ur"):
            yield ChatGenerationChunk(message=AIMessageChunk(word))
        last = AIMessageChunk("", usage_metadata=USAGE, response_metadata=ABOUT)
        yield ChatGenerationChunk(message=last)


class Shelf(BaseRetriever):
    """Finds the same two documents whatever is asked."""

    k: int = 2

    def _get_relevant_documents(self, query, *, run_manager):
        return [
            Document("a", id="d1", metadata={"score": 0.5}),
            Document("b", id="d2", metadata={"score": float("nan")}),
        ]


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture(params=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
def run(kind):
    """Calls a runnable by the name of the synchronous method."""

    async def run(runnable, name, *args, **kwargs):
        prefix = "a" if kind == "async" else ""
        result = await got(getattr(runnable, prefix + name)(*args, **kwargs))
        return await read(result) if name == "stream" else result

    return run


@pytest.fixture
def instrumented(telemetry):
    LangChainInstrumentor().instrument(**telemetry.providers)
    yield
    LangChainInstrumentor().uninstrument()


@pytest.fixture
def capturing(telemetry):
    LangChainInstrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY")
    yield
    LangChainInstrumentor().uninstrument()


@pytest.fixture
def sdk(telemetry):
    """The SDK below is traced too."""
    OpenAIInstrumentor().instrument(**telemetry.providers)
    yield
    OpenAIInstrumentor().uninstrument()


@pytest.fixture
def llm():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
async def chat_openai(llm):
    """Makes models of LangChain's package for OpenAI, with connections that are closed here."""
    import httpx2

    package = pytest.importorskip("langchain_openai", exc_type=ImportError)
    with httpx2.Client() as client:
        async with httpx2.AsyncClient() as async_client:
            yield partial(
                package.ChatOpenAI,
                model="gpt-4o",
                base_url=f"{llm.url}/v1",
                api_key="k",
                max_retries=0,
                http_client=client,
                http_async_client=async_client,
            )


def timeless(span):
    """Return a span without what is measured and without where the provider was."""
    no = ("gen_ai.response.time_to_first_chunk", "otel_llm.stream.outcome")
    return {name: value for name, value in span.items() if name not in no}
