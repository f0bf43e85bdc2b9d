"""What the core does with every shape an SDK's call may have; the SDK here is a toy."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from types import GeneratorType
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry.trace import get_current_span

from otel_llm.genai import Response
from otel_llm.instrumentation.core import guard
from otel_llm.testing import Captured
from tests.instrumentation import toy

OUTCOMES = "otel_llm.client.stream.outcomes"
WHOLE = {
    "name": "chat m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "toy",
    "gen_ai.request.model": "m",
    "gen_ai.response.id": "r1",
    "gen_ai.response.model": "m-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.output_tokens": 3,
}
STREAMED = {
    "name": "chat m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "toy",
    "gen_ai.request.model": "m",
    "gen_ai.usage.output_tokens": 3,
}


@pytest.fixture
def sdk():
    yield from toy.install()


@pytest.fixture
def client(sdk, telemetry):
    toy.Toy().instrument(**telemetry.providers)
    yield sdk.Client()
    toy.Toy().uninstrument()


def span(telemetry: Captured) -> dict[str, Any]:
    found = telemetry.span()
    found.pop("gen_ai.response.time_to_first_chunk", None)
    return found


def outcomes(telemetry: Captured) -> dict[str, int]:
    return {p.attributes["otel_llm.stream.outcome"]: p.value for p in telemetry.points(OUTCOMES)}


# Calls


def test_arguments_may_be_positional(client, telemetry):
    client.call("m", "hello")

    assert span(telemetry) == WHOLE


def test_a_function_of_the_module_is_traced_too(client, sdk, telemetry):
    sdk.function("m", prompt="hello")

    assert telemetry.span()["gen_ai.response.id"] == "f1"


async def test_a_plain_function_may_return_an_awaitable(client, telemetry):
    assert (await client.awaitable("m"))["id"] == "r1"

    assert span(telemetry) == WHOLE


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_coroutine_that_nobody_awaits_is_no_call(client, telemetry):
    client.acall("m")
    gc.collect()

    assert telemetry.spans() == []


def test_a_subclass_of_a_patched_class_is_traced(client, sdk, telemetry):
    sdk.Sub().call("m")

    assert span(telemetry) == WHOLE


# Generators


def test_a_generator_sends_its_request_with_the_first_step_and_so_does_the_span(client, telemetry):
    generator = client.generator("m")
    assert (client.sent, isinstance(generator, GeneratorType)) == (0, True)

    assert [w["n"] for w in generator] == [0, 1, 2]

    assert span(telemetry) == STREAMED
    assert outcomes(telemetry) == {"completed": 1}


def test_a_generator_that_is_never_started_is_no_call(client, telemetry):
    client.generator("m").close()
    del client

    assert telemetry.spans() == []


async def test_a_generator_that_is_read_after_it_was_closed_is_no_call(client, telemetry):
    generator, generator_async = client.generator("m"), client.agenerator("m")
    generator.close()
    await generator_async.aclose()

    assert list(generator) == [item async for item in generator_async] == []
    assert (client.sent, telemetry.spans()) == (0, [])


def test_a_generator_takes_what_is_sent(client, telemetry):
    generator = client.generator("m")

    next(generator)
    with pytest.raises(StopIteration):
        generator.send("stop")

    assert outcomes(telemetry) == {"completed": 1}


def test_a_generator_raises_what_is_thrown(client, telemetry):
    generator = client.generator("m")

    next(generator)
    with pytest.raises(KeyError):
        generator.throw(KeyError("k"))

    assert telemetry.span()["error.type"] == "KeyError"
    assert outcomes(telemetry) == {"failed": 1}


def test_a_generator_closed_early_keeps_its_tokens(client, telemetry):
    generator = client.generator("m")

    next(generator)
    generator.close()

    assert span(telemetry) == {**STREAMED, "gen_ai.usage.output_tokens": 1}
    assert outcomes(telemetry) == {"closed_early": 1}


def test_a_generator_dropped_ends_at_once(client, telemetry):
    for _ in client.generator("m"):
        break

    assert outcomes(telemetry) == {"abandoned": 1}


@pytest.mark.parametrize("method", ["agenerator", "returns_agenerator"])
async def test_asynchronous_generators_are_followed(client, telemetry, method):
    made = getattr(client, method)("m")
    generator = await made if asyncio.iscoroutine(made) else made
    assert [w["n"] async for w in generator] == [0, 1, 2]

    assert span(telemetry) == STREAMED


async def test_an_asynchronous_generator_closed_early_keeps_its_tokens(client, telemetry):
    generator = client.agenerator("m")
    await anext(generator)
    await generator.aclose()

    assert outcomes(telemetry) == {"closed_early": 1}


def test_an_iterator_whose_class_cannot_change_gets_a_stand_in(client, sdk, telemetry):
    stream = client.slotted("m")

    assert isinstance(stream, sdk.Slotted)
    assert stream.close() == "closed"
    assert outcomes(telemetry) == {"closed_early": 1}


# Streams


def test_helpers_that_iterate_the_stream_come_through_us(client, telemetry):
    stream = client.call("m", stream=True)

    assert list(stream.text_stream) == ["one", "two", "three"]
    assert span(telemetry) == {**STREAMED, "gen_ai.request.stream": True}
    assert outcomes(telemetry) == {"completed": 1}


def test_a_loop_may_be_left_and_taken_up_again(client, telemetry):
    stream = client.call("m", stream=True)

    for _ in stream:
        break
    rest = list(stream)

    assert len(rest) == 2
    assert outcomes(telemetry) == {"completed": 1}


def test_the_longest_wait_and_the_pace_of_a_stream_are_measured(client, telemetry):
    list(client.call("m", stream=True))
    next(client.call("m", stream=True))

    (gap,) = telemetry.points("otel_llm.client.stream.longest_gap")
    (rate,) = telemetry.points("otel_llm.client.stream.output_rate")
    (chunks,) = telemetry.points("gen_ai.client.operation.time_per_output_chunk")
    assert (gap.count, gap.sum) == (1, chunks.max)
    assert rate.sum == pytest.approx(3 / chunks.sum)


def test_an_ended_stream_still_behaves(client, telemetry):
    stream = client.call("m", stream=True)
    list(stream)

    with pytest.raises(StopIteration):
        next(stream)
    stream.close()

    assert stream.closed == 1
    assert outcomes(telemetry) == {"completed": 1}


def test_closing_in_a_cancelled_handler_is_a_cancellation(client, telemetry):
    stream = client.call("m", stream=True)
    next(stream)
    try:
        raise asyncio.CancelledError
    except asyncio.CancelledError:
        stream.close()

    assert outcomes(telemetry) == {"cancelled": 1}


def test_two_threads_that_end_a_stream_end_its_span_once(client, telemetry):
    for _ in range(20):
        stream = client.call("m", stream=True)
        next(stream)
        gate = threading.Barrier(4)

        def close(stream: Any = stream, gate: threading.Barrier = gate) -> None:
            gate.wait()
            stream.close()

        threads = [threading.Thread(target=close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(telemetry.finished) == 20
    assert outcomes(telemetry) == {"closed_early": 20}


def test_a_stream_collected_while_the_sdk_holds_its_lock_ends_elsewhere(client, telemetry):
    """Else the garbage collector would wait for a lock that its own thread holds."""
    stream = client.call("m", stream=True)
    next(stream)
    inside = {"__name__": "opentelemetry.sdk.metrics.anything"}
    exec("def drop(box): box.clear()", inside)

    box = [stream]
    del stream
    inside["drop"](box)
    done = threading.Event()
    for _ in range(6000):
        if telemetry.finished or done.wait(0.01):
            break

    assert outcomes(telemetry) == {"abandoned": 1}


@pytest.mark.guards_may_swallow
def test_a_reader_that_fails_costs_its_words_and_nothing_else(client, telemetry, monkeypatch):
    def feed(self: Any, chunk: Any) -> None:
        raise ValueError("sk-secret")

    monkeypatch.setattr(toy.Reader, "feed", feed)
    assert len(list(client.call("m", stream=True))) == 3

    assert outcomes(telemetry) == {"completed": 1}


# Managers


def test_a_manager_starts_when_it_is_entered(client, telemetry):
    manager = client.manager("m")
    assert client.sent == 0

    with manager as stream:
        assert telemetry.spans() == []
        assert len(list(stream)) == 3

    assert span(telemetry) == STREAMED


def test_a_manager_left_early_is_closed_early(client, telemetry):
    with client.manager("m") as stream:
        next(stream)

    assert outcomes(telemetry) == {"closed_early": 1}


def test_a_manager_that_cannot_be_entered_is_an_error(client, sdk, telemetry):
    client.broken = True

    with pytest.raises(sdk.Boom), client.manager("m"):
        pass

    assert telemetry.span()["error.type"] == "toy_sdk.Boom"
    assert "sk-secret" not in telemetry.finished[0].to_json()


def test_a_manager_that_is_never_entered_is_no_call(client, telemetry):
    client.manager("m")

    assert telemetry.spans() == []


async def test_an_asynchronous_manager_is_followed(client, telemetry):
    async with client.amanager("m") as stream:
        assert len(list(stream)) == 3

    assert span(telemetry) == STREAMED


async def test_a_task_cancelled_in_the_block_of_a_manager_is_cancelled(client, telemetry):
    reached = asyncio.Event()

    async def read() -> None:
        async with client.amanager("m") as stream:
            next(stream)
            reached.set()
            await asyncio.sleep(30)

    task = asyncio.create_task(read())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert outcomes(telemetry) == {"cancelled": 1}


# Layers


def test_the_same_call_through_two_layers_is_one_span(client, telemetry):
    inner = type(client)()
    client.inner = lambda: inner.call("m")

    client.call("m")

    assert span(telemetry) == WHOLE


def test_another_kind_of_call_inside_keeps_its_own_span(client, telemetry):
    inner = type(client)()
    client.inner = lambda: inner.embed("e") and inner.call("m")

    client.call("m")

    assert [s["name"] for s in telemetry.spans()] == ["embeddings e", "chat m"]


def test_a_task_that_inherited_the_context_is_not_silenced_for_ever(client, telemetry):
    inherited: list[Any] = []
    client.inner = lambda: (
        inherited.append(otel_context.get_current()) or {"id": "r1", "model": "m-1", "tokens": 3}
    )
    client.call("m")
    client.inner = None
    token = otel_context.attach(inherited[0])
    client.call("m")
    otel_context.detach(token)

    assert len(telemetry.finished) == 2


@pytest.mark.parametrize(
    "key",
    ["opentelemetry.genai.client.inference.context", "suppress_language_model_instrumentation"],
)
def test_a_call_that_another_instrumentation_traces_is_left_to_it(client, telemetry, key):
    token = otel_context.attach(otel_context.set_value(key, True))
    client.call("m")
    client.embed("e")
    otel_context.detach(token)

    assert [s["name"] for s in telemetry.spans()] == ["embeddings e"]


@pytest.mark.parametrize("method", ["manager", "amanager"])
def test_another_instrumentation_is_silent_also_where_only_a_manager_is_made(
    client, telemetry, sdk, monkeypatch, method
):
    """OpenLLMetry begins the span of Anthropic's streams there, ours begins when it is entered."""
    seen = []
    monkeypatch.setattr(sdk.Manager, "__init__", lambda self, client: seen.append(_silenced()))

    getattr(client, method)("m")

    assert (seen, _silenced()) == ([True], False)


def _silenced() -> bool:
    return bool(otel_context.get_value("suppress_language_model_instrumentation"))


# Guards


@pytest.mark.guards_may_swallow
@pytest.mark.parametrize("broken", ["origin", "Operation"])
def test_our_own_mistakes_cost_the_caller_nothing(client, telemetry, monkeypatch, caplog, broken):
    from otel_llm.instrumentation.core import start

    def fail(*_: Any) -> Any:
        raise ValueError("sk-secret")

    monkeypatch.setattr(toy.Toy if broken == "origin" else start, broken, fail)

    answers = [client.call("m")["id"] for _ in range(3)]

    said = [r.getMessage() for r in caplog.records if r.name.startswith("otel_llm")]
    assert answers == ["r1"] * 3
    assert len(said) == 1
    assert "ValueError" in said[0]
    assert "sk-secret" not in caplog.text


@pytest.mark.guards_may_swallow
def test_a_request_that_cannot_be_read_is_still_a_span(client, telemetry):
    with pytest.raises(TypeError):
        client.call()

    assert telemetry.span()["name"] == "chat"
    assert telemetry.span()["error.type"] == "TypeError"


@pytest.mark.guards_may_swallow
def test_a_model_that_cannot_even_be_looked_up_costs_its_own_name_alone(client, telemetry):
    class Odd:
        def __hash__(self) -> int:
            raise ValueError("not today")

    class Asked(str):
        def __add__(self, _: str) -> Any:
            return Odd()

    answer = client.call(Asked("m"))

    assert answer["id"] == "r1"
    assert telemetry.span()["gen_ai.response.id"] == "r1"
    assert "gen_ai.response.model" not in telemetry.span()


@pytest.mark.guards_may_swallow
def test_what_prices_depend_on_and_cannot_be_read_costs_itself_alone(sdk, telemetry, caplog):
    def unreadable() -> Any:
        raise ValueError("sk-secret")

    class Priced(toy.Toy):
        patches = (toy.patch("Client.call", replace(toy.CHAT, response=_answered(unreadable))),)

    instrumentor = Priced()
    instrumentor.instrument(**telemetry.providers)
    sdk.Client().call("m")
    instrumentor.uninstrument()

    assert span(telemetry) == WHOLE
    assert "ValueError while reading what prices depend on" in caplog.text
    assert "sk-secret" not in caplog.text


def _answered(own: Callable[[], Any]) -> Callable[[Any], Response]:
    return lambda answer: replace(toy.CHAT.response(answer), own=own)


def test_a_guard_lets_what_is_no_mistake_of_ours_through():
    with pytest.raises(KeyboardInterrupt), guard.guarded("being interrupted"):
        raise KeyboardInterrupt


def test_the_context_is_as_it_was_after_any_end(client, telemetry):
    before = get_current_span()
    client.call("m")
    list(client.call("m", stream=True))
    client.broken = True
    with contextlib.suppress(Exception):
        client.call("m")

    assert get_current_span() is before


def test_a_child_process_does_not_end_what_its_parent_reads(client, telemetry):
    stream = client.call("m", stream=True)
    next(stream)
    pid = os.fork()
    if pid == 0:
        stream.close()
        os._exit(len(telemetry.finished))
    _, status = os.waitpid(pid, 0)
    list(stream)

    assert os.waitstatus_to_exitcode(status) == 0
    assert outcomes(telemetry) == {"completed": 1}
