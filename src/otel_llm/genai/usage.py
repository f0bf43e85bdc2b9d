"""Tokens of one call, as the provider billed them."""

from __future__ import annotations

from dataclasses import dataclass, fields


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

    def __add__(self, other: Usage) -> Usage:
        """Return both together, as when one call took several rounds; unknown counts as nothing,
        and is unknown in the sum only where it is in both."""
        return Usage(**{name: _plus(getattr(self, name), getattr(other, name)) for name in _COUNTS})


_COUNTS = tuple(field.name for field in fields(Usage))


def _plus(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other
