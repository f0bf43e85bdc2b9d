"""Models, tools and agents for LlamaIndex. Its package for OpenAI needs openai 2."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from otel_llm.instrumentation.llama_index import LlamaIndexInstrumentor
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import openai as wire


@pytest.fixture
def instrument(telemetry):
    """Instruments again, with other settings."""

    def instrument(**settings):
        LlamaIndexInstrumentor().uninstrument()
        LlamaIndexInstrumentor().instrument(**telemetry.providers, **settings)

    LlamaIndexInstrumentor().instrument(**telemetry.providers)
    yield instrument
    LlamaIndexInstrumentor().uninstrument()


@pytest.fixture
def sdk(telemetry):
    """The SDK below is traced too; the oldest package for OpenAI has one that we do not know."""
    if version("openai").startswith("1."):
        pytest.skip("needs openai 2")
    OpenAIInstrumentor().instrument(**telemetry.providers)
    yield
    OpenAIInstrumentor().uninstrument()


@pytest.fixture
def llm():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
async def openai(llm):
    """A model of the package for OpenAI, with connections that are closed here."""
    package = pytest.importorskip("llama_index.llms.openai")
    import httpx

    with httpx.Client() as client:
        async with httpx.AsyncClient() as async_client:
            yield package.OpenAI(
                model="gpt-4o",
                api_base=f"{llm.url}/v1",
                api_key="k",
                max_retries=0,
                http_client=client,
                async_http_client=async_client,
            )


def calls(llm, *wanted, stream=False):
    """Let the model call tools, given as (name, arguments, id), then answer."""
    asked = [wire.tool_call(name, arguments, id) for name, arguments, id in wanted]
    if stream:
        numbered = [{"index": index, **call} for index, call in enumerate(asked)]
        head = wire.chunk(wire.delta(None, tool_calls=numbered))
        llm.queue(wire.stream([head, wire.chunk(wire.delta(None, "tool_calls"))]))
    else:
        llm.queue(json_answer(wire.completion(wire.choice(None, "tool_calls", tool_calls=asked))))
