"""Tokens of one call, as the provider billed them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Usage:
    """Token counts; ``None``: the provider did not say.

    ``input_tokens`` includes cached reads and writes, ``output_tokens`` includes reasoning
    (GenAI conventions, notes on ``gen_ai.usage.*``). All other counts are subsets of those two.
    An instrumentor adds up where its provider reports them apart.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_5m: int | None = None
    """Part of ``cache_write`` kept for five minutes (Anthropic, Bedrock)."""
    cache_write_1h: int | None = None
    reasoning: int | None = None
    text_input: int | None = None
    audio_input: int | None = None
    image_input: int | None = None
    text_output: int | None = None
    audio_output: int | None = None
    image_output: int | None = None
    text_cache_read: int | None = None
    audio_cache_read: int | None = None
    image_cache_read: int | None = None
