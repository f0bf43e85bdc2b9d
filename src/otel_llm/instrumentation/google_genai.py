"""Google GenAI SDK (``google-genai`` 2 and 3), on the Gemini API and on Vertex AI.

Patched: ``generate_content``, ``generate_content_stream`` and ``embed_content`` of ``models``, sync
and async, through which chats go; ``decisions.create``, ``interactions.create`` and ``get``. A
fetch that brings the end of an interaction begun in this process without one (in the background, or
a stream left early) is that inference, with its tokens; any other has none. One call is one span,
however many requests automatic function calling or continuation make of it: each is counted where
it is sent, and the span has their sum. Each Python function it runs in between has a span, and so
has a model that the function asks. The caller's config is read and never changed.

Errors are named by their HTTP code, as the conventions do for this SDK. Not covered: ``live``
(websocket), batches, and images and videos, whose answers have no usage.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from .core import (
    Content,
    Endpoint,
    Hook,
    LLMInstrumentor,
    Origin,
    Patch,
    Tool,
    count_round,
    tool,
    tool_async,
)
from .core.awaited import Awaited
from .shapes import interactions
from .shapes.decisions import GOOGLE_DECISIONS
from .shapes.gemini_parts import option
from .shapes.generate_content import (
    GENERATE_CONTENT,
    GENERATE_CONTENT_STREAM,
    latest,
    model,
    searches,
    usage,
)
from .shapes.hosts import origin_at, server_at
from .shapes.interactions import INTERACTIONS
from .shapes.rerank import nothing
from .shapes.values import count, field, integer, items, text


def _error_type(error: BaseException) -> str | None:
    """Return the HTTP code of an ``APIError``."""
    code = integer(getattr(error, "code", None))
    return None if code is None else str(code)


def _embed_request(arguments: Mapping[str, Any]) -> Request:
    size = integer(option(arguments.get("config"), "output_dimensionality"))
    return Request(
        model=model(arguments.get("model")),
        more=None if size is None else {semconv.EMBEDDINGS_DIMENSION_COUNT: size},
    )


def _embed_response(answer: Any) -> Response:
    vectors = items(field(answer, "embeddings"))
    size = len(items(field(vectors[0], "values"))) if vectors else 0
    return Response(
        usage=Usage(input_tokens=_embedded_tokens(answer, vectors)),
        more={semconv.EMBEDDINGS_DIMENSION_COUNT: size} if size else None,
    )


def _embedded_tokens(answer: Any, vectors: Any) -> int | None:
    """Return the prompt's tokens; Vertex AI counts them for each text."""
    if (said := field(answer, "usage_metadata")) is not None:
        return usage(said).input_tokens
    counts = [count(field(field(vector, "statistics"), "token_count")) for vector in vectors]
    known = [tokens for tokens in counts if tokens is not None]
    return sum(known) if known and len(known) == len(counts) else None


class _Said:
    """What one request of a call said it used; a stream says so again with every chunk."""

    __slots__ = ("candidates", "usage")

    def __init__(self, answer: Any = None) -> None:
        self.usage = getattr(answer, "usage_metadata", None)
        self.candidates = getattr(answer, "candidates", None)
        """Of a stream, those of the last chunk that had any: they tell what was searched for."""


class _Told:
    """The chunks of one request as they pass, whether or not the SDK hands them on."""

    __slots__ = ("_chunks", "_said")

    def __init__(self, chunks: Any, said: _Said) -> None:
        self._chunks = chunks
        self._said = said

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._noted(next(self._chunks))

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return self._noted(await anext(self._chunks))

    def _noted(self, chunk: Any) -> Any:
        if (said := getattr(chunk, "usage_metadata", None)) is not None:
            self._said.usage = latest(self._said.usage, said)
        self._said.candidates = getattr(chunk, "candidates", None) or self._said.candidates
        return chunk


_Wrapped: TypeAlias = Callable[..., Any]
_Args: TypeAlias = tuple[Any, ...]
_Kwargs: TypeAlias = dict[str, Any]


def _round(wrapped: _Wrapped, _: Any, args: _Args, kwargs: _Kwargs) -> Any:
    answer = wrapped(*args, **kwargs)
    count_round(_Said(answer))
    return answer


async def _async_round(wrapped: _Wrapped, _: Any, args: _Args, kwargs: _Kwargs) -> Any:
    answer = await wrapped(*args, **kwargs)
    count_round(_Said(answer))
    return answer


def _stream_round(wrapped: _Wrapped, _: Any, args: _Args, kwargs: _Kwargs) -> Any:
    chunks, said = wrapped(*args, **kwargs), _Said()
    return _Told(chunks, said) if count_round(said) else chunks


async def _async_stream_round(wrapped: _Wrapped, _: Any, args: _Args, kwargs: _Kwargs) -> Any:
    chunks, said = await wrapped(*args, **kwargs), _Said()
    return _Told(chunks, said) if count_round(said) else chunks


def _of_round(said: _Said) -> Usage:
    used = usage(said.usage)
    if (ran := searches(said.candidates)) is not None:
        used.web_searches = ran
    return used


_WHOLE = replace(GENERATE_CONTENT, error_type=_error_type, rounds=_of_round)
_STREAM = replace(GENERATE_CONTENT_STREAM, error_type=_error_type, rounds=_of_round)
_awaited = Awaited()


def _begun(interaction: Any) -> Response:
    response = interactions.response(interaction)
    if not response.finish_reasons:
        _awaited.begin(response.id)
    return response


def _fetched(interaction: Any) -> Response:
    response = interactions.response(interaction)
    if response.finish_reasons and _awaited.end(response.id):
        return replace(response, operation="generate_content")
    # That generation failed is no failure of fetching what came of it.
    status = interactions.status(interaction)
    more = None if status is None else {semconv.RESPONSE_STATUS: status}
    return replace(response, usage=Usage(), error_type=None, more=more)


def _fetch_request(arguments: Mapping[str, Any]) -> Request:
    asked = {
        semconv.RESPONSE_ID: text(arguments.get("id")),
        semconv.REQUEST_STREAM_CURSOR: text(arguments.get("last_event_id")),
    }
    return Request(more={name: value for name, value in asked.items() if value is not None})


class _BegunStream(interactions.InteractionStream):
    """Remembers an interaction whose end has not come."""

    __slots__ = ()

    def response(self) -> Response:
        response = super().response()
        ended = response.finish_reasons or response.error_type
        (_awaited.end if ended else _awaited.begin)(response.id)
        return response


class _FetchedStream(interactions.InteractionStream):
    """Follows an interaction again."""

    __slots__ = ()

    def response(self) -> Response:
        response = super().response()
        if response.finish_reasons and _awaited.end(response.id):
            return replace(response, operation="generate_content")
        return replace(response, usage=Usage())


_INTERACTIONS = replace(INTERACTIONS, response=_begun, stream=_BegunStream, error_type=_error_type)
_FETCH = Endpoint(
    "fetch_response",
    _fetch_request,
    _fetched,
    _FetchedStream,
    Content(nothing, interactions.output_messages),
    error_type=_error_type,
)
_DECIDE = replace(GOOGLE_DECISIONS, error_type=_error_type)
_EMBED = Endpoint("embeddings", _embed_request, _embed_response, error_type=_error_type)
_INTERACTIONS_AT = (
    ("_gaos.google_genai", "GeminiNextGenInteractions"),
    ("_gaos.google_genai", "AsyncGeminiNextGenInteractions"),
    ("_interactions.resources.interactions", "InteractionsResource"),  # 2.0
    ("_interactions.resources.interactions", "AsyncInteractionsResource"),
)
_GAOS = "google.genai._gaos.google_genai"
_MODELS, _TOOLS = "google.genai.models", "google.genai._extra_utils"


def _signals() -> Any:
    return GoogleGenAIInstrumentor.telemetry


def _function(args: Mapping[str, Any], function_to_invoke: Any) -> Tool:
    """Describe one run of a Python function that the model called."""
    name = text(getattr(function_to_invoke, "__name__", None))
    described = text(getattr(function_to_invoke, "__doc__", None))
    return Tool(name or type(function_to_invoke).__name__, described, args)


class GoogleGenAIInstrumentor(LLMInstrumentor):
    """Traces the Google GenAI Python SDK."""

    requires = ("google-genai >= 2, < 4",)
    provider = "gcp.gemini"
    hooks = (
        Hook(_MODELS, "Models._generate_content", _round),
        Hook(_MODELS, "Models._generate_content_stream", _stream_round),
        Hook(_MODELS, "AsyncModels._generate_content", _async_round),
        Hook(_MODELS, "AsyncModels._generate_content_stream", _async_stream_round),
        Hook(_TOOLS, "invoke_function_from_dict_args", tool(_signals, _function)),
        Hook(_TOOLS, "invoke_function_from_dict_args_async", tool_async(_signals, _function)),
    )
    patches = (
        tuple(
            Patch(_MODELS, f"{prefix}Models.{name}", endpoint)
            for prefix in ("", "Async")
            for name, endpoint in (
                ("generate_content", _WHOLE),
                ("generate_content_stream", _STREAM),
                ("embed_content", _EMBED),
            )
        )
        + tuple(
            Patch(f"google.genai.{module}", f"{kind}.{name}", endpoint, ("id",), optional=True)
            for module, kind in _INTERACTIONS_AT
            for name, endpoint in (("create", _INTERACTIONS), ("get", _FETCH))
        )
        + tuple(
            Patch(_GAOS, f"{prefix}GeminiNextGenDecisions.create", _DECIDE, optional=True)
            for prefix in ("", "Async")
        )
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by the mode of the client, that of interactions by their host."""
        try:
            client = instance._api_client
            vertex, address = client.vertexai, client._http_options.base_url
        except AttributeError:
            return self._odd_origin(instance)
        if type(address) is str and (vertex is None or type(vertex) is bool):
            return _origin(vertex, address)
        return self._odd_origin(instance)

    def _odd_origin(self, instance: Any) -> Origin:
        """Name it for interactions, and for clients that are none."""
        api = getattr(instance, "_api_client", None)
        address = text(_base_url(api) if api else _address_of(instance)) or ""
        vertex = getattr(api, "vertexai", None)  # a mock of a client may have less, or anything
        return _origin(vertex if isinstance(vertex, bool) else None, address)


@lru_cache(256)
def _origin(vertex: bool | None, address: str) -> Origin:
    """Return whom a base URL leads to; where the client does not say which API, its host does."""
    if vertex is None:
        vertex = "aiplatform" in (server_at(address)[0] or "")
    return origin_at("gcp.vertex_ai" if vertex else GoogleGenAIInstrumentor.provider, address)


def _base_url(api: Any) -> Any:
    return getattr(getattr(api, "_http_options", None), "base_url", None)


def _address_of(interactions: Any) -> str:
    settings = getattr(interactions, "sdk_configuration", None)
    return settings.server_url if settings else str(interactions._client.base_url)
