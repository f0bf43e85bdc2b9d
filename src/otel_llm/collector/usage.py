"""Token counts of one call, read from a span's attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.genai import Usage
from otel_llm.semconv import own

if TYPE_CHECKING:
    from .data import SpanView

_CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"
"""What the conventions called ``cache_write`` until September 2026, and most senders still do."""

_RARE = {
    "cache_write_5m": own.CACHE_WRITE_5M_TOKENS,
    "cache_write_1h": own.CACHE_WRITE_1H_TOKENS,
    "reasoning": semconv.USAGE_REASONING_OUTPUT_TOKENS,
    "text_input": semconv.USAGE_TEXT_INPUT_TOKENS,
    "audio_input": semconv.USAGE_AUDIO_INPUT_TOKENS,
    "image_input": semconv.USAGE_IMAGE_INPUT_TOKENS,
    "text_output": semconv.USAGE_TEXT_OUTPUT_TOKENS,
    "audio_output": semconv.USAGE_AUDIO_OUTPUT_TOKENS,
    "image_output": semconv.USAGE_IMAGE_OUTPUT_TOKENS,
    "text_cache_read": semconv.USAGE_TEXT_CACHE_READ_INPUT_TOKENS,
    "audio_cache_read": semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS,
    "image_cache_read": semconv.USAGE_IMAGE_CACHE_READ_INPUT_TOKENS,
}


def read_usage(span: SpanView) -> Usage:
    """Return the counts on ``span``; what is not there, or is no number, is ``None``."""
    usage = Usage(
        span.integer(semconv.USAGE_INPUT_TOKENS),
        span.integer(semconv.USAGE_OUTPUT_TOKENS),
        span.integer(semconv.USAGE_CACHE_READ_INPUT_TOKENS),
        span.integer(semconv.USAGE_CACHE_WRITE_INPUT_TOKENS),
    )
    if usage.cache_write is None:
        usage.cache_write = span.integer(_CACHE_CREATION)
    for field, name in _RARE.items():
        if span.has(name):
            setattr(usage, field, span.integer(name))
    return usage
