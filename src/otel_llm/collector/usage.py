"""Token counts of one call, read from a span's attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_llm import semconv
from otel_llm.genai import Usage
from otel_llm.semconv import own

from .values import as_integer

if TYPE_CHECKING:
    from .data import SpanView

_CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"
"""What the conventions called ``cache_write`` until September 2026, and most senders still do."""

_NAMES = (  # in the order of ``Usage``
    semconv.USAGE_INPUT_TOKENS,
    semconv.USAGE_OUTPUT_TOKENS,
    semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
    own.CACHE_WRITE_5M_TOKENS,
    own.CACHE_WRITE_1H_TOKENS,
    semconv.USAGE_REASONING_OUTPUT_TOKENS,
    semconv.USAGE_TEXT_INPUT_TOKENS,
    semconv.USAGE_AUDIO_INPUT_TOKENS,
    semconv.USAGE_IMAGE_INPUT_TOKENS,
    semconv.USAGE_TEXT_OUTPUT_TOKENS,
    semconv.USAGE_AUDIO_OUTPUT_TOKENS,
    semconv.USAGE_IMAGE_OUTPUT_TOKENS,
    semconv.USAGE_TEXT_CACHE_READ_INPUT_TOKENS,
    semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS,
    semconv.USAGE_IMAGE_CACHE_READ_INPUT_TOKENS,
)


def read_usage(span: SpanView) -> Usage:
    """Return the counts on ``span``; what is not there, or is no number, is ``None``."""
    usage = Usage(
        *[
            count if count is None or type(count) is int else as_integer(count)
            for count in span.read_all(_NAMES)
        ]
    )
    if usage.cache_write is None:
        usage.cache_write = span.integer(_CACHE_CREATION)
    return usage
