"""The user's own code: scopes of every kind around functions of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import json
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from opentelemetry import baggage, context, propagate
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import get_current_span

import otel_llm
from otel_llm.instrumentation.core import runs
from tests.instrumentation import toy


@pytest.fixture(autouse=True)
def _signals(telemetry, monkeypatch):
    monkeypatch.setattr(runs, "_telemetry", None)
    otel_llm.configure(**telemetry.providers)


@pytest.fixture
def sdk():
    yield from toy.install()


@pytest.fixture
def client(sdk, telemetry):
    toy.Toy().instrument(**telemetry.providers)
    yield sdk.Client()
    toy.Toy().uninstrument()


def tree(telemetry) -> dict[str, str | None]:
    """Return the name of each span's parent."""
    names = {s.context.span_id: s.name for s in telemetry.finished}
    return {s.name: names.get(s.parent.span_id) if s.parent else None for s in telemetry.finished}


def test_scopes_nest_as_one_trace(client, telemetry):
    @otel_llm.tool
    def search(query: str) -> str:
        return client.call("inner")["id"]

    @otel_llm.agent("researcher", model="m", description="finds things")
    def research() -> str:
        client.call("m")
        with otel_llm.retrieval("docs", top_k=3):
            pass
        return search("x")

    with otel_llm.workflow("answer"):
        assert research() == "r1"

    assert tree(telemetry) == {
        "invoke_workflow answer": None,
        "invoke_agent researcher": "invoke_workflow answer",
        "chat m": "invoke_agent researcher",
        "retrieval docs": "invoke_agent researcher",
        "execute_tool search": "invoke_agent researcher",
        "chat inner": "execute_tool search",
    }


def test_an_agent_counts_its_calls_and_tools_and_not_those_of_its_agents(client, telemetry):
    with otel_llm.agent("outer"):
        client.call("m")
        with otel_llm.tool("look"):
            client.call("m")
        with otel_llm.agent("inner"):
            client.call("m")
            client.embed("e")

    def counted(metric: str) -> dict[str, float]:
        return {p.attributes["gen_ai.agent.name"]: p.sum for p in telemetry.points(metric)}

    assert counted("gen_ai.invoke_agent.inference_calls") == {"outer": 2, "inner": 1}
    assert counted("gen_ai.invoke_agent.tool_calls") == {"outer": 1, "inner": 0}
    assert telemetry.metric_names() >= {
        "gen_ai.invoke_agent.duration",
        "gen_ai.execute_tool.duration",
    }


def test_a_tool_of_an_agent_names_the_agent(telemetry):
    with otel_llm.agent("a"), otel_llm.tool("t", description="d", call_id="c1"):
        pass

    found = telemetry.spans()[0]
    assert found == {
        "name": "execute_tool t",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "t",
        "gen_ai.tool.description": "d",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.agent.name": "a",
    }


def test_an_exception_ends_the_scope_as_an_error_and_passes(telemetry):
    @otel_llm.workflow
    def flow() -> None:
        raise ZeroDivisionError("sk-secret")

    with pytest.raises(ZeroDivisionError):
        flow()

    span = telemetry.span()
    assert (span["name"], span["status"]) == ("invoke_workflow flow", "ERROR")
    assert span["error.type"] == "ZeroDivisionError"
    assert "sk-secret" not in telemetry.finished[0].to_json()


async def test_coroutines_stay_coroutines(telemetry):
    @otel_llm.tool("t")
    async def work(value: int) -> int:
        """Docs."""
        await asyncio.sleep(0)
        return value

    assert inspect.iscoroutinefunction(work)
    assert (work.__name__, work.__doc__) == ("work", "Docs.")
    assert await asyncio.gather(work(1), work(2)) == [1, 2]
    assert len(telemetry.finished) == 2


def test_a_generator_is_current_only_while_it_runs(telemetry):
    @otel_llm.workflow("g")
    def steps() -> Any:
        got = yield get_current_span().is_recording()
        yield got
        return "done"

    before = get_current_span()
    generator = steps()
    assert inspect.isgeneratorfunction(steps)
    assert telemetry.spans() == []
    assert next(generator) is True
    assert get_current_span() is before
    assert generator.send("sent") == "sent"
    with pytest.raises(StopIteration) as stop:
        next(generator)

    assert stop.value.value == "done"
    assert telemetry.span()["status"] == "UNSET"


def test_a_generator_left_early_ends_its_scope(telemetry):
    closed = []

    @otel_llm.workflow("g")
    def steps() -> Any:
        try:
            yield 1
        finally:
            closed.append(True)

    for _ in steps():
        break
    gc.collect()

    assert closed == [True]
    assert telemetry.span()["status"] == "UNSET"


def test_what_is_thrown_into_a_generator_reaches_it(telemetry):
    @otel_llm.workflow("g")
    def steps() -> Any:
        try:
            yield 1
        except KeyError:
            yield 2
        raise ZeroDivisionError

    generator = steps()
    next(generator)
    assert generator.throw(KeyError("k")) == 2
    with pytest.raises(ZeroDivisionError):
        next(generator)

    assert telemetry.span()["error.type"] == "ZeroDivisionError"


async def test_asynchronous_generators_are_followed(telemetry):
    @otel_llm.workflow("g")
    async def steps() -> Any:
        yield 1
        yield 2

    assert inspect.isasyncgenfunction(steps)
    assert [item async for item in steps()] == [1, 2]
    generator = steps()
    await anext(generator)
    await generator.aclose()

    assert [s["status"] for s in telemetry.spans()] == ["UNSET", "UNSET"]


def test_a_recursive_function_has_a_span_for_each_call(telemetry):
    @otel_llm.tool
    def down(n: int) -> int:
        return down(n - 1) if n else 0

    down(2)

    assert len(telemetry.finished) == 3


# Calls made by hand


def test_a_call_made_by_hand_is_a_span_with_all_its_metrics(telemetry):
    with otel_llm.llm_call(
        "m", provider="acme", server=("llm.local", 8080), temperature=0.5
    ) as call:
        call.set_response(
            model="m-1", id="r1", finish_reasons=["stop"], input_tokens=7, output_tokens=3
        )

    assert telemetry.span() == {
        "name": "chat m",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "acme",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.id": "r1",
        "gen_ai.response.model": "m-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "server.address": "llm.local",
        "server.port": 8080,
    }
    assert "gen_ai.client.token.usage" in telemetry.metric_names()


def test_a_call_made_by_hand_that_fails_keeps_its_tokens(telemetry):
    @otel_llm.llm_call("m", provider="acme")
    def ask() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        ask()
    with contextlib.suppress(TimeoutError), otel_llm.llm_call("m", provider="acme") as call:
        call.set_response(input_tokens=7)
        raise TimeoutError

    first, second = telemetry.spans()
    assert first["error.type"] == second["error.type"] == "TimeoutError"
    assert (first.get("gen_ai.usage.input_tokens"), second["gen_ai.usage.input_tokens"]) == (
        None,
        7,
    )


def test_the_sdk_inside_a_call_made_by_hand_is_the_same_call(client, telemetry):
    with otel_llm.llm_call("m", provider="acme"):
        client.call("m")

    assert len(telemetry.finished) == 1


def test_embeddings_made_by_hand_are_embeddings(telemetry):
    with otel_llm.embedding("e", provider="acme") as call:
        call.set_response(input_tokens=4)

    assert telemetry.span()["name"] == "embeddings e"


def test_content_by_hand_follows_the_same_setting(telemetry):
    said = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    for capture in ("no_content", "span_only"):
        otel_llm.configure(**telemetry.providers, capture=capture)
        with otel_llm.llm_call("m", provider="acme") as call:
            call.set_input(said)
            call.set_output([{**said[0], "role": "assistant", "finish_reason": "stop"}])

    off, on = telemetry.spans()
    assert "gen_ai.input.messages" not in off
    assert '"hi"' in on["gen_ai.input.messages"]
    assert '"hi"' in on["gen_ai.output.messages"]


@pytest.mark.parametrize(("capture", "kept"), [("no_content", False), ("span_only", True)])
def test_a_tools_arguments_and_result_are_content(telemetry, capture, kept):
    otel_llm.configure(**telemetry.providers, capture=capture)

    @otel_llm.tool
    def search(query: str, limit: int = 3) -> list[str]:
        return ["found"]

    search("oslo", limit=2)

    span = telemetry.span()
    expected = ('{"query":"oslo","limit":2}', '{"result":["found"]}') if kept else (None, None)
    arguments = span.get("gen_ai.tool.call.arguments"), span.get("gen_ai.tool.call.result")
    assert arguments == expected


# Who and what


def test_what_is_said_is_on_every_span_of_its_scope_and_on_none_after(client, telemetry):
    with otel_llm.workflow("w"):
        otel_llm.set_user("u1")
        otel_llm.set_session("s1")
        otel_llm.set_prompt("greet", "3", {"name": "Ada"})
        otel_llm.set_tags(feature="chat", team="blue", tier="gold")
        client.call("m")
        client.embed("e")
    client.call("m")

    call, embed, _, after = telemetry.spans()
    everywhere = {
        "user.id": "u1",
        "session.id": "s1",
        "otel_llm.feature": "chat",
        "otel_llm.team": "blue",
        "otel_llm.tags": ("tier=gold",),
    }
    inference = {
        "gen_ai.conversation.id": "s1",
        "gen_ai.prompt.name": "greet",
        "gen_ai.prompt.version": "3",
    }
    assert {k: call.get(k) for k in everywhere | inference} == everywhere | inference
    assert {k: embed.get(k) for k in everywhere} == everywhere
    assert not set(inference) & set(embed)
    assert not (set(everywhere) | set(inference)) & set(after)


def test_what_is_said_in_a_block_ends_with_it(client, telemetry):
    with otel_llm.set_user("u1"):
        client.call("m")
    client.call("m")

    assert [s.get("user.id") for s in telemetry.spans()] == ["u1", None]


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, {}),
        ({"capture": "EVENT_ONLY"}, {}),
        ({"capture": "SPAN_ONLY", "emit_event": "true"}, {"to": "ada@lovelace.dev", "n": "3"}),
        ({"capture": "SPAN_ONLY", "redact": "pii"}, {"to": "[email]", "n": "3"}),
    ],
)
def test_variables_of_a_prompt_are_content_of_spans(telemetry, settings, kept):
    otel_llm.configure(**telemetry.providers, **settings)

    with (
        otel_llm.set_prompt("sums", "2", {"to": "ada@lovelace.dev", "n": 3}),
        otel_llm.llm_call("m"),
    ):
        pass

    prefix = "gen_ai.prompt.variable."
    assert {
        name.removeprefix(prefix): value
        for name, value in telemetry.span().items()
        if name.startswith(prefix)
    } == kept
    assert "variable" not in str([event.log_record for event in telemetry.events()])


def test_nothing_travels_as_baggage_unless_asked_for(telemetry):
    with otel_llm.set_user("u1"):
        assert baggage.get_all() == {}


def test_what_may_travel_arrives_in_the_next_process(client, telemetry):
    names = ("user.id", "otel_llm.tags")
    otel_llm.configure(**telemetry.providers, baggage=names)
    carrier: dict[str, str] = {}
    with otel_llm.set_user("u 1"), otel_llm.set_session("s1"), otel_llm.set_tags(tier="gold"):
        propagate.inject(carrier)

    token = context.attach(propagate.extract(carrier))
    with otel_llm.workflow("there"):
        pass
    context.detach(token)

    span = telemetry.span()
    assert (span["user.id"], span["otel_llm.tags"]) == ("u 1", ("tier=gold",))
    assert "session.id" not in span


# Summaries, judgements, threads


def test_a_summary_adds_up_what_happened(client, sdk, telemetry):
    with otel_llm.workflow("w") as run:
        client.call("m")
        list(client.call("m", stream=True))
        with otel_llm.tool("t"):
            client.embed("e")
        client.broken = True
        with pytest.raises(sdk.Boom):
            client.call("m")
        inside = otel_llm.trace_summary()

    assert inside is run.summary
    assert (inside.calls, inside.tools, inside.errors) == (4, 1, 1)
    assert (inside.input_tokens, inside.output_tokens) == (2, 6)
    assert inside.models == {"m-1": 1, "m": 2, "e": 1}
    assert inside.error_types == {"toy_sdk.Boom": 1}
    assert inside.cost_usd is None
    assert inside.seconds > 0
    assert otel_llm.trace_summary() is None


def test_a_judgement_lands_on_the_span_it_is_about(telemetry):
    with otel_llm.workflow("w") as run:
        otel_llm.record_evaluation("relevance", 0.2, label="fail", explanation="off topic")
    otel_llm.record_feedback(1, "thanks", run=run)

    first, second = (event.log_record for event in telemetry.events())
    (span,) = telemetry.finished
    assert first.span_id == second.span_id == span.context.span_id
    assert dict(first.attributes) == {
        "gen_ai.evaluation.name": "relevance",
        "gen_ai.evaluation.score.value": 0.2,
        "gen_ai.evaluation.score.label": "fail",
        "gen_ai.evaluation.explanation": "off topic",
    }
    assert dict(second.attributes) == {
        "gen_ai.evaluation.name": "user_feedback",
        "gen_ai.evaluation.score.value": 1.0,
        "gen_ai.evaluation.explanation": "thanks",
    }


def test_threads_keep_the_trace_where_asked_to(client, telemetry):
    with otel_llm.workflow("w"):
        thread = Thread(target=otel_llm.carry(client.call), args=("carried",))
        thread.start()
        thread.join()
        with otel_llm.CarryingThreadPoolExecutor(2) as pool:
            list(pool.map(client.call, ["a", "b"]))
        with ThreadPoolExecutor(1) as plain:
            plain.submit(client.call, "stray").result()

    parents = tree(telemetry)
    assert {n: parents[f"chat {n}"] for n in ("carried", "a", "b")} == dict.fromkeys(
        ("carried", "a", "b"), "invoke_workflow w"
    )
    assert parents["chat stray"] is None


def test_importing_the_package_is_light_and_every_public_name_is_there():
    program = (
        "import sys, otel_llm; light = 'opentelemetry' not in sys.modules;"
        "print(light, all(getattr(otel_llm, n) for n in otel_llm.__all__))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout.strip(), done.stderr) == ("True True", "")


@pytest.mark.guards_may_swallow
def test_odd_arguments_cost_the_caller_nothing(telemetry):
    with otel_llm.llm_call("m", provider="p", nonsense=1) as call:
        call.set_response(nonsense=2)
    with otel_llm.workflow(object()) as run:
        run.set("x", object())
    otel_llm.record_evaluation("e", score="high")
    with otel_llm.set_user(None), otel_llm.set_tags(a=None):
        pass

    assert len(telemetry.finished) == 2


# Hostile use


def test_methods_of_every_kind_keep_what_they_are_bound_to(telemetry):
    otel_llm.configure(**telemetry.providers, capture="SPAN_ONLY")

    class Shop:
        key = "sk-planted"

        @otel_llm.tool
        def plain(self, n: int) -> int:
            return n + 1

        @otel_llm.tool
        @classmethod
        def of_class(cls, n: int) -> tuple[type, int]:
            return cls, n

        @classmethod
        @otel_llm.tool
        def of_class_too(cls, n: int) -> tuple[type, int]:
            return cls, n

        @otel_llm.tool("s")
        @staticmethod
        def static(n: int) -> int:
            return n

    shop = Shop()
    assert (shop.plain(1), Shop.static(3), shop.static(3)) == (2, 3, 3)
    assert Shop.of_class(2) == shop.of_class_too(2) == (Shop, 2)
    names = [s["name"].removeprefix("execute_tool ") for s in telemetry.spans()]
    assert names == ["plain", "s", "s", "of_class", "of_class_too"]
    given = [json.loads(s["gen_ai.tool.call.arguments"]) for s in telemetry.spans()]
    assert given == [{"n": 1}, {"n": 3}, {"n": 3}, {"n": 2}, {"n": 2}]


def test_a_class_stays_a_class(telemetry, caplog):
    @otel_llm.agent
    class Helper:
        pass

    assert isinstance(Helper(), Helper)
    assert telemetry.spans() == []
    assert "Helper is a class" in caplog.text


async def test_whatever_can_be_called_is_named_and_awaited(telemetry):
    class Caller:
        async def __call__(self, n: int) -> int:
            await asyncio.sleep(0)
            with otel_llm.tool("inner"):
                return n

    async def slow(n: int) -> int:
        with otel_llm.tool("inner"):
            return n

    def hiding(n: int) -> Any:
        return slow(n)

    for function in (Caller(), functools.partial(slow, 1), hiding):
        decorated = otel_llm.workflow(function)
        result = decorated() if isinstance(function, functools.partial) else decorated(1)
        assert await result == 1

    assert [s["name"] for s in telemetry.spans() if "workflow" in s["name"]] == [
        "invoke_workflow Caller",
        "invoke_workflow slow",
        "invoke_workflow hiding",
    ]
    assert [tree(telemetry)["execute_tool inner"]] == ["invoke_workflow hiding"]
    inner = [s for s in telemetry.finished if s.name == "execute_tool inner"]
    assert all(s.parent is not None for s in inner)


@pytest.mark.parametrize("sort", ["plain", "async", "generator", "asyncgen"])
def test_wrong_arguments_raise_the_same_at_the_call_and_leave_no_span_open(telemetry, sort):
    def plain(n: int) -> None: ...
    async def later(n: int) -> None: ...
    def generator(n: int) -> Any:
        yield n

    async def asyncgen(n: int) -> Any:
        yield n

    kinds = {"plain": plain, "async": later, "generator": generator, "asyncgen": asyncgen}
    call = otel_llm.tool(kinds[sort])
    started = len(telemetry.finished)

    with pytest.raises(TypeError, match="missing 1 required"):
        call()

    assert len(telemetry.finished) - started == (sort == "plain")


async def test_threads_and_tasks_may_share_one_scope(telemetry):
    scope = otel_llm.workflow("shared")
    both = asyncio.Barrier(2)

    async def first() -> None:
        with scope as run:
            await both.wait()
            await both.wait()
            run.set("gen_ai.conversation.id", "first")

    async def second() -> None:
        await both.wait()
        with scope as run:
            await both.wait()
            await asyncio.sleep(0.01)
            run.set("gen_ai.conversation.id", "second")
            raise KeyError

    before = get_current_span()
    await asyncio.gather(first(), second(), return_exceptions=True)
    with scope, scope:
        pass

    assert get_current_span() is before
    found = [(s.get("gen_ai.conversation.id"), s["status"]) for s in telemetry.spans()]
    assert sorted(found, key=str) == sorted(
        [("first", "UNSET"), ("second", "ERROR"), (None, "UNSET"), (None, "UNSET")], key=str
    )


def test_a_block_around_a_yield_that_is_closed_did_not_fail(telemetry):
    def steps() -> Any:
        with otel_llm.workflow("w"):
            yield 1
            yield 2

    generator = steps()
    next(generator)
    generator.close()

    assert telemetry.span()["status"] == "UNSET"


async def test_a_cancelled_scope_is_an_error_and_the_cancellation_passes(telemetry):
    entered = asyncio.Event()

    @otel_llm.agent
    async def helper() -> None:
        entered.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(helper())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert telemetry.span()["error.type"] == "asyncio.exceptions.CancelledError"


def test_what_is_said_in_a_generator_holds_after_its_yields(telemetry):
    @otel_llm.workflow("w")
    def steps() -> Any:
        otel_llm.set_user("u-7")
        with otel_llm.tool("around"):
            yield 1
            with otel_llm.llm_call("m"):
                yield 2
        with otel_llm.llm_call("n"):
            pass

    assert list(steps()) == [1, 2]
    with otel_llm.llm_call("after"):
        pass

    users = {s["name"]: s.get("user.id") for s in telemetry.spans()}
    assert users["chat m"] == users["chat n"] == "u-7"
    assert users["chat after"] is None
    assert tree(telemetry)["chat m"] == "execute_tool around"
    assert tree(telemetry)["chat n"] == "invoke_workflow w"


async def test_what_is_said_in_an_asynchronous_generator_holds_after_its_yields(telemetry):
    @otel_llm.workflow("w")
    async def steps() -> Any:
        otel_llm.set_session("s-1")
        yield 1
        with otel_llm.llm_call("m"):
            yield 2

    assert [step async for step in steps()] == [1, 2]

    call = next(s for s in telemetry.spans() if s["name"] == "chat m")
    assert call["gen_ai.conversation.id"] == "s-1"


class Raising(SpanProcessor):
    """A processor of spans that fails."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise RuntimeError("theirs")


@pytest.mark.guards_may_swallow
def test_a_processor_that_raises_costs_the_span_and_nothing_else(telemetry):
    telemetry.tracer_provider.add_span_processor(Raising())

    @otel_llm.workflow
    def flow() -> str:
        with otel_llm.llm_call("m") as call:
            call.set_response(model="m")
        with otel_llm.agent("a") as run:
            run.set("x", object())
            run.set_output(object())
        return "done"

    assert flow() == "done"


def test_who_and_what_are_text_whatever_a_program_has(telemetry):
    with (
        otel_llm.set_user(7),  # type: ignore[arg-type] - what a hostile program gives
        otel_llm.set_session(uuid.UUID(int=1)),  # type: ignore[arg-type]
        otel_llm.set_prompt("p", 2),  # type: ignore[arg-type]
        otel_llm.set_tags(team=3),  # type: ignore[arg-type]
        otel_llm.set_user(None),  # type: ignore[arg-type]
        otel_llm.llm_call("m"),
    ):
        pass

    span = telemetry.span()
    said = ("user.id", "gen_ai.conversation.id", "gen_ai.prompt.version", "otel_llm.team")
    assert [span[name] for name in said] == ["7", str(uuid.UUID(int=1)), "2", "3"]


async def test_what_is_said_may_be_an_asynchronous_block(telemetry):
    async with otel_llm.set_user("u"), otel_llm.llm_call("m"):
        pass
    async with otel_llm.llm_call("n"):
        pass

    assert [s.get("user.id") for s in telemetry.spans()] == ["u", None]


def test_an_answer_may_be_told_piece_by_piece_and_without_a_question(telemetry):
    otel_llm.configure(**telemetry.providers, capture="SPAN_ONLY")
    said = [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "four"}],
            "finish_reason": "stop",
        }
    ]

    with otel_llm.llm_call("m") as call:
        call.set_response(id="r-1", input_tokens=7)
        call.set_response(model="m-1", output_tokens=3)
        call.set_response(finish_reasons=["stop"])
        call.set_output(said)

    span = telemetry.span()
    assert (span["gen_ai.response.id"], span["gen_ai.response.model"]) == ("r-1", "m-1")
    assert (span["gen_ai.usage.input_tokens"], span["gen_ai.usage.output_tokens"]) == (7, 3)
    assert json.loads(span["gen_ai.output.messages"]) == said


@pytest.mark.guards_may_swallow
def test_a_token_of_another_name_costs_no_other(telemetry):
    with otel_llm.llm_call("m") as call:
        call.set_response(model="m-1", input_tokens=7, no_such_tokens=3)

    assert telemetry.span()["gen_ai.usage.input_tokens"] == 7


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_left_out(telemetry, score):
    with otel_llm.workflow("w"):
        otel_llm.record_evaluation("relevance", score, label="fail")

    (event,) = telemetry.events()
    assert dict(event.log_record.attributes) == {
        "gen_ai.evaluation.name": "relevance",
        "gen_ai.evaluation.score.label": "fail",
    }


@pytest.mark.parametrize("settings", [{}, {"redact": "pii"}, {"derive": "hash,preview,flags"}])
def test_a_comment_is_sent_without_keys_and_personal_data_whatever_is_set(telemetry, settings):
    otel_llm.configure(**telemetry.providers, **settings)

    with otel_llm.workflow("w"):
        otel_llm.record_feedback(0.5, "ask ada@lovelace.dev about AKIAIOSFODNN7EXAMPLE")

    (event,) = telemetry.events()
    said = event.log_record.attributes["gen_ai.evaluation.explanation"]
    assert said == "ask [email] about [aws_key]"


async def test_whatever_is_carried_runs_where_it_was_bound(telemetry):
    async def later() -> Any:
        await asyncio.sleep(0)
        return get_current_span()

    def steps() -> Any:
        yield get_current_span()

    with otel_llm.workflow("w") as run:
        carried = otel_llm.carry(later), otel_llm.carry(steps), otel_llm.carry(get_current_span)

    assert await carried[0]() is run.span
    assert list(carried[1]()) == [run.span]
    assert carried[2]() is run.span
    assert [s["name"] for s in telemetry.spans()] == ["invoke_workflow w"]


@pytest.mark.guards_may_swallow
@pytest.mark.parametrize(
    ("parameters", "kept"),
    [
        ({"temperature": 0.5, "no_such": 1}, {"gen_ai.request.temperature": 0.5}),
        ({"temperature": "hot", "seed": 7}, {"gen_ai.request.seed": 7}),
        ({"server": "localhost", "seed": 7}, {"gen_ai.request.seed": 7}),
        ({"server": ("h", "80")}, {"server.address": "h"}),
        ({"provider": None}, {}),
    ],
)
def test_an_odd_parameter_costs_no_other(telemetry, parameters, kept):
    with otel_llm.llm_call("m", **parameters):
        pass

    assert telemetry.span() == {
        "name": "chat m",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "_OTHER",
        "gen_ai.request.model": "m",
        **kept,
    }


TEXT = {"parts": [{"type": "text", "content": "hi"}]}


@pytest.mark.parametrize(
    "said", ["hi", ["hi"], {"role": "user", "content": "hi"}, [{"role": "user", **TEXT}]]
)
@pytest.mark.parametrize("scope", [otel_llm.llm_call, otel_llm.workflow, otel_llm.agent])
def test_messages_may_be_told_as_texts(telemetry, scope, said):
    otel_llm.configure(**telemetry.providers, capture="SPAN_ONLY")

    with scope("s") as run:
        run.set_input(said)
        run.set_output("hi")

    span = telemetry.span()
    assert json.loads(span["gen_ai.input.messages"]) == [{"role": "user", **TEXT}]
    answer = {"role": "assistant", "finish_reason": "unknown", **TEXT}
    assert json.loads(span["gen_ai.output.messages"]) == [answer]


@pytest.mark.parametrize("scope", [otel_llm.llm_call, otel_llm.workflow, otel_llm.agent])
def test_messages_may_be_told_as_chat_completions_have_them(telemetry, scope):
    otel_llm.configure(**telemetry.providers, capture="SPAN_ONLY")
    asked = [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]

    with scope("s") as run:
        run.set_input(asked)
        run.set_output({"role": "assistant", "content": "hi"})

    span = telemetry.span()
    assert json.loads(span["gen_ai.input.messages"]) == [
        {"role": "user", **TEXT},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "look_up"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "42"}]},
    ]
    answer = {"role": "assistant", "finish_reason": "unknown", **TEXT}
    assert json.loads(span["gen_ai.output.messages"]) == [answer]


CALL = {"id": "c1", "type": "function", "function": {"name": "look_up"}}


def test_an_answer_told_as_a_text_finished_as_was_said(telemetry):
    otel_llm.configure(**telemetry.providers, capture="SPAN_ONLY")

    with otel_llm.llm_call("m") as call:
        call.set_output("hi")
        call.set_response(finish_reasons="length")

    (answer,) = json.loads(telemetry.span()["gen_ai.output.messages"])
    assert answer["finish_reason"] == "length"


def test_a_prompt_is_that_of_model_calls_alone(telemetry):
    otel_llm.configure(**telemetry.providers, capture="SPAN_ONLY")

    with (
        otel_llm.set_prompt("p", "3", {"city": "Oslo", "unknown": None}),
        otel_llm.workflow("w"),
        otel_llm.tool("t"),
        otel_llm.retrieval("r"),
        otel_llm.llm_call("m"),
        otel_llm.embedding("e"),
    ):
        pass

    told = {
        span["name"]: {name for name in span if name.startswith("gen_ai.prompt.")}
        for span in telemetry.spans()
    }
    asked = {"gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.prompt.variable.city"}
    assert told.pop("chat m") == asked
    assert set().union(*told.values()) == set()


def test_names_that_are_empty_are_none(telemetry):
    with otel_llm.set_user(""), otel_llm.workflow(""):
        pass

    span = telemetry.span()
    assert span["name"] == "invoke_workflow"
    assert span.keys().isdisjoint({"user.id", "gen_ai.workflow.name"})


class _Detached:
    """What a database has let go of."""

    def __str__(self) -> str:
        raise RuntimeError("detached")


@pytest.mark.guards_may_swallow
def test_what_cannot_be_put_into_words_is_left_out_and_raises_nothing(telemetry):
    odd = _Detached()

    with (
        otel_llm.set_user(odd),
        otel_llm.set_session(odd),
        otel_llm.set_prompt(odd),
        otel_llm.set_tags(one=odd, two="2"),
        otel_llm.workflow(odd) as run,
    ):
        otel_llm.record_evaluation("good", 10**400, label="yes", run=run)

    span = telemetry.span()
    told = {k: v for k, v in span.items() if k.startswith(("user", "gen_ai", "otel_llm", "name"))}
    operation = {"gen_ai.operation.name": "invoke_workflow"}
    assert told == {"name": "invoke_workflow", **operation, "otel_llm.tags": ("two=2",)}
    (event,) = telemetry.events()
    assert dict(event.log_record.attributes) == {
        "gen_ai.evaluation.name": "good",
        "gen_ai.evaluation.score.label": "yes",
    }
