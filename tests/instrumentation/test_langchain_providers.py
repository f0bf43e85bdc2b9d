"""LangChain's packages over every provider: one span per call, with the tokens of the provider."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import pytest

from otel_llm.instrumentation.anthropic import AnthropicInstrumentor
from otel_llm.instrumentation.bedrock import BedrockInstrumentor
from otel_llm.instrumentation.cohere import CohereInstrumentor
from otel_llm.instrumentation.google_genai import GoogleGenAIInstrumentor
from otel_llm.instrumentation.groq import GroqInstrumentor
from otel_llm.instrumentation.langchain import LangChainInstrumentor
from otel_llm.instrumentation.ollama import OllamaInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import (
    FakeProvider,
    anthropic,
    bedrock,
    cohere,
    gemini,
    groq,
    mistral,
    ollama,
    openai,
)

from .both import got, read

pytest.importorskip("langchain_core")
pytest.importorskip("langchain_anthropic", reason="only by tests.sdks: connections stay open")

INSTRUMENTORS = (
    AnthropicInstrumentor,
    BedrockInstrumentor,
    CohereInstrumentor,
    GoogleGenAIInstrumentor,
    GroqInstrumentor,
    LangChainInstrumentor,
    OllamaInstrumentor,
    OpenAIInstrumentor,
)
AWS = {"region_name": "eu-north-1", "aws_access_key_id": "k", "aws_secret_access_key": "k"}
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
CHATS = {
    "openai": (openai, "langchain_openai", "ChatOpenAI", lambda url: {
        "model": "m", "base_url": f"{url}/v1", "api_key": "k", "stream_usage": True,
    }),
    "anthropic": (anthropic, "langchain_anthropic", "ChatAnthropic", lambda url: {
        "model": "m", "base_url": url, "api_key": "k",
    }),
    "bedrock": (bedrock, "langchain_aws", "ChatBedrockConverse", lambda url: {
        "model": CLAUDE, "endpoint_url": url, **AWS,
    }),
    "bedrock_invoke": (bedrock, "langchain_aws", "ChatBedrock", lambda url: {
        "model": CLAUDE, "endpoint_url": url, **AWS,
    }),
    "google": (gemini, "langchain_google_genai", "ChatGoogleGenerativeAI", lambda url: {
        "model": "m", "base_url": url, "api_key": "k",
    }),
    "mistral": (mistral, "langchain_mistralai", "ChatMistralAI", lambda url: {
        "model": "m", "endpoint": f"{url}/v1", "api_key": "k",
    }),
    "cohere": (cohere, "langchain_cohere", "ChatCohere", lambda url: {
        "model": "m", "base_url": url, "cohere_api_key": "k",
    }),
    "groq": (groq, "langchain_groq", "ChatGroq", lambda url: {
        "model": "m", "base_url": url, "api_key": "k",
    }),
    "ollama": (ollama, "langchain_ollama", "ChatOllama", lambda url: {
        "model": "m", "base_url": url,
    }),
}  # fmt: skip
"""Wire, package, class and what it takes."""
EMBEDDINGS = {
    "openai": (openai, "langchain_openai", "OpenAIEmbeddings", lambda url: {
        "model": "m", "base_url": f"{url}/v1", "api_key": "k", "check_embedding_ctx_length": False,
    }),
    "google": (gemini, "langchain_google_genai", "GoogleGenerativeAIEmbeddings", lambda url: {
        "model": "m", "base_url": url, "api_key": "k",
    }),
    "ollama": (ollama, "langchain_ollama", "OllamaEmbeddings", lambda url: {
        "model": "m", "base_url": url,
    }),
}  # fmt: skip
STREAMS = {
    "anthropic": anthropic.stream(
        [
            {**event, "usage": anthropic.usage()} if event["type"] == "message_delta" else event
            for event in anthropic.events()
        ]
    ),
    "mistral": openai.stream(
        [
            *openai.completion_chunks()[:-1],
            openai.chunk(openai.delta(finish="stop"), usage=openai.usage()),
        ]
    ),
}
"""What these count at the end without being asked to."""
BILLED = {"chat", "generate_content", "embeddings"}


@pytest.fixture(params=["everything", "langchain"])
def traced(request, telemetry, monkeypatch):
    """Every SDK is traced beside LangChain, or LangChain alone."""
    monkeypatch.setitem(os.environ, "AWS_EC2_METADATA_DISABLED", "true")
    kinds = INSTRUMENTORS if request.param == "everything" else (LangChainInstrumentor,)
    made = [kind() for kind in kinds]
    for instrumentor in made:
        instrumentor.instrument(**telemetry.providers)
    yield request.param
    for instrumentor in made:
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


def model(package: str, name: str, options: dict[str, Any]) -> Any:
    return getattr(pytest.importorskip(package, exc_type=ImportError), name)(**options)


def billed(telemetry):
    """Return the spans that stand for calls of a provider."""
    return [s for s in telemetry.spans() if s["gen_ai.operation.name"] in BILLED]


@pytest.mark.parametrize("prefix", ["", "a"])
@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize("name", CHATS)
async def test_a_chat_is_one_span_with_the_tokens_of_its_provider(
    name, way, prefix, traced, telemetry
):
    wire, package, kind, options = CHATS[name]
    with FakeProvider(wire.ROUTES) as provider:
        if way == "stream" and name in STREAMS:
            provider.queue(STREAMS[name])
        llm = model(package, kind, options(provider.url))
        result = await got(getattr(llm, prefix + way)("hello"))
        if way == "stream":
            result = await read(result)

    told = billed(telemetry)
    assert len(told) == 1
    assert told[0]["gen_ai.usage.input_tokens"] > 0
    assert told[0]["gen_ai.usage.output_tokens"] > 0
    assert told[0]["gen_ai.response.finish_reasons"]
    ours = {span.instrumentation_scope.name for span in telemetry.finished}
    above = traced == "langchain" or name == "mistral"  # which brings an HTTP client of its own
    assert (ours == {LangChainInstrumentor.__module__}) == above


@pytest.mark.parametrize("prefix", ["", "a"])
@pytest.mark.parametrize("name", EMBEDDINGS)
async def test_embeddings_are_one_span_too(name, prefix, traced, telemetry):
    wire, package, kind, options = EMBEDDINGS[name]
    with FakeProvider(wire.ROUTES) as provider:
        made = model(package, kind, options(provider.url))
        await got(getattr(made, f"{prefix}embed_query")("hello"))

    told = billed(telemetry)
    assert [span["gen_ai.operation.name"] for span in told] == ["embeddings"]
    assert told[0]["gen_ai.embeddings.dimension.count"] > 0


def test_every_package_has_its_sdk():
    sdks = import_module("otel_llm.instrumentation.langchain.models")._SDKS

    assert {package for _, package, _, _ in CHATS.values()} - set(sdks) == {
        "langchain_google_genai",
        "langchain_mistralai",
    }
