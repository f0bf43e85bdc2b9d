"""The workflows of LlamaIndex, and the agents in them, each for as long as it is its turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import get_current, get_value, set_value
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otel_llm import semconv

from ..core import guarded
from ..core.activation import activate, release
from ..core.activity import AGENT, WORKFLOW, Activity, Kind
from ..core.telemetry import Telemetry
from ..core.turns import Turns
from ..core.unseen_importlib_bootstrap.around import Around
from ..shapes import llama_index as shape
from ..shapes.values import field, fields, text
from . import inside


def running(telemetry: Callable[[], Telemetry | None]) -> Callable[..., Any]:
    """Return what starts what runs from then on in tasks of its own, and ends it with the handler's
    result."""

    def run(
        wrapped: Callable[..., Any], workflow: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        turns: Turns | None = None
        with guarded("starting a workflow"):
            turns = _begin(telemetry(), workflow)
        if turns is None:
            return wrapped(*args, **kwargs)
        token = activate(turns.context)
        try:
            handler = wrapped(*args, **kwargs)
        except BaseException as error:
            release(token)
            turns.end(error)
            raise
        release(token)
        with guarded("following a workflow"):
            # A future itself before version 2.12 of llama-index-workflows.
            turns.end_with(getattr(handler, "_result_task", handler))
        return handler

    return run


def _begin(telemetry: Telemetry | None, workflow: Any) -> Turns | None:
    if telemetry is None or not is_instrumentation_enabled():
        return None
    agents = list(fields(field(workflow, "agents")).values())
    agent = agents[0] if len(agents) == 1 else workflow
    if _is_agent(agent):
        return _turns(telemetry, AGENT, _about(agent))
    name = text(field(workflow, "_workflow_name"))
    if name is None and not agents and get_value(inside.RUN):
        return None
    return _turns(telemetry, WORKFLOW, {semconv.WORKFLOW_NAME: name})


def _is_agent(workflow: Any) -> bool:
    return any(kind.__name__ == "BaseWorkflowAgent" for kind in type(workflow).__mro__)


def _turns(telemetry: Telemetry, kind: Kind, about: Mapping[str, Any]) -> Turns:
    activity = Activity(telemetry, kind, about)
    turns = Turns(telemetry, activity)
    running = set_value(inside.RUN, True, set_value(inside.TOOL, None, activity.context))
    turns.context = set_value(inside.TURNS, turns if kind is WORKFLOW else None, running)
    return turns


def _about(agent: Any) -> dict[str, Any]:
    """Describe an agent, without the name and description of one that nobody named."""
    name, description = text(field(agent, "name")), text(field(agent, "description"))
    model = field(field(agent, "llm"), "metadata")
    return {
        semconv.AGENT_NAME: None if name == "Agent" else name,
        semconv.AGENT_DESCRIPTION: None if description == _NO_DESCRIPTION else description,
        semconv.REQUEST_MODEL: shape.name_of(field(model, "model_name")),
    }


_NO_DESCRIPTION = "An agent that can perform a task"


def step(_: Telemetry, workflow: Any, arguments: Mapping[str, Any]) -> Around:
    """Run a step of an agent in its turn, which starts with its first."""
    turns, event = get_value(inside.TURNS), arguments.get("ev")
    if not isinstance(turns, Turns):
        return Around()
    name = text(field(event, "current_agent_name"))
    agent = fields(field(workflow, "agents")).get(name or "")
    return Around(inside=turns.of(name, _about(agent)) if name and agent else turns.now)


def tool_step(_: Telemetry, workflow: Any, arguments: Mapping[str, Any]) -> Around:
    """Run a call of a tool in the turn of the agent that makes it."""
    turns = get_value(inside.TURNS)
    now = turns.now if isinstance(turns, Turns) else get_current()
    return Around(inside=set_value(inside.CALL, field(arguments.get("ev"), "tool_id"), now))
