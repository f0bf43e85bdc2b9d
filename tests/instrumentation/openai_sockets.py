"""Fixtures: the OpenAI SDK under our instrumentor over a real websocket, sync and async."""

from __future__ import annotations

import openai
import pytest

from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing.realtime import FakeRealtime

from .both import got

PATIENT = {"open_timeout": 60, "ping_interval": None}


@pytest.fixture(name="provider")
def provider_fixture():
    with FakeRealtime() as provider:
        yield provider


@pytest.fixture(name="instrument")
def instrument_fixture(telemetry):
    """Instruments with the given settings, until the end of the test."""

    def instrument(**settings):
        OpenAIInstrumentor().uninstrument()
        OpenAIInstrumentor().instrument(**telemetry.providers, **settings)

    OpenAIInstrumentor().instrument(**telemetry.providers)
    yield instrument
    OpenAIInstrumentor().uninstrument()


@pytest.fixture(name="client", params=[openai.OpenAI, openai.AsyncOpenAI], ids=["sync", "async"])
async def client_fixture(request, provider, instrument):
    client = request.param(**at(provider))
    yield client
    await got(client.close())


def at(provider):
    """What a client of ``provider`` is made with; version 2.0 knows no websockets without TLS."""
    address = f"{provider.url}/v1"
    sockets = address.replace("http", "ws", 1)
    return {"base_url": address, "websocket_base_url": sockets, "api_key": "sk-0"}


async def until(connection, *kinds, times=1):
    """Receive events until that many of the kinds have come; return what came."""
    received = []
    while sum(event.type in kinds for event in received) < times:
        received.append(await got(connection.recv()))
    return received
