"""The models of LlamaIndex, embeddings too: which SDK one calls, whose it is, what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from opentelemetry.context import get_current

from otel_llm.genai import Request

from ..core import Content, Endpoint, Origin, Patch
from ..core.telemetry import Telemetry
from ..core.traced import traced
from ..core.unseen_importlib_bootstrap.around import Around, around
from ..shapes import chat_messages, vectors
from ..shapes import llama_index as shape
from ..shapes.hosts import provider_of, server_at
from ..shapes.values import field, text

_SDKS = {
    "anthropic": ("anthropic", "anthropic"),
    "azure_inference": (None, "azure.ai.inference"),
    "azure_openai": ("openai", "azure.ai.openai"),
    "bedrock": ("botocore", "aws.bedrock"),
    "bedrock_converse": ("botocore", "aws.bedrock"),
    "cohere": ("cohere", "cohere"),
    "deepseek": ("openai", "deepseek"),
    "gemini": (None, "gcp.gemini"),
    "google_genai": ("google.genai", "gcp.gemini"),
    "groq": ("openai", "groq"),
    "ibm": (None, "ibm.watsonx.ai"),
    "litellm": ("litellm", "_OTHER"),
    "mistralai": ("mistralai", "mistral_ai"),
    "ollama": ("ollama", "ollama"),
    "openai": ("openai", "openai"),
    "openai_like": ("openai", "_OTHER"),
    "perplexity": (None, "perplexity"),
    "vertex": (None, "gcp.vertex_ai"),
    "xai": ("openai", "x_ai"),
}
"""By the package of models: the SDK that it calls, and the provider."""


def _packages(model: Any) -> Iterator[str]:
    """Yield the names of the packages that a model's classes come from, its own first."""
    for kind in type(model).__mro__:
        if kind.__module__.startswith(("llama_index.llms.", "llama_index.embeddings.")):
            yield kind.__module__.split(".")[2]


def _sdk(model: Any) -> str | None:
    return next((_SDKS[name][0] for name in _packages(model) if name in _SDKS), None)


def _traced(model: Any) -> bool:
    sdk = _sdk(model)
    return sdk is not None and traced(sdk)


_CONTENT = Content(
    shape.input_messages,
    shape.output_messages,
    shape.system_instructions,
    lambda arguments: chat_messages.tool_definitions(arguments.get("tools")),
)
_CHAT = Endpoint("chat", lambda _: Request(), shape.response, shape.AnswerStream, _CONTENT)
_EMBEDDINGS = Endpoint("embeddings", lambda _: Request(), vectors.embedded)


LLMS = "llama_index.core.base.llms.base"
MODEL_METHODS = tuple(
    f"{prefix}{stream}{name}"
    for prefix in ("", "a")
    for stream in ("", "stream_")
    for name in ("chat", "complete")
)


def model(name: str) -> Patch:
    """Return what is made of the method ``name`` of a class of models."""
    asked = "prompt" if name.endswith("complete") else "messages"
    stream = True if "stream" in name else None

    def choose(model: Any, _: Mapping[str, Any]) -> Endpoint | None:
        if type(model).__name__ == "StructuredLLM" or _traced(model):
            return None
        chat = asked == "messages" or field(field(model, "metadata"), "is_chat_model") is True
        operation = "chat" if chat else "text_completion"
        return replace(_CHAT, operation=operation, request=partial(shape.request, model, stream))

    return Patch(LLMS, f"BaseLLM.{name}", _CHAT, (asked,), choose=choose)


def in_place(
    wrapper: Callable[..., Any], telemetry: Callable[[], Telemetry | None]
) -> Callable[..., Any]:
    """Return ``wrapper`` for a stream that belongs where it was asked for, wherever it is read.

    Most packages have the SDK send the request with the first read, and make its span there.
    """
    placed = around(telemetry, _here)

    def stream(
        wrapped: Callable[..., Any], model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if _traced(model):
            return placed(wrapped, model, args, kwargs)
        return wrapper(wrapped, model, args, kwargs)

    return stream


def _here(_: Telemetry, __: Any, ___: Mapping[str, Any]) -> Around:
    return Around(inside=get_current())


def embedding(name: str) -> Patch:
    """Return what is made of the method ``name`` of ``BaseEmbedding``."""
    asked = ("texts" if name.endswith("batch") else "text",)
    module = "llama_index.core.base.embeddings.base"
    return Patch(module, f"BaseEmbedding.{name}", _EMBEDDINGS, asked, choose=_embedding)


def _embedding(model: Any, arguments: Mapping[str, Any]) -> Endpoint | None:
    nothing = arguments.get("texts") == []  # an index asks so when every node has its vector
    if nothing or _traced(model):
        return None
    return replace(_EMBEDDINGS, request=partial(_embedding_request, model))


def _embedding_request(model: Any, _: Mapping[str, Any]) -> Request:
    return Request(model=shape.name_of(field(model, "model_name")))


def origin_of(model: Any) -> Origin:
    """Name the provider by the package or the host, the server by the base URL."""
    named = next((name for name in _packages(model)), "_OTHER")
    provider = _SDKS[named][1] if named in _SDKS else named
    bases = (text(field(model, name)) for name in _BASES)
    base = next((base for base in bases if base and "://" in base), None)
    if base is None:
        return Origin(provider)
    host, port = server_at(base)
    return Origin(provider_of(model.__class__, host or "", provider), host, port)


_BASES = ("api_base", "base_url", "azure_endpoint", "endpoint", "endpoint_url")
