"""What is LiteLLM's own; the rest is the contract (``cases.py``). Runs by ``tests.sdks``."""

from __future__ import annotations

import json

import pytest

from otel_llm.instrumentation.litellm import LiteLLMInstrumentor, _Messages
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import FakeProvider, captured, json_answer
from otel_llm.testing import anthropic as anthropic_wire
from otel_llm.testing import cohere as cohere_wire
from otel_llm.testing import openai as wire

from .both import read

litellm = pytest.importorskip("litellm")

MESSAGES = [{"role": "user", "content": "2+2?"}]


@pytest.fixture
def llm():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture(autouse=True)
def _instrumented(telemetry):
    LiteLLMInstrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY")
    OpenAIInstrumentor().instrument(**telemetry.providers)
    yield
    OpenAIInstrumentor().uninstrument()
    LiteLLMInstrumentor().uninstrument()


@pytest.fixture(params=["", "a"], ids=["sync", "async"])
def call(request, llm):
    """Calls a function of LiteLLM, or its asynchronous twin."""

    async def call(name, model="openai/gpt-4o", **more):
        given = {"model": model, "api_base": f"{llm.url}/v1", "api_key": "k", "max_retries": 0}
        called = getattr(litellm, request.param + name)(**{**given, **more})
        return await called if request.param else called

    return call


def usage_of(span):
    return {n.removeprefix("gen_ai.usage."): v for n, v in span.items() if ".usage." in n}


async def test_tokens_are_what_the_provider_counted(call, llm, telemetry):
    usage = wire.usage(
        100,
        50,
        prompt_tokens_details={"cached_tokens": 60},
        completion_tokens_details={"reasoning_tokens": 20},
    )
    llm.queue(json_answer(wire.completion(usage=usage)))

    await call("completion", messages=MESSAGES)

    assert usage_of(telemetry.span()) == {
        "input_tokens": 100,
        "output_tokens": 50,
        "cache_read.input_tokens": 60,
        "reasoning.output_tokens": 20,
    }


async def test_a_usage_that_litellm_filled_in_is_not_reported(call, llm, telemetry):
    answer = wire.completion()
    del answer["usage"]
    llm.queue(json_answer(answer))

    result = await call("completion", messages=MESSAGES)

    assert result.usage.total_tokens == 0
    assert usage_of(telemetry.span()) == {}


TOLD = {"output_tokens_details": {"thinking_tokens": 77}}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("more", "reasoning"), [({}, None), (TOLD, 77)], ids=["guess", "told"])
async def test_thoughts_that_litellm_counted_itself_are_not_reported(
    call, stream, claude, telemetry, streamed, more, reasoning
):
    counted = anthropic_wire.usage(11, 200, **more)
    thought = [anthropic_wire.thinking("Two and two make four."), anthropic_wire.text()]
    answer = anthropic_wire.message(*thought, usage=counted)
    told = anthropic_wire.events(answer)
    told[-2]["usage"] |= more
    claude.queue(anthropic_wire.stream(told) if streamed else json_answer(answer))

    await (stream if streamed else call)("completion", **CLAUDE, api_base=claude.url)

    usage = usage_of(telemetry.span())
    assert usage.pop("reasoning.output_tokens", None) == reasoning
    assert usage == {"input_tokens": 11, "output_tokens": 200}


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("gpt-4o", "openai", "gpt-4o"),
        ("claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("bedrock/anthropic.claude-v2", "aws.bedrock", "anthropic.claude-v2"),
        ("azure/my-deployment", "azure.ai.openai", "my-deployment"),
        ("gemini/gemini-2.5-pro", "gcp.gemini", "gemini-2.5-pro"),
        ("vertex_ai/gemini-2.5-pro", "gcp.vertex_ai", "gemini-2.5-pro"),
        ("xai/grok-4", "x_ai", "grok-4"),
        ("groq/openai/gpt-oss-20b", "groq", "openai/gpt-oss-20b"),
        ("my-org/my-model", "_OTHER", "my-org/my-model"),
    ],
)
def test_the_provider_is_told_by_the_model(model, provider, name):
    instrumentor = LiteLLMInstrumentor()
    (patch,) = (p for p in instrumentor.patches if p.name == "completion")

    origin = instrumentor.origin(None, {"model": model})

    assert (origin.provider, origin.address) == (provider, None)
    assert patch.endpoint.request({"model": model}).model == name


async def test_every_function_is_one_span_though_the_sdk_below_is_instrumented(call, telemetry):
    await call("completion", messages=MESSAGES)
    await call("embedding", "openai/e", input=["a"])
    await call("image_generation", "openai/dall-e-3", prompt="a cat")
    await call("transcription", "openai/whisper-1", file=("a.wav", b"RIFF"))
    await call("speech", "openai/tts-1", input="four", voice="alloy")

    spans = [(s["name"], s["gen_ai.provider.name"]) for s in telemetry.spans()]
    assert spans == [
        ("chat gpt-4o", "openai"),
        ("embeddings e", "openai"),
        ("generate_content dall-e-3", "openai"),
        ("generate_content whisper-1", "openai"),
        ("generate_content tts-1", "openai"),
    ]
    scopes = {span.instrumentation_scope.name for span in telemetry.finished}
    assert scopes == {"otel_llm.instrumentation.litellm"}


async def test_a_router_is_one_span(llm, telemetry):
    params = {"model": "openai/gpt-4o", "api_base": f"{llm.url}/v1", "api_key": "k"}
    router = litellm.Router([{"model_name": "mine", "litellm_params": params}])

    router.completion("mine", MESSAGES)
    await router.acompletion("mine", MESSAGES)

    assert [span["name"] for span in telemetry.spans()] == ["chat gpt-4o", "chat gpt-4o"]


async def test_a_stream_is_put_together_and_names_no_model_it_was_not_told(
    call, telemetry, request
):
    stream = await call(
        "completion", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    if "async" in request.node.name:  # one class for both kinds of stream
        await read(stream)
    else:
        list(stream)

    span = telemetry.span()
    assert json.loads(span["gen_ai.output.messages"])[0]["parts"] == [
        {"type": "text", "content": "The answer is four. You wrote 4 words."}
    ]
    assert usage_of(span) == {"input_tokens": 4, "output_tokens": 8}
    assert "gen_ai.response.model" not in span


@pytest.mark.parametrize("where", ["callbacks", "success_callback"])
async def test_calls_that_litellm_traces_itself_are_left_to_it(call, telemetry, monkeypatch, where):
    monkeypatch.setattr(litellm, where, [type("OpenTelemetry", (), {})()])

    await call("embedding", "openai/e", input=["a"])

    scopes = {span.instrumentation_scope.name for span in telemetry.finished}
    assert "otel_llm.instrumentation.litellm" not in scopes


@pytest.fixture
def claude():
    with FakeProvider({**anthropic_wire.ROUTES, **cohere_wire.ROUTES}) as provider:
        yield provider


CLAUDE = {"max_tokens": 9, "messages": MESSAGES, "model": "anthropic/claude-sonnet-4-5"}


def messages_of(name):
    """Return one of the ways to Anthropic's messages."""
    return (
        litellm.anthropic_messages
        if name == "anthropic_messages"
        else litellm.anthropic.messages.acreate
    )


@pytest.mark.parametrize("name", ["anthropic_messages", "acreate"])
async def test_anthropics_messages_are_chats(claude, telemetry, name):
    answer = await messages_of(name)(**CLAUDE, api_base=claude.url, api_key="k")

    assert answer["type"] == "message"
    span = telemetry.span()
    assert (span["name"], span["gen_ai.provider.name"]) == ("chat claude-sonnet-4-5", "anthropic")
    assert (span["server.address"], span["server.port"]) == ("127.0.0.1", claude.port)
    assert usage_of(span)["output_tokens"] == answer["usage"]["output_tokens"]
    assert "2+2?" in span["gen_ai.input.messages"]


@pytest.mark.parametrize("size", [7, 10_000])
def test_streams_of_anthropics_messages_are_read_from_their_bytes(size):
    # Through LiteLLM they need its proxy, and that a dozen packages more.
    events = anthropic_wire.events(anthropic_wire.message(anthropic_wire.text("four")))
    said = b"".join(b"event: x\ndata: " + json.dumps(e).encode() + b"\n\n" for e in events)
    stream = _Messages(content=True)

    for at in range(0, len(said), size):
        stream.feed(said[at : at + size])

    response = stream.response()
    assert (response.finish_reasons, response.usage.output_tokens) == (["end_turn"], 5)
    assert stream.output_messages()[0]["parts"] == [{"type": "text", "content": "four"}]


async def test_reranking_is_a_retrieval_by_a_model(call, claude, telemetry):
    ranked = await call(
        "rerank",
        model="cohere/rerank-v3.5",
        query="What is two plus two?",
        documents=["a", "b"],
        top_n=2,
        api_base=claude.url,
    )

    assert ranked.results[0]["index"] == 1
    span = telemetry.span()
    assert json.loads(span["gen_ai.retrieval.documents"]) == [
        {"id": "1", "score": 0.9},
        {"id": "0", "score": 0.5},
    ]
    assert (span["name"], span["gen_ai.provider.name"]) == ("retrieval", "cohere")
    assert span["gen_ai.request.model"] == "rerank-v3.5"
    assert usage_of(span) == {}


async def test_a_router_makes_one_span_per_call(llm, telemetry):
    where = {"api_base": f"{llm.url}/v1", "api_key": "k"}
    router = litellm.Router(
        model_list=[{"model_name": "fast", "litellm_params": {"model": "openai/gpt-4o", **where}}]
    )

    await router.acompletion(model="fast", messages=MESSAGES)
    await read(await router.acompletion(model="fast", messages=MESSAGES, stream=True))
    await router.aembedding(model="fast", input=["a"])

    assert [span["name"] for span in telemetry.spans()] == [
        "chat gpt-4o",
        "chat gpt-4o",
        "embeddings gpt-4o",
    ]


@pytest.fixture
def stream(call, request):
    """Reads a stream of LiteLLM to its end; one class stands for both kinds."""

    async def stream(*args, **given):
        chunks = await call(*args, **given, stream=True)
        return await read(chunks) if "async" in request.node.name else list(chunks)

    return stream


COUNTED = wire.usage(11, 5, prompt_tokens_details={"cached_tokens": 3})
TOLD = {"input_tokens": 11, "output_tokens": 5, "cache_read.input_tokens": 3}
ASKED = [{}, {"stream_options": {"include_usage": True}}]


@pytest.mark.parametrize("asked", ASKED, ids=["not asked", "asked"])
@pytest.mark.parametrize(("said", "told"), [(COUNTED, TOLD), (None, {})], ids=["said", "unsaid"])
async def test_a_stream_has_the_tokens_that_the_provider_told_and_no_estimate(
    stream, llm, telemetry, asked, said, told
):
    llm.queue(wire.stream(wire.completion_chunks(include_usage=said)))

    chunks = await stream("completion", messages=MESSAGES, **asked)

    assert usage_of(telemetry.span()) == told
    if asked and said is None:
        assert chunks[-1].usage.completion_tokens > 0  # LiteLLM counted itself


async def test_a_text_completion_that_is_streamed_has_no_estimate_either(stream, llm, telemetry):
    said = [{"text": "a"}, {"text": "b"}, {"text": "", "finish_reason": "stop"}]
    chunks = [{**wire.text_completion(), "choices": [{"index": 0, **one}]} for one in said]
    llm.queue(wire.stream([{**chunk, "usage": None} for chunk in chunks]))

    await stream("text_completion", "text-completion-openai/m", prompt="2+2?", **ASKED[1])

    assert usage_of(telemetry.span()) == {}


@pytest.mark.parametrize("streamed", [False, True])
async def test_kinds_of_tokens_are_the_providers_and_none_that_litellm_made(
    call, stream, claude, streamed
):
    # It takes the cache from all tokens and calls the rest text.
    ran = {"web_search_requests": 2, "web_fetch_requests": 0}
    usage = anthropic_wire.usage(10, 5, **anthropic_wire.cache(3, 2, 4), server_tool_use=ran)
    answer = anthropic_wire.message(usage=usage)
    events = anthropic_wire.stream(anthropic_wire.events(answer))
    claude.queue(events if streamed else json_answer(answer))
    LiteLLMInstrumentor().uninstrument()
    asked = {"api_base": claude.url, "messages": MESSAGES}

    with captured() as telemetry:
        LiteLLMInstrumentor().instrument(**telemetry.providers)
        await (stream if streamed else call)("completion", CLAUDE["model"], **asked)
        span = telemetry.span()

    assert usage_of(span) == {
        "input_tokens": 19,
        "output_tokens": 5,
        "cache_read.input_tokens": 3,
        "cache_write.input_tokens": 6,
        "otel_llm.usage.cache_write_5m.input_tokens": 2,
        "otel_llm.usage.cache_write_1h.input_tokens": 4,
        "otel_llm.usage.web_searches": 2,
    }
