"""The models of LangChain, embeddings too: which SDK one calls, whose it is, what it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from otel_llm.genai import Request, Response

from ..core import Content, Endpoint, Message, Origin, Patch
from ..core.operation import type_name
from ..core.traced import traced
from ..shapes import chat_messages, decisions, vectors
from ..shapes import langchain as shape
from ..shapes.hosts import server_at
from ..shapes.sampling import sampling
from ..shapes.values import field, fields, integer, number, text, texts

_SDKS = {
    "langchain_anthropic": "anthropic",
    "langchain_aws": "botocore",
    "langchain_cohere": "cohere",
    "langchain_groq": "groq",
    "langchain_litellm": "litellm",
    "langchain_ollama": "ollama",
    "langchain_openai": "openai",
}
"""The SDK that a package of models calls."""

_PROVIDERS = {
    "amazon_bedrock": "aws.bedrock",
    "aws": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""``ls_provider``, or the word in a package's name, to the names of the conventions."""


def _sdk(model: Any) -> str | None:
    """Return the SDK that a model calls, by the package that its class comes from."""
    # Version 4 of this package calls the SDK, the ones before call Google's gRPC client.
    if type(field(model, "client")).__module__.startswith("google.genai"):
        return "google.genai"
    packages = (kind.__module__.partition(".")[0] for kind in type(model).__mro__)
    return next((_SDKS[package] for package in packages if package in _SDKS), None)


def _request(model: Any, stream: bool | None, arguments: Mapping[str, Any]) -> Request:
    """Read the call's arguments, over what the model was made with."""
    told = fields(model._get_ls_params(stop=arguments.get("stop"), **_parameters(arguments)))
    chosen = {**fields(model), **arguments}
    choices = integer(chosen.get("n"))
    return Request(
        model=text(told.get("ls_model_name")),
        stream=stream,
        temperature=number(told.get("ls_temperature")),
        max_tokens=integer(told.get("ls_max_tokens")),
        stop_sequences=texts(told.get("ls_stop")),
        **sampling(chosen),
        choice_count=None if choices == 1 else choices,
    )


def _parameters(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in _NO_PARAMETERS}


_NO_PARAMETERS = frozenset(
    {"messages", "prompts", "input", "config", "stop", "run_manager", "run_managers"}
)


def _error_type(error: BaseException) -> str:
    """Name the provider's own error where LangChain raised one of its own for it."""
    cause = error.__cause__
    ours = type(error).__module__.startswith("langchain")
    return type_name(cause if ours and cause is not None else error)


_CONTENT = Content(
    shape.input_messages,
    shape.output_messages,
    shape.system_instructions,
    lambda arguments: chat_messages.tool_definitions(arguments.get("tools")),
)
CHAT = Endpoint(
    "chat",
    lambda _: Request(),
    shape.response,
    shape.ChunkStream,
    _CONTENT,
    error_type=_error_type,
)
TEXT = replace(CHAT, operation="text_completion")


def patch(module: str, name: str, endpoint: Endpoint, positional: tuple[str, ...]) -> Patch:
    """Return where a method of models is, in ``langchain_core.language_models``."""
    stream = True if name.endswith("stream") else None

    def choose(model: Any, _: Mapping[str, Any]) -> Endpoint | None:
        return (
            None if _traced(model) else replace(endpoint, request=partial(_request, model, stream))
        )

    module = f"langchain_core.language_models.{module}"
    return Patch(module, name, endpoint, positional, choose=choose)


def _traced(model: Any) -> bool:
    sdk = _sdk(model)
    return sdk is not None and traced(sdk)


def _questions(arguments: Mapping[str, Any]) -> list[Message]:
    given = fields(arguments.get("input"))
    return decisions.asked(shape.state_messages(given.get("state")), given.get("questions"))


def _decided(answer: Any) -> Response:
    return Response(model=text(field(answer, "model")), usage=shape.usage(field(answer, "usage")))


_DECISION = Endpoint(
    "generate_content",
    lambda _: Request(),
    _decided,
    content=Content(_questions, decisions.output_messages),
)


def decision(name: str) -> Patch:
    """Return where decision models answer, which are since ``langchain-core`` 1.8."""
    module, name = "langchain_core.decisions.base", f"BaseDecisionModel.{name}"
    return Patch(module, name, _DECISION, ("input",), optional=True, choose=_decision)


def _decision(model: Any, _: Mapping[str, Any]) -> Endpoint | None:
    if _traced(model):
        return None
    return replace(_DECISION, request=partial(_decision_request, text(field(model, "model"))))


def _decision_request(model: str | None, _: Mapping[str, Any]) -> Request:
    return Request(model=model, output_type="json")


_EMBEDDINGS = Endpoint("embeddings", lambda _: Request(), vectors.embedded)

EMBEDDINGS = "langchain_core.embeddings.embeddings"
_TEXTS = {"embed_documents": "texts", "embed_query": "text"}
EMBEDDING_METHODS = tuple(f"{prefix}{name}" for prefix in ("", "a") for name in _TEXTS)


def embedding(name: str) -> Patch:
    """Return what a class of embeddings does in the method ``name``."""
    asked = _TEXTS[name.removeprefix("a")]
    return Patch(EMBEDDINGS, f"Embeddings.{name}", _EMBEDDINGS, (asked,), choose=_embedding)


def _embedding(model: Any, arguments: Mapping[str, Any]) -> Endpoint | None:
    # A cache in front of others embeds nothing itself, and nobody embeds no texts.
    cached = type(model).__name__ == "CacheBackedEmbeddings"
    if cached or arguments.get("texts") == [] or _traced(model):
        return None
    names = (text(field(model, name)) for name in _NAMES)
    named = next((name for name in names if name is not None), None)
    return replace(_EMBEDDINGS, request=partial(_asked, named))


def _asked(model: str | None, _: Mapping[str, Any]) -> Request:
    return Request(model=model)


_NAMES = ("model", "model_name", "model_id", "deployment", "repo_id")


def origin_of(model: Any) -> Origin:
    """Name the provider by what the model says of itself, the server by its base URL."""
    bases = (text(field(model, name)) for name in _BASES)
    base = next((base for base in bases if base and "://" in base), None)
    host, port = server_at(base) if base else (None, None)
    named = _named(model)
    return Origin(_PROVIDERS.get(named, named), host, port)


_BASES = ("base_url", "openai_api_base", "anthropic_api_url", "endpoint", "endpoint_url")


def _named(model: Any) -> str:
    """Return the provider in LangChain's words; of embeddings only the package says it."""
    if hasattr(model, "_get_ls_params"):
        return text(fields(model._get_ls_params()).get("ls_provider")) or "_OTHER"
    if hasattr(model, "_classify"):
        return text(model._provider) or "_OTHER"
    package = type(model).__module__.partition(".")[0]
    if type(model).__name__.startswith("Azure"):
        return "azure"
    known = package.startswith("langchain_") and package not in _NOBODYS
    return package.removeprefix("langchain_") if known else "_OTHER"


_NOBODYS = frozenset({"langchain_classic", "langchain_community", "langchain_core"})
"""Packages of LangChain's own, with classes for many providers."""
