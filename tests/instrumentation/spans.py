"""What many tests ask of a span."""

from __future__ import annotations

from typing import Any


def streamed(span: dict[str, Any]) -> dict[str, Any]:
    """The span without its first chunk's time, which must be there."""
    assert span.pop("gen_ai.response.time_to_first_chunk") > 0
    assert span.pop("gen_ai.request.stream") is True
    return span


def tokens(span: dict[str, Any]) -> tuple[Any, Any]:
    """What went in and came out."""
    return span.get("gen_ai.usage.input_tokens"), span.get("gen_ai.usage.output_tokens")
