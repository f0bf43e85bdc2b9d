"""What the OpenAI Agents SDK notes in its spans: agents, tools, handoffs, guardrails, calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint
from . import openai_alone, responses
from .values import count, field, fields, integer, items, known, number, text


def agent(data: Any) -> dict[str, Any]:
    """Describe an agent, with what it was told to answer in if that is more than text."""
    output = text(field(data, "output_type"))
    asked = "json" if output not in (None, "str") else None
    return {semconv.AGENT_NAME: text(field(data, "name")), semconv.OUTPUT_TYPE: asked}


def tool(data: Any) -> dict[str, Any]:
    """Describe a tool; which call of the model it is run for is not known yet."""
    return {semconv.TOOL_NAME: text(field(data, "name")) or "_OTHER", semconv.TOOL_TYPE: "function"}


def call(named: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the call of a tool, from the arguments of ``ToolContext.from_agent_context``."""
    name = field(named.get("tool_call"), "name")
    tools = items(field(named.get("agent"), "tools"))
    called = next((one for one in tools if name is not None and field(one, "name") == name), None)
    return {
        semconv.TOOL_CALL_ID: text(named.get("tool_call_id")),
        semconv.TOOL_DESCRIPTION: text(field(called, "description")),
    }


def handoff(run: Any) -> dict[str, Any]:
    """Describe the tool that a handoff is to the model, from a ``ToolRunHandoff``."""
    about = field(run, "handoff")
    return {
        **tool({"name": field(about, "tool_name")}),
        semconv.TOOL_DESCRIPTION: text(field(about, "tool_description")),
        semconv.TOOL_CALL_ID: text(field(field(run, "tool_call"), "call_id")),
    }


def verdict(data: Any, error_type: str | None) -> dict[str, Any]:
    """Return what a guardrail decided, as an evaluation; one that failed decided nothing."""
    label = "fail" if field(data, "triggered") is True else "pass"
    said = {
        semconv.EVALUATION_NAME: text(field(data, "name")) or "guardrail",
        semconv.EVALUATION_SCORE_LABEL: label if error_type is None else None,
        semconv.ERROR_TYPE: error_type,
    }
    return known(**said)


def judged(guardrail: Any, result: Any) -> dict[str, Any]:
    """Describe what the guardrail of a tool decided as one of an agent does."""
    decision = field(field(result, "behavior"), "type")
    name = text(field(guardrail, "name")) or text(
        getattr(field(guardrail, "guardrail_function"), "__name__", None)
    )
    return {"name": name, "triggered": decision not in (None, "allow")}


def waits(result: Any) -> bool:
    """Return whether a tool was not run because somebody has to approve of it first."""
    return type(field(result, "run_item")).__name__ == "ToolApprovalItem"


def named_failure(error: Any) -> str | None:
    """Return the exception that the SDK is about to raise elsewhere, where its note tells."""
    return _FAILURES.get(text(field(error, "message")) or "")


_FAILURES = {"Max turns exceeded": "agents.exceptions.MaxTurnsExceeded"}


def request(data: Any) -> Request:
    """Read what a ``generation`` was asked for."""
    config = fields(field(data, "model_config"))
    return Request(
        model=text(field(data, "model")),
        temperature=number(config.get("temperature")),
        top_p=number(config.get("top_p")),
        max_tokens=integer(config.get("max_tokens")),
        frequency_penalty=number(config.get("frequency_penalty")),
        presence_penalty=number(config.get("presence_penalty")),
    )


def answer(data: Any) -> Response:
    """Read what the SDK noted; it counts zero for what the provider did not say."""
    said = field(data, "response")
    if said is not None:
        return responses.response(said)
    told = fields(field(data, "usage"))
    asked, wrote = count(told.get("input_tokens")), count(told.get("output_tokens"))
    if not asked and not wrote:
        return Response()
    read = count(fields(told.get("input_tokens_details")).get("cached_tokens"))
    thought = count(fields(told.get("output_tokens_details")).get("reasoning_tokens"))
    return Response(
        usage=Usage(
            input_tokens=asked,
            output_tokens=wrote,
            cache_read=read or None,
            reasoning=thought or None,
        )
    )


_Read: TypeAlias = Callable[[Mapping[str, Any]], Any]


def _over_socket(read: _Read | None) -> _Read:
    return lambda arguments: read(fields(arguments.get("create_kwargs"))) if read else None


def _socket_request(arguments: Mapping[str, Any]) -> Request:
    return openai_alone.responses_request(fields(arguments.get("create_kwargs")))


SOCKET = Endpoint(
    "chat",
    _socket_request,
    openai_alone.responses_response,
    openai_alone.ResponsesStream,
    Content(
        input_messages=_over_socket(responses.CONTENT.input_messages),
        output_messages=responses.CONTENT.output_messages,
        system_instructions=_over_socket(responses.CONTENT.system_instructions),
        tool_definitions=_over_socket(responses.CONTENT.tool_definitions),
    ),
)
"""A response over a websocket, from the arguments that the SDK makes for it."""
