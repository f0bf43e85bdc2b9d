"""What is around the models of LangChain: chains, graphs, agents, plans, tools and retrievers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import create_key, get_current, get_value, set_value

from otel_llm import semconv

from ..core.activity import AGENT, PLAN, RETRIEVAL, TOOL, WORKFLOW, Activity, Kind
from ..core.said import said, saying
from ..core.telemetry import Telemetry
from ..core.unseen_importlib_bootstrap.around import Around
from ..shapes import langchain as shape
from ..shapes.values import field, fields, integer, items, text
from . import prompts

_INSIDE = create_key("otel-llm-langchain")
"""Set inside whatever of LangChain is being traced: chains in there are no workflows."""

_REACT = frozenset(
    {"agent", "model", "tools", "generate_structured_response", "pre_model_hook", "post_model_hook"}
)


def _begin(telemetry: Telemetry, kind: Kind, attributes: Mapping[str, Any]) -> Around:
    activity = Activity(telemetry, kind, attributes)
    inside = set_value(_INSIDE, True, activity.context)
    return Around(activity, inside, no_error=_steers)


def _steers(error: BaseException) -> bool:
    """Return whether LangGraph steers by it: an interrupt, a command to the parent graph."""
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


def tool(telemetry: Telemetry, tool: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin the run of a tool."""
    about = {
        semconv.TOOL_NAME: text(field(tool, "name")) or type(tool).__name__,
        semconv.TOOL_DESCRIPTION: text(field(tool, "description")),
        semconv.TOOL_TYPE: "function",
        semconv.TOOL_CALL_ID: text(arguments.get("tool_call_id")),
    }
    run = _begin(telemetry, TOOL, about)
    run.outcome = _tool_outcome
    if run.activity is not None and run.activity.captures:
        given = arguments.get("tool_input")
        run.activity.put_content(semconv.TOOL_CALL_ARGUMENTS, _object(given, "input"))
        run.result = _tool_result
    return run


def _tool_result(activity: Activity, result: Any) -> None:
    content = field(result, "content") if field(result, "type") == "tool" else result
    activity.put_content(semconv.TOOL_CALL_RESULT, _object(content, "result"))


def _tool_outcome(result: Any) -> str | None:
    """Return the error of a tool that tells the model of its failure and raises nothing."""
    said = field(result, "type") == "tool" and field(result, "status") == "error"
    return "tool_error" if said else None


def _object(value: Any, name: str) -> Any:
    """Return a mapping; the conventions want one for arguments and results."""
    return value if isinstance(value, Mapping) else {name: value}  # pyright: ignore[reportUnknownVariableType] - any JSON


def retriever(telemetry: Telemetry, retriever: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin a search for documents."""
    asked = fields(field(retriever, "search_kwargs")).get("k")
    about = {semconv.RETRIEVAL_TOP_K: integer(asked) or integer(field(retriever, "k"))}
    run = _begin(telemetry, RETRIEVAL, about)
    if run.activity is not None and run.activity.captures:
        run.activity.put_content(semconv.RETRIEVAL_QUERY_TEXT, text(arguments.get("input")))
        run.result = _documents
    return run


def _documents(activity: Activity, result: Any) -> None:
    activity.put_content(semconv.RETRIEVAL_DOCUMENTS, shape.documents(result))


def chain(telemetry: Telemetry, chain: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin a workflow around the outermost chain; its class's name would say nothing."""
    if get_value(_INSIDE):
        return Around()
    return _in_conversation(telemetry, WORKFLOW, _name_of(chain, arguments), arguments)


def _name_of(chain: Any, arguments: Mapping[str, Any]) -> str | None:
    """Return what somebody called a chain or this run of it; LangChain itself says its class."""
    configs = items(arguments.get("config")) or (arguments.get("config"),)
    name = text(fields(configs[0]).get("run_name")) or text(field(chain, "name"))
    return None if name is not None and name.startswith("Runnable") else name


def sequence(telemetry: Telemetry, chain_: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin a chain of steps, in which templates of prompts speak to the models after them."""
    run = chain(telemetry, chain_, arguments)
    run.inside = prompts.opened(run.context)
    return run


def batch(telemetry: Telemetry, chain_: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin several runs of a chain."""
    run = chain(telemetry, chain_, arguments)
    run.inside = prompts.closed(run.context)
    return run


def classic(telemetry: Telemetry, chain_: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin a chain of ``langchain-classic``, which is an agent if it executes one."""
    if not any(kind.__name__ == "AgentExecutor" for kind in type(chain_).__mro__):
        return chain(telemetry, chain_, arguments)
    return _in_conversation(telemetry, AGENT, _name_of(chain_, arguments), arguments)


def graph(telemetry: Telemetry, graph: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin an agent or a workflow, in the conversation that the thread's id names."""
    name = _name_of_graph(graph)
    agent = _is_agent(graph)
    if not agent and name is None and get_value(_INSIDE):
        return Around()
    return _in_conversation(telemetry, AGENT if agent else WORKFLOW, name, arguments)


def _name_of_graph(graph: Any) -> str | None:
    """Return a graph's name; an ``@entrypoint`` is its one node, a function, and has none."""
    name = text(field(graph, "name"))
    if name != "LangGraph":
        return name
    nodes = list(fields(field(graph, "nodes")))
    return nodes[0] if type(graph).__name__ == "Pregel" and len(nodes) == 1 else None


def _in_conversation(
    telemetry: Telemetry, kind: Kind, name: str | None, arguments: Mapping[str, Any]
) -> Around:
    """Begin an agent or a workflow, and say of what is inside which conversation it is."""
    thread = _conversation(arguments)
    run = _begin(telemetry, kind, {kind.subject: name, semconv.CONVERSATION_ID: thread})
    if thread is not None and run.inside is not None:
        run.inside = saying(run.inside, {semconv.CONVERSATION_ID: thread}, ())
    return run


def node(telemetry: Telemetry, _: Any, arguments: Mapping[str, Any]) -> Around:
    """Begin a plan around a node that plans, which only its name can tell."""
    name = text(field(arguments.get("task"), "name")) or ""
    return _begin(telemetry, PLAN, {}) if name.lower() in _PLANS else Around()


_PLANS = frozenset({"plan", "planner", "planning", "replan", "replanner"})


def _is_agent(graph: Any) -> bool:
    about = fields(fields(field(graph, "config")).get("metadata"))
    if about.get("ls_integration") in _MAKERS:
        return True
    nodes = set(filter(_is_step, fields(field(graph, "nodes"))))
    # The node of the model is "model" in ``create_agent`` of langchain 1.0, which leaves no mark.
    return not nodes.isdisjoint({"agent", "model"}) and nodes <= _REACT


_MAKERS = frozenset({"deepagents", "langchain_create_agent"})
_MIDDLEWARE = (".before_agent", ".before_model", ".after_model", ".after_agent")
"""How the names of nodes end that ``create_agent`` makes of its middleware."""


def _is_step(node: str) -> bool:
    return not node.startswith("__") and not node.endswith(_MIDDLEWARE)


def _conversation(arguments: Mapping[str, Any]) -> str | None:
    """Return the id of a graph's thread or of the session of a chain with a history.

    None where the program said which conversation this is.
    """
    if semconv.CONVERSATION_ID in said(get_current(), AGENT.operation, ()):
        return None
    chosen = fields(fields(arguments.get("config")).get("configurable"))
    ids = (chosen.get(name) for name in ("thread_id", "session_id"))
    return next((str(id) for id in ids if id is not None), None)
