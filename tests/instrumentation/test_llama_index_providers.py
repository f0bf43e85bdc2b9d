"""LlamaIndex's packages over every provider: one span per call, with the provider's tokens."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.instrumentation.bedrock import BedrockInstrumentor
from otel_llm.instrumentation.cohere import CohereInstrumentor
from otel_llm.instrumentation.google_genai import GoogleGenAIInstrumentor
from otel_llm.instrumentation.llama_index import LlamaIndexInstrumentor
from otel_llm.instrumentation.mistral import MistralInstrumentor
from otel_llm.instrumentation.ollama import OllamaInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import (
    FakeProvider,
    bedrock,
    cohere,
    gemini,
    groq,
    json_answer,
    mistral,
    ollama,
    openai,
)

from .both import got, read

pytest.importorskip("llama_index.llms.bedrock_converse", reason="only by tests.sdks")

from llama_index.core.llms import ChatMessage

INSTRUMENTORS = (
    BedrockInstrumentor,
    CohereInstrumentor,
    GoogleGenAIInstrumentor,
    LlamaIndexInstrumentor,
    MistralInstrumentor,
    OllamaInstrumentor,
    OpenAIInstrumentor,
)
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
USAGE = {"stream_options": {"include_usage": True}}


def _openai(url: str) -> Any:
    from llama_index.llms.openai import OpenAI

    return OpenAI("gpt-4o", api_base=f"{url}/v1", api_key="k", additional_kwargs=USAGE)


def _groq(url: str) -> Any:
    from llama_index.llms.groq import Groq

    return Groq("m", api_base=f"{url}/openai/v1", api_key="k", additional_kwargs=USAGE)


def _bedrock(url: str) -> Any:
    from llama_index.llms.bedrock_converse import BedrockConverse

    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "k"}
    return BedrockConverse(CLAUDE, endpoint_url=url, region_name="eu-north-1", **keys)


def _google(url: str) -> Any:
    from llama_index.llms.google_genai import GoogleGenAI

    return GoogleGenAI("gemini-2.5-flash", api_key="k", http_options={"base_url": url})


def _mistral(url: str) -> Any:
    from llama_index.llms.mistralai import MistralAI

    return MistralAI("mistral-small-latest", api_key="k", endpoint=url)


def _cohere(url: str) -> Any:
    from cohere import AsyncClient, Client
    from llama_index.llms.cohere import Cohere

    made = Cohere("command-r", api_key="k")
    made._client, made._aclient = Client("k", base_url=url), AsyncClient("k", base_url=url)
    return made


def _ollama(url: str) -> Any:
    from llama_index.llms.ollama import Ollama

    return Ollama("m", base_url=url, context_window=1000)


ABOUT = {"name": "models/m", "inputTokenLimit": 1000, "outputTokenLimit": 100}
MODELS = {
    "openai": (openai.ROUTES, _openai),
    "groq": (groq.ROUTES, _groq),
    "bedrock": (bedrock.ROUTES, _bedrock),
    "google": ({**gemini.ROUTES, r"^GET .*/models": lambda _: json_answer(ABOUT)}, _google),
    "mistral": (mistral.ROUTES, _mistral),
    "cohere": (cohere.ROUTES, _cohere),
    "ollama": (ollama.ROUTES, _ollama),
}
BROKEN = {("cohere", "astream_chat"), ("google", "chat"), ("google", "stream_chat")}
"""What the packages themselves cannot do in a running event loop."""


@pytest.fixture(params=["everything", "llama_index"])
def traced(request, telemetry):
    """Every SDK is traced beside LlamaIndex, or LlamaIndex alone."""
    kinds = INSTRUMENTORS if request.param == "everything" else (LlamaIndexInstrumentor,)
    for kind in kinds:
        kind().instrument(**telemetry.providers)
    yield request.param
    for kind in kinds:
        if kind().is_instrumented_by_opentelemetry:
            kind().uninstrument()


@pytest.mark.parametrize("way", ["chat", "stream_chat", "achat", "astream_chat"])
@pytest.mark.parametrize("name", MODELS)
async def test_a_chat_is_one_span_with_the_tokens_of_its_provider(name, way, traced, telemetry):
    if (name, way) in BROKEN:
        pytest.skip("the package cannot do this here")
    routes, model = MODELS[name]
    with FakeProvider(routes) as provider:
        if name == "mistral" and "stream" in way:  # it always counts, unlike OpenAI
            done = openai.chunk(openai.delta(finish="stop"), usage=openai.usage())
            provider.queue(openai.stream([*openai.completion_chunks()[:-1], done]))
        llm = model(provider.url)
        result = await got(getattr(llm, way)([ChatMessage(role="user", content="hello")]))
        if "stream" in way:
            await read(result)

    (span,) = telemetry.spans()
    assert span["gen_ai.operation.name"] in ("chat", "generate_content")
    assert span["gen_ai.usage.input_tokens"] > 0
    assert span["gen_ai.usage.output_tokens"] > 0
    above = telemetry.finished[0].instrumentation_scope.name == LlamaIndexInstrumentor.__module__
    assert above == (traced == "llama_index")
