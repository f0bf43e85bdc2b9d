"""Requests that an SDK sends below a call: retries and rate limits."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.instrumentation.core import requests
from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import anthropic as anthropic_wire
from otel_llm.testing import bedrock as bedrock_wire
from otel_llm.testing import cohere as cohere_wire
from otel_llm.testing import openai as wire

from .both import got

ASKED = [{"role": "user", "content": "hello"}]
AT_ONCE = {"retry-after-ms": "1"}
LIMITS = {
    "x-ratelimit-limit-requests": "100",
    "x-ratelimit-remaining-requests": "99",
    "x-ratelimit-remaining-tokens": "4900",
    "x-ratelimit-reset-requests": "1s",
    "x-request-id": "secret",
}
RETRIES = "otel_llm.client.retries"
LEFT = "otel_llm.client.rate_limit.remaining"
LIMIT = "otel_llm.client.rate_limit.limit"
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "m",
    "server.address": "127.0.0.1",
}


def values(telemetry: Any, metric: str) -> dict[str, int]:
    return all_values(telemetry).get(metric, {})


def all_values(telemetry: Any) -> dict[str, dict[str, int]]:
    """Return what one collection tells: OpenTelemetry 1.39 tells a gauge's value only once."""
    return {
        metric.name: {
            point.attributes.get("otel_llm.rate_limit.kind", "all"): point.value
            for point in metric.data.data_points
        }
        for metric in telemetry.metrics()
        if metric.name in (RETRIES, LEFT, LIMIT)
    }


def tired(**headers: str) -> Any:
    return json_answer({"error": {"message": "tired"}}, status=503, headers={**AT_ONCE, **headers})


@pytest.fixture
def openai():
    return pytest.importorskip("openai")


@pytest.fixture(params=["sync", "async"])
def ask(request, telemetry, openai):
    """Calls a provider of chat completions that answers as told."""
    from otel_llm.instrumentation.openai import OpenAIInstrumentor

    async def ask(*answers: Any, settings: Any = (("request_metrics", "true"),)) -> None:
        OpenAIInstrumentor().instrument(**telemetry.providers, **dict(settings))
        kind = openai.OpenAI if request.param == "sync" else openai.AsyncOpenAI
        with FakeProvider(wire.ROUTES) as provider:
            for answer in answers:
                provider.queue(answer)
            client = kind(base_url=f"{provider.url}/v1", api_key="k", max_retries=2)
            try:
                await got(client.chat.completions.create(model="m", messages=ASKED))
            finally:
                await got(client.close())
                OpenAIInstrumentor().uninstrument()

    return ask


async def test_what_was_sent_again_is_counted_beside_one_span(ask, telemetry):
    await ask(tired(), tired(), json_answer(wire.completion()))

    (point,) = telemetry.points(RETRIES)
    attributes = dict(point.attributes)
    del attributes["server.port"]
    assert (point.value, attributes) == (2, CALL)
    assert telemetry.span()["status"] == "UNSET"


async def test_retries_of_a_call_that_fails_count_too(ask, telemetry, openai):
    with pytest.raises(openai.InternalServerError):
        await ask(tired(), tired(), tired())

    assert values(telemetry, RETRIES) == {"all": 2}


async def test_what_the_rate_limit_left_is_the_last_answers_word(ask, telemetry):
    first = {name: value.replace("99", "98") for name, value in LIMITS.items()}

    await ask(tired(**LIMITS), json_answer(wire.completion(), headers=first))

    found = all_values(telemetry)
    assert found[LEFT] == {"requests": 98, "tokens": 4900}
    assert found[LIMIT] == {"requests": 100}
    assert not [name for name in telemetry.span() if "limit" in name or "retr" in name]


async def test_a_limit_that_no_metric_can_hold_is_none(ask, telemetry):
    odd = {
        "x-ratelimit-limit-requests": str(2**64 - 1),
        "x-ratelimit-remaining-requests": "9" * 5_000,
        "x-ratelimit-remaining-tokens": str(2**63 - 1),
    }

    await ask(json_answer(wire.completion(), headers=odd))

    assert all_values(telemetry)[LEFT] == {"tokens": 2**63 - 1}
    assert LIMIT not in telemetry.metric_names()


async def test_nothing_is_counted_or_patched_unless_asked_for(ask, telemetry):
    await ask(tired(), json_answer(wire.completion(), headers=LIMITS), settings=())

    assert not {RETRIES, LEFT, LIMIT} & telemetry.metric_names()


async def test_the_http_library_is_put_back(ask, openai):
    import httpx

    before = httpx.Client.send, httpx.AsyncClient.send
    requests.watch()
    requests.watch()
    requests.unwatch()
    assert httpx.Client.send is not before[0]
    requests.unwatch()

    assert (httpx.Client.send, httpx.AsyncClient.send) == before


def test_requests_outside_of_a_call_pass_untouched(telemetry):
    import httpx

    requests.watch()
    try:
        with FakeProvider(wire.ROUTES) as provider:
            with httpx.Client() as client:
                assert client.get(f"{provider.url}/v1/models").status_code == 200
            with pytest.raises(RuntimeError):  # the client is closed
                client.get(f"{provider.url}/v1/models")
    finally:
        requests.unwatch()

    assert telemetry.metric_names() == set()


def test_anthropics_headers_are_known(telemetry):
    anthropic = pytest.importorskip("anthropic")
    from otel_llm.instrumentation.anthropic import AnthropicInstrumentor

    left = {
        "anthropic-ratelimit-input-tokens-remaining": "7",
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-reset": "2026-11-21T00:00:00Z",
    }
    AnthropicInstrumentor().instrument(**telemetry.providers, request_metrics="true")
    with FakeProvider(anthropic_wire.ROUTES) as provider:
        provider.queue(tired())
        provider.queue(json_answer(anthropic_wire.message(), headers=left))
        with anthropic.Anthropic(base_url=provider.url, api_key="k") as client:
            client.messages.create(model="m", max_tokens=9, messages=ASKED)
    AnthropicInstrumentor().uninstrument()

    found = all_values(telemetry)
    assert found[RETRIES] == {"all": 1}
    assert found[LEFT] == {"input_tokens": 7}
    assert found[LIMIT] == {"requests": 50}


def test_retries_of_an_sdk_that_does_not_say_so_are_seen_by_what_went_before(telemetry):
    cohere = pytest.importorskip("cohere")
    from otel_llm.instrumentation.cohere import CohereInstrumentor

    CohereInstrumentor().instrument(**telemetry.providers, request_metrics="true")
    with FakeProvider(cohere_wire.ROUTES) as provider:
        provider.queue(
            json_answer({"message": "tired"}, status=503, headers={"retry-after-ms": "1"})
        )
        client = cohere.ClientV2(api_key="k", base_url=provider.url)
        client.chat(model="m", messages=ASKED, request_options={"max_retries": 1})
        client.chat(model="m", messages=ASKED)
        client._client_wrapper.httpx_client.httpx_client.close()
    CohereInstrumentor().uninstrument()

    assert values(telemetry, RETRIES) == {"all": 1}


def test_retries_of_botocore_are_counted(telemetry):
    boto3 = pytest.importorskip("boto3")
    from botocore.config import Config

    from otel_llm.instrumentation.bedrock import BedrockInstrumentor

    BedrockInstrumentor().instrument(**telemetry.providers, request_metrics="true")
    with FakeProvider(bedrock_wire.ROUTES) as provider:
        provider.queue(json_answer({"message": "slow down"}, status=503))
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=provider.url,
            aws_access_key_id="k",
            aws_secret_access_key="s",
            config=Config(retries={"max_attempts": 2, "mode": "standard"}),
        )
        client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "hi"}]}])
        client.close()
    BedrockInstrumentor().uninstrument()

    assert values(telemetry, RETRIES) == {"all": 1}
