"""LangGraph: agents, workflows, tools and conversations as one tree of spans."""

from __future__ import annotations

import asyncio
import operator
import os
import re
import subprocess
import sys
from typing import Annotated, Any, TypedDict

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_llm.instrumentation.api import agent, set_session, trace_summary, workflow
from otel_llm.instrumentation.langchain import LangChainInstrumentor
from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import openai as wire

pytest.importorskip("langgraph")
pytest.importorskip("langchain")

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from .langchain_sdk import OwnChat, add, chat_openai, instrumented, kind, llm, run, sdk
from .trees import tree

__all__ = ["chat_openai", "instrumented", "kind", "llm", "run", "sdk"]

QUESTION = {"messages": [{"role": "user", "content": "2+3?"}]}


class State(TypedDict):
    said: Annotated[list[Any], operator.add]


def calls_add(llm):
    """Let the model call ``add`` twice at once, then answer."""
    calls = [
        wire.tool_call("add", '{"a": 2, "b": 3}', "call_1"),
        wire.tool_call("add", '{"a": 4, "b": 5}', "call_2"),
    ]
    asked = wire.completion(wire.choice(None, "tool_calls", tool_calls=calls))
    llm.queue(json_answer(asked), json_answer(wire.completion()))


def graph(node, **options):
    made = StateGraph(State)
    made.add_node("node", node)
    made.add_edge(START, "node")
    made.add_edge("node", END)
    return made.compile(**options)


AGENT = [
    ("chat gpt-4o", []),
    ("execute_tool add", []),
    ("execute_tool add", []),
    ("chat gpt-4o", []),
]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_an_agent_holds_its_model_calls_and_its_tools(run, llm, chat_openai, telemetry):
    calls_add(llm)

    await run(create_agent(chat_openai(), [add], name="adder"), "invoke", QUESTION)

    assert tree(telemetry) == [("invoke_agent adder", AGENT)]
    assert telemetry.spans()[-1] == {
        "name": "invoke_agent adder",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "adder",
    }
    tools = [span for span in telemetry.spans() if span["name"] == "execute_tool add"]
    assert {span["gen_ai.tool.call.id"] for span in tools} == {"call_1", "call_2"}
    assert {span["gen_ai.agent.name"] for span in tools} == {"adder"}


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_an_agents_metrics_count_its_calls_and_its_tools(run, llm, chat_openai, telemetry):
    calls_add(llm)

    await run(create_agent(chat_openai(), [add], name="adder"), "invoke", QUESTION)

    (calls,) = telemetry.points("gen_ai.invoke_agent.inference_calls")
    (tools,) = telemetry.points("gen_ai.invoke_agent.tool_calls")
    (duration,) = telemetry.points("gen_ai.invoke_agent.duration")
    assert (calls.sum, tools.sum, duration.count) == (2, 2, 1)
    assert dict(duration.attributes) == {"gen_ai.agent.name": "adder"}


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_a_run_that_the_program_wants_nothing_of_makes_no_span(
    run, llm, chat_openai, telemetry
):
    calls_add(llm)

    with suppress_instrumentation():
        await run(create_agent(chat_openai(), [add], name="adder"), "invoke", QUESTION)

    assert telemetry.spans() == []


@pytest.mark.usefixtures("sdk")
async def test_uninstrumenting_in_the_middle_ends_what_is_running(run, telemetry):
    LangChainInstrumentor().instrument(**telemetry.providers)

    def stop(state):
        LangChainInstrumentor().uninstrument()
        OwnChat().invoke("2+2?")
        return {"said": [1]}

    assert await run(graph(stop, name="flow"), "invoke", {"said": []}) == {"said": [1]}

    assert [(s["name"], s["status"]) for s in telemetry.spans()] == [
        ("invoke_workflow flow", "UNSET")
    ]


@pytest.mark.usefixtures("sdk")
def test_uninstrumenting_in_the_middle_of_a_stream_ends_it_as_it_ends(telemetry):
    LangChainInstrumentor().instrument(**telemetry.providers)
    stream = OwnChat().stream("2+2?")
    words = [next(stream).content]

    LangChainInstrumentor().uninstrument()
    words += [chunk.content for chunk in stream]

    assert "".join(words) == "four"
    assert telemetry.span()["gen_ai.usage.input_tokens"] == 11


@pytest.mark.usefixtures("instrumented", "sdk")
@pytest.mark.parametrize("mode", ["values", "messages"])
async def test_a_streamed_agent_is_the_same_tree(run, llm, chat_openai, telemetry, mode):
    agent = create_agent(chat_openai(), [add])

    await run(agent, "stream", QUESTION, stream_mode=mode)

    assert tree(telemetry) == [("invoke_agent", [("chat gpt-4o", [])])]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_a_graph_is_a_workflow_and_an_agent_in_it_an_agent(run, llm, chat_openai, telemetry):
    agent = create_agent(chat_openai(), [], name="helper")

    def ask(state):
        agent.invoke(QUESTION)
        return {"said": [1]}

    await run(graph(ask, name="flow"), "invoke", {"said": []})

    assert tree(telemetry) == [
        ("invoke_workflow flow", [("invoke_agent helper", [("chat gpt-4o", [])])])
    ]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_agents_as_nodes_of_a_graph_are_agents_by_their_own_names(
    run, chat_openai, telemetry
):
    made = StateGraph(MessagesState)
    for name in ("first", "second"):
        made.add_node(f"node of {name}", create_agent(chat_openai(), [], name=name))
    made.add_edge(START, "node of first")
    made.add_edge("node of first", "node of second")

    await run(made.compile(name="team"), "invoke", QUESTION)

    agents = [(f"invoke_agent {name}", [("chat gpt-4o", [])]) for name in ("first", "second")]
    assert tree(telemetry) == [("invoke_workflow team", agents)]


@pytest.mark.usefixtures("instrumented", "sdk")
@pytest.mark.parametrize("maker", ["deepagents", "somebody"])
async def test_an_agent_with_middleware_stays_one_whoever_says_to_have_made_it(
    run, chat_openai, telemetry, maker
):
    class Counts(AgentMiddleware):
        def before_agent(self, state, runtime): ...

        def after_model(self, state, runtime): ...

    made = create_agent(chat_openai(), [], middleware=[Counts()], name="deep")
    agent = made.with_config({"metadata": {"ls_integration": maker}})

    await run(agent, "invoke", QUESTION)

    assert tree(telemetry) == [("invoke_agent deep", [("chat gpt-4o", [])])]


@pytest.mark.usefixtures("instrumented", "sdk")
@pytest.mark.filterwarnings("ignore")
async def test_an_agent_of_langgraphs_own_is_one(run, llm, chat_openai, telemetry):
    prebuilt = pytest.importorskip("langgraph.prebuilt", exc_type=ImportError)
    calls_add(llm)

    await run(prebuilt.create_react_agent(chat_openai(), [add], name="adder"), "invoke", QUESTION)

    assert tree(telemetry) == [("invoke_agent adder", AGENT)]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_an_unnamed_graph_in_a_graph_is_no_span(run, telemetry):
    inner = graph(lambda state: {"said": [OwnChat().invoke("2+2?").content]})

    await run(graph(inner), "invoke", {"said": []})

    assert tree(telemetry) == [("invoke_workflow", [("chat m", [])])]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_the_threads_id_is_the_conversation_of_everything_in_it(run, telemetry):
    made = graph(lambda state: {"said": [OwnChat().invoke("2+2?").content]})

    await run(made, "invoke", {"said": []}, {"configurable": {"thread_id": "t-1"}})

    assert [span["gen_ai.conversation.id"] for span in telemetry.spans()] == ["t-1", "t-1"]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_the_programs_own_session_wins_over_the_threads_id(run, telemetry):
    made = graph(lambda state: {"said": [OwnChat().invoke("2+2?").content]})

    with set_session("s-1"):
        await run(made, "invoke", {"said": []}, {"configurable": {"thread_id": "t-1"}})

    assert [span["gen_ai.conversation.id"] for span in telemetry.spans()] == ["s-1", "s-1"]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_an_interrupt_is_no_error_and_resuming_is_a_run_of_its_own(run, telemetry):
    def pause(state):
        return {"said": [interrupt("go on?")]}

    inner = graph(pause, name="inner", checkpointer=True)
    made = graph(inner, name="outer", checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t-1"}}

    await run(made, "invoke", {"said": []}, config)
    await run(made, "invoke", Command(resume="yes"), config)

    assert {span["status"] for span in telemetry.spans()} == {"UNSET"}
    assert tree(telemetry) == [("invoke_workflow outer", [("invoke_workflow inner", [])])] * 2


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_what_a_node_raises_fails_its_workflow_and_reaches_the_caller(run, telemetry):
    def fail(state):
        raise KeyError("secret")

    with pytest.raises(KeyError, match="secret"):
        await run(graph(fail, name="flow"), "invoke", {"said": []})

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "KeyError")


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_two_agents_at_once_keep_to_themselves(telemetry):
    def ask(state):
        return {"said": [OwnChat().invoke("2+2?").content]}

    made = StateGraph(State)
    for name in ("one", "two"):
        made.add_node(name, graph(ask, name=name))
        made.add_edge(START, name)
    made.compile(name="both").invoke({"said": []})

    ((name, below),) = tree(telemetry)
    assert name == "invoke_workflow both"
    assert sorted(below) == [
        ("invoke_workflow one", [("chat m", [])]),
        ("invoke_workflow two", [("chat m", [])]),
    ]


@pytest.mark.usefixtures("instrumented", "sdk")
def test_a_workflow_of_the_program_around_a_graph_adds_up_everything_once(
    llm, chat_openai, telemetry
):
    calls_add(llm)
    agent = create_agent(chat_openai(), [add], name="adder")

    with workflow("outer"):
        agent.invoke(QUESTION)
        summary = trace_summary()

    assert summary is not None
    assert (summary.calls, summary.tools, summary.input_tokens) == (2, 2, 22)


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_a_node_that_plans_is_a_plan_of_its_agent(run, telemetry):
    def planner(state):
        return {"said": [OwnChat().invoke("what first?").content]}

    made = StateGraph(State)
    made.add_node("planner", planner)
    made.add_node("doer", lambda state: {"said": [OwnChat().invoke("do it").content]})
    made.add_edge(START, "planner")
    made.add_edge("planner", "doer")

    with agent("thinker"):
        await run(made.compile(name="flow"), "invoke", {"said": []})

    inside = [("plan thinker", [("chat m", [])]), ("chat m", [])]
    assert tree(telemetry)[0] == ("invoke_workflow flow", inside)
    plan = next(s for s in telemetry.spans() if s["name"] == "plan thinker")
    assert plan == {
        "name": "plan thinker",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "plan",
        "gen_ai.agent.name": "thinker",
    }


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_a_plan_that_fails_is_an_error(run, telemetry):
    def replan(state):
        raise LookupError("secret")

    made = StateGraph(State)
    made.add_node("replan", replan)
    made.add_edge(START, "replan")

    with pytest.raises(LookupError):
        await run(made.compile(), "invoke", {"said": []})

    assert [(s["name"], s["error.type"]) for s in telemetry.spans()] == [
        ("plan", "LookupError"),
        ("invoke_workflow", "LookupError"),
    ]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_a_cancelled_run_ends_everything_in_it(telemetry):
    reached = asyncio.Event()

    async def wait(state):
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(graph(wait, name="flow").ainvoke({"said": []}))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert telemetry.span()["error.type"] == "asyncio.exceptions.CancelledError"


@pytest.mark.usefixtures("instrumented", "sdk")
def test_graphs_read_in_turns_keep_to_themselves(telemetry):
    def ask(state):
        return {"said": [OwnChat().invoke("2+2?").content]}

    first, second = (graph(ask, name=name).stream({"said": []}) for name in ("one", "two"))
    both = list(zip(first, second, strict=True))
    list(first)
    list(second)

    assert len(both) == 1
    assert sorted(tree(telemetry)) == [
        ("invoke_workflow one", [("chat m", [])]),
        ("invoke_workflow two", [("chat m", [])]),
    ]


@pytest.mark.usefixtures("instrumented", "sdk")
async def test_a_graph_left_in_the_middle_ends_its_span(run, kind, telemetry):
    made = StateGraph(State)
    for name in ("one", "two"):
        made.add_node(name, lambda state: {"said": [OwnChat().invoke("2+2?").content]})
    made.add_edge(START, "one")
    made.add_edge("one", "two")
    flow = made.compile(name="flow")

    if kind == "sync":
        steps = flow.stream({"said": []})
        next(steps)
        steps.close()
    else:
        steps = flow.astream({"said": []})
        await anext(steps)
        await steps.aclose()

    assert telemetry.spans()[-1]["name"] == "invoke_workflow flow"
    assert telemetry.spans()[-1]["status"] == "UNSET"


def test_the_example_of_a_graph_prints_its_spans():
    with FakeProvider(wire.ROUTES) as provider:
        done = subprocess.run(
            [sys.executable, "examples/langgraph_workflow.py"],
            env={**os.environ, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{provider.url}/v1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert wire.TEXT in done.stdout
    names = re.findall(r'"name": "((?:chat|plan|invoke_workflow)[^"]*)"', done.stdout)
    assert names == ["chat gpt-5-mini", "plan", "chat gpt-5-mini", "invoke_workflow trip"]


def test_the_example_prints_its_answer_and_the_spans_of_its_agent():
    with FakeProvider(wire.ROUTES) as provider:
        calls_add(provider)
        done = subprocess.run(
            [sys.executable, "examples/langchain_agent.py"],
            env={**os.environ, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{provider.url}/v1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
    assert wire.TEXT in done.stdout
    names = re.findall(r'"name": "((?:chat|execute_tool|invoke_agent)[^"]*)"', done.stdout)
    assert sorted(names) == [
        "chat gpt-5-mini",
        "chat gpt-5-mini",
        "execute_tool add",
        "execute_tool add",
        "invoke_agent calculator",
    ]


@pytest.mark.usefixtures("instrumented")
async def test_an_entrypoint_is_a_workflow_by_the_name_of_its_function(kind, run, telemetry):
    from langgraph.func import entrypoint, task

    @task
    async def ask(question):
        return (await OwnChat().ainvoke(question)).content

    @task
    def ask_at_once(question):
        return OwnChat().invoke(question).content

    @entrypoint()
    async def research(question):
        return await asyncio.gather(ask(question), ask(question))

    @entrypoint()
    def research_at_once(question):
        return [asked.result() for asked in (ask_at_once(question), ask_at_once(question))]

    flow, name = (
        (research, "research") if kind == "async" else (research_at_once, "research_at_once")
    )
    assert await run(flow, "invoke", "2+2?") == ["four", "four"]

    assert tree(telemetry) == [(f"invoke_workflow {name}", [("chat m", []), ("chat m", [])])]
