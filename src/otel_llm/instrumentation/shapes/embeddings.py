"""The ``/embeddings`` shape. The vectors themselves are never looked at beyond their length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Endpoint
from .values import count, field, integer, items, text


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``."""
    format = text(arguments.get("encoding_format"))
    asked = integer(arguments.get("dimensions"))
    return Request(
        model=text(arguments.get("model")),
        encoding_formats=[format] if format else None,
        more=None if asked is None else {semconv.EMBEDDINGS_DIMENSION_COUNT: asked},
    )


def response(answer: Any) -> Response:
    """Read an answer. Output tokens stay unknown: an embedding has none."""
    return Response(
        model=text(field(answer, "model")),
        usage=Usage(input_tokens=count(field(field(answer, "usage"), "prompt_tokens"))),
        more=_dimensions(answer),
    )


def _dimensions(answer: Any) -> dict[str, Any] | None:
    """Return the size of the first vector; a base64 string holds four bytes per number."""
    vectors = items(field(answer, "data"))
    vector = field(vectors[0], "embedding") if vectors else None
    size = len(vector) // 4 * 3 // 4 if isinstance(vector, str) else len(items(vector))
    return {semconv.EMBEDDINGS_DIMENSION_COUNT: size} if size else None


def numbers_in(vectors: Any) -> Sequence[Any]:
    """Return Cohere's vectors of one kind that has an element for each number; others pack them."""
    kinds = (items(field(vectors, kind)) for kind in ("float_", "float", "int8", "uint8"))
    return next(filter(None, kinds), ())


EMBEDDINGS = Endpoint("embeddings", request, response)
"""Embeddings as any compatible host speaks them."""
