"""What is Groq's own; the rest is the contract (``cases.py``) and the chat shape."""

from __future__ import annotations

import groq
import pytest

from otel_llm.instrumentation.groq import GroqInstrumentor
from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import groq as wire
from otel_llm.testing import openai as openai_wire

from .both import got, read

ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}


@pytest.fixture
def groq_provider():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture(params=[groq.Groq, groq.AsyncGroq])
async def client(request, groq_provider, telemetry):
    GroqInstrumentor().instrument(**telemetry.providers)
    client = request.param(base_url=groq_provider.url, api_key="k", max_retries=0)
    yield client
    await got(client.close())
    GroqInstrumentor().uninstrument()


@pytest.mark.parametrize(
    ("error", "kind"), [("over_capacity", "over_capacity"), ("It broke, sorry.", "_OTHER")]
)
async def test_a_stream_that_groq_breaks_off_is_an_error(
    client, groq_provider, telemetry, error, kind
):
    chunks = wire.completion_chunks()[:2]
    broken = openai_wire.chunk(x_groq={"id": "req_1", "error": error})
    groq_provider.queue(openai_wire.stream([*chunks, broken]))

    await read(await got(client.chat.completions.create(**ASK, stream=True)))

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", kind)


async def test_reasoning_and_cached_tokens_are_told_apart(client, groq_provider, telemetry):
    usage = openai_wire.usage(
        20,
        9,
        prompt_tokens_details={"cached_tokens": 12},
        completion_tokens_details={"reasoning_tokens": 4},
    )
    groq_provider.queue(json_answer(openai_wire.completion(usage={**usage, "queue_time": 0.1})))

    await got(client.chat.completions.create(**ASK))

    span = telemetry.span()
    assert {name: value for name, value in span.items() if "usage" in name} == {
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 12,
        "gen_ai.usage.reasoning.output_tokens": 4,
    }


async def test_embeddings_and_transcriptions_are_spans(client, telemetry):
    if hasattr(client, "embeddings"):
        await got(client.embeddings.create(model="e", input="a"))
    await got(client.audio.transcriptions.create(model="w", file=("a.wav", b"RIFF")))

    names = [span["name"] for span in telemetry.spans()]
    assert names in (["embeddings e", "generate_content w"], ["generate_content w"])


async def test_speech_is_a_span(client, telemetry):
    if not hasattr(client.audio, "speech"):
        pytest.skip("this version has no speech")
    heard = await got(client.audio.speech.create(model="tts", voice="a", input="four"))

    assert await got(heard.read()) == openai_wire.SPEECH
    span = telemetry.span()
    assert (span["name"], span["gen_ai.output.type"]) == ("generate_content tts", "speech")
