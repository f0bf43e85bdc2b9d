"""LlamaIndex: agents and workflows, whose steps run in tasks of their own."""

from __future__ import annotations

import asyncio
import gc
import json

import pytest

from otel_llm import semconv
from otel_llm.instrumentation.api import trace_summary, workflow
from otel_llm.testing import openai as wire

from .llama_index_sdk import calls, instrument, llm, openai, sdk
from .trees import tree

pytest.importorskip("llama_index.core")

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms import types
from llama_index.core.workflow import StartEvent, StopEvent, Workflow, step

__all__ = ["instrument", "llm", "openai", "sdk"]

pytestmark = [
    pytest.mark.usefixtures("instrument"),
    # An agent looks at all of its own attributes, the deprecated ones of pydantic too.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def broken() -> str:
    """Fail."""
    raise LookupError("secret")


def agent(openai, *tools, **options):
    options = {"name": "adder", "description": "Adds.", "streaming": False, **options}
    return FunctionAgent(tools=list(tools) or [add], llm=openai, **options)


def counted(telemetry, metric):
    return {p.attributes.get("gen_ai.agent.name"): p.sum for p in telemetry.points(metric)}


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_agent_holds_its_model_calls_and_its_tools(openai, llm, telemetry, streaming):
    calls(llm, ("add", '{"a": 2, "b": 3}', "call_1"), stream=streaming)

    await agent(openai, streaming=streaming).run("2+3?")

    inside = [("chat gpt-4o", []), ("execute_tool add", []), ("chat gpt-4o", [])]
    assert tree(telemetry) == [("invoke_agent adder", inside)]
    assert telemetry.spans()[-1] == {
        "name": "invoke_agent adder",
        "kind": "INTERNAL",
        "status": "UNSET",
        semconv.OPERATION_NAME: "invoke_agent",
        semconv.AGENT_NAME: "adder",
        semconv.AGENT_DESCRIPTION: "Adds.",
        semconv.REQUEST_MODEL: "gpt-4o",
    }
    (tool,) = (s for s in telemetry.spans() if s["name"] == "execute_tool add")
    assert (tool[semconv.TOOL_CALL_ID], tool[semconv.AGENT_NAME]) == ("call_1", "adder")
    assert counted(telemetry, "gen_ai.invoke_agent.inference_calls") == {"adder": 2}
    assert counted(telemetry, "gen_ai.invoke_agent.tool_calls") == {"adder": 1}


@pytest.mark.usefixtures("sdk")
async def test_with_the_sdk_traced_each_call_is_one_span_from_there(openai, llm, telemetry):
    calls(llm, ("add", '{"a": 2, "b": 3}', "call_1"))

    with workflow("outer"):
        await agent(openai).run("2+3?")
        summary = trace_summary()

    inside = [("chat gpt-4o", []), ("execute_tool add", []), ("chat gpt-4o", [])]
    assert tree(telemetry) == [("invoke_agent adder", inside)]
    scopes = {s.instrumentation_scope.name for s in telemetry.finished if s.name == "chat gpt-4o"}
    assert scopes == {"otel_llm.instrumentation.openai"}
    assert counted(telemetry, "gen_ai.invoke_agent.inference_calls") == {"adder": 2}
    assert (summary.calls, summary.tools) == (2, 1)
    assert summary.input_tokens == sum(
        s.attributes[semconv.USAGE_INPUT_TOKENS]
        for s in telemetry.finished
        if s.name == "chat gpt-4o"
    )


async def test_an_agents_tokens_are_on_its_calls_alone(openai, telemetry):
    await agent(openai).run("2+3?")

    call, whole = telemetry.spans()
    assert call[semconv.USAGE_INPUT_TOKENS] > 0
    assert semconv.USAGE_INPUT_TOKENS not in whole


async def test_tools_called_at_once_keep_their_ids(openai, llm, telemetry):
    if not hasattr(types, "ToolCallBlock"):
        pytest.skip("this version calls one tool at a time")
    calls(llm, ("add", '{"a": 2, "b": 3}', "call_1"), ("add", '{"a": 4, "b": 5}', "call_2"))

    await agent(openai).run("2+3, 4+5?")

    tools = [s for s in telemetry.spans() if s["name"] == "execute_tool add"]
    assert {tool[semconv.TOOL_CALL_ID] for tool in tools} == {"call_1", "call_2"}


async def test_a_tool_that_fails_is_told_to_the_model_and_the_agent_goes_on(openai, llm, telemetry):
    calls(llm, ("broken", "{}", "call_1"))

    await agent(openai, broken).run("?")

    tool = next(s for s in telemetry.spans() if s["name"] == "execute_tool broken")
    assert (tool["status"], tool["error.type"]) == ("ERROR", "LookupError")
    assert telemetry.spans()[-1]["status"] == "UNSET"
    assert "secret" not in str(telemetry.spans())


async def test_a_model_that_refuses_ends_the_agent_as_an_error(openai, llm, telemetry):
    llm.queue(wire.error(429, "secret"))

    with pytest.raises(Exception) as caught:  # noqa: PT011 - versions wrap it differently
        await agent(openai).run("2+3?")

    call, whole = telemetry.spans()
    kind = type(caught.value)
    assert call["error.type"] == "openai.RateLimitError"
    assert (whole["status"], whole["error.type"]) == (
        "ERROR",
        f"{kind.__module__}.{kind.__qualname__}",
    )


async def test_a_cancelled_run_is_an_error(openai, telemetry):
    reached, for_ever = asyncio.Event(), asyncio.Event()

    async def wait() -> str:
        """Wait for ever."""
        reached.set()
        await for_ever.wait()
        return ""

    class Waits(Workflow):
        @step
        async def only(self, event: StartEvent) -> StopEvent:
            return StopEvent(await wait())

    handler = Waits(timeout=None).run()
    await reached.wait()
    await handler.cancel_run()
    with pytest.raises(BaseException):  # noqa: B017, PT011 - versions differ
        await handler
    await _settled(telemetry)

    assert telemetry.span()["status"] == "ERROR"


async def _settled(telemetry):
    for _ in range(6000):
        if telemetry.finished:
            return
        await asyncio.sleep(0.01)


async def test_a_model_call_inside_a_tool_keeps_its_own_span_and_its_tokens(openai, llm, telemetry):
    async def ask() -> str:
        """Ask another model."""
        return str(await openai.acomplete("what?"))

    calls(llm, ("ask", "{}", "call_1"))

    await agent(openai, ask).run("?")

    inside = [
        ("chat gpt-4o", []),
        ("execute_tool ask", [("chat gpt-4o", [])]),
        ("chat gpt-4o", []),
    ]
    assert tree(telemetry) == [("invoke_agent adder", inside)]
    assert counted(telemetry, "gen_ai.invoke_agent.inference_calls") == {"adder": 3}


async def test_an_agent_used_as_a_tool_is_inside_the_tool_and_counts_for_itself(
    openai, llm, telemetry
):
    inner = agent(openai, name="inner")

    async def delegate() -> str:
        """Ask the other one."""
        return str(await inner.run("?"))

    calls(llm, ("delegate", "{}", "call_1"))

    await agent(openai, delegate, name="outer").run("?")

    used = ("execute_tool delegate", [("invoke_agent inner", [("chat gpt-4o", [])])])
    inside = [("chat gpt-4o", []), used, ("chat gpt-4o", [])]
    assert tree(telemetry) == [("invoke_agent outer", inside)]
    counts = counted(telemetry, "gen_ai.invoke_agent.inference_calls")
    assert counts == {"outer": 2, "inner": 1}


async def test_agents_that_hand_off_take_turns_in_one_workflow(openai, llm, telemetry):
    first = agent(openai, name="first", description="Starts.", can_handoff_to=["second"])
    second = agent(openai, name="second", description="Ends.", can_handoff_to=[])
    team = AgentWorkflow(agents=[first, second], root_agent="first")
    calls(llm, ("handoff", '{"to_agent": "second", "reason": "r"}', "call_1"))
    calls(llm, ("add", '{"a": 2, "b": 3}', "call_2"))

    await team.run("2+3?")

    turns = [
        ("invoke_agent first", [("chat gpt-4o", []), ("execute_tool handoff", [])]),
        (
            "invoke_agent second",
            [("chat gpt-4o", []), ("execute_tool add", []), ("chat gpt-4o", [])],
        ),
    ]
    assert tree(telemetry) == [("invoke_workflow", turns)]
    assert counted(telemetry, "gen_ai.invoke_agent.inference_calls") == {"first": 1, "second": 2}
    assert counted(telemetry, "gen_ai.invoke_agent.tool_calls") == {"first": 1, "second": 1}


async def test_a_workflow_of_one_agent_is_that_agent(openai, telemetry):
    await AgentWorkflow(agents=[agent(openai)]).run("2+3?")

    assert tree(telemetry) == [("invoke_agent adder", [("chat gpt-4o", [])])]


async def test_an_agent_that_nobody_named_has_no_name(openai, telemetry):
    await FunctionAgent(tools=[add], llm=openai, streaming=False).run("?")

    whole = telemetry.spans()[-1]
    assert whole["name"] == "invoke_agent"
    assert semconv.AGENT_DESCRIPTION not in whole


async def test_runs_at_once_do_not_mix(openai, telemetry):
    agents = [agent(openai, name=f"a{number}") for number in range(4)]

    await asyncio.gather(*(one.run("?") for one in agents))

    chat = [("chat gpt-4o", [])]
    assert sorted(tree(telemetry)) == [(f"invoke_agent a{n}", chat) for n in range(4)]


class Doubled(Workflow):
    @step
    async def only(self, event: StartEvent) -> StopEvent:
        return StopEvent(2 * event.number)


async def test_a_workflow_of_the_users_own_is_named_only_if_they_named_it(telemetry):
    assert await Doubled().run(number=2) == 4

    assert telemetry.span() == {
        "name": "invoke_workflow",
        "kind": "INTERNAL",
        "status": "UNSET",
        semconv.OPERATION_NAME: "invoke_workflow",
    }
    assert len(telemetry.points("gen_ai.workflow.duration")) == 1


# The package leaves the coroutine that it could not start.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_that_cannot_start_raises_the_same(telemetry):
    with pytest.raises(RuntimeError, match="no running event loop"):
        Doubled().run(number=2)
    gc.collect()

    assert telemetry.span()["error.type"] == "RuntimeError"


async def test_a_run_that_nobody_awaits_ends_all_the_same(telemetry):
    Doubled().run(number=2)

    await _settled(telemetry)

    assert telemetry.span()["status"] == "UNSET"


async def test_with_content_tools_show_arguments_and_results(openai, llm, telemetry, instrument):
    instrument(capture="SPAN_ONLY")
    calls(llm, ("add", '{"a": 2, "b": 3}', "call_1"))

    await agent(openai).run("2+3?")

    tool = next(s for s in telemetry.spans() if s["name"] == "execute_tool add")
    assert json.loads(tool[semconv.TOOL_CALL_ARGUMENTS]) == {"a": 2, "b": 3}
    assert json.loads(tool[semconv.TOOL_CALL_RESULT]) == {"result": "5"}


async def test_a_run_begun_before_uninstrument_ends_its_span(openai, telemetry, instrument):
    from otel_llm.instrumentation.llama_index import LlamaIndexInstrumentor

    handler = agent(openai).run("2+3?")
    LlamaIndexInstrumentor().uninstrument()
    await handler
    await agent(openai).run("2+3?")

    assert [s["name"] for s in telemetry.spans()] == ["invoke_agent adder"]


async def test_an_answer_is_the_one_without_us(openai, llm, telemetry, instrument):
    from otel_llm.instrumentation.llama_index import LlamaIndexInstrumentor

    traced = await agent(openai).run("2+3?")
    LlamaIndexInstrumentor().uninstrument()
    plain = await agent(openai).run("2+3?")

    assert str(traced) == str(plain)
