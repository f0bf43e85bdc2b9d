"""What is Mistral's own; the rest is the contract (``cases.py``) and the chat shape."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
from opentelemetry import trace

from otel_llm.instrumentation.mistral import MistralInstrumentor
from otel_llm.testing import FakeProvider, json_answer, sse
from otel_llm.testing import mistral as wire
from otel_llm.testing import openai as openai_wire

from .both import got, read
from .cases import _mistral_client as sdk_client

TIERS = int(version("mistralai").partition(".")[0]) >= 3
"""Whether the SDK lets one be asked for."""
ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}


@pytest.fixture
def mistral():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
def settings():
    return {}


@pytest.fixture
async def client(mistral, telemetry, settings):
    MistralInstrumentor().instrument(**telemetry.providers, **settings)
    client = sdk_client(mistral.url)
    async with client:
        with client:
            yield client
    MistralInstrumentor().uninstrument()


with_content = pytest.mark.parametrize("settings", [{"capture": "SPAN_ONLY"}], ids=["content"])


@pytest.fixture(params=["", "_async"], ids=["sync", "async"])
def call(request, client):
    """Calls ``resource.method`` of the client, or its asynchronous twin."""

    async def call(name, **arguments):
        resource, _, method = name.rpartition(".")
        target = client
        for part in resource.split("."):
            target = getattr(target, part)
        return await got(getattr(target, method + request.param)(**arguments))

    return call


def usage_of(span):
    return {n.removeprefix("gen_ai.usage."): v for n, v in span.items() if ".usage." in n}


async def test_usage_that_was_not_said_is_absent_though_the_sdk_fills_in_zeros(
    call, mistral, telemetry
):
    mistral.queue(json_answer(wire.completion(usage={})))

    answer = await call("chat.complete", **ASK)

    assert answer.usage.prompt_tokens == 0
    assert usage_of(telemetry.span()) == {}


async def test_cached_and_reasoning_tokens_are_read_beside_the_model(call, mistral, telemetry):
    said = {"prompt_tokens_details": {"cached_tokens": 8}}
    mistral.queue(json_answer(wire.completion(usage={**wire.usage(20, 9), **said})))

    await call("chat.complete", **ASK)

    assert usage_of(telemetry.span()) == {
        "input_tokens": 20,
        "output_tokens": 9,
        "cache_read.input_tokens": 8,
    }


@pytest.mark.parametrize("method", ["complete", "stream"])
async def test_the_service_tier_is_told_where_it_is_not_the_usual_one(
    call, mistral, telemetry, method
):
    counted = {**wire.usage(11, 5), "service_tier": "priority"}
    whole = json_answer(wire.completion(usage=counted))
    mistral.queue(whole if method == "complete" else sse(wire.completion_chunks(usage=counted)))

    answer = await call(f"chat.{method}", **ASK, **({"service_tier": "auto"} if TIERS else {}))
    _ = await read(answer) if method == "stream" else None

    span = telemetry.span()
    assert "otel_llm.request.service_tier" not in span
    assert span["otel_llm.response.service_tier"] == "priority"


@with_content
async def test_files_and_documents_are_media(call, telemetry):
    parts = [
        {"type": "file", "file_id": "f-1"},
        {"type": "document_url", "document_url": "https://example.com/a.pdf"},
    ]

    await call("chat.complete", model="m", messages=[{"role": "user", "content": parts}])

    (asked,) = json.loads(telemetry.span()["gen_ai.input.messages"])
    assert asked["parts"] == [
        {"type": "file", "modality": "document", "file_id": "f-1"},
        {"type": "uri", "modality": "document", "uri": "https://example.com/a.pdf"},
    ]


async def test_parameters_of_mistral_have_their_names(call, telemetry):
    await call("chat.complete", **ASK, random_seed=7, n=2, response_format={"type": "json_object"})

    span = telemetry.span()
    assert span["gen_ai.request.seed"] == 7
    assert span["gen_ai.request.choice.count"] == 2
    assert span["gen_ai.output.type"] == "json"


@with_content
async def test_thinking_is_reasoning_and_arguments_may_be_an_object(call, mistral, telemetry):
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "2 and 2."}]}
    tools = [{"id": "c1", "function": {"name": "add", "arguments": {"a": 2}}}]
    said = {
        "index": 0,
        "finish_reason": "tool_calls",
        "message": {
            "role": "assistant",
            "content": [thought, {"type": "text", "text": "four"}],
            "tool_calls": tools,
        },
    }
    mistral.queue(json_answer(wire.completion(said)))

    await call("chat.complete", **ASK)

    assert json.loads(telemetry.span()["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "finish_reason": "tool_call",
            "parts": [
                {"type": "reasoning", "content": "2 and 2."},
                {"type": "text", "content": "four"},
                {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 2}},
            ],
        }
    ]


@with_content
async def test_a_stream_of_thoughts_and_words_is_put_together(call, mistral, telemetry):
    def chunk(*content, **delta):
        choice = {"index": 0, "delta": {"content": list(content), **delta}, "finish_reason": None}
        return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}

    def thought(text):
        return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}

    last = chunk({"type": "text", "text": "ur"})
    last["choices"][0]["finish_reason"] = "stop"
    tools = [{"id": "c1", "index": 0, "function": {"name": "add", "arguments": {"a": 2}}}]
    chunks = [chunk(thought("2 and")), chunk(thought(" 2.")), chunk({"type": "text", "text": "fo"})]
    mistral.queue(wire.stream([*chunks, chunk(tool_calls=tools), last]))

    await read(await call("chat.stream", **ASK))

    (message,) = json.loads(telemetry.span()["gen_ai.output.messages"])
    assert message["parts"] == [
        {"type": "reasoning", "content": "2 and 2."},
        {"type": "text", "content": "four"},
        {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 2}},
    ]


async def test_agents_and_fill_in_the_middle_are_spans(call, telemetry):
    await call("agents.complete", messages=ASK["messages"], agent_id="ag_1")
    await read(await call("agents.stream", messages=ASK["messages"], agent_id="ag_1"))
    await call("fim.complete", model="codestral", prompt="def f(")
    await read(await call("fim.stream", model="codestral", prompt="def f("))
    await call("embeddings.create", model="mistral-embed", inputs=["a", "b"])

    assert [span["name"] for span in telemetry.spans()] == [
        "chat",
        "chat",
        "text_completion codestral",
        "text_completion codestral",
        "embeddings mistral-embed",
    ]
    assert telemetry.spans()[-1]["gen_ai.embeddings.dimension.count"] == 3


@with_content
@pytest.mark.parametrize("stream", [False, True])
async def test_a_turn_of_a_conversation_is_a_chat(call, telemetry, mistral, stream):
    arguments = {"inputs": "2+2?", "model": "m", "completion_args": {"temperature": 0.5}}

    if stream:
        await read(await call("beta.conversations.start_stream", **arguments))
    else:
        await call("beta.conversations.start", **arguments)

    span = telemetry.span()
    assert (span.pop("gen_ai.response.time_to_first_chunk", None) is not None) == stream
    assert span.pop("gen_ai.request.stream", False) is stream
    assert json.loads(span.pop("gen_ai.input.messages")) == [
        {"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}
    ]
    assert json.loads(span.pop("gen_ai.output.messages")) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "The answer is four."}],
            "finish_reason": "stop",
        }
    ]
    assert span == {
        "name": "chat m",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.model": "mistral-medium-2508",
        "gen_ai.conversation.id": "conv_1",
        "gen_ai.usage.input_tokens": 14,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
        "server.port": mistral.port,
    }


async def test_a_call_to_another_server_names_that_server(client, telemetry, mistral):
    with FakeProvider(wire.ROUTES) as other:
        client.chat.complete(**ASK, server_url=other.url)

        assert telemetry.span()["server.port"] == other.port


@pytest.mark.parametrize("stream", [False, True])
async def test_the_sdks_own_tracing_makes_no_second_span(
    call, telemetry, monkeypatch, stream, native
):
    await read(await call("chat.stream", **ASK)) if stream else await call("chat.complete", **ASK)
    client_span = telemetry.span()
    MistralInstrumentor().uninstrument()
    await read(await call("chat.stream", **ASK)) if stream else await call("chat.complete", **ASK)

    assert client_span["gen_ai.provider.name"] == "mistral_ai"
    scopes = [span.instrumentation_scope.name for span in telemetry.finished]
    assert scopes == ["otel_llm.instrumentation.mistral", "mistralai_sdk_tracer"]


@pytest.fixture
def native(telemetry, monkeypatch):
    """The SDK's own tracing, into the same place."""
    monkeypatch.setenv("MISTRAL_SDK_TELEMETRY", "global")
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: telemetry.tracer_provider)


@pytest.fixture(params=["", "_async"], ids=["sync", "async"])
def cloud_call(request, mistral, telemetry):
    """Calls a method of the chat of a cloud's client."""
    MistralInstrumentor().instrument(**telemetry.providers)

    async def call(cloud, method):
        client = cloud_client(cloud, mistral.url)
        with client:
            async with client:
                answer = await got(getattr(client.chat, method + request.param)(**ASK))
                return await read(answer) if method == "stream" else answer

    yield call
    MistralInstrumentor().uninstrument()


def cloud_client(cloud, url):
    old = version("mistralai").startswith("1.")
    place = f"mistralai_{cloud}" if old else f"mistralai.{cloud}.client"
    module = pytest.importorskip(place, reason="an extra of the SDK")
    if cloud == "azure":
        endpoint = {"azure_endpoint": url, "azure_api_key": "k"} if old else {}
        return module.MistralAzure(**(endpoint or {"server_url": url, "api_key": "k"}))
    if not old:
        return module.MistralGCP(project_id="p", access_token="k", server_url=url)
    client = module.MistralGoogleCloud(project_id="p", access_token="k")
    client.sdk_configuration.server_url = url  # it takes a region only
    return client


@pytest.mark.parametrize(
    ("cloud", "provider"), [("azure", "azure.ai.inference"), ("gcp", "gcp.vertex_ai")]
)
@pytest.mark.parametrize("method", ["complete", "stream"])
async def test_clients_of_the_clouds_are_traced_and_named(
    cloud_call, mistral, telemetry, cloud, provider, method
):
    counted = wire.usage(11, 5)
    if method == "stream":
        mistral.queue(sse(wire.completion_chunks(usage=counted)))
    else:
        mistral.queue(json_answer(wire.completion(usage=counted)))

    await cloud_call(cloud, method)

    span = telemetry.span()
    assert (span["name"], span["gen_ai.provider.name"]) == ("chat m", provider)
    assert (span["server.address"], span["server.port"]) == ("127.0.0.1", mistral.port)
    assert usage_of(span) == {"input_tokens": 11, "output_tokens": 5}


HEARD = {
    "model": "voxtral-mini-2507",
    "text": "It is raining.",
    "language": None,
    "usage": wire.usage(400, 6),
}


@with_content
async def test_transcriptions_have_their_tokens(call, mistral, telemetry):
    mistral.queue(json_answer(HEARD))

    await call("audio.transcriptions.complete", model="voxtral", file_url="http://x/a.mp3")

    span = telemetry.span()
    assert usage_of(span) == {"input_tokens": 400, "output_tokens": 6}
    assert (span["name"], span["gen_ai.response.model"]) == (
        "generate_content voxtral",
        "voxtral-mini-2507",
    )
    assert "It is raining." in span["gen_ai.output.messages"]


@with_content
async def test_streamed_transcriptions_have_them_too(call, mistral, telemetry):
    pieces = [{"type": "transcription.text.delta", "text": said} for said in ("It is ", "raining.")]
    mistral.queue(sse([*pieces, {"type": "transcription.done", **HEARD}], named=True, done=False))

    await read(
        await call("audio.transcriptions.stream", model="voxtral", file_url="http://x/a.mp3")
    )

    span = telemetry.span()
    assert usage_of(span) == {"input_tokens": 400, "output_tokens": 6}
    assert "It is raining." in span["gen_ai.output.messages"]


@pytest.mark.parametrize("stream", [False, True])
async def test_responses_are_chats(call, client, mistral, telemetry, stream):
    if not hasattr(client, "responses"):
        pytest.skip("this version has no responses")
    whole = openai_wire.response(usage=openai_wire.response_usage(20, 9))
    events = sse(openai_wire.response_events(whole), named=True, done=False)
    mistral.queue(events if stream else json_answer(whole))

    answer = await call("responses.create", model="m", input="2+2?", stream=stream)
    if stream:
        await read(answer)

    span = telemetry.span()
    assert (span["name"], span["gen_ai.response.id"]) == ("chat m", "resp_1")
    assert (usage_of(span)["input_tokens"], usage_of(span)["output_tokens"]) == (20, 9)


SPOKEN = [
    {"type": "speech.audio.delta", "audio_data": "AAAA"},
    {"type": "speech.audio.done", "usage": wire.usage(14, 101)},
]


@pytest.mark.parametrize("stream", [False, True])
async def test_speech_is_a_span_and_has_its_tokens_where_it_comes_as_events(
    call, client, mistral, telemetry, stream
):
    if not hasattr(client.audio, "speech"):
        pytest.skip("this version has no speech")
    whole = json_answer({"audio_data": "AAAA"})
    mistral.queue(sse(SPOKEN, named=True, done=False) if stream else whole)

    answer = await call("audio.speech.complete", model="tts", input="four", stream=stream)
    if stream:
        await read(answer)

    span = telemetry.span()
    assert (span["name"], span["gen_ai.output.type"]) == ("generate_content tts", "speech")
    assert usage_of(span) == ({"input_tokens": 14, "output_tokens": 101} if stream else {})
