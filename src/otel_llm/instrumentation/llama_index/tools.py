"""The tools of LlamaIndex."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import get_value, set_value

from otel_llm import semconv

from ..core.activity import TOOL, Activity
from ..core.operation import type_name
from ..core.telemetry import Telemetry
from ..core.unseen_importlib_bootstrap.around import Around
from ..shapes.values import field, text
from . import inside


def tool(telemetry: Telemetry, tool: Any, arguments: Mapping[str, Any]) -> Around:
    """Run a tool."""
    if get_value(inside.TOOL) is tool or _is_output(tool):
        return Around()
    about = tool.metadata
    activity = Activity(
        telemetry,
        TOOL,
        {
            semconv.TOOL_NAME: text(field(about, "name")) or type(tool).__name__,
            semconv.TOOL_DESCRIPTION: text(field(about, "description")),
            semconv.TOOL_TYPE: "function",
            semconv.TOOL_CALL_ID: text(get_value(inside.CALL)),
        },
    )
    given = {name: value for name, value in arguments.items() if name != _context_of(tool)}
    activity.put_content(semconv.TOOL_CALL_ARGUMENTS, given)
    running = set_value(inside.TOOL, tool, set_value(inside.CALL, None, activity.context))
    return Around(activity, running, result=_result, no_error=_waits, outcome=_outcome)


def _is_output(tool: Any) -> bool:
    """Return whether it is no tool at all but the form in which a model is to answer."""
    function = field(tool, "_real_fn") or field(tool, "_fn")
    made_by = "llama_index.core.program.function_program"
    return getattr(function, "__module__", None) == made_by


def _context_of(tool: Any) -> str | None:
    """Return the argument that is the workflow's context and nothing the model gave."""
    return text(field(tool, "ctx_param_name"))


def _result(activity: Activity, output: Any) -> None:
    activity.put_content(semconv.TOOL_CALL_RESULT, {"result": field(output, "content")})


def _outcome(output: Any) -> str | None:
    """Return the error of a tool that says of it and raises nothing."""
    if field(output, "is_error") is not True:
        return None
    error = getattr(output, "exception", None) or getattr(output, "_exception", None)
    return type_name(error) if isinstance(error, BaseException) else "tool_error"


def _waits(error: BaseException) -> bool:
    """Return whether a step stops to wait for an event, to be run again when it comes."""
    return type(error).__name__ == "WaitingForEvent"
