"""What every instrumentor promises, through the real SDK and over a real socket.

A new SDK adds a case to ``cases.py``; it adds a test of its own only for what is its own.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import operator
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from importlib import import_module
from threading import Event
from typing import Any
from unittest import mock

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace import get_current_span

from otel_llm.instrumentation.core.patch import Patch
from otel_llm.testing import CUT, Captured, FakeProvider, captured, json_answer
from tests.instrumentation.cases import MALFORMED, SECRET, Case, malformed

OUTCOMES = "otel_llm.client.stream.outcomes"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"


@pytest.fixture
def client(case: Case, provider: FakeProvider, instrumented: None) -> Any:
    with case.client(provider.url) as client:
        yield client


@pytest.fixture
async def async_client(case: Case, provider: FakeProvider, instrumented: None) -> Any:
    async with case.async_client(provider.url) as client:
        yield client


def answer(case: Case, provider: FakeProvider) -> None:
    provider.queue(json_answer(case.answer))


def stream_answer(
    case: Case, provider: FakeProvider, *more: Any, chunks: int | None = None
) -> None:
    provider.queue(case.send([*case.chunks[:chunks], *more]))


def span_of(telemetry: Captured, provider: FakeProvider) -> dict[str, Any]:
    """Return the one span, without what every span has: where the provider is."""
    span = telemetry.span()
    assert (span.pop("server.address"), span.pop("server.port")) == ("127.0.0.1", provider.port)
    return span


def streamed_span(telemetry: Captured, provider: FakeProvider) -> dict[str, Any]:
    span = span_of(telemetry, provider)
    assert 0 < span.pop(FIRST_CHUNK) < 30
    return span


def whole_stream(case: Case) -> dict[str, Any]:
    """Return the span of a stream read to its end; ``None`` in the case takes an attribute out."""
    span = {**case.expected, **case.streamed}
    return {name: value for name, value in span.items() if value is not None}


def block(case: Case, stream: Any) -> Any:
    """Return the stream's ``with`` block; a plain generator has none."""
    return stream if case.blocks else closing(closable(stream))


def closable(stream: Any) -> Any:
    """Return the stream; skips the test of an SDK whose streams cannot be closed."""
    if not hasattr(stream, "close"):
        pytest.skip("these streams cannot be closed")
    return stream


def async_block(case: Case, stream: Any) -> Any:
    return stream if case.blocks else aclosing(stream)


def outcomes(telemetry: Captured) -> dict[str, int]:
    return {p.attributes["otel_llm.stream.outcome"]: p.value for p in telemetry.points(OUTCOMES)}


# A plain call


def test_a_call_becomes_one_span(case, provider, client, telemetry):
    answer(case, provider)

    case.call(client)

    assert span_of(telemetry, provider) == case.expected


async def test_the_async_client_gives_the_same_span(case, provider, async_client, telemetry):
    answer(case, provider)

    await case.call(async_client)

    assert span_of(telemetry, provider) == case.expected


def test_the_metrics_of_a_call_say_what_the_span_says(case, provider, client, telemetry):
    answer(case, provider)

    case.call(client)

    tokens = {
        p.attributes["gen_ai.token.type"]: p.sum
        for p in telemetry.points("gen_ai.client.token.usage")
    }
    (duration,) = telemetry.points("gen_ai.client.operation.duration")
    (span,) = telemetry.finished
    assert tokens == {
        "input": case.expected["gen_ai.usage.input_tokens"],
        "output": case.expected["gen_ai.usage.output_tokens"],
    }
    assert duration.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-9)


def test_head_and_pin_names_are_recorded_side_by_side(case, provider, telemetry):
    case.instrumentor().instrument(**telemetry.providers, metrics="both")
    answer(case, provider)
    with case.client(provider.url) as client:
        case.call(client)
    case.instrumentor().uninstrument()

    assert telemetry.metric_names() >= {
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "gen_ai.client.inference.duration",
        "gen_ai.client.inference.operation.input_tokens",
        "gen_ai.client.inference.operation.output_tokens",
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
    }


def test_a_call_in_a_trace_is_a_child_of_what_called_it(case, provider, client, telemetry):
    tracer = telemetry.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("app") as parent:
        answer(case, provider)
        case.call(client)
        assert get_current_span() is parent

    call, _ = telemetry.finished
    assert call.parent.span_id == parent.get_span_context().span_id


# Errors


def test_the_caller_sees_the_sdks_own_error(case, provider, client, telemetry):
    provider.queue(case.refused)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - each SDK has its own
        case.call(client)

    assert f"{type(caught.value).__module__}.{type(caught.value).__qualname__}" == case.refusal
    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", (case.refusal_type or case.refusal))
    assert SECRET not in telemetry.finished[0].to_json()


async def test_the_caller_of_an_async_client_sees_it_too(case, provider, async_client, telemetry):
    provider.queue(case.refused)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - each SDK has its own
        await case.call(async_client)

    assert f"{type(caught.value).__module__}.{type(caught.value).__qualname__}" == case.refusal
    assert telemetry.span()["error.type"] == (case.refusal_type or case.refusal)


async def test_a_call_cancelled_while_it_waits_is_an_error(case, provider, async_client, telemetry):
    held = Event()
    provider.queue(case.send([held, *case.chunks]))
    task = asyncio.create_task(case.call(async_client, stream=False))
    while not provider.requests:
        await asyncio.sleep(0.005)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    held.set()

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "asyncio.exceptions.CancelledError")


async def test_a_call_that_never_begins_leaves_neither_a_span_nor_a_warning(
    case, async_client, telemetry
):
    task = asyncio.create_task(case.call(async_client, stream=False))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    case.call(async_client, stream=False).close()
    del task
    gc.collect()  # where warnings of what was never awaited come from

    assert telemetry.spans() == []


async def test_tasks_and_warnings_name_the_sdks_method(case, async_client, instrumented):
    ours = case.call(async_client, stream=False)
    named = ours.__qualname__
    ours.close()
    case.instrumentor().uninstrument()
    theirs = case.call(async_client, stream=False)
    theirs.close()

    assert named == theirs.__qualname__


@pytest.mark.guards_may_swallow
@pytest.mark.parametrize("change", MALFORMED, ids=str)
def test_a_malformed_answer_reaches_the_caller_as_without_us(
    case, provider, client, telemetry, change
):
    provider.queue(malformed(case, change), malformed(case, change))

    traced = _told(lambda: case.call(client))
    case.instrumentor().uninstrument()
    plain = _told(lambda: case.call(client))

    assert traced == plain
    assert telemetry.span()["status"] in ("UNSET", "ERROR")


def _paths(answer: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every field of an answer."""
    steps = answer.items() if isinstance(answer, dict) else enumerate(answer)
    for key, value in steps:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from _paths(value, (*path, key))


def _with(answer: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(answer)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


ODD_ANSWERS = (None, 7, -1, 1e300, True, "x", "\ud800", [], [None], {}, {"x": [1]})


@pytest.mark.usefixtures("silent")
def test_any_field_of_an_answer_may_be_odd(case, provider, telemetry):
    answers = [_with(case.answer, p, odd) for p in _paths(case.answer) for odd in ODD_ANSWERS]

    def told() -> list[Any]:
        with case.client(provider.url) as client:
            for answer in answers:
                provider.queue(json_answer(answer))
            return [_told(lambda: case.call(client)) for _ in answers]

    case.instrumentor().instrument(**telemetry.providers, **EVERYTHING)
    traced = told()
    case.instrumentor().uninstrument()

    assert traced == told()
    assert {span["status"] for span in telemetry.spans()} <= {"UNSET", "ERROR"}
    assert len(telemetry.finished) == len(answers)


EVERYTHING = {
    "capture": "span_and_event",
    "derive": "hash,preview,flags",
    "hash_key": "k",
    "redact": "secrets,pii",
    "exceptions": "message",
    "request_metrics": "true",
    "metrics": "both",
    "span_attributes": "true",
}
ODD_ARGUMENTS = (
    lambda: None,
    lambda: 7,
    lambda: float("inf"),
    lambda: "x" * 3_000,
    lambda: "\ud800",
    lambda: b"\xff",
    list,
    lambda: [None, 7, "x"],
    lambda: [{}, {"role": None, "content": None}],
    lambda: [{"role": "user", "content": [None, 7, {"type": "image_url", "image_url": 3}]}],
    lambda: [{"role": 3, "content": {"text": ["x"]}, "tool_calls": "x"}],
    lambda: {"x": {"y": [1]}},
    lambda: ({"role": "user", "content": "x"} for _ in range(2)),
    lambda: object(),
)


@pytest.mark.usefixtures("silent")
def test_any_argument_may_be_odd(case, provider, telemetry):
    tried = [(name, odd) for name in case.arguments for odd in ODD_ARGUMENTS]

    def told() -> tuple[list[Any], list[bytes]]:
        before = len(provider.requests)
        with case.client(provider.url) as client:
            method = case.method(client)
            outcomes = [
                _kind(lambda n=name, o=odd: method(**{**case.arguments, n: o()}))
                for name, odd in tried
            ]
        return outcomes, [request.body for request in provider.requests[before:]]

    case.instrumentor().instrument(**telemetry.providers, **EVERYTHING)
    traced = told()
    case.instrumentor().uninstrument()

    assert traced == told()


def _kind(call: Any) -> Any:
    try:
        return type(call())
    except Exception as error:
        return type(error)


def test_a_client_that_was_closed_says_so_itself(case, provider, telemetry):
    if case.sdk in ("boto3", "ollama", "cohere"):
        pytest.skip("its client can be used again")

    def told() -> Any:
        with case.client(provider.url) as client:
            pass
        return _kind(lambda: case.call(client))

    case.instrumentor().instrument(**telemetry.providers)
    traced = told()
    case.instrumentor().uninstrument()

    assert traced == told()


_RUN = re.compile(r"lc_run-[-\w]+")  # of LangChain
_MADE_UP = re.compile(r"chatcmpl-[0-9a-f-]{36}|created=\d+")  # by LiteLLM, where there is none
_DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT")  # of an answer that shows its headers


def _told(call: Any) -> Any:
    try:
        result = call()
    except Exception as error:
        return type(error)
    return type(result), _same(result)


def _same(result: Any) -> str:
    """Return a result as text, without what differs from one call to the next."""
    return _MADE_UP.sub("id", _RUN.sub("run", _DATE.sub("now", repr(result))))


# Streams


def test_a_stream_gives_one_span_once_it_is_read(case, provider, client, telemetry):
    stream_answer(case, provider)

    stream = case.call(client, stream=True)
    assert telemetry.spans() == []
    received = list(stream)

    assert len(received) == len(case.chunks) + case.marks
    assert streamed_span(telemetry, provider) == whole_stream(case)
    assert outcomes(telemetry) == {"completed": 1}


async def test_an_async_stream_gives_the_same_span(case, provider, async_client, telemetry):
    stream_answer(case, provider)

    stream = await case.call(async_client, stream=True)
    received = [chunk async for chunk in stream]

    assert len(received) == len(case.chunks) + case.marks
    assert streamed_span(telemetry, provider) == whole_stream(case)
    assert outcomes(telemetry) == {"completed": 1}


def test_a_stream_is_what_the_sdk_would_have_given(case, provider, client, telemetry):
    stream_answer(case, provider)
    stream_answer(case, provider)

    traced = case.call(client, stream=True)
    case.instrumentor().uninstrument()
    plain = case.call(client, stream=True)

    assert isinstance(traced, type(plain))
    assert traced.__class__.__qualname__ == plain.__class__.__qualname__
    assert [_same(c) for c in traced] == [_same(c) for c in plain]


def test_chunks_are_timed_and_recorded_after_the_last(case, provider, client, telemetry):
    stream_answer(case, provider)

    stream = case.call(client, stream=True)
    next(stream)
    assert telemetry.points("gen_ai.client.operation.time_per_output_chunk") == []
    list(stream)

    (first,) = telemetry.points("gen_ai.client.operation.time_to_first_chunk")
    (later,) = telemetry.points("gen_ai.client.operation.time_per_output_chunk")
    assert (first.count, later.count) == (1, len(case.chunks) - 1)


def test_the_longest_wait_and_the_pace_of_a_stream_are_measured_off_the_span(
    case, provider, client, telemetry
):
    stream_answer(case, provider)

    list(case.call(client, stream=True))

    counted = "gen_ai.usage.output_tokens" in telemetry.span()
    (gap,) = telemetry.points("otel_llm.client.stream.longest_gap")
    rates = telemetry.points("otel_llm.client.stream.output_rate")
    assert (gap.count, [rate.count for rate in rates]) == (1, [1] * counted)
    assert not [name for name in telemetry.span() if name.startswith("otel_llm.stream")]


def test_a_stream_closed_early_keeps_what_it_said_so_far(case, provider, client, telemetry):
    stream_answer(case, provider)

    stream = closable(case.call(client, stream=True))
    next(stream)
    stream.close()
    stream.close()

    assert streamed_span(telemetry, provider) == case.after_first
    assert outcomes(telemetry) == {"closed_early": 1}


def test_leaving_the_block_of_a_stream_closes_it(case, provider, client, telemetry):
    stream_answer(case, provider)

    with block(case, case.call(client, stream=True)) as stream:
        for _ in stream:
            break

    assert streamed_span(telemetry, provider) == case.after_first
    assert outcomes(telemetry) == {"closed_early": 1}


def test_an_exception_of_the_callers_own_is_no_error_of_the_call(case, provider, client, telemetry):
    stream_answer(case, provider)

    with pytest.raises(ZeroDivisionError), block(case, case.call(client, stream=True)) as stream:
        _read_one_and_fail(stream)

    assert streamed_span(telemetry, provider) == case.after_first
    assert outcomes(telemetry) == {"closed_early": 1}


def _read_one_and_fail(stream: Any) -> None:
    next(stream)
    raise ZeroDivisionError


async def test_an_async_stream_closed_early_keeps_what_it_said_so_far(
    case, provider, async_client, telemetry
):
    stream_answer(case, provider)

    async with async_block(case, await case.call(async_client, stream=True)) as stream:
        async for _ in stream:
            break

    assert streamed_span(telemetry, provider) == case.after_first
    assert outcomes(telemetry) == {"closed_early": 1}


def test_a_connection_lost_in_the_middle_is_an_error(case, provider, client, telemetry):
    stream_answer(case, provider, CUT, chunks=1)

    stream = case.call(client, stream=True)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each SDK has its own
        list(stream)

    cut = case.cut_sync or case.cut
    assert f"{type(caught.value).__module__}.{type(caught.value).__qualname__}" == cut
    assert streamed_span(telemetry, provider) == {
        **case.after_first,
        "status": "ERROR",
        "error.type": case.cut_type or cut,
    }
    assert outcomes(telemetry) == {"failed": 1}


async def test_a_connection_lost_in_the_middle_is_an_error_of_an_async_stream(
    case, provider, async_client, telemetry
):
    stream_answer(case, provider, CUT, chunks=1)

    stream = await case.call(async_client, stream=True)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each HTTP library has its own
        [chunk async for chunk in stream]

    kind = type(caught.value)
    named = case.cut_type or f"{kind.__module__}.{kind.__qualname__}"
    assert telemetry.span()["error.type"] == named
    assert outcomes(telemetry) == {"failed": 1}


async def test_a_task_cancelled_in_the_middle_of_a_stream_is_cancelled(
    case, provider, async_client, telemetry
):
    held, reached = Event(), asyncio.Event()
    stream_answer(case, provider, held, chunks=1)

    async def read() -> None:
        async for _ in await case.call(async_client, stream=True):
            reached.set()

    task = asyncio.create_task(read())
    await reached.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    held.set()

    assert streamed_span(telemetry, provider) == {
        **case.after_first,
        "status": "ERROR",
        "error.type": "asyncio.exceptions.CancelledError",
    }
    assert outcomes(telemetry) == {"cancelled": 1}


async def test_a_task_cancelled_between_two_reads_is_cancelled(
    case, provider, async_client, telemetry
):
    reached = asyncio.Event()
    stream_answer(case, provider)

    async def read() -> None:
        async with async_block(case, await case.call(async_client, stream=True)) as stream:
            async for _ in stream:
                reached.set()
                await asyncio.sleep(30)

    task = asyncio.create_task(read())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert telemetry.span()["error.type"] == "asyncio.exceptions.CancelledError"
    assert outcomes(telemetry) == {"cancelled": 1}


def collected(telemetry: Captured) -> None:
    """Let the garbage collector work until it has ended a span; an SDK's thread may linger."""
    for _ in range(6000):
        gc.collect()
        if telemetry.finished:
            return
        time.sleep(0.01)


def test_a_stream_that_nobody_finished_ends_when_it_is_collected(case, provider, client, telemetry):
    stream_answer(case, provider)

    stream = case.call(client, stream=True)
    next(stream)
    del stream
    collected(telemetry)

    assert streamed_span(telemetry, provider) == case.after_first
    assert outcomes(telemetry) == {"abandoned": 1}


async def test_an_async_stream_that_nobody_finished_ends_when_it_is_collected(
    case, provider, async_client, telemetry
):
    stream_answer(case, provider)

    stream = await case.call(async_client, stream=True)
    await anext(stream)
    del stream
    for _ in range(6000):
        gc.collect()
        if telemetry.finished:
            break
        await asyncio.sleep(0.01)  # the loop closes asynchronous generators

    assert streamed_span(telemetry, provider) == case.after_first
    assert outcomes(telemetry) == {"abandoned": 1}


def test_the_span_is_current_only_while_the_sdk_reads(
    case, provider, client, telemetry, monkeypatch
):
    stream_answer(case, provider)
    before = get_current_span()

    between = []
    for _ in case.call(client, stream=True):
        between.append(get_current_span() is before)

    assert between == [True] * (len(case.chunks) + case.marks)
    assert get_current_span() is before


def test_streams_may_be_read_in_turns(case, provider, client, telemetry):
    stream_answer(case, provider)
    stream_answer(case, provider)

    first, second = case.call(client, stream=True), case.call(client, stream=True)
    both = list(zip(first, second, strict=False))
    list(second)

    assert len(both) == len(case.chunks) + case.marks
    assert len(telemetry.finished) == 2
    assert {s.parent for s in telemetry.finished} == {None}


# Raw responses


@pytest.fixture
def raw_case(case: Case) -> Case:
    if not case.raw:
        pytest.skip("the SDK has no raw responses")
    return case


def _resource(case: Case, client: Any) -> Any:
    return case.method(client).__self__


def test_a_raw_response_is_read_without_being_parsed(raw_case, provider, client, telemetry):
    answer(raw_case, provider)

    raw = _resource(raw_case, client).with_raw_response.create(**raw_case.arguments)

    assert span_of(telemetry, provider) == raw_case.expected
    assert raw.parse().usage is not None
    assert len(telemetry.finished) == 1


async def test_an_async_raw_response_is_read_without_being_parsed(
    raw_case, provider, async_client, telemetry
):
    answer(raw_case, provider)

    raw = await _resource(raw_case, async_client).with_raw_response.create(**raw_case.arguments)

    assert raw.status_code == 200
    assert span_of(telemetry, provider) == raw_case.expected


def test_the_stream_of_a_raw_response_is_followed(raw_case, provider, client, telemetry):
    stream_answer(raw_case, provider)

    raw = _resource(raw_case, client).with_raw_response.create(**raw_case.arguments, stream=True)
    assert telemetry.spans() == []
    assert len(list(raw.parse())) == len(raw_case.chunks)

    assert streamed_span(telemetry, provider) == {**raw_case.expected, **raw_case.streamed}
    assert outcomes(telemetry) == {"completed": 1}


async def test_the_stream_of_an_async_raw_response_is_followed(
    raw_case, provider, async_client, telemetry
):
    stream_answer(raw_case, provider)

    create = _resource(raw_case, async_client).with_raw_response.create
    raw = await create(**raw_case.arguments, stream=True)
    parsed = raw.parse()
    parsed = await parsed if asyncio.iscoroutine(parsed) else parsed
    assert len([chunk async for chunk in parsed]) == len(raw_case.chunks)

    assert streamed_span(telemetry, provider) == {**raw_case.expected, **raw_case.streamed}


def test_a_raw_stream_that_nobody_parses_ends_when_it_is_closed(
    raw_case, provider, client, telemetry
):
    stream_answer(raw_case, provider)

    raw = _resource(raw_case, client).with_raw_response.create(**raw_case.arguments, stream=True)
    raw.http_response.close()

    assert telemetry.span()["status"] == "UNSET"
    assert outcomes(telemetry) == {"closed_early": 1}


@pytest.mark.parametrize("read", ["parse", "read", "json", "text"])
def test_a_streaming_response_ends_when_its_body_was_read(
    raw_case, provider, client, telemetry, read
):
    answer(raw_case, provider)

    create = _resource(raw_case, client).with_streaming_response.create
    with create(**raw_case.arguments) as response:
        assert telemetry.spans() == []
        assert getattr(response, read)()

    assert span_of(telemetry, provider) == raw_case.expected


@pytest.mark.parametrize("read", ["parse", "read", "json", "text"])
async def test_an_async_streaming_response_ends_when_its_body_was_read(
    raw_case, provider, async_client, telemetry, read
):
    answer(raw_case, provider)

    create = _resource(raw_case, async_client).with_streaming_response.create
    async with create(**raw_case.arguments) as response:
        assert telemetry.spans() == []
        assert await getattr(response, read)()

    assert span_of(telemetry, provider) == raw_case.expected


BY_HAND = ["iter_lines", "iter_bytes", "iter_text"]


@pytest.mark.parametrize("read", BY_HAND)
def test_a_stream_read_by_hand_is_read_along(raw_case, provider, client, telemetry, read):
    stream_answer(raw_case, provider)

    create = _resource(raw_case, client).with_streaming_response.create
    with create(**raw_case.arguments, stream=True) as response:
        pieces = list(getattr(response, read)())

    said = (b"\n" if read == "iter_bytes" else "\n").join(pieces)
    assert len(re.findall("data:", str(said))) >= len(raw_case.chunks)
    assert streamed_span(telemetry, provider) == {**raw_case.expected, **raw_case.streamed}
    assert outcomes(telemetry) == {"completed": 1}


async def test_an_async_stream_read_by_hand_is_read_along(
    raw_case, provider, async_client, telemetry
):
    stream_answer(raw_case, provider)

    create = _resource(raw_case, async_client).with_streaming_response.create
    async with create(**raw_case.arguments, stream=True) as response:
        assert [line async for line in response.iter_lines()]

    assert streamed_span(telemetry, provider) == {**raw_case.expected, **raw_case.streamed}
    assert outcomes(telemetry) == {"completed": 1}


def test_a_stream_left_by_hand_keeps_what_it_said_so_far(raw_case, provider, client, telemetry):
    stream_answer(raw_case, provider)

    create = _resource(raw_case, client).with_streaming_response.create
    with create(**raw_case.arguments, stream=True) as response:
        next(response.iter_bytes())  # how many chunks are in it is the socket's affair

    assert raw_case.after_first.items() <= streamed_span(telemetry, provider).items()
    assert outcomes(telemetry) == {"closed_early": 1}


@pytest.mark.parametrize("read", BY_HAND)
def test_a_whole_answer_read_by_hand_is_read_along(raw_case, provider, client, telemetry, read):
    answer(raw_case, provider)

    create = _resource(raw_case, client).with_streaming_response.create
    with create(**raw_case.arguments) as response:
        assert list(getattr(response, read)())

    assert span_of(telemetry, provider) == raw_case.expected


def test_a_streaming_response_that_nobody_reads_ends_with_its_block(
    raw_case, provider, client, telemetry
):
    answer(raw_case, provider)

    create = _resource(raw_case, client).with_streaming_response.create
    with pytest.raises(ZeroDivisionError), create(**raw_case.arguments):
        1 / 0  # noqa: B018

    assert telemetry.span()["status"] == "UNSET"
    assert outcomes(telemetry) == {"closed_early": 1}


# Being absent


def test_uninstrument_reaches_a_method_the_caller_kept(case, provider, client, telemetry):
    method = case.method(client)
    raw = method.__self__.with_raw_response.create if case.raw else method

    case.instrumentor().uninstrument()
    method(**case.arguments)
    raw(**case.arguments)
    case.call(client)

    assert telemetry.spans() == []


def test_instrumenting_again_traces_again_and_once(case, provider, client, telemetry):
    kept = case.method(client)
    case.instrumentor().uninstrument()
    case.instrumentor().instrument(**telemetry.providers)

    kept(**case.arguments)
    case.call(client)

    assert len(telemetry.finished) == 2


def test_instrumenting_traces_again_after_a_mock_put_the_original_back(case, client, telemetry):
    case.method(client)  # some SDKs import it no sooner
    bound = [one.patch for one in case.instrumentor().bindings if one.state == "bound"]
    patch = next(one for one in bound if isinstance(one, Patch))  # in this version of the SDK
    owner, _, name = patch.name.rpartition(".")
    found = import_module(patch.module)
    owner = getattr(found, owner) if owner else found
    case.instrumentor().uninstrument()
    with mock.patch.object(owner, name):
        case.instrumentor().instrument(**telemetry.providers)
    case.instrumentor().uninstrument()
    case.instrumentor().instrument(**telemetry.providers)

    case.call(client)

    assert len(telemetry.finished) == 1


def test_uninstrument_puts_the_very_method_back(case, telemetry):
    instrumentor = case.instrumentor()
    before = _methods(instrumentor)

    instrumentor.instrument(**telemetry.providers)
    assert not any(map(operator.is_, before, _methods(instrumentor)))
    instrumentor.uninstrument()

    assert all(map(operator.is_, before, _methods(instrumentor)))


def _methods(instrumentor: Any) -> list[Any]:
    found = []
    for patch in instrumentor.patches:
        owner, _, name = patch.name.rpartition(".")
        try:
            module = import_module(patch.module)
        except ModuleNotFoundError:  # of another version
            continue
        if patch.optional and owner and not hasattr(module, owner):
            continue
        method = vars(getattr(module, owner) if owner else module).get(name)
        if method is not None or not patch.optional:
            found.append(method)
    return found


def test_suppressed_calls_leave_no_trace(case, provider, client, telemetry):
    with suppress_instrumentation():
        case.call(client)

    assert telemetry.spans() == []
    assert telemetry.metric_names() == set()


def test_an_unsampled_call_still_counts(case, provider):
    telemetry = Captured(sampler=ALWAYS_OFF)
    case.instrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY")
    answer(case, provider)
    with case.client(provider.url) as client:
        case.call(client)
    case.instrumentor().uninstrument()

    (duration,) = telemetry.points("gen_ai.client.operation.duration")
    assert (telemetry.spans(), duration.count) == ([], 1)
    telemetry.close()


ODD_COUNTS = (None, 0, -1, 7.0, 2.5, "7", True, 10**400, [7])


def _counts(answer: Any) -> Iterator[tuple[Any, ...]]:
    for path in _paths(answer):
        told = answer
        for key in path:
            told = told[key]
        if type(told) is int:
            yield path


def test_an_unsampled_call_counts_what_a_recorded_one_does_however_odd(case, provider):
    answers = [_with(case.answer, p, odd) for p in _counts(case.answer) for odd in ODD_COUNTS]

    def measured(sampler: Sampler) -> dict[str, Any]:
        with captured(sampler) as telemetry:
            case.instrumentor().instrument(**telemetry.providers)
            with case.client(provider.url) as client:
                for answer in answers:
                    provider.queue(json_answer(answer))
                    _told(lambda: case.call(client))
            case.instrumentor().uninstrument()
            points = telemetry.points("gen_ai.client.token.usage")
            return {json.dumps(dict(p.attributes)): (p.count, p.sum) for p in points}

    recorded = measured(ALWAYS_ON)

    assert recorded == measured(ALWAYS_OFF)
    assert all(total < 10**6 for _, total in recorded.values())


def test_threads_do_not_mix_their_calls(case, provider, client, telemetry):
    tracer = telemetry.tracer_provider.get_tracer("app")

    def work(number: int) -> int:
        with tracer.start_as_current_span("app") as span:
            case.call(client)
            return span.get_span_context().trace_id

    with ThreadPoolExecutor(4) as pool:
        traces = set(pool.map(work, range(12)))

    calls = [s for s in telemetry.finished if s.name != "app"]
    assert {s.context.trace_id for s in calls} == traces
    assert len(calls) == 12


def test_a_call_leaves_no_cyclic_garbage(case, provider, client, telemetry):
    for _ in range(3):  # an SDK may build its models in the first ones
        case.call(client)
    gc.collect()
    gc.disable()
    try:
        case.call(client)
        traced = _garbage()
        case.instrumentor().uninstrument()
        case.call(client)
        plain = _garbage()
    finally:
        gc.enable()

    assert traced <= plain


def _garbage() -> int:
    return gc.collect()


# Content


@pytest.mark.parametrize("stream", [False, True])
def test_no_content_and_no_secret_leaves_by_default(case, provider, client, telemetry, stream):
    (stream_answer if stream else answer)(case, provider)
    provider_requests = len(provider.requests)

    result = case.call(client, stream=stream)
    _ = list(result) if stream else None

    assert len(provider.requests) == provider_requests + 1
    assert SECRET not in everything(telemetry)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("mode", "on_span", "on_event"),
    [
        ("no_content", False, False),
        ("Span_Only", True, False),
        ("EVENT_ONLY", False, True),
        ("SPAN_AND_EVENT", True, True),
        ("true", True, True),
        ("nonsense", False, False),
    ],
)
def test_content_goes_where_the_user_said(
    case, provider, telemetry, monkeypatch, mode, on_span, on_event, stream
):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", mode)
    case.instrumentor().instrument(**telemetry.providers)
    (stream_answer if stream else answer)(case, provider)
    with case.client(provider.url) as client:
        result = case.call(client, stream=stream)
        _ = list(result) if stream else None
    case.instrumentor().uninstrument()

    span = telemetry.span()
    events = telemetry.events()
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        assert (name in span) == on_span
        assert [name in e.log_record.attributes for e in events] == ([True] if on_event else [])
    assert SECRET not in _metrics_text(telemetry)


@pytest.mark.parametrize("capture", ["no_content", "span_only", "event_only", "span_and_event"])
def test_no_planted_secret_leaves_under_any_mode(case, provider, telemetry, capture):
    told = {**EVERYTHING, "capture": capture, "redact_patterns": [SECRET]}
    case.instrumentor().instrument(**telemetry.providers, **told)
    answer(case, provider)
    stream_answer(case, provider)
    provider.queue(case.refused)
    with case.client(provider.url) as client:
        case.call(client)
        list(case.call(client, stream=True))
        with pytest.raises(Exception):  # noqa: B017, PT011
            case.call(client)
    case.instrumentor().uninstrument()

    assert len(telemetry.finished) == 3
    assert "[redacted]" in everything(telemetry)
    assert SECRET not in everything(telemetry)


def test_an_event_without_content_is_the_spans_twin(case, provider, telemetry):
    case.instrumentor().instrument(**telemetry.providers, emit_event=True)
    answer(case, provider)
    with case.client(provider.url) as client:
        case.call(client)
    case.instrumentor().uninstrument()

    (event,) = telemetry.events()
    (span,) = telemetry.finished
    shared = {k: v for k, v in span.attributes.items() if not k.startswith("openai.")}
    assert dict(event.log_record.attributes) == shared
    assert event.log_record.span_id == span.context.span_id


def refused(case: Case, provider: FakeProvider, telemetry: Captured, **settings: Any) -> Any:
    """Make a call that the provider refuses; return the attributes of the one event."""
    case.instrumentor().instrument(**telemetry.providers, **settings)
    provider.queue(case.refused)
    with case.client(provider.url) as client, pytest.raises(Exception):  # noqa: B017, PT011
        case.call(client)
    case.instrumentor().uninstrument()

    (event,) = telemetry.events()
    (span,) = telemetry.finished
    assert event.log_record.event_name == "gen_ai.client.operation.exception"
    assert event.log_record.severity_number.name == "WARN"
    assert event.log_record.span_id == span.context.span_id
    return dict(event.log_record.attributes)


def test_an_exception_is_an_event_where_that_is_asked_for(case, provider, telemetry):
    assert refused(case, provider, telemetry, exceptions="type") == {"exception.type": case.refusal}


def test_the_message_of_an_exception_is_told_only_without_secrets(case, provider, telemetry):
    told = refused(case, provider, telemetry, exceptions="message", redact_patterns=[SECRET])

    assert set(told) == {"exception.type", "exception.message", "exception.stacktrace"}
    assert case.refusal.rpartition(".")[2] in told["exception.stacktrace"]
    assert SECRET not in str(told)


def test_a_stream_that_breaks_is_such_an_event_too(case, provider, telemetry):
    case.instrumentor().instrument(**telemetry.providers, exceptions="type")
    stream_answer(case, provider, CUT, chunks=1)
    with case.client(provider.url) as client, pytest.raises(Exception):  # noqa: B017, PT011
        list(case.call(client, stream=True))
    case.instrumentor().uninstrument()

    (event,) = telemetry.events()
    assert set(event.log_record.attributes) == {"exception.type"}


def everything(telemetry: Captured) -> str:
    spans = "".join(span.to_json() for span in telemetry.finished)
    events = "".join(str(event.log_record.attributes) for event in telemetry.events())
    return spans + events + _metrics_text(telemetry)


def _metrics_text(telemetry: Captured) -> str:
    return "".join(metric.to_json() for metric in telemetry.metrics())
