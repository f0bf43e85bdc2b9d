"""OpenAI Agents SDK: real agents over a fake provider, as one tree of spans."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import subprocess
import sys
import threading

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import openai as wire
from otel_llm.testing.realtime import FakeRealtime

from .trees import tree

pytest.importorskip("agents", exc_type=ImportError)  # it needs openai 3

import agents
import openai
from agents import Agent, ModelSettings, RunConfig, Runner, function_tool
from agents.tracing import set_trace_processors, set_tracing_disabled


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@function_tool
def broken() -> str:
    """Fail."""
    raise LookupError("secret")


@pytest.fixture(params=["traced", "disabled"])
def _own_tracing(request):
    """The SDK's own tracing, without its exporter; or disabled, as many have it."""
    set_trace_processors([])
    set_tracing_disabled(request.param == "disabled")
    yield
    set_tracing_disabled(False)


@pytest.fixture
def _enabled():
    set_trace_processors([])
    set_tracing_disabled(False)


@pytest.fixture
def instrumented(telemetry):
    OpenAIAgentsInstrumentor().instrument(**telemetry.providers)
    yield
    OpenAIAgentsInstrumentor().uninstrument()


@pytest.fixture
def sdk(telemetry):
    OpenAIInstrumentor().instrument(**telemetry.providers)
    yield
    OpenAIInstrumentor().uninstrument()


@pytest.fixture
def llm():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
async def model(llm):
    async with openai.AsyncOpenAI(base_url=f"{llm.url}/v1", api_key="k", max_retries=0) as client:
        yield agents.OpenAIChatCompletionsModel("gpt-4o", client)


@pytest.fixture
async def responses_model(llm):
    async with openai.AsyncOpenAI(base_url=f"{llm.url}/v1", api_key="k", max_retries=0) as client:
        yield agents.OpenAIResponsesModel("gpt-4o", client)


async def _whole(agent, question, **more):
    return await Runner.run(agent, question, **more)


async def _streamed(agent, question, **more):
    result = Runner.run_streamed(agent, question, **more)
    async for _ in result.stream_events():
        pass
    return result


@pytest.fixture(params=[_whole, _streamed], ids=["run", "run_streamed"])
def run(request):
    return request.param


def calls(*names):
    """Return calls of tools by their names."""
    return [
        wire.tool_call(name, '{"a": 2, "b": 3}' if name == "add" else "{}", f"call_{n}")
        for n, name in enumerate(names)
    ]


def queue(llm, run, *turns):
    """Let the model answer with these tool calls, turn by turn, then with text."""
    for turn in turns:
        called = calls(*turn)
        if run is _whole:
            llm.queue(
                json_answer(wire.completion(wire.choice(None, "tool_calls", tool_calls=called)))
            )
        else:
            deltas = [{"index": n, **one} for n, one in enumerate(called)]
            chunks = [
                wire.chunk(wire.delta(None, role="assistant", tool_calls=deltas)),
                wire.chunk(wire.delta(finish="tool_calls")),
                wire.chunk(usage=wire.usage()),
            ]
            llm.queue(wire.stream(chunks))


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_an_agent_holds_its_model_calls_and_its_tools(run, llm, model, telemetry):
    queue(llm, run, ["add", "add"])

    await run(Agent("adder", model=model, tools=[add]), "2+3?")

    assert tree(telemetry) == [
        (
            "invoke_agent adder",
            [
                ("chat gpt-4o", []),
                ("execute_tool add", []),
                ("execute_tool add", []),
                ("chat gpt-4o", []),
            ],
        )
    ]
    (agent,) = (s for s in telemetry.spans() if s["gen_ai.operation.name"] == "invoke_agent")
    assert agent == {
        "name": "invoke_agent adder",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "adder",
    }
    tools = [s for s in telemetry.spans() if s["name"] == "execute_tool add"]
    tool = min(tools, key=lambda s: s["gen_ai.tool.call.id"])  # either may end first
    assert tool == {
        "name": "execute_tool add",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Add two numbers.",
        "gen_ai.tool.call.id": "call_0",
        "gen_ai.agent.name": "adder",
    }
    (counted,) = telemetry.points("gen_ai.invoke_agent.tool_calls")
    assert counted.sum == 2


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_the_responses_api_is_one_span_per_call_too(run, responses_model, telemetry):
    await run(Agent("helper", model=responses_model), "2+3?")

    assert tree(telemetry) == [("invoke_agent helper", [("chat gpt-4o", [])])]


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_agents_that_hand_off_are_one_workflow(run, llm, model, telemetry):
    second = Agent("second", model=model)
    queue(llm, run, ["transfer_to_second"])

    await run(Agent("first", model=model, handoffs=[second]), "2+3?")

    assert tree(telemetry) == [
        (
            "invoke_workflow",
            [
                (
                    "invoke_agent first",
                    [("chat gpt-4o", []), ("execute_tool transfer_to_second", [])],
                ),
                ("invoke_agent second", [("chat gpt-4o", [])]),
            ],
        )
    ]
    handoff = next(s for s in telemetry.spans() if s["name"].startswith("execute_tool"))
    assert handoff == {
        "name": "execute_tool transfer_to_second",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "transfer_to_second",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Handoff to the second agent to handle the request. ",
        "gen_ai.tool.call.id": "call_0",
        "gen_ai.agent.name": "first",
    }


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_a_handoff_that_fails_is_an_error_of_it_and_of_its_agent(run, llm, model, telemetry):
    def refuse(context):
        raise LookupError("secret")

    queue(llm, run, ["transfer_to_second"])
    handoff = agents.handoff(Agent("second", model=model), on_handoff=refuse)

    with pytest.raises(LookupError):
        await run(Agent("first", model=model, handoffs=[handoff]), "2+3?")

    errors = {s["name"]: s.get("error.type") for s in telemetry.spans()}
    assert errors == {
        "chat gpt-4o": None,
        "execute_tool transfer_to_second": "LookupError",
        "invoke_agent first": "LookupError",
        "invoke_workflow": "LookupError",
    }


def decided(name, triggered, raised=None):
    """Return a function that guards an agent and decides always the same."""

    async def guard(context, agent, said):
        if raised is not None:
            raise raised
        return agents.GuardrailFunctionOutput(None, triggered)

    guard.__name__ = name
    return guard


def verdicts(telemetry):
    """Return what guardrails decided, each with the name of the span that it is about."""
    names = {span.context.span_id: span.name for span in telemetry.finished}
    return [
        (names[event.log_record.span_id], dict(event.log_record.attributes))
        for event in telemetry.events()
    ]


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_what_a_guardrail_decides_is_a_judgement_on_its_agent(run, model, telemetry):
    guarded = Agent(
        "helper",
        model=model,
        input_guardrails=[agents.input_guardrail(decided("polite", False))],
        output_guardrails=[agents.output_guardrail(decided("clean", True))],
    )

    with pytest.raises(agents.OutputGuardrailTripwireTriggered):
        await run(guarded, "2+3?")

    assert verdicts(telemetry) == [
        (
            "invoke_agent helper",
            {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.label": label},
        )
        for name, label in (("polite", "pass"), ("clean", "fail"))
    ]
    whole = next(s for s in telemetry.spans() if s["name"] == "invoke_agent helper")
    assert whole["error.type"] == "agents.exceptions.OutputGuardrailTripwireTriggered"


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
@pytest.mark.parametrize("parallel", [True, False])
async def test_a_guardrail_that_fails_decided_nothing(run, model, telemetry, parallel):
    guard = decided("broken", False, raised=LookupError("secret"))
    guard = agents.input_guardrail(run_in_parallel=parallel)(guard)

    with pytest.raises(LookupError):
        await run(Agent("helper", model=model, input_guardrails=[guard]), "2+3?")

    about = {"gen_ai.evaluation.name": "broken", "error.type": "LookupError"}
    assert verdicts(telemetry) == [("invoke_agent helper", about)]


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_an_agent_that_guards_another_is_inside_it(llm, model, telemetry):
    judge = Agent("judge", model=model)

    @agents.input_guardrail(run_in_parallel=False)
    async def polite(context, agent, said):
        await Runner.run(judge, said)
        return agents.GuardrailFunctionOutput(None, False)

    await Runner.run(Agent("helper", model=model, input_guardrails=[polite]), "2+3?")

    ((name, below),) = tree(telemetry)
    assert (name, below) == (
        "invoke_agent helper",
        [("invoke_agent judge", [("chat gpt-4o", [])]), ("chat gpt-4o", [])],
    )
    counts = {p.attributes["gen_ai.agent.name"]: p.sum for p in telemetry.points(INFERENCES)}
    assert counts == {"helper": 1, "judge": 1}


INFERENCES = "gen_ai.invoke_agent.inference_calls"


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_tools_called_at_once_keep_their_own_ids(run, llm, model, telemetry):
    both = asyncio.Barrier(2)

    @function_tool
    async def meet(a: int, b: int) -> str:
        await both.wait()
        return "met"

    meet.name = "add"
    queue(llm, run, ["add", "add"])

    await run(Agent("adder", model=model, tools=[meet]), "2+3?")

    tools = [s for s in telemetry.spans() if s["name"] == "execute_tool add"]
    assert {s["gen_ai.tool.call.id"] for s in tools} == {"call_0", "call_1"}


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
def test_a_run_without_a_loop_is_the_same_tree(llm, telemetry):
    client = openai.AsyncOpenAI(base_url=f"{llm.url}/v1", api_key="k", max_retries=0)
    model = agents.OpenAIChatCompletionsModel("gpt-4o", client)
    queue(llm, _whole, ["add"])

    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        Runner.run_sync(Agent("adder", model=model, tools=[add]), "2+3?")
        runner.run(client.close())

    assert tree(telemetry) == [
        (
            "invoke_agent adder",
            [("chat gpt-4o", []), ("execute_tool add", []), ("chat gpt-4o", [])],
        )
    ]


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
@pytest.mark.parametrize("mode", ["immediate", "after_turn"])
async def test_a_streamed_run_that_is_stopped_ends_its_agent(llm, model, telemetry, mode):
    result = Runner.run_streamed(Agent("helper", model=model), "go")
    async for _ in result.stream_events():
        result.cancel(mode=mode)

    for _ in range(6000):
        if any(s["name"] == "invoke_agent helper" for s in telemetry.spans()):
            break
        await asyncio.sleep(0.01)
    assert "invoke_agent helper" in [s["name"] for s in telemetry.spans()]


@pytest.mark.usefixtures("_enabled", "instrumented", "sdk")
async def test_a_named_trace_is_a_workflow_and_its_group_the_conversation(run, model, telemetry):
    agent = Agent("helper", model=model)

    with agents.trace("trip", group_id="g-1"):
        await run(agent, "one")
        await run(agent, "two")

    assert tree(telemetry) == [
        ("invoke_workflow trip", [("invoke_agent helper", [("chat gpt-4o", [])])] * 2)
    ]
    assert {s["gen_ai.conversation.id"] for s in telemetry.spans()} == {"g-1"}


@pytest.mark.usefixtures("_enabled", "instrumented", "sdk")
async def test_a_run_may_name_its_workflow_and_its_conversation(run, model, telemetry):
    config = RunConfig(workflow_name="trip", group_id="g-1")

    await run(Agent("helper", model=model), "one", run_config=config)

    assert tree(telemetry) == [
        ("invoke_workflow trip", [("invoke_agent helper", [("chat gpt-4o", [])])])
    ]
    assert {s["gen_ai.conversation.id"] for s in telemetry.spans()} == {"g-1"}


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_an_agent_as_a_tool_of_another_nests(run, llm, model, telemetry):
    inner = Agent("inner", model=model)
    queue(llm, run, ["ask_inner"])
    llm.queue(json_answer(wire.completion()))  # the agent inside is not streamed
    outer = Agent("outer", model=model, tools=[inner.as_tool("ask_inner", "Ask.")])

    await run(outer, "2+3?")

    (name, below) = tree(telemetry)[0]
    assert name == "invoke_agent outer"
    assert [child for child, _ in below] == [
        "chat gpt-4o",
        "execute_tool ask_inner",
        "chat gpt-4o",
    ]


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_a_tool_that_fails_is_an_error_though_the_agent_goes_on(run, llm, model, telemetry):
    queue(llm, run, ["broken"])

    await run(Agent("helper", model=model, tools=[broken]), "go")

    errors = {s["name"]: s.get("error.type") for s in telemetry.spans()}
    assert errors == {
        "chat gpt-4o": None,
        "execute_tool broken": "LookupError",
        "invoke_agent helper": None,
    }
    assert "secret" not in str(telemetry.spans())


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_what_the_provider_refuses_fails_the_agent_and_reaches_the_caller(
    run, llm, model, telemetry
):
    llm.queue(wire.error(429, "secret"))

    with pytest.raises(openai.RateLimitError):
        await run(Agent("helper", model=model), "go")

    errors = [(s["name"], s.get("error.type")) for s in telemetry.spans()]
    assert errors == [
        ("chat gpt-4o", "openai.RateLimitError"),
        ("invoke_agent helper", "openai.RateLimitError"),
    ]


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_a_run_that_the_program_wants_nothing_of_makes_no_span(run, llm, model, telemetry):
    queue(llm, run, ["add"])

    with suppress_instrumentation():
        await run(Agent("helper", model=model, tools=[add]), "go")

    assert telemetry.spans() == []


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_runs_at_once_keep_to_themselves(model, telemetry):
    one, two = Agent("one", model=model), Agent("two", model=model)

    await asyncio.gather(Runner.run(one, "1"), Runner.run(two, "2"))

    assert sorted(tree(telemetry)) == [
        ("invoke_agent one", [("chat gpt-4o", [])]),
        ("invoke_agent two", [("chat gpt-4o", [])]),
    ]


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_a_run_inside_an_except_block_is_no_error(model, telemetry):
    try:
        raise KeyError("theirs")
    except KeyError:
        await Runner.run(Agent("helper", model=model), "go")

    assert [s["status"] for s in telemetry.spans()] == ["UNSET", "UNSET"]


@pytest.mark.usefixtures("_enabled", "instrumented")
async def test_over_an_sdk_that_is_not_traced_the_frameworks_span_counts(
    run, llm, model, telemetry
):
    settings = ModelSettings(include_usage=True)
    await run(Agent("helper", model=model, model_settings=settings), "2 + 3 is what?")

    assert tree(telemetry) == [("invoke_agent helper", [("chat gpt-4o", [])])]
    chat = telemetry.spans()[0]
    assert chat["gen_ai.usage.input_tokens"] > 0
    assert (chat["server.address"], chat["server.port"]) == ("127.0.0.1", llm.port)


class _Around(agents.OpenAIChatCompletionsModel):
    """Another package's call, which is not traced, over an SDK that is; as LiteLLM's may be."""

    async def get_response(self, *args, **kwargs):
        about = {"model_impl": "not_traced"}
        with agents.generation_span(model="any/gpt-4o", model_config=about) as span:
            answer = await super().get_response(*args, **kwargs)
            span.span_data.usage = {"input_tokens": 11, "output_tokens": 5}
        return answer


@pytest.mark.usefixtures("_enabled", "instrumented", "sdk")
async def test_over_a_package_that_is_not_traced_the_sdk_below_adds_no_second_call(llm, telemetry):
    async with openai.AsyncOpenAI(base_url=f"{llm.url}/v1", api_key="k") as client:
        queue(llm, _whole, ["add"])
        model = _Around("gpt-4o", client)
        await Runner.run(Agent("adder", model=model, tools=[add]), "2+3?")

    call = ("chat any/gpt-4o", [])
    assert tree(telemetry) == [("invoke_agent adder", [call, ("execute_tool add", []), call])]


@pytest.mark.usefixtures("_enabled", "instrumented")
async def test_so_it_does_over_the_responses_api(run, responses_model, telemetry):
    await run(Agent("helper", model=responses_model), "2 + 3 is what?")

    assert [name for name, _ in tree(telemetry)] == ["invoke_agent helper"]
    chat = telemetry.spans()[0]
    assert chat["gen_ai.usage.input_tokens"] > 0
    assert chat["gen_ai.response.finish_reasons"]


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_a_model_over_a_websocket_is_one_call(run, telemetry):
    port = await over_a_websocket(run)

    assert tree(telemetry) == [("invoke_agent helper", [("chat gpt-4o", [])])]
    chat = telemetry.spans()[0]
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"]) == (11, 5)
    assert chat["gen_ai.response.finish_reasons"] == ("stop",)
    assert chat["openai.response.service_tier"] == "flex"
    assert (chat["server.address"], chat["server.port"]) == ("127.0.0.1", port)


@pytest.mark.usefixtures("_own_tracing", "instrumented")
async def test_so_it_is_where_the_sdk_below_is_not_traced(run, telemetry):
    await over_a_websocket(run)

    assert tree(telemetry) == [("invoke_agent helper", [("chat", [])])]
    chat = telemetry.spans()[0]
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"]) == (11, 5)


@pytest.mark.usefixtures("_enabled", "sdk")
async def test_what_is_said_over_a_websocket_is_captured_where_that_is_wanted(telemetry):
    OpenAIAgentsInstrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY")

    await over_a_websocket(_whole)

    OpenAIAgentsInstrumentor().uninstrument()
    chat = telemetry.spans()[0]
    assert "2 + 2 is what?" in chat["gen_ai.input.messages"]
    assert "Be brief." in chat["gen_ai.system_instructions"]
    assert wire.TEXT in chat["gen_ai.output.messages"]


async def over_a_websocket(run):
    """Ask an agent once and return the port of the provider."""
    with FakeRealtime() as provider:
        provider.queue(wire.response_events(wire.response(service_tier="flex")))
        at = {"base_url": f"{provider.url}/v1", "api_key": "k", "max_retries": 0}
        async with openai.AsyncOpenAI(**at) as client:
            model = agents.OpenAIResponsesWSModel("gpt-4o", client)
            await run(Agent("helper", model=model, instructions="Be brief."), "2 + 2 is what?")
            await model.close()
        return provider.port


@pytest.mark.usefixtures("_enabled", "sdk")
async def test_arguments_and_results_are_kept_where_content_is_captured(llm, model, telemetry):
    queue(llm, _whole, ["add"])
    OpenAIAgentsInstrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY")

    await Runner.run(Agent("adder", model=model, tools=[add]), "2+3?")
    OpenAIAgentsInstrumentor().uninstrument()

    tool = next(s for s in telemetry.spans() if s["name"] == "execute_tool add")
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"a": 2, "b": 3}
    assert json.loads(tool["gen_ai.tool.call.result"]) == {"output": 5}


@pytest.mark.usefixtures("_enabled")
async def test_after_uninstrument_nothing_of_ours_is_left(model, telemetry):
    from agents.tracing.spans import SpanImpl

    before = SpanImpl.__dict__["start"]
    OpenAIAgentsInstrumentor().instrument(**telemetry.providers)
    assert SpanImpl.__dict__["start"] is not before
    OpenAIAgentsInstrumentor().uninstrument()

    await Runner.run(Agent("helper", model=model), "go")

    assert SpanImpl.__dict__["start"] is before
    assert telemetry.spans() == []


@pytest.mark.usefixtures("_own_tracing", "sdk")
async def test_arguments_that_are_no_json_are_kept_as_they_came(llm, model, telemetry):
    call = wire.tool_call("add", "no json", "call_1")
    llm.queue(json_answer(wire.completion(wire.choice(None, "tool_calls", tool_calls=[call]))))
    OpenAIAgentsInstrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY")

    await Runner.run(Agent("adder", model=model, tools=[add]), "2+3?")
    OpenAIAgentsInstrumentor().uninstrument()

    tool = next(s for s in telemetry.spans() if s["name"] == "execute_tool add")
    assert tool["status"] == "ERROR"
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"input": "no json"}


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_too_many_turns_fail_the_agent(run, llm, model, telemetry):
    queue(llm, run, ["add"], ["add"])

    with pytest.raises(agents.MaxTurnsExceeded):
        await run(Agent("adder", model=model, tools=[add]), "2+3?", max_turns=1)

    whole = next(s for s in telemetry.spans() if s["name"] == "invoke_agent adder")
    assert whole["status"] == "ERROR"


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_a_cancelled_run_ends_its_agent(llm, model, telemetry):
    held = threading.Event()
    llm.queue(wire.stream([held, *wire.completion_chunks()]))
    task = asyncio.create_task(Runner.run(Agent("helper", model=model), "go"))
    while not llm.requests:
        await asyncio.sleep(0.005)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    held.set()

    errors = {s["name"]: s.get("error.type") for s in telemetry.spans()}
    assert errors["invoke_agent helper"] == "asyncio.exceptions.CancelledError"


@pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")
async def test_a_run_of_an_answer_in_a_format_says_so(llm, model, telemetry):
    from pydantic import BaseModel

    class Sum(BaseModel):
        value: int

    llm.queue(json_answer(wire.completion(wire.choice('{"value": 5}'))))

    result = await Runner.run(Agent("adder", model=model, output_type=Sum), "2+3?")

    assert result.final_output.value == 5
    whole = next(s for s in telemetry.spans() if s["name"] == "invoke_agent adder")
    assert whole["gen_ai.output.type"] == "json"


@pytest.mark.usefixtures("_own_tracing", "instrumented")
async def test_a_span_that_nobody_finished_ends_when_it_is_collected(telemetry):
    with agents.trace("trip"):
        span = agents.agent_span("helper")
        span.start()
        del span

    for _ in range(6000):
        gc.collect()
        if any(s["name"] == "invoke_agent helper" for s in telemetry.spans()):
            break
        await asyncio.sleep(0.01)

    helper = next(s for s in telemetry.spans() if s["name"] == "invoke_agent helper")
    assert helper["status"] == "UNSET"


@pytest.mark.usefixtures("_own_tracing")
async def test_uninstrumenting_ends_what_is_open(telemetry):
    OpenAIAgentsInstrumentor().instrument(**telemetry.providers)
    span = agents.agent_span("helper")
    span.start()

    OpenAIAgentsInstrumentor().uninstrument()
    span.finish()

    assert [s["name"] for s in telemetry.spans()] == ["invoke_agent helper"]


def test_what_is_open_when_the_interpreter_exits_is_still_told():
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert re.findall(r'"name": "([^"]*)"', done.stdout) == [
        "execute_tool add",
        "invoke_agent helper",
    ]


LEFT_OPEN = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from otel_llm.instrumentation.openai_agents import OpenAIAgentsInstrumentor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
OpenAIAgentsInstrumentor().instrument()

import agents

agents.tracing.set_trace_processors([])
trip = agents.trace("trip")
agent = agents.agent_span("helper", parent=trip)
agent.start(mark_as_current=True)
tool = agents.function_span("add", parent=agent)
tool.start(mark_as_current=True)
"""


def test_the_example_prints_its_answer_and_the_spans_of_its_agent():
    with FakeProvider(wire.ROUTES) as provider:
        done = subprocess.run(
            [sys.executable, "examples/openai_agents_run.py"],
            env={**os.environ, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{provider.url}/v1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert wire.TEXT in done.stdout
    names = re.findall(r'"name": "((?:chat|execute_tool|invoke_agent)[^"]*)"', done.stdout)
    assert names == ["chat gpt-5-mini", "invoke_agent calculator"]
