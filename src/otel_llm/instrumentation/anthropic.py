"""Anthropic SDK (``anthropic`` 1 and 2), on Anthropic's own API, Bedrock, Vertex AI and Foundry.

Patched: ``messages.create``, ``parse`` and ``stream``, the same of ``beta.messages``, sync and
async. ``tool_runner`` calls the patched beta ``create`` (or ``stream``) once per turn, and
``with_raw_response`` and ``with_streaming_response`` pass through ``create``. Not covered: batches,
whose answers come hours later from elsewhere, and ``count_tokens``, which generates nothing.

Since 1.17 the SDK makes a span of its own for every request (scope ``com.anthropic.sdk.python``).
The one it makes for a message is left out while this instrumentor is on, because ours says more
and is measured too; those of batches, files and of the tool runner (the agent and its tools, with
our spans of its turns inside) remain. A client that was told to send trace headers goes on sending
them, with our span as the parent. Where it makes none, because it is older or was told not to, a
run of the tool runner has an agent's span of ours around its turns, and each of its tools has one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from opentelemetry.context import create_key, get_value, set_value
from opentelemetry.trace import NonRecordingSpan, get_current_span

from otel_llm import semconv
from otel_llm.genai import Request

from .core import Hook, LLMInstrumentor, Origin, Patch, counting_argument
from .core.activity import AGENT, TOOL, Activity
from .core.telemetry import Telemetry
from .core.unseen_importlib_bootstrap.around import Around, around
from .shapes.hosts import Origins
from .shapes.messages import MESSAGES, request
from .shapes.parts import plain
from .shapes.values import fields


def _request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments; sampling parameters have to be in ``extra_body`` since version 2."""
    body = arguments.get("extra_body")
    return request({**arguments, **body} if isinstance(body, dict) else arguments)  # pyright: ignore[reportUnknownArgumentType] - any JSON


def _stream_request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``stream``, which has no ``stream`` among them."""
    return replace(_request(arguments), stream=True)


def _streams_instead(error: BaseException) -> bool:
    """Tell whether Pydantic AI found out that the SDK wants this answer streamed, as it then does.

    By default it asks for all that a model can write, which is too long for an answer in one piece.
    """
    refused = isinstance(error, ValueError) and str(error).startswith("Streaming is required")
    return refused and _caller().startswith("pydantic_ai.")


def _caller() -> str:
    """Return the module that called the SDK, of all that are under way the innermost."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage] - no public way to ask
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in _BELOW_THE_CALLER:
            return module
        frame = frame.f_back
    return ""


_BELOW_THE_CALLER = ("otel_llm", "anthropic", "wrapt")
_CREATE = replace(MESSAGES, request=_request, not_made=_streams_instead)
_PARSE = replace(_CREATE, parsed=True)
_STREAM = replace(MESSAGES, request=_stream_request)


def _native_span(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Start the SDK's own span, unless it would be a second one of a message."""
    options = kwargs.get("options") or (args[2] if len(args) > 2 else None)
    if getattr(options, "span_name", None) != "anthropic.messages.create":
        return wrapped(*args, **kwargs)
    if not kwargs.get("propagation"):
        return None
    return NonRecordingSpan(get_current_span().get_span_context())


_RUNS = create_key("otel-llm-anthropic-runs")
"""Inside a run of the tool runner that has a span of ours."""


def _signals() -> Telemetry | None:
    return AnthropicInstrumentor.telemetry


def _begin_run(telemetry: Telemetry, runner: Any, _: Mapping[str, Any]) -> Around:
    if getattr(runner._client, "_tracer", None) is not None:
        return Around()  # the SDK makes the spans itself
    model = fields(runner._params).get("model")
    agent = Activity(telemetry, AGENT, {semconv.REQUEST_MODEL: model})
    return Around(agent, inside=set_value(_RUNS, True, agent.context))


def _begin_tool(telemetry: Telemetry, tool: Any, named: Mapping[str, Any]) -> Around:
    if get_value(_RUNS) is None:
        return Around()
    known = {semconv.TOOL_NAME: tool.name, semconv.TOOL_TYPE: "function"}
    described = {semconv.TOOL_DESCRIPTION: getattr(tool, "description", None)}
    activity = Activity(telemetry, TOOL, {**known, **described})
    activity.put_content(semconv.TOOL_CALL_ARGUMENTS, plain(named.get("input")))
    return Around(activity, result=_keep_result)


def _keep_result(activity: Activity, result: Any) -> None:
    activity.put_content(semconv.TOOL_CALL_RESULT, plain(result))


_AROUND_RUN = around(_signals, _begin_run)
_AROUND_TOOL = around(_signals, _begin_tool, ("input",))
_ANSWER = counting_argument("response")
_TOOLS = "anthropic.lib.tools"
_RESOURCES = "anthropic.resources"
_PROVIDERS = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai"}
"""By a word in the client's class name; ``_gen_ai_provider_name`` says the same since 1.17."""


def _provider(client: type[Any], host: str) -> str:
    names = [kind.__name__ for kind in client.__mro__]
    found = (p for word, p in _PROVIDERS.items() if any(word in name for name in names))
    return next(found, "anthropic")


class AnthropicInstrumentor(LLMInstrumentor):
    """Traces the Anthropic Python SDK."""

    requires = ("anthropic >= 1, < 3",)
    provider = "anthropic"
    hooks = (
        Hook("anthropic._base_client", "start_api_call_span", _native_span, optional=True),
        Hook(f"{_TOOLS}._beta_runner", "BaseSyncToolRunner.__run__", _AROUND_RUN),
        Hook(f"{_TOOLS}._beta_runner", "BaseAsyncToolRunner.__run__", _AROUND_RUN),
        Hook(f"{_TOOLS}._beta_functions", "BetaFunctionTool.call", _AROUND_TOOL),
        Hook(f"{_TOOLS}._beta_functions", "BetaAsyncFunctionTool.call", _AROUND_TOOL),
        # What ``parse`` does with an answer, and may raise over.
        Hook(f"{_RESOURCES}.messages.messages", "parse_response", _ANSWER, optional=True),
        Hook(f"{_RESOURCES}.beta.messages.messages", "parse_beta_response", _ANSWER, optional=True),
    )
    patches = tuple(
        Patch(f"{_RESOURCES}.{module}", f"{prefix}Messages.{name}", endpoint, manager=manager)
        for module in ("messages", "beta.messages")
        for prefix in ("", "Async")
        for name, endpoint, manager in (
            ("create", _CREATE, False),
            ("parse", _PARSE, False),
            ("stream", _STREAM, True),
        )
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by the client's class."""
        return _ORIGINS.of(instance._client)


_ORIGINS = Origins(_provider)
