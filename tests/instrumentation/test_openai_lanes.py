"""OpenAI's responses over a websocket, sync and async: several in turn, in lanes, steered."""

from __future__ import annotations

import asyncio
import gc
import json
import time

import openai
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from websockets.exceptions import ConnectionClosed

from otel_llm import semconv
from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import CUT, captured
from otel_llm.testing import openai as wire

from .both import got, opened, read
from .openai_sockets import (  # noqa: F401 - fixtures
    PATIENT,
    at,
    client_fixture,
    instrument_fixture,
    provider_fixture,
    until,
)
from .openai_spans import SERVED, response_span

if not hasattr(openai.OpenAI(api_key="k").responses, "connect"):
    pytest.skip("this version has no websocket for it", allow_module_level=True)

from openai.resources.responses.responses import ResponsesResponseResource

LANES = hasattr(ResponsesResponseResource, "steer")
in_lanes = pytest.mark.skipif(not LANES, reason="this version knows neither lanes nor steering")

ASK = {"model": "gpt-4o", "input": "2+2?"}
ENDS = ("response.completed", "response.incomplete", "response.failed")


def connect(client, api="responses"):
    responses = client.beta.responses if api == "beta" else client.responses
    return opened(responses.connect(websocket_connection_options=PATIENT))


def events(lane=None, **fields):
    """Return what is sent for one response, in a lane."""
    told = wire.response_events(wire.response(**fields))
    return told if lane is None else [{**event, "stream_id": lane} for event in told]


def refusal(code="previous_response_not_found", **fields):
    error = {"type": "invalid_request_error", "code": code, "message": "No: sk-secret."}
    return {"type": "error", "status": 400, "error": error, **fields}


async def ask(connection, **more):
    await got(connection.response.create(**{**ASK, **more}))


async def ask_all(client):
    """Ask for a response and receive everything up to its end."""
    async with connect(client) as connection:
        await ask(connection)
        return await until(connection, *ENDS)


def ids(telemetry):
    return [span.get("gen_ai.response.id") for span in telemetry.spans()]


def tokens(telemetry):
    return [span.get("gen_ai.usage.output_tokens") for span in telemetry.spans()]


@pytest.mark.parametrize("api", ["responses", "beta"])
async def test_a_response_is_one_whole_span(client, provider, telemetry, api):
    if api == "beta" and not hasattr(client.beta.responses, "connect"):
        pytest.skip("this version has no beta of it")
    provider.queue(events(service_tier="flex"))

    async with connect(client, api) as connection:
        await ask(connection, temperature=0.5, max_output_tokens=9)
        received = await until(connection, *ENDS)

    assert received[-1].response.output[0].content[0].text == wire.TEXT
    asked = {"type": "response.create", **ASK, "temperature": 0.5, "max_output_tokens": 9}
    assert provider.received == [asked]
    span = telemetry.span()
    assert span.pop(semconv.RESPONSE_TIME_TO_FIRST_CHUNK) > 0
    assert span == response_span(
        provider.port,
        {
            "gen_ai.request.stream": True,
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.max_tokens": 9,
            "openai.response.service_tier": "flex",
        },
    )


async def test_each_of_several_in_turn_is_one(client, provider, telemetry):
    provider.queue(events(id="resp_1"), [*events(id="resp_2"), 1000])

    async with connect(client) as connection:
        await ask(connection)
        await until(connection, *ENDS)
        await ask(connection, previous_response_id="resp_1", model="gpt-5")
        await read(connection)

    first, second = telemetry.spans()
    assert (first["gen_ai.response.id"], first["name"]) == ("resp_1", "chat gpt-4o")
    assert (second["gen_ai.response.id"], second["name"]) == ("resp_2", "chat gpt-5")
    assert tokens(telemetry) == [5, 5]


@in_lanes
async def test_lanes_are_told_apart(client, provider, telemetry):
    one = events("one", id="resp_1", usage=wire.response_usage(output=7))
    other = events("other", id="resp_2", usage=wire.response_usage(output=8))
    mixed = [event for pair in zip(other, one, strict=True) for event in pair]
    provider.queue([], mixed)

    async with connect(client) as connection:
        await ask(connection, stream_id="one", model="gpt-4o")
        await ask(connection, stream_id="other", model="gpt-5")
        await until(connection, *ENDS, times=2)

    found = [
        (span["gen_ai.request.model"], span["gen_ai.response.id"]) for span in telemetry.spans()
    ]
    assert found == [("gpt-5", "resp_2"), ("gpt-4o", "resp_1")]
    assert tokens(telemetry) == [8, 7]


@in_lanes
async def test_what_goes_on_by_itself_once_it_is_steered_is_one_more(client, provider, telemetry):
    steered = {"status": "incomplete", "incomplete_details": {"reason": "steered"}}
    accepted = {
        "type": "response.steer.accepted",
        "steer": {"id": "steer_1", "previous_response_id": "resp_1"},
    }
    goes_on = events(id="resp_2", temperature=0.5, service_tier="flex")
    provider.queue([*events(id="resp_1", **steered)[:-1], accepted])

    async with connect(client) as connection:
        await ask(connection)
        await until(connection, "response.steer.accepted")
        await got(connection.response.steer(input="No, 3+3.", previous_response_id="resp_1"))
        provider.say(events(id="resp_1", **steered)[-1], *goes_on)
        await until(connection, *ENDS, times=2)

    first, second = telemetry.spans()
    assert first["gen_ai.response.finish_reasons"] == ("steered",)
    assert (second["gen_ai.response.id"], second["gen_ai.request.temperature"]) == ("resp_2", 0.5)
    assert (second["name"], second["openai.response.service_tier"]) == (f"chat {SERVED}", "flex")
    assert "openai.request.service_tier" not in second
    assert tokens(telemetry) == [5, 5]


async def test_one_that_is_refused_failed_and_the_next_goes_well(client, provider, telemetry):
    provider.queue([refusal()], events())

    async with connect(client) as connection:
        await ask(connection, previous_response_id="resp_0")
        await until(connection, "error")
        (refused,) = telemetry.spans()
        await ask(connection)
        await until(connection, *ENDS)

    assert (refused["status"], refused["error.type"]) == ("ERROR", "previous_response_not_found")
    assert "sk-secret" not in str(refused)
    assert not [name for name in refused if ".usage." in name]
    assert ids(telemetry) == [None, "resp_1"]


@in_lanes
async def test_a_refusal_in_another_lane_ends_nothing_here(client, provider, telemetry):
    provider.queue([refusal(stream_id="other"), *events("one")])

    async with connect(client) as connection:
        await ask(connection, stream_id="one")
        await until(connection, *ENDS)

    assert telemetry.span()["status"] == "UNSET"


async def test_a_refusal_of_something_else_loses_no_tokens(client, provider, telemetry):
    head, *rest = events()
    provider.queue([head, refusal("invalid_json"), *rest])

    async with connect(client) as connection:
        await ask(connection)
        await until(connection, *ENDS)

    assert (telemetry.span()["status"], tokens(telemetry)) == ("UNSET", [5])


async def test_one_that_breaks_off_failed(client, provider, telemetry):
    provider.queue([*events()[:3], refusal("server_error", sequence_number=3)])

    async with connect(client) as connection:
        await ask(connection)
        await until(connection, "error")
        span = telemetry.span()

    assert (span["status"], span["error.type"]) == ("ERROR", "server_error")
    assert span["gen_ai.response.id"] == "resp_1"
    assert ids(telemetry) == ["resp_1"]


async def test_one_that_failed_has_the_providers_code(client, provider, telemetry):
    error = {"code": "rate_limit_exceeded", "message": "sk-secret"}
    provider.queue(events(status="failed", error=error))

    async with connect(client) as connection:
        await ask(connection)
        await until(connection, *ENDS)

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "rate_limit_exceeded")
    assert span["gen_ai.usage.output_tokens"] == 5
    assert "sk-secret" not in str(span)


@pytest.mark.parametrize("step", [CUT, 1011, 1000])
async def test_a_connection_that_breaks_fails_what_is_under_way(client, provider, telemetry, step):
    provider.queue([*events()[:4], step])

    with pytest.raises(ConnectionClosed) as raised:
        await ask_all(client)

    span = telemetry.span()
    assert (span["status"], span["gen_ai.response.id"]) == ("ERROR", "resp_1")
    assert span["error.type"] == f"websockets.exceptions.{type(raised.value).__name__}"


async def test_a_connection_that_the_caller_closes_ends_what_is_under_way(
    client, provider, telemetry
):
    provider.queue(events()[:-1], [])

    async with connect(client) as connection:
        await ask(connection)
        await until(connection, "response.output_text.delta")
        await ask(connection)
        assert telemetry.spans() == []

    assert [span["status"] for span in telemetry.spans()] == ["UNSET", "UNSET"]
    assert set(ids(telemetry)) == {"resp_1", None}


async def test_a_connection_that_is_dropped_ends_what_is_under_way(provider, instrument, telemetry):
    provider.queue(events()[:1])
    with openai.OpenAI(**at(provider)) as client:
        connection = client.responses.connect().enter()
        connection.response.create(**ASK)
        connection.recv()
        connection.recv()
        socket = connection._connection
        del connection
        patience = time.monotonic() + 60
        while not telemetry.spans() and time.monotonic() < patience:
            gc.collect()  # another thread may be collecting
        socket.close()

    assert ids(telemetry) == ["resp_1"]


async def test_what_cannot_be_sent_failed(client, provider, telemetry):
    async with connect(client) as connection:
        await got(connection._connection.close())
        with pytest.raises(ConnectionClosed) as raised:
            await ask(connection)

    error = f"websockets.exceptions.{type(raised.value).__name__}"
    assert telemetry.span()["error.type"] == error


async def test_waiting_in_vain_for_an_event_ends_nothing(provider, instrument, telemetry):
    async with (
        openai.AsyncOpenAI(**at(provider)) as client,
        connect(client) as connection,
    ):
        provider.queue(events()[:1])
        await ask(connection)
        await until(connection, "response.created")
        waiting = asyncio.create_task(connection.recv())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        provider.say(*events()[1:])
        await until(connection, *ENDS)

    assert (telemetry.span()["status"], tokens(telemetry)) == ("UNSET", [5])


async def test_one_that_was_sent_past_the_connection_counts(client, provider, telemetry):
    provider.queue(events())

    async with connect(client) as connection:
        await got(connection.send_raw(json.dumps({"type": "response.create", **ASK})))
        await until(connection, *ENDS)

    assert (ids(telemetry), tokens(telemetry)) == (["resp_1"], [5])


async def test_an_event_that_is_parsed_twice_counts_once(client, provider, telemetry):
    provider.queue(events())

    async with connect(client) as connection:
        await ask(connection)
        while True:
            data = await got(connection.recv_bytes())
            first, second = connection.parse_event(data), connection.parse_event(data)
            assert first == second
            if first.type in ENDS:
                break

    assert tokens(telemetry) == [5]


async def test_handlers_get_what_they_would_and_it_counts(client, provider, telemetry):
    provider.queue([*events(), 1000])
    heard = []

    async with connect(client) as connection:
        connection.on("response.output_text.delta", lambda event: heard.append(event.delta))
        await ask(connection)
        await got(connection.dispatch_events())

    assert "".join(heard) == wire.TEXT
    assert tokens(telemetry) == [5]


async def test_what_is_said_is_captured_where_that_is_wanted(
    client, provider, instrument, telemetry
):
    instrument(capture="SPAN_ONLY")
    provider.queue(events())

    async with connect(client) as connection:
        await ask(connection, instructions="Add.")
        await until(connection, *ENDS)

    span = telemetry.span()
    assert json.loads(span["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}
    ]
    assert json.loads(span["gen_ai.system_instructions"]) == [{"type": "text", "content": "Add."}]
    assert json.loads(span["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": wire.TEXT}],
            "finish_reason": "stop",
        }
    ]


async def test_nothing_is_traced_once_it_is_over(client, provider, telemetry):
    provider.queue(events()[:1], events(id="resp_2"))

    async with connect(client) as connection:
        await ask(connection)
        await until(connection, "response.created")
        OpenAIInstrumentor().uninstrument()
        provider.say(*events()[1:])
        await until(connection, *ENDS)
        await ask(connection)
        await until(connection, *ENDS)
    del connection
    gc.collect()

    assert ids(telemetry) == ["resp_1"]


async def test_one_that_nobody_records_is_measured(client, provider):
    provider.queue(events())
    OpenAIInstrumentor().uninstrument()
    with captured(ALWAYS_OFF) as telemetry:
        OpenAIInstrumentor().instrument(**telemetry.providers)
        async with connect(client) as connection:
            await ask(connection)
            await until(connection, *ENDS)

        points = telemetry.points("gen_ai.client.token.usage")
        assert {(p.attributes["gen_ai.token.type"], p.sum) for p in points} == {
            ("input", 11),
            ("output", 5),
        }


@pytest.mark.parametrize(
    "odd",
    [
        {"type": None},
        {"type": "response.completed"},
        {"type": "response.created", "response": 7},
        {"type": "error"},
        {"type": "error", "error": "no", "sequence_number": 1, "stream_id": []},
        {},
        {"type": "response.output_text.delta", "delta": 3, "stream_id": {}},
        {"type": "response.completed", "response": {"id": "x", "output": 7, "usage": "many"}},
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
