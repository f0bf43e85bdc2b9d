"""Anthropic's SDK over a socket: what is special to it beyond the contract of all SDKs."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pydantic
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_llm.instrumentation.anthropic import AnthropicInstrumentor
from otel_llm.testing import CUT, Captured, FakeProvider, captured, json_answer
from otel_llm.testing import anthropic as wire

from .both import got
from .spans import streamed

ASK: dict[str, Any] = {
    "model": wire.MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "two plus two"}],
}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
def instrumented() -> Iterator[Any]:
    """Instrument with whatever settings a test needs; ended with the test."""
    instrumentor = AnthropicInstrumentor()
    with captured() as telemetry:

        def start(**settings: Any) -> Captured:
            instrumentor.instrument(**telemetry.providers, **settings)
            return telemetry

        yield start
        instrumentor.uninstrument()


@pytest.fixture
def telemetry(instrumented) -> Captured:
    return instrumented()


@pytest.fixture
def client(provider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=provider.url, api_key="k", max_retries=0) as client:
        yield client


def expected(provider: FakeProvider, **more: Any) -> dict[str, Any]:
    """A whole span of ``ASK`` answered by ``wire.message()``; ``None`` takes an attribute out."""
    whole = {
        "name": f"chat {wire.MODEL}",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": wire.MODEL,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.model": wire.MODEL,
        "gen_ai.response.finish_reasons": ("end_turn",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    return {name: value for name, value in whole.items() if value is not None}


def test_a_message_becomes_one_whole_span(client, provider, telemetry):
    provider.queue(json_answer(wire.message()))

    client.messages.create(
        **ASK,
        stop_sequences=["END"],
        service_tier="auto",
        extra_body={"temperature": 0.5, "top_p": 0.9, "top_k": 3},
    )

    assert telemetry.span() == expected(
        provider,
        gen_ai__request__temperature=0.5,
        gen_ai__request__top_p=0.9,
        gen_ai__request__top_k=3,
    ) | {"gen_ai.request.stop_sequences": ("END",)}


def test_what_was_not_given_is_no_attribute(client, provider, telemetry):
    provider.queue(json_answer(wire.message()))

    omitted = dict.fromkeys(("stop_sequences", "output_config", "stream"), anthropic.omit)
    client.messages.create(**ASK, **omitted)

    assert telemetry.span() == expected(provider)


def test_input_tokens_include_what_the_cache_read_and_wrote(client, provider, telemetry):
    said = wire.usage(
        10, 5, **wire.cache(100, 20, 30), output_tokens_details={"thinking_tokens": 3}
    )
    provider.queue(json_answer(wire.message(usage=said)))

    client.messages.create(**ASK)

    assert telemetry.span() == expected(provider) | {
        "gen_ai.usage.input_tokens": 160,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_write.input_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "otel_llm.usage.cache_write_5m.input_tokens": 20,
        "otel_llm.usage.cache_write_1h.input_tokens": 30,
    }


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("said", "tier"),
    [
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "standard", "speed": "fast"}, "fast"),
    ],
)
def test_what_changes_the_price_is_told(client, provider, telemetry, stream, said, tier):
    message = wire.message(usage=wire.usage(inference_geo="us", **said))
    provider.queue(wire.stream(wire.events(message)) if stream else json_answer(message))

    answer = client.messages.create(**ASK, stream=stream)
    list(answer)

    span = telemetry.span()
    assert span["otel_llm.response.service_tier"] == tier
    assert span["otel_llm.response.inference_geo"] == "us"


def test_what_leaves_the_price_as_it_is_is_not_told(client, provider, telemetry):
    usual = {"service_tier": "standard", "inference_geo": "global"}
    ran = {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 2}}
    provider.queue(json_answer(wire.message(usage=wire.usage(**wire.cache(0, 20), **usual, **ran))))

    client.messages.create(**ASK)

    assert not [name for name in telemetry.span() if name.startswith("otel_llm")]


@pytest.mark.parametrize("way", ["whole", "events", "helper"])
def test_searches_that_are_charged_for_are_told(client, provider, telemetry, way):
    ran = {"web_search_requests": 3, "web_fetch_requests": 1}
    message = wire.message(usage=wire.usage(server_tool_use=ran))
    whole = way == "whole"
    provider.queue(json_answer(message) if whole else wire.stream(wire.events(message)))

    send(client, way)

    assert telemetry.span()["otel_llm.usage.web_searches"] == 3


def test_a_split_that_does_not_add_up_is_left_out(client, provider, telemetry):
    said = {**wire.usage(**wire.cache(0, 20, 5)), "cache_creation_input_tokens": 30}
    provider.queue(json_answer(wire.message(usage=said)))

    client.messages.create(**ASK)

    span = telemetry.span()
    assert span["gen_ai.usage.cache_write.input_tokens"] == 30
    assert not [name for name in span if name.startswith("otel_llm.usage")]


def test_a_compaction_is_billed_although_the_totals_leave_it_out(client, provider, telemetry):
    rounds = [
        {"type": "compaction", **wire.usage(1000, 50, **wire.cache(200))},
        {"type": "message", **wire.usage(10, 5, **wire.cache())},
    ]
    said = wire.usage(10, 5, **wire.cache(), iterations=rounds)
    block = {"type": "compaction", "content": "So far: two and two."}
    provider.queue(json_answer(wire.message(block, wire.text(), usage=said)))

    client.beta.messages.create(**ASK)

    assert telemetry.span() == expected(provider) | {
        "gen_ai.conversation.compacted": True,
        "gen_ai.usage.input_tokens": 1210,
        "gen_ai.usage.output_tokens": 55,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.cache_write.input_tokens": 0,
    }


ADVISED = (
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "advisor", "input": {}},
    {
        "type": "advisor_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "advisor_result", "text": "Add them."},
    },
    wire.text(),
)


def send(client, way, **more):
    """Ask for a message: whole, as events, or through the helper."""
    if way == "helper":
        with client.beta.messages.stream(**ASK, **more) as stream:
            return stream.get_final_message()
    answer = client.beta.messages.create(**ASK, **more, stream=way == "events")
    return list(answer) if way == "events" else answer


def answering(way, whole):
    return json_answer(whole) if way == "whole" else wire.stream(wire.events(whole))


WAYS = pytest.mark.parametrize("way", ["whole", "events", "helper"])


def counted(telemetry):
    points = telemetry.points("gen_ai.client.token.usage")
    return {(p.attributes["gen_ai.token.type"], p.sum) for p in points}


@WAYS
@pytest.mark.parametrize("sampler", [None, ALWAYS_OFF], ids=["sampled", "unsampled"])
def test_an_advisors_tokens_are_of_another_model_and_not_added(client, provider, way, sampler):
    rounds = [
        {"type": "message", **wire.usage(4, 2, **wire.cache())},
        {
            "type": "advisor_message",
            "model": "claude-opus-4-8",
            **wire.usage(823, 1612, **wire.cache(7)),
        },
        {"type": "message", **wire.usage(6, 3, **wire.cache())},
    ]
    said = wire.usage(10, 5, **wire.cache(), iterations=rounds)
    provider.queue(answering(way, wire.message(*ADVISED, usage=said)))

    with captured(sampler) as telemetry:
        AnthropicInstrumentor().instrument(**telemetry.providers)
        send(client, way)
        AnthropicInstrumentor().uninstrument()

        assert counted(telemetry) == {("input", 10), ("output", 5)}
        for span in telemetry.spans():
            assert span["gen_ai.response.model"] == wire.MODEL
            assert span["gen_ai.usage.input_tokens"] == 10
            assert span["gen_ai.usage.output_tokens"] == 5
            assert span["gen_ai.usage.cache_read.input_tokens"] == 0


@WAYS
def test_an_advisors_words_are_captured_as_a_tool_of_the_servers(
    client, provider, instrumented, way
):
    telemetry = instrumented(capture="SPAN_ONLY")
    provider.queue(answering(way, wire.message(*ADVISED)))

    send(client, way)

    (message,) = json.loads(telemetry.span()["gen_ai.output.messages"])
    call, advice, answer = message["parts"]
    assert (call["type"], call["name"]) == ("server_tool_call", "advisor")
    assert advice["type"] == "server_tool_call_response"
    assert advice["server_tool_call_response"]["content"]["text"] == "Add them."
    assert answer == {"type": "text", "content": wire.TEXT}


@WAYS
def test_the_model_that_took_over_is_the_one_that_served(client, provider, telemetry, way):
    fallback = "claude-opus-5"
    rounds = [
        {"type": "message", "model": wire.MODEL, **wire.usage(10, 0, **wire.cache())},
        {"type": "fallback_message", "model": fallback, **wire.usage(10, 5, **wire.cache())},
    ]
    said = wire.usage(10, 5, iterations=rounds)
    provider.queue(answering(way, wire.message(usage=said)))

    send(client, way)

    span = telemetry.span()
    assert span["gen_ai.request.model"] == wire.MODEL
    assert span["gen_ai.response.model"] == fallback


@WAYS
def test_the_block_where_another_model_took_over_names_it_too(client, provider, instrumented, way):
    telemetry = instrumented(capture="SPAN_ONLY")
    refused = {"type": "refusal", "category": None}
    block = {"type": "fallback", "from": {"model": wire.MODEL}, "to": {"model": "claude-opus-5"}}
    answer = wire.message({**block, "trigger": refused}, wire.text())
    if way == "whole":
        answer["model"] = "claude-opus-5"  # only a stream starts before it is known
    provider.queue(answering(way, answer))

    send(client, way)

    span = telemetry.span()
    assert span["gen_ai.response.model"] == "claude-opus-5"
    ((hop, _),) = (m["parts"] for m in json.loads(span["gen_ai.output.messages"]))
    assert hop["type"] == "fallback"


@pytest.mark.parametrize(
    "reason", ["max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "brand_new"]
)
def test_the_stop_reason_keeps_the_spelling_of_the_provider(client, provider, telemetry, reason):
    provider.queue(json_answer(wire.message(stop_reason=reason)))

    client.messages.create(**ASK)

    assert telemetry.span()["gen_ai.response.finish_reasons"] == (reason,)


def test_an_empty_name_of_a_model_is_none(client, provider, telemetry):
    provider.queue(json_answer(wire.message(model="")))

    client.messages.create(**{**ASK, "model": ""})

    span = telemetry.span()
    assert span["name"] == "chat"
    assert not {"gen_ai.request.model", "gen_ai.response.model"} & span.keys()


def test_an_answer_without_usage_has_no_tokens_rather_than_zero(client, provider, telemetry):
    answer = wire.message()
    del answer["usage"]
    provider.queue(json_answer(answer))

    client.messages.create(**ASK)

    assert telemetry.span() == expected(
        provider, gen_ai__usage__input_tokens=None, gen_ai__usage__output_tokens=None
    )


def test_nonsense_in_the_answer_changes_nothing_for_the_caller(client, provider, telemetry):
    odd = wire.message(content=None, stop_reason=7, model=None, usage={"input_tokens": "many"})
    provider.queue(json_answer(odd))

    message = client.messages.create(**ASK)

    assert message.id == "msg_1"
    assert telemetry.span() == expected(
        provider,
        gen_ai__response__model=None,
        gen_ai__response__finish_reasons=None,
        gen_ai__usage__input_tokens=None,
        gen_ai__usage__output_tokens=None,
    )


def test_a_schema_or_class_asked_for_is_json_output(client, provider, telemetry):
    class Sum(pydantic.BaseModel):
        total: int

    provider.queue(*[json_answer(wire.message(wire.text('{"total": 4}')))] * 2)

    assert client.messages.parse(**ASK, output_format=Sum).parsed_output == Sum(total=4)
    schema = {"type": "json_schema", "schema": {"type": "object"}}
    client.messages.create(**ASK, output_config={"format": schema, "effort": "low"})

    parsed, created = telemetry.spans()
    json_span = expected(provider, gen_ai__output__type="json")
    assert parsed == json_span
    assert created == json_span | {"gen_ai.request.reasoning.level": "low"}


def test_an_answer_that_parse_raises_over_was_billed(client, provider, telemetry):
    class Sum(pydantic.BaseModel):
        total: int

    provider.queue(*[json_answer(wire.message(wire.text("no JSON")))] * 2)

    for messages in (client.messages, client.beta.messages):
        with pytest.raises(pydantic.ValidationError):
            messages.parse(**ASK, output_format=Sum)

    failed = expected(provider, gen_ai__output__type="json") | {
        "status": "ERROR",
        "error.type": "pydantic_core._pydantic_core.ValidationError",
    }
    assert telemetry.spans() == [failed, failed]


# Streams


def test_the_output_of_a_stream_is_its_last_count_and_no_sum(client, provider, telemetry):
    told = wire.events(wire.message(usage=wire.usage(10, 20, **wire.cache(5, 1))))
    first = {**wire.delta(wire.message(usage=wire.usage(10, 12)))}
    provider.queue(wire.stream([*told[:-2], first, *told[-2:]]))

    for _ in client.messages.create(**ASK, stream=True):
        pass

    assert streamed(telemetry.span()) == expected(provider) | {
        "gen_ai.usage.input_tokens": 16,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "gen_ai.usage.cache_write.input_tokens": 1,
    }


def test_counts_in_the_last_delta_replace_those_of_the_start(client, provider, telemetry):
    told = wire.events()
    told[-2]["usage"] |= {"input_tokens": 40, "cache_read_input_tokens": 2}
    provider.queue(wire.stream(told))

    for _ in client.messages.create(**ASK, stream=True):
        pass

    assert telemetry.span()["gen_ai.usage.input_tokens"] == 42


def test_the_placeholder_at_the_start_of_a_stream_is_no_output(client, telemetry):
    with client.messages.create(**ASK, stream=True) as stream:
        next(iter(stream))

    span = streamed(telemetry.span())
    assert span["gen_ai.usage.input_tokens"] == 3 + 3
    assert "gen_ai.usage.output_tokens" not in span
    assert span["status"] == "UNSET"


def test_thoughts_that_the_start_of_a_stream_counts_are_a_placeholder_too(
    client, provider, telemetry
):
    told = wire.events()
    told[0]["message"]["usage"] |= {"output_tokens_details": {"thinking_tokens": 1}}
    provider.queue(wire.stream(told))

    list(client.messages.create(**ASK, stream=True))

    assert "gen_ai.usage.reasoning.output_tokens" not in telemetry.span()


FALLS_BACK = """
async def ask(client, asked):
    try:
        return await client.beta.messages.create(**asked)
    except ValueError:
        return await client.beta.messages.create(**asked, stream=True)
"""


@pytest.mark.parametrize(
    ("module", "failures"),
    [("pydantic_ai.models.anthropic", []), ("app", [("chat", "ValueError")])],
)
async def test_an_answer_too_long_for_one_piece_is_no_failed_call_where_pydantic_ai_streams_it(
    provider, telemetry, module, failures
):
    caller: dict[str, Any] = {"__name__": module}
    exec(FALLS_BACK, caller)

    async with anthropic.AsyncAnthropic(base_url=provider.url, api_key="k") as client:
        stream = await caller["ask"](client, {**ASK, "max_tokens": 64_000})
        said = [event async for event in stream]

    assert said
    told = [(s["gen_ai.operation.name"], s.get("error.type")) for s in telemetry.spans()]
    assert told == [*failures, ("chat", None)]
    assert len(telemetry.points("gen_ai.client.operation.duration")) == len(told)
    assert len(provider.requests) == 1


def test_a_stream_stays_what_the_sdk_returns(client, telemetry):
    stream = client.messages.create(**ASK, stream=True)

    assert isinstance(stream, anthropic.Stream)
    assert stream.response.status_code == 200
    assert [event.type for event in stream].index("message_start") == 0
    assert len(telemetry.spans()) == 1


def test_an_error_event_in_a_stream_fails_the_span_and_reaches_the_caller(
    client, provider, telemetry
):
    provider.queue(wire.stream([*wire.events()[:4], wire.error_event()]))

    with pytest.raises(anthropic.APIStatusError, match="overloaded"):
        list(client.messages.create(**ASK, stream=True))

    assert streamed(telemetry.span()) == expected(
        provider,
        status="ERROR",
        error__type="anthropic.APIStatusError",
        gen_ai__response__finish_reasons=None,
        gen_ai__usage__output_tokens=None,
    )


def test_a_connection_lost_in_a_stream_fails_the_span(client, provider, telemetry):
    provider.queue(wire.stream([*wire.events()[:4], CUT]))

    with pytest.raises(Exception, match=r"(?i)peer closed|incomplete|disconnected"):
        list(client.messages.create(**ASK, stream=True))

    span = telemetry.span()
    assert span["status"] == "ERROR"
    assert span["gen_ai.usage.input_tokens"] == 11


FINISH = {
    "iterated": lambda stream: [event.type for event in stream],
    "text_stream": lambda stream: "".join(stream.text_stream),
    "get_final_message": lambda stream: stream.get_final_message(),
    "get_final_text": lambda stream: stream.get_final_text(),
    "until_done": lambda stream: stream.until_done(),
}


@pytest.mark.parametrize("finish", FINISH)
@pytest.mark.parametrize("beta", [False, True])
def test_the_helper_records_however_it_is_read(client, provider, telemetry, finish, beta):
    provider.queue(wire.stream(wire.events(wire.message(usage=wire.usage(11, 5, **wire.cache(4))))))

    with (client.beta if beta else client).messages.stream(**ASK) as stream:
        FINISH[finish](stream)
        assert stream.current_message_snapshot.usage.output_tokens == 5

    assert streamed(telemetry.span()) == expected(provider) | {
        "gen_ai.usage.input_tokens": 15,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 0,
    }


@pytest.mark.parametrize("finish", FINISH)
async def test_the_async_helper_records_however_it_is_read(provider, telemetry, finish):
    provider.queue(wire.stream(wire.events()))

    async with (
        anthropic.AsyncAnthropic(base_url=provider.url, api_key="k", max_retries=0) as client,
        client.messages.stream(**ASK) as stream,
    ):
        match finish:
            case "iterated":
                _ = [event async for event in stream]
            case "text_stream":
                _ = [text async for text in stream.text_stream]
            case _:
                await getattr(stream, finish)()

    assert streamed(telemetry.span()) == expected(provider)


def test_a_helper_that_is_never_entered_sends_and_records_nothing(client, provider, telemetry):
    manager = client.messages.stream(**ASK)

    assert isinstance(manager, anthropic.MessageStreamManager)
    assert (provider.requests, telemetry.spans()) == ([], [])


def test_a_helper_left_early_is_no_error(client, provider, telemetry):
    provider.queue(wire.stream(wire.events()))

    with client.messages.stream(**ASK) as stream:
        next(stream.text_stream)

    assert streamed(telemetry.span()) == expected(
        provider, gen_ai__response__finish_reasons=None, gen_ai__usage__output_tokens=None
    )


def test_an_exception_of_the_callers_own_passes_and_is_no_failed_call(client, telemetry):
    def read() -> None:
        with client.messages.stream(**ASK) as stream:
            next(stream)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        read()

    assert telemetry.span()["status"] == "UNSET"


def test_a_helper_whose_request_fails_records_the_error(client, provider, telemetry):
    provider.queue(wire.error(529, "overloaded_error"))

    with pytest.raises(anthropic.APIStatusError), client.messages.stream(**ASK):
        pytest.fail("it was not entered")

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "anthropic.OverloadedError")


# Raw responses


def test_a_raw_response_is_read_by_the_caller_and_by_us(client, provider, telemetry):
    provider.queue(json_answer(wire.message()))

    raw = client.messages.with_raw_response.create(**ASK)

    assert (raw.parse().id, raw.parse().id, raw.status_code) == ("msg_1", "msg_1", 200)
    assert telemetry.span() == expected(provider)


def test_a_raw_response_tells_what_a_tool_was_called_with(client, provider, instrumented):
    telemetry = instrumented(capture="SPAN_ONLY")
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"at": {"lat": 59.9}}}
    provider.queue(json_answer(wire.message(call, stop_reason="tool_use")))

    client.messages.with_raw_response.create(**ASK)

    (answer,) = json.loads(telemetry.span()["gen_ai.output.messages"])
    assert answer["parts"] == [
        {
            "type": "tool_call",
            "name": "weather",
            "id": "toolu_1",
            "arguments": {"at": {"lat": 59.9}},
        }
    ]


def test_a_raw_response_that_nobody_parses_is_recorded(client, provider, telemetry):
    provider.queue(json_answer(wire.message()))

    raw = client.messages.with_raw_response.create(**ASK)
    raw.close()
    del raw

    assert telemetry.span()["gen_ai.response.id"] == "msg_1"


def test_a_raw_stream_is_followed(client, provider, telemetry):
    provider.queue(wire.stream(wire.events()))

    stream = client.messages.with_raw_response.create(**ASK, stream=True).parse()
    kinds = [event.type for event in stream]

    assert isinstance(stream, anthropic.Stream)
    assert kinds[-1] == "message_stop"
    assert streamed(telemetry.span()) == expected(provider)


@pytest.mark.parametrize("read", ["parse", "read", "json", "text"])
def test_a_streaming_response_is_recorded_however_its_body_is_read(
    client, provider, telemetry, read
):
    provider.queue(json_answer(wire.message()))

    with client.messages.with_streaming_response.create(**ASK) as response:
        getattr(response, read)()

    assert telemetry.span()["gen_ai.response.id"] == "msg_1"
    assert telemetry.span()["gen_ai.usage.input_tokens"] == 11


def test_a_streaming_response_left_unread_ends_its_span(client, telemetry):
    with client.messages.with_streaming_response.create(**ASK) as response:
        assert response.status_code == 200

    assert telemetry.span()["status"] == "UNSET"


async def test_an_async_raw_response_parses_as_the_sdk_says(provider, telemetry):
    provider.queue(json_answer(wire.message()), json_answer(wire.message()))

    async with anthropic.AsyncAnthropic(base_url=provider.url, api_key="k") as client:
        raw = await client.messages.with_raw_response.create(**ASK)
        assert (await raw.parse()).id == "msg_1"
        async with client.messages.with_streaming_response.create(**ASK) as response:
            assert (await response.parse()).id == "msg_1"

    assert telemetry.spans() == [expected(provider)] * 2


def _dropped(raw):
    del raw
    gc.collect()


def _closed(raw):
    raw.close()


def _parsed_twice(raw):
    first, second = raw.parse(), raw.parse()
    assert first is second
    assert list(first)[-1].type == "message_stop"


def _parsed_into(raw):
    stream = raw.parse(to=anthropic.Stream[dict[str, object]])
    assert list(stream)[-1]["type"] == "message_stop"


def _read_whole(raw):
    raw.read()
    raw.close()


@pytest.mark.parametrize(
    ("end", "outcome", "known"),
    [
        (_dropped, "abandoned", False),
        (_closed, "closed_early", False),
        (_parsed_twice, "completed", True),
        (_parsed_into, "completed", True),
        (_read_whole, "completed", True),
    ],
)
def test_a_raw_stream_ends_once_whatever_becomes_of_it(client, instrumented, end, outcome, known):
    telemetry = instrumented(span_attributes=True)
    raw = client.messages.with_raw_response.create(**ASK, stream=True)
    assert telemetry.spans() == []

    ending, raw = raw, None
    end(ending)
    del ending
    gc.collect()

    span = telemetry.span()
    assert (span["status"], span.get("otel_llm.stream.outcome")) == ("UNSET", outcome)
    assert ("gen_ai.usage.output_tokens" in span) is known


def test_parsing_after_the_block_fails_as_without_us(client, provider, telemetry):
    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        pass

    with pytest.raises(Exception, match=r"closed|consumed"):
        list(response.parse())

    assert telemetry.span()["status"] == "UNSET"


async def test_an_async_raw_stream_may_be_closed_unread(provider, instrumented):
    telemetry = instrumented(span_attributes=True)
    async with anthropic.AsyncAnthropic(base_url=provider.url, api_key="k") as client:
        raw = await client.messages.with_raw_response.create(**ASK, stream=True)
        await raw.close()

    assert telemetry.span()["otel_llm.stream.outcome"] == "closed_early"


def test_a_ping_read_by_hand_is_no_chunk(client, provider, telemetry):
    provider.queue(wire.stream([{"type": "ping"}, {"type": "ping"}]))

    with client.messages.with_streaming_response.create(**ASK, stream=True) as response:
        assert len(list(response.iter_lines())) > 2

    assert "gen_ai.response.time_to_first_chunk" not in telemetry.span()


# Clients of other hosts


def test_the_provider_is_named_by_the_client(provider, telemetry):
    bedrock = anthropic.AnthropicBedrock(
        aws_region="eu-north-1", api_key="k", base_url=provider.url, max_retries=0
    )
    vertex = anthropic.AnthropicVertex(
        region="global", project_id="p", access_token="t", base_url=provider.url, max_retries=0
    )
    foundry = anthropic.AnthropicFoundry(api_key="k", base_url=provider.url, max_retries=0)
    provider.queue(*[json_answer(wire.message())] * 3)

    for client in (bedrock, vertex, foundry):
        client.messages.create(**ASK)
        client.close()

    named = [span["gen_ai.provider.name"] for span in telemetry.spans()]
    assert named == ["aws.bedrock", "gcp.vertex_ai", "anthropic"]
    assert {span["gen_ai.request.model"] for span in telemetry.spans()} == {wire.MODEL}


def test_a_vertex_stream_is_followed(provider, telemetry):
    with anthropic.AnthropicVertex(
        region="global", project_id="p", access_token="t", base_url=provider.url
    ) as client:
        for _ in client.messages.create(**ASK, stream=True):
            pass

    assert telemetry.span()["gen_ai.response.finish_reasons"] == ("end_turn",)


# The SDK's own spans


traces_itself = pytest.mark.skipif(
    not hasattr(anthropic._base_client, "start_api_call_span"), reason="since 1.17"
)


def own_client(provider: FakeProvider, telemetry: Captured, **options: Any) -> Any:
    """A client that traces itself into ``telemetry``."""
    return anthropic.Anthropic(
        base_url=provider.url,
        api_key="k",
        max_retries=0,
        open_telemetry={"tracer_provider": telemetry.tracer_provider, **options},
    )


@traces_itself
def test_the_sdks_own_span_of_a_message_is_left_out(provider, telemetry):
    with own_client(provider, telemetry) as client:
        client.messages.create(**ASK)
        list(client.messages.create(**ASK, stream=True))
        with client.messages.stream(**ASK) as stream:
            stream.until_done()
        client.beta.messages.create(**ASK)
        client.messages.with_raw_response.create(**ASK).parse()

    assert [span["name"] for span in telemetry.spans()] == [f"chat {wire.MODEL}"] * 5


@traces_itself
def test_other_spans_of_the_sdk_remain(provider, telemetry):
    with own_client(provider, telemetry) as client:
        client.messages.count_tokens(model=wire.MODEL, messages=ASK["messages"])

    assert telemetry.span()["name"] == "anthropic.messages.count_tokens"


@traces_itself
def test_trace_headers_that_were_asked_for_name_our_span(provider, telemetry):
    with own_client(provider, telemetry, propagation=True) as client:
        client.messages.create(**ASK)

    context = telemetry.finished[0].context
    sent = provider.requests[0].headers["traceparent"]
    assert sent.startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-")
    assert len(telemetry.spans()) == 1


@traces_itself
def test_after_uninstrument_the_sdk_traces_itself_again(provider, telemetry):
    with own_client(provider, telemetry) as client:
        cached = client.messages.with_raw_response
        cached.create(**ASK)
        AnthropicInstrumentor().uninstrument()
        cached.create(**ASK)

    names = [span["name"] for span in telemetry.spans()]
    assert names == [f"chat {wire.MODEL}", "anthropic.messages.create"]


# Tools


@anthropic.beta_tool
def add(a: int, b: int) -> str:
    """Add two numbers.

    Args:
        a: One.
        b: Another.
    """
    return str(a + b)


CALLED = wire.message(wire.tool_use("add", {"a": 2, "b": 2}), stop_reason="tool_use")


def test_each_turn_of_the_tool_runner_is_a_span(client, provider, telemetry):
    provider.queue(json_answer(CALLED), json_answer(wire.message()))

    last = client.beta.messages.tool_runner(**ASK, tools=[add]).until_done()

    assert last.content[0].text == wire.TEXT
    reasons = [
        span["gen_ai.response.finish_reasons"]
        for span in telemetry.spans()
        if span["gen_ai.operation.name"] == "chat"
    ]
    assert reasons == [("tool_use",), ("end_turn",)]


@traces_itself
def test_the_turns_of_the_tool_runner_are_inside_the_sdks_own_agent_span(provider, telemetry):
    provider.queue(json_answer(CALLED), json_answer(wire.message()))

    with own_client(provider, telemetry) as client:
        client.beta.messages.tool_runner(**ASK, tools=[add]).until_done()

    spans = {span.context.span_id: span for span in telemetry.finished}
    tree = [
        (span.attributes["gen_ai.operation.name"], _parent(span, spans)) for span in spans.values()
    ]
    assert sorted(tree, key=str) == [
        ("chat", "invoke_agent"),
        ("chat", "invoke_agent"),
        ("execute_tool", "invoke_agent"),
        ("invoke_agent", None),
    ]
    assert [
        span.attributes["gen_ai.operation.name"]
        for span in spans.values()
        if "gen_ai.usage.input_tokens" in span.attributes
    ] == ["chat", "chat"]


SILENT: dict[str, Any] = (
    {"open_telemetry": False} if hasattr(anthropic._base_client, "start_api_call_span") else {}
)
"""Options of a client that does not trace itself."""


def _run(provider: FakeProvider, tools: Any, *, stream: bool) -> None:
    with anthropic.Anthropic(base_url=provider.url, api_key="k", max_retries=0, **SILENT) as client:
        for turn in client.beta.messages.tool_runner(**ASK, tools=tools, stream=stream):
            if stream:
                _ = list(turn)


async def _run_async(provider: FakeProvider, tools: Any, *, stream: bool) -> None:
    async with anthropic.AsyncAnthropic(
        base_url=provider.url, api_key="k", max_retries=0, **SILENT
    ) as client:
        runner = client.beta.messages.tool_runner(**ASK, tools=tools, stream=stream)
        async for turn in runner:
            if stream:
                _ = [event async for event in turn]


@anthropic.beta_async_tool
async def add_async(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


TWICE = wire.message(
    wire.tool_use("add", {"a": 2, "b": 2}),
    wire.tool_use("add", {"a": 4, "b": 4}, "toolu_2"),
    stop_reason="tool_use",
)


def _tree(telemetry: Captured) -> list[tuple[Any, ...]]:
    spans = {span.context.span_id: span for span in telemetry.finished}
    return sorted(
        (span.name, span.kind.name, _parent(span, spans) or "") for span in spans.values()
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_run_of_a_client_that_does_not_trace_itself_is_an_agents(
    provider, telemetry, kind, stream
):
    tool = add if kind == "sync" else add_async
    called = json.loads(json.dumps(TWICE).replace('"add"', json.dumps(tool.name)))
    answers = (called, wire.message())
    send = (lambda a: wire.stream(wire.events(a))) if stream else json_answer
    provider.queue(*(send(answer) for answer in answers))

    await got((_run if kind == "sync" else _run_async)(provider, [tool], stream=stream))

    assert _tree(telemetry) == [
        (f"chat {wire.MODEL}", "CLIENT", "invoke_agent"),
        (f"chat {wire.MODEL}", "CLIENT", "invoke_agent"),
        (f"execute_tool {tool.name}", "INTERNAL", "invoke_agent"),
        (f"execute_tool {tool.name}", "INTERNAL", "invoke_agent"),
        ("invoke_agent", "INTERNAL", ""),
    ]
    agent = telemetry.spans()[-1]
    assert agent == {
        "name": "invoke_agent",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.request.model": wire.MODEL,
    }
    counts = [
        telemetry.points(f"gen_ai.invoke_agent.{what}_calls")[0].sum
        for what in ("inference", "tool")
    ]
    assert counts == [2, 2]


@anthropic.beta_tool
def fail(a: int, b: int) -> str:
    """Add two numbers."""
    raise ZeroDivisionError


def test_a_tool_that_fails_is_told_to_the_model_as_without_us(provider, instrumented):
    telemetry = instrumented(capture="SPAN_ONLY")
    called = wire.message(wire.tool_use("fail", {"a": 2, "b": 2}), stop_reason="tool_use")
    provider.queue(json_answer(called), json_answer(wire.message()))

    _run(provider, [fail], stream=False)

    (result,) = provider.requests[-1].json()["messages"][-1]["content"]
    assert result["is_error"] is True
    tool = next(span for span in telemetry.spans() if span["name"] == "execute_tool fail")
    assert tool == {
        "name": "execute_tool fail",
        "kind": "INTERNAL",
        "status": "ERROR",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "fail",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Add two numbers.",
        "gen_ai.tool.call.arguments": '{"a":2,"b":2}',
        "error.type": "ZeroDivisionError",
    }


def test_a_run_ends_with_its_error_or_where_it_is_left(provider, telemetry):
    provider.queue(wire.error(529, "overloaded_error"), json_answer(CALLED))

    with pytest.raises(anthropic.APIStatusError):
        _run(provider, [add], stream=False)
    with anthropic.Anthropic(base_url=provider.url, api_key="k", **SILENT) as client:
        runner = client.beta.messages.tool_runner(**ASK, tools=[add])
        next(runner)
        runner._iterator.close()

    agents = [span for span in telemetry.spans() if span["name"] == "invoke_agent"]
    ends = [(agent["status"], agent.get("error.type")) for agent in agents]
    assert ends == [("ERROR", "anthropic.OverloadedError"), ("UNSET", None)]


def test_a_tool_that_nobody_runs_for_a_model_has_no_span(telemetry):
    assert add.call({"a": 2, "b": 2}) == "4"

    assert telemetry.spans() == []


def _parent(span: Any, spans: Any) -> str | None:
    if span.parent is None:
        return None
    return spans[span.parent.span_id].attributes["gen_ai.operation.name"]


# Content


SYSTEM = [{"type": "text", "text": "Be brief."}]
TOOLS = [
    {"name": "add", "description": "Adds", "input_schema": {"type": "object"}},
    {"type": "web_search_20250305", "name": "web_search"},
]
CONVERSATION = [
    {"role": "user", "content": "two plus two"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Use the tool.", "signature": "x"},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "text", "text": "A moment."},
            {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 2}},
        ],
    },
    {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "t1",
                "content": [{"type": "text", "text": "4"}],
            }
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
            },
            {"type": "document", "source": {"type": "file", "file_id": "f1"}},
            {"type": "document", "source": {"type": "text", "data": "plain"}},
        ],
    },
]
INPUT = [
    {"role": "user", "parts": [{"type": "text", "content": "two plus two"}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Use the tool."},
            {"type": "text", "content": "A moment."},
            {"type": "tool_call", "name": "add", "id": "t1", "arguments": {"a": 2}},
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "response": "4", "id": "t1"}]},
    {
        "role": "user",
        "parts": [
            {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
            {
                "type": "blob",
                "modality": "document",
                "content": "aGk=",
                "mime_type": "application/pdf",
            },
            {"type": "file", "modality": "document", "file_id": "f1"},
            {"type": "text", "content": "plain"},
        ],
    },
]
ANSWER = wire.message(
    wire.thinking(),
    wire.text(),
    wire.tool_use("add", {"a": 2, "b": 2}),
    stop_reason="tool_use",
)
OUTPUT = [
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Two and two."},
            {"type": "text", "content": wire.TEXT},
            {
                "type": "tool_call",
                "name": "add",
                "id": "toolu_1",
                "arguments": {"a": 2, "b": 2},
            },
        ],
        "finish_reason": "tool_call",
    }
]


@pytest.mark.parametrize("stream", [False, True])
def test_content_is_captured_in_the_shape_of_the_conventions(
    client, provider, instrumented, stream
):
    telemetry = instrumented(capture="SPAN_ONLY")
    provider.queue(wire.stream(wire.events(ANSWER)) if stream else json_answer(ANSWER))

    answer = client.messages.create(
        **ASK | {"messages": CONVERSATION}, system=SYSTEM, tools=TOOLS, stream=stream
    )
    if stream:
        list(answer)

    span = telemetry.span()
    assert json.loads(span["gen_ai.input.messages"]) == INPUT
    assert json.loads(span["gen_ai.output.messages"]) == OUTPUT
    assert json.loads(span["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief."}
    ]
    assert json.loads(span["gen_ai.tool.definitions"]) == [
        {
            "type": "function",
            "name": "add",
            "description": "Adds",
            "parameters": {"type": "object"},
        },
        {"type": "web_search_20250305", "name": "web_search"},
    ]


@pytest.mark.parametrize("tool", ["web_search", "a_tool_of_next_year"])
def test_work_of_the_providers_own_tools_is_told(client, provider, instrumented, tool):
    telemetry = instrumented(capture="SPAN_ONLY")
    call = {"type": "server_tool_use", "id": "s1", "name": tool, "input": {"query": "2+2"}}
    found = {"type": f"{tool}_tool_result", "tool_use_id": "s1", "content": []}
    provider.queue(json_answer(wire.message(call, found, wire.text())))

    client.messages.create(**ASK)

    assert json.loads(telemetry.span()["gen_ai.output.messages"])[0]["parts"] == [
        {
            "type": "server_tool_call",
            "name": tool,
            "server_tool_call": {"type": tool, "input": {"query": "2+2"}},
            "id": "s1",
        },
        {
            "type": "server_tool_call_response",
            "server_tool_call_response": {"type": tool, "content": []},
            "id": "s1",
        },
        {"type": "text", "content": wire.TEXT},
    ]


def test_without_content_nothing_that_was_said_is_on_the_span(client, provider, telemetry):
    provider.queue(json_answer(ANSWER))

    client.messages.create(**ASK | {"messages": CONVERSATION}, system=SYSTEM, tools=TOOLS)

    assert telemetry.span() == expected(provider) | {
        "gen_ai.response.finish_reasons": ("tool_use",)
    }


def test_messages_from_a_generator_reach_the_sdk_untouched(client, provider, instrumented):
    instrumented(capture="SPAN_ONLY")

    client.messages.create(**ASK | {"messages": (m for m in CONVERSATION)})

    assert provider.requests[0].json()["messages"] == CONVERSATION


@pytest.mark.parametrize("helper", [False, True])
def test_a_stream_read_to_its_end_is_completed(client, instrumented, helper):
    telemetry = instrumented(span_attributes=True)

    if helper:
        with client.messages.stream(**ASK) as stream:
            stream.until_done()
    else:
        list(client.messages.create(**ASK, stream=True))

    assert telemetry.span()["otel_llm.stream.outcome"] == "completed"
