"""What a framework's embeddings give: vectors, and nothing about what they cost."""

from __future__ import annotations

from typing import Any

from otel_llm import semconv
from otel_llm.genai import Response

from .values import items, known, number


def embedded(answer: Any) -> Response:
    """Read one vector or a list of them, of which only the length is looked at."""
    first = items(answer)[0] if items(answer) else None
    size = len(items(first)) or (len(items(answer)) if number(first) is not None else 0)
    return Response(more=known(**{semconv.EMBEDDINGS_DIMENSION_COUNT: size or None}) or None)
