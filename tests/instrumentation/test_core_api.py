"""The user's own code: scopes of every kind around functions of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from opentelemetry import baggage, context, propagate
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
