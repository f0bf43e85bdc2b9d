"""The Responses API of the OpenAI SDK: whole spans, over a real socket."""

from __future__ import annotations

import dataclasses
import gc
import json
from functools import partial

import openai
import pytest
from pydantic import BaseModel, ValidationError

from otel_llm.instrumentation.openai import responses
from otel_llm.testing import CUT, json_answer, sse
from otel_llm.testing import openai as wire

from .both import first, got, opened, read
from .openai_sdk import (  # noqa: F401 - fixtures
    LOST,
    LOST_TYPE,
    client_fixture,
    content_fixture,
    instrument_fixture,
    provider_fixture,
    streamed,
    with_content,
)
from .openai_spans import SERVED, response_span

ASK = {"model": "gpt-4o", "input": "2+2?"}


class Sum(BaseModel):
    value: int


@pytest.fixture(autouse=True)
def _instrumented(instrument_openai, monkeypatch):
    monkeypatch.setattr(responses, "_counted", responses._Once(10))
    instrument_openai()


@pytest.fixture
def create(openai_client):
    async def create(**arguments):
        return await got(openai_client.responses.create(**{**ASK, **arguments}))

    return create


@pytest.fixture
def expected(openai_provider):
    """The whole span of ``ASK``, answered by ``wire.response()``."""

    return partial(response_span, openai_provider.port)


NO_USAGE = {
    f"gen_ai.usage.{name}_tokens": None
    for name in ("input", "output", "cache_read.input", "cache_write.input", "reasoning.output")
}
STREAMED = {"gen_ai.request.stream": True}


def messages(telemetry, name="output"):
    return json.loads(telemetry.span()[f"gen_ai.{name}.messages"])


async def test_a_response_becomes_one_span_without_content(
    create, openai_provider, telemetry, expected
):
    openai_provider.queue(json_answer(wire.response()))

    answer = await create()

    assert answer.output_text == wire.TEXT
    assert telemetry.span() == expected()


async def test_every_parameter_that_was_given_is_on_the_span(
    create, openai_provider, telemetry, expected
):
    usage = wire.response_usage(100, 50, cached=60, cache_write=9, reasoning=20)
    said = {"service_tier": "priority", "conversation": {"id": "conv_1"}, "usage": usage}
    openai_provider.queue(json_answer(wire.response(**said)))

    await create(
        temperature=1,
        top_p=0.9,
        max_output_tokens=99,
        reasoning={"effort": "high"},
        text={"format": {"type": "json_schema", "name": "s", "schema": {}}},
        conversation="conv_1",
        service_tier="default",
        prompt={"id": "pmpt_1", "version": "3", "variables": {"city": "Oslo"}},
    )

    assert telemetry.span() == expected(
        {
            "gen_ai.request.temperature": 1.0,
            "gen_ai.request.top_p": 0.9,
            "gen_ai.request.max_tokens": 99,
            "gen_ai.request.reasoning.level": "high",
            "gen_ai.output.type": "json",
            "gen_ai.conversation.id": "conv_1",
            "gen_ai.prompt.name": "pmpt_1",
            "gen_ai.prompt.version": "3",
            "openai.request.service_tier": "default",
            "openai.response.service_tier": "priority",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 50,
            "gen_ai.usage.cache_read.input_tokens": 60,
            "gen_ai.usage.cache_write.input_tokens": 9,
            "gen_ai.usage.reasoning.output_tokens": 20,
        }
    )


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
async def test_a_conversation_is_named_by_its_id(create, telemetry, conversation):
    await create(conversation=conversation)

    assert telemetry.span()["gen_ai.conversation.id"] == "conv_1"


async def test_a_previous_response_is_no_conversation(create, telemetry):
    await create(previous_response_id="resp_0")

    span = telemetry.span()
    assert span["gen_ai.request.previous_response.id"] == "resp_0"
    assert "gen_ai.conversation.id" not in span


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ({"status": "incomplete", "incomplete_details": None}, "incomplete"),
        ({"status": "cancelled"}, "error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_incomplete_response_is_a_finish_reason_and_no_error(
    create, openai_provider, telemetry, expected, answer, reason, stream
):
    whole = wire.response(**answer)
    sent = wire.event_stream(wire.response_events(whole)) if stream else json_answer(whole)
    if stream and answer["status"] == "cancelled":
        pytest.skip("no event carries a cancelled response")
    openai_provider.queue(sent)

    await read(await create(stream=True)) if stream else await create()

    span = streamed(telemetry) if stream else telemetry.span()
    changed = {"gen_ai.response.finish_reasons": (reason,), **(STREAMED if stream else {})}
    assert span == expected(changed)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failed_response_is_an_error_by_its_code(
    create, openai_provider, telemetry, expected, stream
):
    error = {"code": "server_error", "message": "secret words"}
    whole = wire.response(status="failed", error=error, output=[], usage=None)
    sent = wire.event_stream(wire.response_events(whole)) if stream else json_answer(whole)
    openai_provider.queue(sent)

    await read(await create(stream=True)) if stream else await create()

    span = streamed(telemetry) if stream else telemetry.span()
    assert span == expected(
        {
            "status": "ERROR",
            "error.type": "server_error",
            "gen_ai.response.finish_reasons": ("error",),
            **NO_USAGE,
            **(STREAMED if stream else {}),
        }
    )


@with_content
async def test_what_a_failed_stream_said_ends_with_an_error(create, openai_provider, telemetry):
    said = wire.response()
    error = {"code": "server_error", "message": "it broke"}
    failed = {**said, "status": "failed", "error": error, "output": [], "usage": None}
    *told, _ = wire.response_events(said)
    openai_provider.queue(
        wire.event_stream([*told, {"type": "response.failed", "response": failed}])
    )

    await read(await create(stream=True))

    (message,) = json.loads(telemetry.span()["gen_ai.output.messages"])
    assert (message["parts"][0]["content"], message["finish_reason"]) == (wire.TEXT, "error")


async def test_an_error_event_ends_the_stream_as_an_error(create, openai_provider, telemetry):
    events = wire.response_events()[:3]
    error = {"type": "error", "code": "rate_limit_exceeded", "message": "no", "param": None}
    openai_provider.queue(wire.event_stream([*events, {**error, "sequence_number": 3}]))

    await read(await create(stream=True))

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "rate_limit_exceeded")
    assert span["gen_ai.response.id"] == "resp_1"


SEARCHES = (
    {"type": "web_search_call", "id": "ws_1", "status": "completed",
     "action": {"type": "search", "query": "weather"}},
    {"type": "web_search_call", "id": "ws_2", "status": "completed",
     "action": {"type": "open_page", "url": "https://example.org"}},
    {"type": "web_search_call", "id": "ws_3", "status": "completed"},
    {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["a"]},
)  # fmt: skip
"""Two that are charged for, as is the one of files; to open a page is not."""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("told", "searches"),
    [({}, 2), ({"tool_usage": {"web_search": {"num_requests": 1}}}, 1)],
    ids=["by their items", "as they are charged"],
)
async def test_searches_that_are_charged_for_are_told(
    create, openai_provider, telemetry, stream, told, searches
):
    answer = wire.response(*SEARCHES, wire.output_message(), **told)
    events = wire.event_stream(wire.response_events(answer))
    openai_provider.queue(events if stream else json_answer(answer))

    said = await create(stream=stream)
    if stream:
        await read(said)

    span = telemetry.span()
    assert span["otel_llm.usage.web_searches"] == searches
    assert span["otel_llm.usage.file_searches"] == 1


async def test_a_stream_becomes_the_same_span(create, openai_provider, telemetry, expected):
    openai_provider.queue(wire.event_stream(wire.response_events()))

    events = await read(await create(stream=True))

    assert events[-1].type == "response.completed"
    assert streamed(telemetry) == expected(STREAMED)


async def test_events_nobody_knows_are_passed_over(create, openai_provider, telemetry, expected):
    strange = [{"type": "response.of.the.future", "x": 1}, {"no": "type"}, {"type": 5}]
    openai_provider.queue(wire.event_stream([*strange, *wire.response_events()]))

    assert len(await read(await create(stream=True))) == len(wire.response_events()) + 3

    assert streamed(telemetry) == expected(STREAMED)


async def test_a_stream_cut_off_has_what_its_first_events_said(
    create, openai_provider, telemetry, expected
):
    openai_provider.queue(sse([*wire.response_events()[:3], CUT], named=True))

    with pytest.raises(LOST):
        await read(await create(stream=True))

    assert streamed(telemetry) == expected(
        {
            "status": "ERROR",
            "error.type": LOST_TYPE,
            "gen_ai.response.finish_reasons": None,
            **NO_USAGE,
            **STREAMED,
        }
    )


@with_content
async def test_a_stream_left_early_has_the_text_so_far(create, openai_provider, telemetry):
    openai_provider.queue(wire.event_stream(wire.response_events()))

    async with opened(await create(stream=True)) as stream:
        for _ in range(6):
            await first(stream)

    assert messages(telemetry) == [answered({"type": "text", "content": "The answer "}, "unknown")]


def answered(*parts_and_finish):
    *parts, finish = parts_and_finish
    return {"role": "assistant", "parts": parts, "finish_reason": finish}


async def test_an_abandoned_stream_ends_its_span(create, telemetry):
    stream = await create(stream=True)
    await first(stream)
    del stream
    gc.collect()

    assert telemetry.span()["gen_ai.response.id"] == "resp_1"


async def test_the_stream_helper_is_one_span(openai_client, openai_provider, telemetry, expected):
    openai_provider.queue(wire.event_stream(wire.response_events()))

    async with opened(openai_client.responses.stream(**ASK)) as stream:
        await got(stream.until_done())
        answer = await got(stream.get_final_response())

    assert answer.output_text == wire.TEXT
    assert streamed(telemetry) == expected(STREAMED)


async def test_leaving_the_stream_helper_early_ends_its_span(openai_client, telemetry):
    async with opened(openai_client.responses.stream(**ASK)) as stream:
        await first(stream)

    assert telemetry.span()["status"] == "UNSET"


async def test_parse_is_one_span_and_asks_for_json(openai_client, openai_provider, telemetry):
    said = wire.output_message(wire.output_text('{"value": 4}'))
    openai_provider.queue(json_answer(wire.response(said)))

    answer = await got(openai_client.responses.parse(**ASK, text_format=Sum))

    assert answer.output_parsed == Sum(value=4)
    assert telemetry.span()["gen_ai.output.type"] == "json"


async def test_an_answer_that_parse_raises_over_was_billed(
    openai_client, openai_provider, telemetry
):
    said = wire.output_message(wire.output_text("no JSON"))
    openai_provider.queue(*[json_answer(wire.response(said))] * 2)

    with pytest.raises(ValidationError):
        await got(openai_client.responses.parse(**ASK, text_format=Sum))
    await got(openai_client.responses.create(**ASK))

    failed, whole = telemetry.spans()
    assert failed.pop("gen_ai.output.type") == "json"
    assert failed.pop("error.type") == "pydantic_core._pydantic_core.ValidationError"
    assert failed == whole | {"status": "ERROR"}


async def test_raw_and_streaming_responses_are_one_span_each(openai_client, telemetry):
    raw = await got(openai_client.responses.with_raw_response.create(**ASK))
    manager = openai_client.responses.with_streaming_response.create(**ASK)
    async with opened(manager) as response:
        await got(response.parse())
    parsed = await read(
        (await got(openai_client.responses.with_raw_response.create(**ASK, stream=True))).parse()
    )

    assert raw.parse().id == parsed[-1].response.id == "resp_1"
    ids = [span["gen_ai.response.id"] for span in telemetry.spans()]
    assert ids == ["resp_1", "resp_1", "resp_1"]


async def _plain_raw(responses):
    await got(responses.with_raw_response.create(**ASK))


async def _stream(responses):
    await read(await got(responses.create(**ASK, stream=True)))


async def _helper(responses):
    async with opened(responses.stream(**ASK)) as stream:
        await got(stream.until_done())
        await got(stream.get_final_response())


async def _raw_stream(responses):
    raw = await got(responses.with_raw_response.create(**ASK, stream=True))
    await read(raw.parse())


async def _by_hand(responses):
    async with opened(responses.with_streaming_response.create(**ASK)) as response:
        await read(response.iter_bytes())


async def _fetched(responses):
    await got(responses.with_raw_response.retrieve("resp_1"))


@pytest.mark.parametrize("call", [_plain_raw, _stream, _helper, _raw_stream, _by_hand, _fetched])
async def test_the_header_of_azure_that_names_the_served_model_is_believed(
    openai_client, openai_provider, telemetry, call
):
    streams = call in (_stream, _helper, _raw_stream)
    events = wire.response_events(wire.response(model="deployment"))
    answer = wire.stream(events) if streams else json_answer(wire.response(model="deployment"))
    openai_provider.queue(dataclasses.replace(answer, headers={"X-MS-Served-Model": SERVED}))

    await call(openai_client.responses)

    assert telemetry.span()["gen_ai.response.model"] == SERVED
    assert telemetry.span()["gen_ai.response.id"] == "resp_1"


async def test_compaction_is_billed_inference(openai_client, telemetry, expected):
    if not hasattr(openai_client.responses, "compact"):
        pytest.skip("this version has no compaction")

    answer = await got(openai_client.responses.compact(model="gpt-4o", input="long story"))

    assert answer.object == "response.compaction"
    assert telemetry.span() == expected(
        {
            "gen_ai.response.id": "resp_c1",
            "gen_ai.response.model": None,
            "gen_ai.response.finish_reasons": None,
            "gen_ai.conversation.compacted": True,
            "gen_ai.usage.input_tokens": 120,
            "gen_ai.usage.output_tokens": 30,
        }
    )


async def test_the_beta_resource_is_traced_like_the_other(
    openai_client, openai_provider, telemetry, expected
):
    if not hasattr(openai_client.beta, "responses"):
        pytest.skip("this version has no beta responses")
    openai_provider.queue(json_answer(wire.response()), wire.event_stream(wire.response_events()))

    await got(openai_client.beta.responses.create(**ASK))
    await read(await got(openai_client.beta.responses.create(**ASK, stream=True)))

    plain, stream = telemetry.spans()
    assert stream.pop("gen_ai.response.time_to_first_chunk") > 0
    assert (plain, stream) == (expected(), expected(STREAMED))


FETCH = {
    "name": "fetch_response",
    "gen_ai.operation.name": "fetch_response",
    "gen_ai.request.model": None,
    "gen_ai.response.status": "completed",
    **NO_USAGE,
}


async def test_fetching_a_response_has_no_tokens(
    openai_client, openai_provider, telemetry, expected
):
    openai_provider.queue(json_answer(wire.response()))

    await got(openai_client.responses.retrieve("resp_1"))

    assert telemetry.span() == expected(FETCH)
    assert telemetry.points("gen_ai.client.token.usage") == []


async def test_fetching_a_failed_response_is_no_failure(openai_client, openai_provider, telemetry):
    error = {"code": "server_error", "message": "m"}
    openai_provider.queue(json_answer(wire.response(status="failed", error=error)))

    await got(openai_client.responses.retrieve("resp_1"))

    span = telemetry.span()
    assert (span["status"], span["gen_ai.response.status"]) == ("UNSET", "failed")
    assert span["gen_ai.response.finish_reasons"] == ("error",)


async def test_fetching_what_is_not_there_is_an_error_that_names_it(
    openai_client, openai_provider, telemetry
):
    openai_provider.queue(wire.error(404))

    with pytest.raises(openai.NotFoundError):
        await got(openai_client.responses.retrieve(response_id="resp_9"))

    span = telemetry.span()
    assert (span["error.type"], span["gen_ai.response.id"]) == ("openai.NotFoundError", "resp_9")


async def test_resuming_a_stream_names_where_it_resumes(openai_client, telemetry):
    stream = await got(openai_client.responses.retrieve("resp_1", stream=True, starting_after=3))
    events = await read(stream)

    span = telemetry.span()
    assert events[0].sequence_number == 4
    assert span["gen_ai.request.stream_cursor"] == "3"
    assert span["gen_ai.operation.name"] == "fetch_response"
    assert "gen_ai.usage.input_tokens" not in span


async def test_the_usage_of_a_background_response_is_counted_once(
    openai_client, openai_provider, telemetry, expected
):
    done = wire.response(background=True)
    states = [wire.unfinished(done, s) for s in ("queued", "in_progress")]
    openai_provider.queue(*(json_answer(state) for state in (*states, done, done)))

    await got(openai_client.responses.create(**ASK, background=True))
    for _ in range(3):
        await got(openai_client.responses.retrieve("resp_1"))

    nothing = {"gen_ai.response.finish_reasons": None}
    assert telemetry.spans() == [
        expected({**NO_USAGE, **nothing}),
        expected({**FETCH, **nothing, "gen_ai.response.status": "in_progress"}),
        expected({"name": "chat", "gen_ai.request.model": None}),
        expected(FETCH),
    ]
    counted = {p.attributes["gen_ai.token.type"]: p.sum for p in telemetry.points(TOKENS)}
    assert counted == {"input": 11, "output": 5}


TOKENS = "gen_ai.client.token.usage"


async def test_a_background_response_streamed_to_its_end_was_counted_there(
    openai_client, openai_provider, telemetry
):
    done = wire.response(background=True)
    openai_provider.queue(wire.event_stream(wire.response_events(done)), json_answer(done))

    await read(await got(openai_client.responses.create(**ASK, background=True, stream=True)))
    await got(openai_client.responses.retrieve("resp_1"))

    tokens = [span.get("gen_ai.usage.input_tokens") for span in telemetry.spans()]
    assert tokens == [11, None]


async def test_a_background_stream_that_broke_is_counted_where_it_is_resumed(
    openai_client, openai_provider, telemetry
):
    events = wire.response_events(wire.response(background=True))
    openai_provider.queue(sse([*events[:3], CUT], named=True), wire.event_stream(events[3:]))

    with pytest.raises(LOST):
        await read(await got(openai_client.responses.create(**ASK, background=True, stream=True)))
    await read(await got(openai_client.responses.retrieve("resp_1", stream=True, starting_after=2)))

    tokens = [span.get("gen_ai.usage.input_tokens") for span in telemetry.spans()]
    assert tokens == [None, 11]


def test_only_so_many_background_responses_are_remembered():
    once = responses._Once(2)

    seen = [once.first(id) for id in ("a", "a", "b", "c", "a", None)]

    assert seen == [True, False, True, True, True, False]


@with_content
async def test_instructions_and_tools_are_captured(create, telemetry):
    tools = [
        {"type": "function", "name": "add", "description": "Adds.", "parameters": {"a": 1}},
        {"type": "web_search"},
        {"type": "custom", "name": "shell"},
    ]

    await create(instructions="Be brief.", tools=tools)

    span = telemetry.span()
    assert json.loads(span["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief."}
    ]
    assert json.loads(span["gen_ai.tool.definitions"]) == [
        {"type": "function", "name": "add", "description": "Adds.", "parameters": {"a": 1}},
        {"type": "web_search", "name": "web_search"},
        {"type": "custom", "name": "shell"},
    ]


@with_content
async def test_a_tool_loop_is_captured_with_the_sdks_own_items(create, openai_provider, telemetry):
    thought = {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Adding."}],
    }
    call = wire.function_call("add", '{"a": 2}')
    openai_provider.queue(json_answer(wire.response(thought, call)), json_answer(wire.response()))

    answer = await create()
    result = {"type": "function_call_output", "call_id": "call_1", "output": "4"}
    await create(input=[{"role": "user", "content": "2+2?"}, *answer.output, result])

    first_span, second_span = telemetry.spans()
    add = {"type": "tool_call", "name": "add", "id": "call_1", "arguments": {"a": 2}}
    thinking = {"type": "reasoning", "content": "Adding."}
    assert json.loads(first_span["gen_ai.output.messages"]) == [
        answered(thinking, add, "tool_call")
    ]
    assert json.loads(second_span["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "2+2?"}]},
        {"role": "assistant", "parts": [thinking]},
        {"role": "assistant", "parts": [add]},
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "response": "4", "id": "call_1"}],
        },
    ]


@pytest.mark.parametrize(
    "changes",
    [{"output": None}, {"output": "oops"}, {"usage": 3}, {"status": 7}, {"output": [None, 3]}],
    ids=str,
)
@with_content
async def test_a_malformed_answer_is_the_callers(create, openai_provider, telemetry, changes):
    openai_provider.queue(json_answer({**wire.response(), **changes}))

    await create()

    assert telemetry.span()["gen_ai.response.id"] == "resp_1"
