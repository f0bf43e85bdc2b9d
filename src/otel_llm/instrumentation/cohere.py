"""Cohere SDK (``cohere``): chat, embeddings, reranking of both versions of the API, ``generate``.

``Client.embed`` sends its texts in batches from threads and is one call. The methods of
``with_raw_response`` are patched where they are, since they do not pass through the others. Not
covered: what bills neither tokens nor searches (``classify``, ``summarize``). ``embed_stream`` goes
through ``embed`` batch by batch. Clients of a cloud compute the host of each request as they send
it, so that nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from opentelemetry.context import create_key, get_current, get_value, set_value

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from .core import Endpoint, Hook, LLMInstrumentor, Message, Origin, Patch
from .core.activation import activate, release
from .shapes import cohere_v1 as v1
from .shapes import cohere_v2 as v2
from .shapes.embeddings import numbers_in
from .shapes.endpoints import streamed
from .shapes.hosts import origin_at
from .shapes.rerank import CONTENT as RERANK_CONTENT
from .shapes.rerank import RERANK, documents
from .shapes.values import count, field, fields, integer, items, text, texts


def _embed_request(arguments: Mapping[str, Any]) -> Request:
    asked = integer(arguments.get("output_dimension"))
    return Request(
        model=text(arguments.get("model")),
        encoding_formats=texts(arguments.get("embedding_types")),
        more=None if asked is None else {semconv.EMBEDDINGS_DIMENSION_COUNT: asked},
    )


def _embedded(answer: Any) -> Response:
    answer = v2.unwrapped(answer)
    size = _dimensions(field(answer, "embeddings"))
    return Response(
        usage=Usage(_embedded_tokens(field(answer, "meta"))),
        more={semconv.EMBEDDINGS_DIMENSION_COUNT: size} if size else None,
    )


def _embedded_tokens(meta: Any) -> int | None:
    """Return what is billed: tokens of pictures are told beside those of words."""
    asked = v2.usage(meta).input_tokens
    billed = fields(field(meta, "billed_units"))
    words, pictures = count(billed.get("input_tokens")), count(billed.get("image_tokens"))
    if not pictures:
        return asked
    return max(asked or 0, pictures) if words is None else words + pictures


def _dimensions(embeddings: Any) -> int:
    """Return the size of the first vector."""
    return len(items(next(iter(numbers_in(embeddings) or items(embeddings)), None)))


_EMBED = Endpoint("embeddings", _embed_request, _embedded)
_BATCH = create_key("otel-llm-cohere-batch")
"""Inside one batch of ``Client.embed``, which may be in a thread that knows nothing of its call."""


def _batch(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    token = activate(set_value(_BATCH, True, get_current()))
    try:
        return wrapped(*args, **kwargs)
    finally:
        release(token)


def _raw_embed(instance: Any, arguments: Mapping[str, Any]) -> Endpoint | None:
    return None if get_value(_BATCH) else _EMBED


def _raw_documents(answer: Any) -> Sequence[Message]:
    return documents(v2.unwrapped(answer))


def _held(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint of a context manager of a response whose data is the stream."""
    return replace(streamed(endpoint), pending="_data")


_RAW_RERANK = replace(RERANK, content=replace(RERANK_CONTENT, output_messages=_raw_documents))
_PATCHES = (
    ("cohere.v2.client", "V2Client.chat", v2.CHAT),
    ("cohere.v2.client", "V2Client.chat_stream", streamed(v2.CHAT)),
    ("cohere.v2.client", "V2Client.embed", _EMBED),
    ("cohere.v2.raw_client", "RawV2Client.chat", v2.CHAT),
    ("cohere.v2.raw_client", "RawV2Client.embed", _EMBED),
    ("cohere.base_client", "BaseCohere.chat", v1.CHAT),
    ("cohere.base_client", "BaseCohere.chat_stream", streamed(v1.CHAT)),
    ("cohere.base_client", "BaseCohere.generate", v1.GENERATE),
    ("cohere.base_client", "BaseCohere.generate_stream", streamed(v1.GENERATE)),
    ("cohere.raw_base_client", "RawBaseCohere.chat", v1.CHAT),
    ("cohere.raw_base_client", "RawBaseCohere.generate", v1.GENERATE),
    ("cohere.client", "Client.embed", _EMBED),
    ("cohere.v2.client", "V2Client.rerank", RERANK),
    ("cohere.base_client", "BaseCohere.rerank", RERANK),
    ("cohere.v2.raw_client", "RawV2Client.rerank", _RAW_RERANK),
    ("cohere.raw_base_client", "RawBaseCohere.rerank", _RAW_RERANK),
    ("cohere.raw_base_client", "RawBaseCohere.embed", _EMBED),
    ("cohere.v2.raw_client", "RawV2Client.chat_stream", _held(v2.CHAT)),
    ("cohere.raw_base_client", "RawBaseCohere.chat_stream", _held(v1.CHAT)),
    ("cohere.raw_base_client", "RawBaseCohere.generate_stream", _held(v1.GENERATE)),
)
_CLOUDS = {"Bedrock": "aws.bedrock", "Sagemaker": "aws.sagemaker", "Oci": "oci"}
"""By the beginning of the client's class name."""


@lru_cache(64)
def _cloud_of(client: type[Any]) -> Origin | None:
    """Return the cloud that a client is for, whatever host it names."""
    names = [kind.__name__ for kind in client.__mro__]
    found = (p for cloud, p in _CLOUDS.items() if any(name.startswith(cloud) for name in names))
    provider = next(found, None)
    return None if provider is None else Origin(provider)


class CohereInstrumentor(LLMInstrumentor):
    """Traces the Cohere Python SDK."""

    requires = ("cohere >= 5.20, < 8",)
    provider = "cohere"
    hooks = (Hook("cohere.base_client", "BaseCohere.embed", _batch),)
    patches = tuple(
        Patch(
            module,
            prefix + name,
            endpoint,
            optional="raw" in module,
            choose=_raw_embed if name == "RawBaseCohere.embed" else None,
            manager=endpoint.pending is not None,
        )
        for module, name, endpoint in _PATCHES
        for prefix in ("", "Async")
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the server the client speaks to."""
        if (cloud := _cloud_of(instance.__class__)) is not None:
            return cloud
        wrapped = instance if hasattr(instance, "_client_wrapper") else instance._raw_client
        address: str = wrapped._client_wrapper.get_base_url()  # ``client.v2`` has a raw client only
        return origin_at(self.provider, address)
