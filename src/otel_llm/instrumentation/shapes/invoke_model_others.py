"""Bedrock's InvokeModel of models that do not talk: embeddings, reranking and pictures.

What kind of call it is, the model's name tells; behind the ARN of an inference profile, the keys of
the body do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Message
from . import rerank
from .embeddings import numbers_in
from .invoke_model import body_of, filled, of_headers
from .values import count, field, integer, items, text

_NAMES = (
    ("embed", "embeddings"),
    ("rerank", "retrieval"),
    ("image", "generate_content"),
    ("canvas", "generate_content"),
    ("stability.", "generate_content"),
)
"""What is in the names of such models."""
_KEYS = (
    (re.compile(r'"(messages|message|chat_history)"\s*:'), "chat"),
    (re.compile(r'"(input_type|embedding_types|embeddingTypes|normalize)"\s*:'), "embeddings"),
    (re.compile(r'"query"\s*:.*"documents"\s*:|"documents"\s*:.*"query"\s*:', re.S), "retrieval"),
    (re.compile(r'"(imageGenerationConfig|text_prompts)"\s*:'), "generate_content"),
)
"""What is in their bodies, and not in those of others."""


def operation(parameters: Mapping[str, Any]) -> str:
    """Return what kind of call this is, as ``gen_ai.operation.name`` has it."""
    model = text(parameters.get("modelId")) or ""
    named = next((kind for word, kind in _NAMES if word in model), None)
    return named or _by_keys(parameters.get("body"))


def _by_keys(body: Any) -> str:
    said = bytes(body).decode(errors="replace") if isinstance(body, bytes | bytearray) else body
    if not isinstance(said, str):
        return "chat"  # a file, which is not ours to read
    return next((kind for keys, kind in _KEYS if keys.search(said)), "text_completion")


def embed_request(parameters: Mapping[str, Any]) -> Request:
    """Read the parameters for an embeddings model."""
    size = integer(body_of(parameters.get("body")).get("dimensions"))
    return Request(
        model=text(parameters.get("modelId")),
        more=None if size is None else {semconv.EMBEDDINGS_DIMENSION_COUNT: size},
    )


def embed_response(answer: Any) -> Response:
    """Read an answer of an embeddings model; the vectors only for their length."""
    body = body_of(field(answer, "body"))
    usage = Usage(input_tokens=count(body.get("inputTextTokenCount")))
    size = len(_vector(body))
    return Response(
        usage=Usage(input_tokens=filled(usage, of_headers(answer)).input_tokens),
        more={semconv.EMBEDDINGS_DIMENSION_COUNT: size} if size else None,
    )


def _vector(body: Mapping[str, Any]) -> Sequence[Any]:
    if "embedding" in body:
        return items(body["embedding"])
    vectors = body.get("embeddings")
    typed = numbers_in(vectors) or items(vectors)
    first = typed[0] if typed else None
    return items(field(first, "embedding")) or items(first)  # Nova's are objects


def rerank_request(parameters: Mapping[str, Any]) -> Request:
    """Read the parameters for a reranking model."""
    asked = rerank.request(body_of(parameters.get("body")))
    asked.model = text(parameters.get("modelId"))
    return asked


def rerank_query(parameters: Mapping[str, Any]) -> str | None:
    """Return what documents were ranked for."""
    return text(body_of(parameters.get("body")).get("query"))


def reranked(answer: Any) -> Sequence[Message]:
    """Return what was ranked: place in the caller's list and score."""
    return rerank.documents(body_of(field(answer, "body")))


def picture_request(parameters: Mapping[str, Any]) -> Request:
    """Read the parameters for a model that draws."""
    body = body_of(parameters.get("body"))
    config = body.get("imageGenerationConfig")  # Amazon's
    return Request(
        model=text(parameters.get("modelId")),
        seed=integer(body.get("seed") if config is None else field(config, "seed")),
        choice_count=integer(field(config, "numberOfImages")),
        output_type="image",
    )


def picture_response(answer: Any) -> Response:
    """Read an answer of a model that draws: what the headers count, and never the pictures."""
    return Response(usage=of_headers(answer))


def picture_input(parameters: Mapping[str, Any]) -> list[Message]:
    """Return the words of the prompt."""
    body = body_of(parameters.get("body"))
    prompts = [body.get("prompt"), field(body.get("textToImageParams"), "text")]
    prompts += [field(one, "text") for one in items(body.get("text_prompts"))]
    parts = [{"type": "text", "content": said} for said in prompts if text(said)]
    return [{"role": "user", "parts": parts}] if parts else []
