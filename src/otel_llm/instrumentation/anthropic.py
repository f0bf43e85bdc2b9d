"""Anthropic SDK (``anthropic`` 1 and 2), on Anthropic's own API, Bedrock, Vertex AI and Foundry.

Patched: ``messages.create``, ``parse`` and ``stream``, the same of ``beta.messages``, sync and
async. ``tool_runner`` calls the patched beta ``create`` (or ``stream``) once per turn, and
``with_raw_response`` and ``with_streaming_response`` pass through ``create``. Not covered: batches,
whose answers come hours later from elsewhere, and ``count_tokens``, which generates nothing.

Since 1.17 the SDK makes a span of its own for every request (scope ``com.anthropic.sdk.python``).
The one it makes for a message is left out while this instrumentor is on, because ours says more
and is measured too; those of batches, files and of the tool runner (the agent and its tools, with
our spans of its turns inside) remain. A client that was told to send trace headers goes on sending
them, with our span as the parent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from opentelemetry.trace import NonRecordingSpan, get_current_span

from otel_llm.genai import Request

from .core import Hook, LLMInstrumentor, Origin, Patch
from .shapes.hosts import Origins
from .shapes.messages import MESSAGES, request


def _request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments; sampling parameters have to be in ``extra_body`` since version 2."""
    body = arguments.get("extra_body")
    return request({**arguments, **body} if isinstance(body, dict) else arguments)  # pyright: ignore[reportUnknownArgumentType] - any JSON


def _stream_request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``stream``, which has no ``stream`` among them."""
    return replace(_request(arguments), stream=True)


_CREATE = replace(MESSAGES, request=_request)
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
    hooks = (Hook("anthropic._base_client", "start_api_call_span", _native_span, optional=True),)
    patches = tuple(
        Patch(
            f"anthropic.resources.{module}", f"{prefix}Messages.{name}", endpoint, manager=manager
        )
        for module in ("messages", "beta.messages")
        for prefix in ("", "Async")
        for name, endpoint, manager in (
            ("create", _CREATE, False),
            ("parse", _CREATE, False),
            ("stream", _STREAM, True),
        )
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by the client's class."""
        return _ORIGINS.of(instance._client)


_ORIGINS = Origins(_provider)
