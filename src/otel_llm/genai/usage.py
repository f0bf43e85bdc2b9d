"""What one call used, as the provider billed it: tokens, and searches that it ran itself."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(init=False)
class Usage:
    """Counts; ``None``: the provider did not say.

    ``vars`` has no more than what was set, like that of a ``Request``.

    ``input_tokens`` includes cached reads and writes, ``output_tokens`` includes reasoning
    (GenAI conventions, notes on ``gen_ai.usage.*``). All other counts of tokens are subsets of
    those two. An instrumentor adds up where its provider reports them apart.
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
    web_searches: int | None = None
    """Searches of the web that the provider ran and charges for, each by itself."""
    file_searches: int | None = None
    """The same of files that were stored with it."""

    def __init__(
        self,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        *subsets: int | None,
        **named: int | None,
    ) -> None:
        """Take the counts in the order above or by their names; raises ``TypeError`` for others."""
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        if subsets:
            self.__dict__.update(zip(COUNTS[2:], subsets, strict=False))
        if named:
            if not _NAMES.issuperset(named):
                raise TypeError(f"no counts: {sorted(named.keys() - _NAMES)}")
            self.__dict__.update(named)

    @classmethod
    def of(cls, counts: dict[str, int | None]) -> Usage:
        """Return usage that holds ``counts``, by the names above: it takes the very mapping, at a
        fifth of the price."""
        usage = cls.__new__(cls)
        usage.__dict__ = counts
        return usage

    def __add__(self, other: Usage) -> Usage:
        """Return both together, as when one call took several rounds; unknown counts as nothing,
        and is unknown in the sum only where it is in both."""
        return Usage(**{name: _plus(getattr(self, name), getattr(other, name)) for name in COUNTS})


COUNTS = tuple(field.name for field in fields(Usage))
"""The names of the counts, in their order."""
_NAMES = frozenset(COUNTS)


def _plus(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other
