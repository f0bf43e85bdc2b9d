"""LiteLLM (``litellm``): chats, messages, embeddings, reranking, responses, images and speech.

LiteLLM sends most requests past the SDKs of the providers, so its own public functions are
patched, on the package: ``Router`` calls them there. Where it does use an SDK, that call is the
same call and makes no second span. Calls are left to LiteLLM's own OpenTelemetry callback when the
user registered it. Not covered: names imported from the package before it was instrumented.

LiteLLM fills in what a provider did not say: a usage of nothing at all, and zeros for kinds of
tokens. Neither is reported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias

from otel_llm.genai import Request, Response, Usage

from .core import Endpoint, LLMInstrumentor, Origin, Patch
from .core.body import Along
from .shapes import chat_completions as chat
from .shapes import completions, embeddings, messages, responses
from .shapes.hosts import server_at
from .shapes.images import IMAGES
from .shapes.rerank import RERANK
from .shapes.transcription import TRANSCRIPTION
from .shapes.values import field, fields, text

_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "codestral": "mistral_ai",
    "cohere_chat": "cohere",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "ollama_chat": "ollama",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""LiteLLM's names to those of the conventions, where they differ."""


_Reader: TypeAlias = Callable[[Mapping[str, Any]], Request]


def _named(provider: str) -> str:
    if provider.startswith("vertex_ai"):
        return "gcp.vertex_ai"
    return _PROVIDERS.get(provider, provider)


def _split(model: Any) -> tuple[str | None, str | None]:
    """Return provider and model of ``provider/model``; a slash may also be part of the model."""
    providers = getattr(_package(), "provider_list", ())
    return _parts(text(model) or "", len(providers))


@lru_cache(1024)
def _parts(model: str, providers: int) -> tuple[str | None, str | None]:
    """Split ``model``; ``providers``, how many are known, outdates what is remembered."""
    head, slash, rest = model.partition("/")
    listed = getattr(_package(), "provider_list", ())
    known = slash and any(head == getattr(one, "value", one) for one in listed)
    return (head, rest) if known else (None, model or None)


def _package() -> Any:
    return sys.modules.get("litellm")


def _reading(
    read: Callable[[Mapping[str, Any]], Request],
) -> Callable[[Mapping[str, Any]], Request]:
    def request(arguments: Mapping[str, Any]) -> Request:
        return replace(read(arguments), model=_split(arguments.get("model"))[1])

    return request


def _usage(said: Any) -> Usage:
    """Read usage without LiteLLM's fillings."""
    usage = chat.usage(said)
    if not usage.input_tokens and not usage.output_tokens:
        return Usage()
    for name in _DETAILS:
        if getattr(usage, name) == 0:
            setattr(usage, name, None)
    usage.text_input = None if usage.text_input == usage.input_tokens else usage.text_input
    usage.text_output = None if usage.text_output == usage.output_tokens else usage.text_output
    return usage


_DETAILS = tuple(
    name for name in Usage.__dataclass_fields__ if name not in ("input_tokens", "output_tokens")
)


def _response(answer: Any) -> Response:
    return replace(chat.response(answer), usage=_usage(field(answer, "usage")))


def _embedded(answer: Any) -> Response:
    usage = Usage(_usage(field(answer, "usage")).input_tokens)
    return replace(embeddings.response(answer), usage=usage)


class _Stream(chat.ChatStream):
    """Reads usage without LiteLLM's fillings, and no model: it repeats the one asked for."""

    __slots__ = ()

    def _head(self, chunk: Any) -> None:
        self._response.id = text(field(chunk, "id"))

    _read_usage = staticmethod(_usage)


class _Messages(messages.MessageStream):
    """Reads Anthropic's events out of the bytes that LiteLLM passes on."""

    __slots__ = ("_along",)

    def __init__(self, content: bool = False) -> None:
        super().__init__(content)
        self._along = Along({"content-type": "text/event-stream"})

    def feed(self, chunk: Any) -> None:
        if isinstance(chunk, bytes):
            for event in self._along.take(chunk):
                super().feed(event)
        else:
            super().feed(chunk)


_MESSAGES = replace(
    messages.MESSAGES, model=None, request=_reading(messages.request), stream=_Messages
)
_CHAT = Endpoint("chat", _reading(chat.request), _response, _Stream, chat.CONTENT)
_TEXT = replace(
    _CHAT,
    operation="text_completion",
    request=_reading(completions.request),
    stream=completions.CompletionStream,
    content=completions.CONTENT,
)
_EMBED = Endpoint("embeddings", _reading(embeddings.request), _embedded)
_RESPONSES = replace(responses.RESPONSES, request=_reading(responses.request))
_FUNCTIONS = (
    ("completion", _CHAT, ("model", "messages")),
    ("text_completion", _TEXT, ("prompt", "model")),
    ("embedding", _EMBED, ("model", "input", "dimensions", "encoding_format")),
    ("responses", _RESPONSES, ("input", "model")),
    ("image_generation", replace(IMAGES, request=_reading(IMAGES.request)), ("prompt", "model")),
    (
        "transcription",
        replace(TRANSCRIPTION, request=_reading(TRANSCRIPTION.request)),
        ("model", "file"),
    ),
    ("rerank", replace(RERANK, request=_reading(RERANK.request)), ("model", "query", "documents")),
)
_MESSAGE_FUNCTIONS = (
    ("litellm", "anthropic_messages"),
    ("litellm", "anthropic_messages_handler"),
    ("litellm.anthropic_interface.messages", "acreate"),
    ("litellm.anthropic_interface.messages", "create"),
)
_MESSAGE_POSITIONAL = ("max_tokens", "messages", "model")


def _traced_by_itself() -> bool:
    """Return whether LiteLLM's own OpenTelemetry callback is registered."""
    return any(
        callback == "otel" or type(callback).__name__.startswith("OpenTelemetry")
        for callback in _callbacks()
    )


def _callbacks() -> Iterator[Any]:
    for name in ("callbacks", "success_callback", "_async_success_callback"):
        yield from getattr(_package(), name, ())


def _choice(endpoint: Endpoint) -> Callable[[Any, Mapping[str, Any]], Endpoint | None]:
    return lambda instance, arguments: None if _traced_by_itself() else endpoint


class LiteLLMInstrumentor(LLMInstrumentor):
    """Traces LiteLLM."""

    requires = ("litellm >= 1.80, < 2",)
    patches = tuple(
        Patch("litellm", prefix + name, endpoint, positional, choose=_choice(endpoint))
        for name, endpoint, positional in _FUNCTIONS
        for prefix in ("", "a")
    ) + tuple(
        Patch(
            module, name, _MESSAGES, _MESSAGE_POSITIONAL, optional=True, choose=_choice(_MESSAGES)
        )
        for module, name in _MESSAGE_FUNCTIONS
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by the arguments, else by LiteLLM's list of models."""
        base = text(arguments.get("api_base")) or text(arguments.get("base_url"))
        host, port = server_at(base) if base else (None, None)
        return Origin(_provider(arguments), host, port)


def _provider(arguments: Mapping[str, Any]) -> str:
    given, model = _split(arguments.get("model"))
    listed = fields(fields(getattr(_package(), "model_cost", None)).get(model or ""))
    found = text(arguments.get("custom_llm_provider")) or given
    return _named(found or text(listed.get("litellm_provider")) or "_OTHER")
