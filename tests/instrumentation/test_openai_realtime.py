"""OpenAI's Realtime over a websocket, sync and async, text and audio."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from threading import Event

import openai
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from websockets.exceptions import ConnectionClosed

from otel_llm import semconv
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import CUT, captured
from otel_llm.testing import realtime as wire

from .both import got, opened, read
from .openai_sockets import (  # noqa: F401 - fixtures
    PATIENT,
    at,
    client_fixture,
    instrument_fixture,
    provider_fixture,
    until,
)

TOKENS = {
    "gen_ai.usage.input_tokens": 30,
    "gen_ai.usage.output_tokens": 18,
    "gen_ai.usage.cache_read.input_tokens": 12,
    "gen_ai.usage.text.input_tokens": 10,
    "gen_ai.usage.audio.input_tokens": 20,
    "gen_ai.usage.image.input_tokens": 0,
    "gen_ai.usage.text.output_tokens": 6,
    "gen_ai.usage.audio.output_tokens": 12,
    "gen_ai.usage.text.cache_read.input_tokens": 4,
    "gen_ai.usage.audio.cache_read.input_tokens": 8,
    "gen_ai.usage.image.cache_read.input_tokens": 0,
}


def connect(client, api="realtime"):
    realtime = client.beta.realtime if api == "beta" else client.realtime
    return opened(realtime.connect(model=wire.MODEL, websocket_connection_options=PATIENT))


async def ask(client):
    """Ask for a response and receive everything up to its end."""
    async with connect(client) as connection:
        await got(connection.response.create())
        return await until(connection, "response.done")


def expected(provider, **more):
    return {
        "name": f"chat {wire.MODEL}",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": wire.MODEL,
        "gen_ai.request.stream": True,
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.conversation.id": "conv_1",
        "server.address": "127.0.0.1",
        "server.port": provider.port,
        **TOKENS,
        **more,
    }


async def test_a_response_is_one_whole_span(client, provider, telemetry):
    received = await ask(client)

    assert [event.type for event in received][:2] == ["session.created", "response.created"]
    assert received[-1].response.output[0].content[0].text == wire.TEXT
    assert provider.received == [{"type": "response.create"}]
    span = telemetry.span()
    assert span.pop(semconv.RESPONSE_TIME_TO_FIRST_CHUNK) > 0
    assert span == expected(provider)


async def test_events_may_be_iterated_over(client, provider, telemetry):
    provider.queue([*wire.events(), 1000])

    async with connect(client) as connection:
        await got(connection.response.create())
        received = [event.type for event in await read(connection)]

    assert received[-1] == "response.done"
    assert telemetry.span()["gen_ai.usage.output_tokens"] == 18


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_so_is_one_of_the_beta(client, provider, telemetry):
    if not hasattr(client.beta, "realtime"):
        pytest.skip("this version has no beta of it")
    provider.queue(wire.events(kind="text"))

    async with connect(client, "beta") as connection:
        await got(connection.response.create())
        await until(connection, "response.done")

    span = telemetry.span()
    assert span.pop(semconv.RESPONSE_TIME_TO_FIRST_CHUNK) > 0
    assert span == expected(provider)


async def test_what_was_agreed_on_counts_unless_the_response_has_its_own(
    client, provider, telemetry
):
    session = {"type": "realtime", "output_modalities": ["audio"], "max_output_tokens": 50}
    async with connect(client) as connection:
        await got(connection.session.update(session=session))
        await got(connection.response.create())
        await got(
            connection.response.create(
                response={"output_modalities": ["text"], "max_output_tokens": 7}
            )
        )
        await until(connection, "response.done")
        provider.say(*wire.events(wire.response(id="resp_2")))
        await until(connection, "response.done")

    asked = [
        (span["gen_ai.output.type"], span["gen_ai.request.max_tokens"])
        for span in telemetry.spans()
    ]
    assert asked == [("speech", 50), ("text", 7)]


async def test_a_response_that_nobody_asked_for_is_one_too(client, provider, telemetry):
    async with connect(client) as connection:
        await until(connection, "session.created")
        provider.say(*wire.events(wire.response(wire.message(wire.audio_part())), "output_audio"))
        await until(connection, "response.done")

    span = telemetry.span()
    assert span.pop(semconv.RESPONSE_TIME_TO_FIRST_CHUNK) > 0
    assert span == expected(provider)


async def test_responses_at_once_are_told_apart(client, provider, telemetry):
    one, other = (
        wire.response(id="resp_1"),
        wire.response(id="resp_2", usage=wire.usage(output_tokens=7)),
    )
    provider.queue(
        [],
        [
            wire.created(one),
            wire.created(other),
            *wire.said(other),
            *wire.said(one),
            wire.done(other),
            wire.done(one),
        ],
    )
    async with connect(client) as connection:
        await got(connection.response.create())
        await got(connection.response.create(response={"conversation": "none"}))
        await until(connection, "response.done", times=2)

    ended = [
        (span["gen_ai.response.id"], span["gen_ai.usage.output_tokens"])
        for span in telemetry.spans()
    ]
    assert ended == [("resp_2", 7), ("resp_1", 18)]


@pytest.mark.parametrize(
    ("status", "details", "reason"),
    [
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
        ("cancelled", {"reason": "turn_detected"}, "turn_detected"),
        ("cancelled", None, "cancelled"),
    ],
)
async def test_a_response_that_was_cut_short_did_not_fail(
    client, provider, telemetry, status, details, reason
):
    provider.queue(wire.events(wire.response(status=status, status_details=details)))

    await ask(client)

    span = telemetry.span()
    assert (span["status"], span["gen_ai.response.finish_reasons"]) == ("UNSET", (reason,))
    assert span["gen_ai.usage.output_tokens"] == 18
    (point,) = telemetry.points(semconv.own.STREAM_OUTCOMES.name)
    outcome = "closed_early" if status == "cancelled" else "completed"
    assert point.attributes[semconv.own.STREAM_OUTCOME] == outcome


async def test_a_response_that_failed_has_the_providers_code(client, provider, telemetry):
    details = {
        "type": "failed",
        "error": {"type": "server_error", "code": "overloaded", "message": "sk-secret"},
    }
    provider.queue(wire.events(wire.response(status="failed", status_details=details, usage=None)))

    await ask(client)

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "overloaded")
    assert not [name for name in span if ".usage." in name]
    assert "sk-secret" not in str(span)


@pytest.mark.parametrize(
    ("named", "refusal"),
    [
        ({"event_id": "mine"}, {"code": "invalid_value", "event_id": "mine"}),
        ({}, {"code": "conversation_already_has_active_response"}),
        ({}, {"code": "invalid_value", "param": "response.output_modalities"}),
    ],
)
async def test_a_response_that_is_refused_failed(client, provider, telemetry, named, refusal):
    provider.queue([wire.error(**refusal)])

    async with connect(client) as connection:
        await got(connection.response.create(**named))
        await until(connection, "error")
        ended = telemetry.spans()
        await got(connection.response.create())
        await until(connection, "response.done")

    assert [(span["status"], span["error.type"]) for span in ended] == [("ERROR", refusal["code"])]
    assert [span["status"] for span in telemetry.spans()] == ["ERROR", "UNSET"]


async def test_a_refusal_of_something_else_ends_nothing(client, provider, telemetry):
    provider.queue([wire.error("invalid_value", param="session.voice"), *wire.events()])

    await ask(client)

    assert telemetry.span()["status"] == "UNSET"


@pytest.mark.parametrize("step", [CUT, 1011, 1000])
async def test_a_connection_that_breaks_fails_what_is_under_way(client, provider, telemetry, step):
    provider.queue([wire.created(wire.response()), *wire.said(wire.response()), step])

    with pytest.raises(ConnectionClosed) as raised:
        await ask(client)

    span = telemetry.span()
    assert (span["status"], span["gen_ai.response.id"]) == ("ERROR", "resp_1")
    assert span["error.type"] == f"websockets.exceptions.{type(raised.value).__name__}"
    assert span[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] > 0


async def test_a_connection_that_the_caller_closes_ends_what_is_under_way(
    client, provider, telemetry
):
    provider.queue([wire.created(wire.response()), *wire.said(wire.response())])

    async with connect(client) as connection:
        await got(connection.response.create())
        await until(connection, "response.output_text.delta")
        assert telemetry.spans() == []

    span = telemetry.span()
    assert (span["status"], span["gen_ai.response.id"]) == ("UNSET", "resp_1")


async def test_what_was_asked_for_and_never_begun_ends_with_the_connection(
    client, provider, telemetry
):
    provider.queue([])

    async with connect(client) as connection:
        await got(connection.response.create())

    span = telemetry.span()
    assert (span["status"], "gen_ai.response.id" in span) == ("UNSET", False)


async def test_what_cannot_be_sent_failed(client, provider, telemetry):
    async with connect(client) as connection:
        await until(connection, "session.created")
        await got(connection._connection.close())
        with pytest.raises(ConnectionClosed) as raised:
            await got(connection.response.create())

    error = f"websockets.exceptions.{type(raised.value).__name__}"
    assert telemetry.span()["error.type"] == error


async def test_waiting_in_vain_for_an_event_ends_nothing(provider, instrument, telemetry):
    go_on, (head, *rest) = Event(), wire.events()
    provider.queue([head, go_on, *rest])

    async with (
        openai.AsyncOpenAI(**at(provider)) as client,
        connect(client) as connection,
    ):
        await connection.response.create()
        await until(connection, "response.created")
        waiting = asyncio.create_task(connection.recv())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        await until(connection, "response.done")

    assert telemetry.span()["status"] == "UNSET"


async def test_a_task_that_is_cancelled_cancels_its_response(provider, instrument, telemetry):
    provider.queue([wire.created(wire.response())])
    begun = asyncio.Event()

    async def talk():
        async with (
            openai.AsyncOpenAI(**at(provider)) as client,
            connect(client) as connection,
        ):
            await connection.response.create()
            await until(connection, "response.created")
            begun.set()
            await connection.recv()

    task = asyncio.create_task(talk())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "asyncio.exceptions.CancelledError")


async def test_a_connection_that_is_dropped_ends_what_is_under_way(provider, instrument, telemetry):
    provider.queue([wire.created(wire.response())])
    with openai.OpenAI(**at(provider)) as client:
        connection = client.realtime.connect(model=wire.MODEL).enter()
        connection.response.create()
        connection.recv()
        connection.recv()
        socket = connection._connection
        del connection
        patience = time.monotonic() + 60
        while not telemetry.spans() and time.monotonic() < patience:
            gc.collect()  # another thread may be collecting
        socket.close()

    assert telemetry.span()["gen_ai.response.id"] == "resp_1"


async def test_an_event_that_is_parsed_twice_counts_once(client, provider, telemetry):
    async with connect(client) as connection:
        await got(connection.response.create())
        while True:
            data = await got(connection.recv_bytes())
            first, second = connection.parse_event(data), connection.parse_event(data)
            assert first == second
            if first.type == "response.done":
                break

    assert telemetry.span()["gen_ai.usage.output_tokens"] == 18


async def test_a_response_that_is_only_seen_to_be_done_counts(client, provider, telemetry):
    async with connect(client) as connection:
        await got(connection.response.create())
        while True:
            data = await got(connection.recv_bytes())
            if b"response.done" in data:
                connection.parse_event(data)
                break

    assert telemetry.span()["gen_ai.usage.output_tokens"] == 18


async def test_nothing_of_it_is_current_in_between(client, provider, telemetry):
    from opentelemetry.trace import get_current_span

    async with connect(client) as connection:
        await got(connection.response.create())
        await until(connection, "response.created")
        assert not get_current_span().get_span_context().is_valid
        await until(connection, "response.done")


async def test_words_are_captured_and_sound_is_not(client, provider, instrument, telemetry):
    instrument(capture="SPAN_ONLY")
    audio = wire.response(wire.message(wire.audio_part("Four.")), wire.call())
    provider.queue(wire.events(audio, "output_audio"), wire.events(wire.response(id="resp_2")))
    heard = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "item_0",
        "content_index": 0,
        "transcript": "And three?",
    }
    tool = {"type": "function", "name": "add", "parameters": {"type": "object"}}
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "2+2?"}]}
    answer = {"type": "function_call_output", "call_id": "call_1", "output": "4"}

    async with connect(client) as connection:
        await got(
            connection.session.update(
                session={"type": "realtime", "instructions": "Add.", "tools": [tool]}
            )
        )
        await got(connection.conversation.item.create(item=item))
        await got(connection.response.create())
        await until(connection, "response.done")
        await got(connection.conversation.item.create(item=answer))
        provider.say(heard)
        await until(connection, heard["type"])
        await got(connection.response.create())
        await until(connection, "response.done")

    first, second = telemetry.spans()
    asked = [{"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}]
    call = {"type": "tool_call", "name": "add", "id": "call_1", "arguments": {"a": 2}}
    said = [{"type": "text", "content": "Four."}, call]
    assert json.loads(first["gen_ai.input.messages"]) == asked
    assert json.loads(first["gen_ai.system_instructions"]) == [{"type": "text", "content": "Add."}]
    assert json.loads(first["gen_ai.tool.definitions"]) == [tool]
    assert json.loads(first["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": said, "finish_reason": "tool_call"}
    ]
    assert json.loads(second["gen_ai.input.messages"]) == [
        *asked,
        {"role": "assistant", "parts": said[:1]},
        {"role": "assistant", "parts": said[1:]},
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "response": "4", "id": "call_1"}],
        },
        {"role": "user", "parts": [{"type": "text", "content": "And three?"}]},
    ]


async def test_what_was_said_before_it_broke_is_captured(client, provider, instrument, telemetry):
    instrument(capture="SPAN_ONLY")
    answer = wire.response()
    provider.queue([wire.created(answer), *wire.said(answer, "output_audio_transcript"), CUT])

    with pytest.raises(ConnectionClosed):
        await ask(client)

    (message,) = json.loads(telemetry.span()["gen_ai.output.messages"])
    assert message["parts"] == [{"type": "text", "content": wire.TEXT}]


async def test_nothing_is_traced_once_it_is_over(client, provider, telemetry):
    async with connect(client) as connection:
        await got(connection.response.create())
        await until(connection, "response.created")
        OpenAIInstrumentor().uninstrument()
        await until(connection, "response.done")
        await got(connection.response.create())
        await until(connection, "response.done")
    del connection
    gc.collect()

    assert [span["gen_ai.response.id"] for span in telemetry.spans()] == ["resp_1"]


async def test_a_response_that_nobody_records_is_measured(client, provider):
    OpenAIInstrumentor().uninstrument()
    with captured(ALWAYS_OFF) as telemetry:
        OpenAIInstrumentor().instrument(**telemetry.providers)
        await ask(client)

        points = telemetry.points("gen_ai.client.token.usage")
        assert {(p.attributes["gen_ai.token.type"], p.sum) for p in points} == {
            ("input", 30),
            ("output", 18),
        }


@pytest.mark.parametrize(
    "odd",
    [
        {"type": None},
        {"type": "response.done"},
        {"type": "response.created", "response": 7},
        {"type": "error"},
        {},
        {"type": "response.output_text.delta", "delta": 3, "response_id": []},
        {
            "type": "response.done",
            "response": {"id": "x", "output": 7, "usage": "many", "status_details": []},
        },
    ],
)
async def test_odd_events_reach_the_caller_as_they_would(client, provider, telemetry, odd):
    async with connect(client) as connection:
        await until(connection, "session.created")
        provider.say(odd)
        event = await got(connection.recv())

        again = connection.parse_event.__wrapped__(json.dumps(odd))
    assert event == again
    assert type(event) is type(again)
