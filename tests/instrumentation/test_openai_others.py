"""Embeddings, legacy completions, images and audio of the OpenAI SDK, over a real socket."""

from __future__ import annotations

import json

import openai
import pytest

from otel_llm.testing import Answer, json_answer
from otel_llm.testing import openai as wire

from .both import got, opened, read
from .openai_sdk import (  # noqa: F401 - fixtures
    client_fixture,
    content_fixture,
    instrument_fixture,
    provider_fixture,
    with_content,
)

WAV = ("a.wav", b"RIFF")


@pytest.fixture(autouse=True)
def _instrumented(instrument_openai):
    instrument_openai()


@pytest.fixture
def expected(openai_provider):
    """What every span has, and ``more``."""

    def expected(operation, model, more):
        return {
            "name": f"{operation} {model}",
            "kind": "CLIENT",
            "status": "UNSET",
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "server.address": "127.0.0.1",
            "server.port": openai_provider.port,
            **more,
        }

    return expected


@pytest.mark.parametrize("text", ["a", ["a", "b"], [[1, 2], [3]]])
async def test_embeddings_are_counted_and_never_kept(
    openai_client, openai_provider, telemetry, expected, text
):
    openai_provider.queue(json_answer(wire.embeddings(2, dimensions=3)))

    answer = await got(openai_client.embeddings.create(model="e", input=text))

    assert len(answer.data) == 2
    assert telemetry.span() == expected(
        "embeddings",
        "e",
        {
            "gen_ai.response.model": "text-embedding-3-small",
            "gen_ai.usage.input_tokens": 4,
            "gen_ai.embeddings.dimension.count": 3,
        },
    )


async def test_the_dimensions_and_encoding_asked_for_are_on_the_span(openai_client, telemetry):
    await got(
        openai_client.embeddings.create(
            model="e", input="a", dimensions=256, encoding_format="float"
        )
    )

    span = telemetry.span()
    assert span["gen_ai.embeddings.dimension.count"] == 256
    assert span["gen_ai.request.encoding_formats"] == ("float",)


async def test_a_base64_vector_tells_its_dimensions(openai_client, openai_provider, telemetry):
    answer = wire.embeddings()
    answer["data"][0]["embedding"] = "AAAAAAAAAAAAAAAAAAAAAA=="  # 16 bytes, 4 floats
    openai_provider.queue(json_answer(answer))

    await got(openai_client.embeddings.create(model="e", input="a", encoding_format="base64"))

    assert telemetry.span()["gen_ai.embeddings.dimension.count"] == 4


async def test_an_embeddings_error_is_the_sdks_own(openai_client, openai_provider, telemetry):
    openai_provider.queue(wire.error(400))

    with pytest.raises(openai.BadRequestError):
        await got(openai_client.embeddings.create(model="e", input="a"))

    assert telemetry.span()["error.type"] == "openai.BadRequestError"


COMPLETED = {
    "gen_ai.response.id": "cmpl-1",
    "gen_ai.response.model": "gpt-3.5-turbo-instruct",
    "gen_ai.response.finish_reasons": ("stop",),
}


async def test_a_legacy_completion_is_one_span(openai_client, telemetry, expected):
    await got(openai_client.completions.create(model="t", prompt="2+2?", max_tokens=3, stop="."))

    more = {
        **COMPLETED,
        "gen_ai.request.max_tokens": 3,
        "gen_ai.request.stop_sequences": (".",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
    }
    assert telemetry.span() == expected("text_completion", "t", more)


@with_content
async def test_a_legacy_stream_is_put_together(openai_client, telemetry, expected):
    stream = await got(openai_client.completions.create(model="t", prompt="2+2?", stream=True))
    await read(stream)

    span = telemetry.span()
    assert span.pop("gen_ai.response.time_to_first_chunk") > 0
    assert json.loads(span.pop("gen_ai.input.messages")) == [said("user", "2+2?")]
    assert json.loads(span.pop("gen_ai.output.messages")) == [
        {**said("assistant", wire.TEXT), "finish_reason": "stop"}
    ]
    more = {**COMPLETED, "gen_ai.request.stream": True}
    assert span == expected("text_completion", "t", more)


def said(role, text):
    return {"role": role, "parts": [{"type": "text", "content": text}]}


DRAWN = {
    "gen_ai.output.type": "image",
    "gen_ai.usage.input_tokens": 50,
    "gen_ai.usage.output_tokens": 100,
    "gen_ai.usage.text.input_tokens": 10,
    "gen_ai.usage.image.input_tokens": 40,
}
PER_KIND = {
    "gen_ai.usage.text.output_tokens": 0,
    "gen_ai.usage.image.output_tokens": 100,
}


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("generate", {"prompt": "a cat"}),
        ("edit", {"prompt": "a cat", "image": b"png"}),
        ("create_variation", {"image": b"png"}),
    ],
)
async def test_pictures_are_counted_and_never_kept(
    openai_client, telemetry, expected, method, arguments
):
    answer = await got(getattr(openai_client.images, method)(model="i", **arguments))

    assert answer.data[0].b64_json == "aGk="
    assert telemetry.span() == expected("generate_content", "i", {**DRAWN, **PER_KIND})


async def test_a_picture_billed_by_the_piece_has_no_tokens(
    openai_client, openai_provider, telemetry, expected
):
    openai_provider.queue(json_answer(wire.images(usage=None)))

    await got(openai_client.images.generate(model="dall-e-3", prompt="a cat", n=2))

    more = {"gen_ai.output.type": "image", "gen_ai.request.choice.count": 2}
    assert telemetry.span() == expected("generate_content", "dall-e-3", more)


@with_content
async def test_a_streamed_picture_is_one_span(openai_client, telemetry, expected):
    stream = await got(openai_client.images.generate(model="i", prompt="a cat", stream=True))
    await read(stream)

    span = telemetry.span()
    assert span.pop("gen_ai.response.time_to_first_chunk") > 0
    assert json.loads(span.pop("gen_ai.input.messages")) == [said("user", "a cat")]
    more = {**DRAWN, **PER_KIND, "gen_ai.request.stream": True}
    assert span == expected("generate_content", "i", more)


HEARD = {
    "gen_ai.output.type": "text",
    "gen_ai.usage.input_tokens": 14,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.text.input_tokens": 2,
    "gen_ai.usage.audio.input_tokens": 12,
}


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
@pytest.mark.parametrize("kind", ["transcriptions", "translations"])
async def test_speech_is_counted_and_never_kept(
    openai_client, openai_provider, telemetry, expected, kind
):
    openai_provider.queue(json_answer(wire.transcription()))

    answer = await got(getattr(openai_client.audio, kind).create(model="t", file=WAV))

    assert answer.text == wire.TEXT
    assert telemetry.span() == expected("generate_content", "t", HEARD)


async def test_speech_billed_by_the_second_has_no_tokens(
    openai_client, openai_provider, telemetry, expected
):
    usage = {"type": "duration", "seconds": 3}
    openai_provider.queue(json_answer(wire.transcription(usage=usage)))

    await got(openai_client.audio.transcriptions.create(model="whisper-1", file=WAV))

    more = {"gen_ai.output.type": "text"}
    assert telemetry.span() == expected("generate_content", "whisper-1", more)


@pytest.mark.parametrize("way", ["raw", "lines", "bytes", "read", "parse"])
async def test_a_transcript_read_raw_as_events_has_its_tokens(
    openai_client, telemetry, expected, way
):
    transcriptions = openai_client.audio.transcriptions
    asked = {"model": "t", "file": WAV, "stream": True}

    if way == "raw":
        await read((await got(transcriptions.with_raw_response.create(**asked))).parse())
    else:
        create = transcriptions.with_streaming_response.create
        async with opened(create(**asked)) as response:
            inside = getattr(response, f"iter_{way}" if way in ("lines", "bytes") else way)
            found = await got(inside())
            if way != "read":
                await read(found)

    span = telemetry.span()
    span.pop("gen_ai.response.time_to_first_chunk", None)
    assert span == expected("generate_content", "t", {**HEARD, "gen_ai.request.stream": True})


@with_content
async def test_a_plain_text_transcript_is_an_answer_too(openai_client, openai_provider, telemetry):
    openai_provider.queue(Answer((b"four",), content_type="text/plain"))

    answer = await got(
        openai_client.audio.transcriptions.create(model="t", file=WAV, response_format="text")
    )

    assert answer == "four"
    assert json.loads(telemetry.span()["gen_ai.output.messages"]) == [
        {**said("assistant", "four"), "finish_reason": "stop"}
    ]


@with_content
async def test_a_streamed_transcript_is_one_span(openai_client, telemetry, expected):
    stream = await got(openai_client.audio.transcriptions.create(model="t", file=WAV, stream=True))
    await read(stream)

    span = telemetry.span()
    assert span.pop("gen_ai.response.time_to_first_chunk") > 0
    assert json.loads(span.pop("gen_ai.output.messages")) == [
        {**said("assistant", wire.TEXT), "finish_reason": "stop"}
    ]
    assert span == expected("generate_content", "t", {**HEARD, "gen_ai.request.stream": True})


ASK_SPEECH = {"model": "tts", "voice": "alloy", "input": "four", "instructions": "Be calm."}
SPEECH = {"gen_ai.output.type": "speech"}


async def test_speech_that_is_made_is_one_span_and_never_kept(openai_client, telemetry, expected):
    answer = await got(openai_client.audio.speech.create(**ASK_SPEECH))

    assert (answer.content, type(answer).__name__) == (wire.SPEECH, "HttpxBinaryResponseContent")
    assert telemetry.span() == expected("generate_content", "tts", SPEECH)


async def test_speech_read_as_it_comes_is_one_span(openai_client, telemetry, expected):
    create = openai_client.audio.speech.with_streaming_response.create
    async with opened(create(**ASK_SPEECH)) as response:
        heard = b"".join(await read(response.iter_bytes()))

    assert heard == wire.SPEECH
    assert telemetry.span() == expected("generate_content", "tts", SPEECH)


@pytest.mark.parametrize("way", ["plain", "raw", "lines", "bytes", "read", "parse"])
async def test_speech_that_comes_as_events_has_its_tokens(openai_client, telemetry, expected, way):
    speech, asked = openai_client.audio.speech, {**ASK_SPEECH, "stream_format": "sse"}

    if way == "plain":
        heard = (await got(speech.create(**asked))).content
    elif way == "raw":
        heard = (await got(speech.with_raw_response.create(**asked))).parse().content
    else:
        async with opened(speech.with_streaming_response.create(**asked)) as response:
            read_it = getattr(response, f"iter_{way}" if way in ("lines", "bytes") else way)
            heard = await (read if way in ("lines", "bytes") else got)(read_it())

    assert b"speech.audio.done" in (heard if isinstance(heard, bytes) else _joined(heard))

    span = telemetry.span()
    span.pop("gen_ai.response.time_to_first_chunk", None)
    counted = {"gen_ai.usage.input_tokens": 14, "gen_ai.usage.output_tokens": 101}
    assert span == expected(
        "generate_content", "tts", {**SPEECH, **counted, "gen_ai.request.stream": True}
    )


def _joined(pieces):
    return b"".join(one.encode() if isinstance(one, str) else one for one in pieces)


@with_content
async def test_the_words_to_be_spoken_are_captured_and_the_voice_is_not(openai_client, telemetry):
    await got(openai_client.audio.speech.create(**ASK_SPEECH))

    span = telemetry.span()
    assert json.loads(span["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "four"}]}
    ]
    assert json.loads(span["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be calm."}
    ]
    assert "gen_ai.output.messages" not in span


# Decisions


ASKED = [
    {"type": "predicate", "name": "even", "instructions": "The sum is even."},
    {"type": "choice", "instructions": "Which?", "choices": [{"value": "even"}, {"value": "odd"}]},
    {"type": "predicate", "instructions": "Something else."},
]
since_decisions = pytest.mark.skipif(not hasattr(openai.OpenAI, "decisions"), reason="older SDK")


@since_decisions
@with_content
async def test_decisions_are_counted_and_captured(openai_client, telemetry, expected):
    answer = await got(
        openai_client.decisions.create(model="gpt-6-luna", input="two plus two", questions=ASKED)
    )

    assert [one.type for one in answer.answers] == ["predicate", "choice", "refusal"]
    span = telemetry.span()
    sent, told = ("gen_ai.input.messages", "gen_ai.output.messages")
    assert json.loads(span.pop(sent)) == [
        said("user", "two plus two"),
        {"role": "user", "parts": ASKED},
    ]
    parts = [
        {name: value for name, value in one.items() if value is not None}
        for one in wire.decision()["answers"]
    ]
    assert json.loads(span.pop(told)) == [
        {"role": "assistant", "parts": parts, "finish_reason": "stop"}
    ]
    assert span == expected("generate_content", "gpt-6-luna", DECIDED)


DECIDED = {
    "gen_ai.output.type": "json",
    "gen_ai.response.model": "gpt-6-luna-2026-10-01",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 0,
    "gen_ai.usage.cache_write.input_tokens": 0,
    "gen_ai.usage.reasoning.output_tokens": 0,
}


@since_decisions
async def test_a_raw_decision_is_counted(openai_client, telemetry, expected):
    create = openai_client.decisions.with_raw_response.create

    raw = await got(create(model="gpt-6-luna", input="two plus two", questions=ASKED))

    assert raw.parse().answers[0].probability == 0.9
    assert telemetry.span() == expected("generate_content", "gpt-6-luna", DECIDED)
