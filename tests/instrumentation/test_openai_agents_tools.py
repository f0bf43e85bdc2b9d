"""OpenAI Agents SDK: tools that fail, wait, take too long or are guarded; sessions."""

from __future__ import annotations

import asyncio

import pytest

from otel_llm.instrumentation.api import set_session

pytest.importorskip("agents", exc_type=ImportError)  # it needs openai 3

from .test_openai_agents import (
    Agent,
    _enabled,
    _own_tracing,
    _whole,
    agents,
    function_tool,
    instrumented,
    llm,
    model,
    queue,
    run,
    sdk,
)
from .trees import tree

__all__ = ["_enabled", "_own_tracing", "instrumented", "llm", "model", "run", "sdk"]

pytestmark = pytest.mark.usefixtures("_own_tracing", "instrumented", "sdk")

CALL = ("chat gpt-4o", [])


def tool_span(telemetry):
    return next(s for s in telemetry.spans() if s["gen_ai.operation.name"] == "execute_tool")


async def test_a_tool_that_fails_is_named_by_its_own_exception(run, llm, model, telemetry):
    @function_tool(failure_error_function=None)
    def broken() -> str:
        raise LookupError("secret")

    queue(llm, run, ["broken"])
    with pytest.raises(agents.UserError):
        await run(Agent("helper", model=model, tools=[broken]), "go")

    errors = {s["name"]: s.get("error.type") for s in telemetry.spans()}
    assert errors["execute_tool broken"] == "LookupError"
    assert errors["invoke_agent helper"] == "agents.exceptions.UserError"


async def test_a_tool_that_waits_for_approval_has_not_run(llm, model, telemetry):
    @function_tool(needs_approval=True)
    def delete() -> str:
        return "gone"

    helper = Agent("helper", model=model, tools=[delete])
    queue(llm, _whole, ["delete"])
    asked = await _whole(helper, "go")

    assert tree(telemetry) == [("invoke_agent helper", [CALL])]
    (counted,) = telemetry.points("gen_ai.invoke_agent.tool_calls")
    assert counted.sum == 0

    telemetry.clear()
    state = asked.to_state()
    state.approve(asked.interruptions[0])
    await _whole(helper, state)

    assert tree(telemetry) == [("invoke_agent helper", [("execute_tool delete", []), CALL])]


async def test_a_tool_that_takes_too_long_is_an_error_though_the_agent_goes_on(
    run, llm, model, telemetry
):
    @function_tool(timeout=0.01)
    async def wait() -> str:
        return await asyncio.Future()

    queue(llm, run, ["wait"])
    await run(Agent("helper", model=model, tools=[wait]), "go")

    span = tool_span(telemetry)
    assert (span["status"], span["error.type"]) == ("ERROR", "agents.exceptions.ToolTimeoutError")
    assert telemetry.spans()[-1]["status"] == "UNSET"


async def test_a_run_of_too_many_turns_is_named_so(run, llm, model, telemetry):
    @function_tool
    def again() -> str:
        return "again"

    queue(llm, run, ["again"], ["again"])
    with pytest.raises(agents.MaxTurnsExceeded):
        await run(Agent("helper", model=model, tools=[again]), "go", max_turns=1)

    (whole,) = (s for s in telemetry.spans() if s["name"] == "invoke_agent helper")
    assert whole["error.type"] == "agents.exceptions.MaxTurnsExceeded"


def guarded_by(decision):
    def judge(data):
        if isinstance(decision, Exception):
            raise decision
        return decision

    return judge


OUTPUT = agents.ToolGuardrailFunctionOutput


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (OUTPUT.allow(), {"gen_ai.evaluation.score.label": "pass"}),
        (OUTPUT.reject_content("no"), {"gen_ai.evaluation.score.label": "fail"}),
        (OUTPUT.raise_exception(), {"gen_ai.evaluation.score.label": "fail"}),
        (KeyError("secret"), {"error.type": "KeyError"}),
    ],
)
async def test_what_the_guardrail_of_a_tool_decides_is_a_judgement_on_that_tool(
    run, llm, model, telemetry, side, decision, said
):
    kind = agents.ToolInputGuardrail if side == "input" else agents.ToolOutputGuardrail
    guardrail = kind(guarded_by(decision), name="polite")

    @function_tool(**{f"tool_{side}_guardrails": [guardrail]})
    def greet() -> str:
        return "hi"

    queue(llm, run, ["greet"])
    try:
        await run(Agent("helper", model=model, tools=[greet]), "go")
    except (agents.UserError, agents.exceptions.AgentsException):
        assert isinstance(decision, Exception) or decision == OUTPUT.raise_exception()

    (event,) = telemetry.events()
    assert dict(event.log_record.attributes) == {"gen_ai.evaluation.name": "polite", **said}
    (tool,) = (s for s in telemetry.finished if s.name == "execute_tool greet")
    assert event.log_record.span_id == tool.context.span_id


async def test_a_session_is_the_conversation_of_everything_in_it(run, model, telemetry):
    await run(Agent("helper", model=model), "go", session=Kept("s-1"))

    assert {s.get("gen_ai.conversation.id") for s in telemetry.spans()} == {"s-1"}


async def test_the_programs_own_session_wins_over_it(run, model, telemetry):
    with set_session("mine"):
        await run(Agent("helper", model=model), "go", session=Kept("s-1"))

    assert {s.get("gen_ai.conversation.id") for s in telemetry.spans()} == {"mine"}


class Kept:
    """A session in memory."""

    session_settings = None

    def __init__(self, session_id):
        self.session_id = session_id
        self.items = []

    async def get_items(self, limit=None):
        return list(self.items)

    async def add_items(self, items):
        self.items.extend(items)

    async def pop_item(self):
        return self.items.pop()

    async def clear_session(self):
        self.items.clear()
