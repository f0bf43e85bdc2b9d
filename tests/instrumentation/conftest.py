"""The OpenAI SDK under our instrumentor, over a real socket; every test runs sync and async."""

from __future__ import annotations

import openai
import pytest

from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import FakeProvider
from otel_llm.testing import openai as wire

from .both import got


@pytest.fixture
def openai_provider():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
def instrument_openai(telemetry):
    """Instruments with the given settings, until the end of the test."""

    def instrument(**settings):
        OpenAIInstrumentor().instrument(**telemetry.providers, **settings)

    yield instrument
    OpenAIInstrumentor().uninstrument()


@pytest.fixture(params=[openai.OpenAI, openai.AsyncOpenAI], ids=["sync", "async"])
async def openai_client(request, openai_provider):
    client = request.param(base_url=f"{openai_provider.url}/v1", api_key="sk-0", max_retries=0)
    yield client
    await got(client.close())
