"""Fixtures: the OpenAI SDK under our instrumentor over a real socket, sync and async."""

from __future__ import annotations

from importlib import import_module

import openai
import pytest

from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import FakeProvider
from otel_llm.testing import openai as wire

from .both import got

OLD = openai.__version__.startswith("2.")
LOST = import_module("httpx").RemoteProtocolError if OLD else openai.APIConnectionError
"""What a connection that breaks in the middle of a stream raises; version 2 does not wrap it."""
LOST_TYPE = "httpx.RemoteProtocolError" if OLD else "openai.APIConnectionError"


@pytest.fixture(name="openai_provider")
def provider_fixture():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture(name="instrument_openai")
def instrument_fixture(telemetry):
    """Instruments with the given settings, until the end of the test."""

    def instrument(**settings):
        OpenAIInstrumentor().instrument(**telemetry.providers, **settings)

    yield instrument
    OpenAIInstrumentor().uninstrument()


@pytest.fixture(name="openai_client", params=[openai.OpenAI, openai.AsyncOpenAI])
async def client_fixture(request, openai_provider):
    client = request.param(base_url=f"{openai_provider.url}/v1", api_key="sk-0", max_retries=0)
    yield client
    await got(client.close())


@pytest.fixture(name="_content")
def content_fixture(_instrumented, instrument_openai):
    """Instrumented anew, content on spans."""
    OpenAIInstrumentor().uninstrument()
    instrument_openai(capture="SPAN_ONLY")


with_content = pytest.mark.usefixtures("_content")


def streamed(telemetry):
    """The one span, without its time to first chunk, which must be there."""
    span = telemetry.span()
    assert 0 < span.pop("gen_ai.response.time_to_first_chunk") < 60
    return span
