"""Usage as buckets that do not overlap: each token is in one, so each is billed once."""

from __future__ import annotations

from typing import Final, NamedTuple

from otel_llm.genai import Usage

MOST: Final = 10**9
"""Tokens of one call. No model takes a hundredth of it: such a count is a bug of its sender, and
one would outweigh a year of bills."""


class Tokens(NamedTuple):
    """Counts of one call, disjoint except for ``prompt``, the sum of all input; tokens but for the
    searches."""

    prompt: int
    input: int
    cache_read: int
    cache_write: int
    """Kept for five minutes, or for a time that the provider did not say."""
    output: int
    cache_write_1h: int = 0
    reasoning: int = 0
    audio_input: int = 0
    image_input: int = 0
    audio_cache_read: int = 0
    image_cache_read: int = 0
    audio_output: int = 0
    image_output: int = 0
    web_searches: int = 0
    file_searches: int = 0
    quality: str | None = None
    """Why the split is not beyond doubt: ``exclusive_input``, ``exclusive_reasoning`` or
    ``inconsistent_usage``."""


_TWO = 2
"""Input and output, and nothing else."""
_OF_TEXT = frozenset({"input_tokens", "output_tokens", "cache_read", "cache_write", "reasoning"})


def disjoint(usage: Usage) -> Tokens | None:
    """Split ``usage``; ``None`` when input or output is unknown, negative or beyond belief.

    ``input_tokens`` includes cache reads and writes (conventions, notes on ``gen_ai.usage.*``).
    Where reads and writes exceed it, the sender reported them apart, and it is all uncached.
    """
    prompt, output = usage.input_tokens, usage.output_tokens
    if prompt is None or output is None or not (0 <= prompt <= MOST and 0 <= output <= MOST):
        return None
    return _text(usage, prompt, output) or _any(usage, prompt, output)


def _text(usage: Usage, prompt: int, output: int) -> Tokens | None:
    """Split what holds nothing but text and adds up, as nearly always, at a fraction of the price:
    counts that a sender did not give are not even looked for."""
    given = vars(usage)
    if len(given) == _TWO:
        return Tokens(prompt, prompt, 0, 0, output)
    if not given.keys() <= _OF_TEXT:
        return None
    read, write, reasoning = usage.cache_read or 0, usage.cache_write or 0, usage.reasoning or 0
    uncached = prompt - read - write
    if read < 0 or write < 0 or uncached < 0 or not 0 <= reasoning <= output:
        return None
    return Tokens(prompt, uncached, read, write, output - reasoning, 0, reasoning)


def _any(usage: Usage, prompt: int, output: int) -> Tokens:
    read, write, long = _cached(usage)
    uncached = prompt - read - write
    quality = None
    if uncached < 0:
        uncached, prompt, quality = prompt, prompt + read + write, "exclusive_input"
    plain = Tokens(
        prompt,
        uncached,
        read,
        write - long,
        output,
        long,
        web_searches=_count(usage.web_searches),
        file_searches=_count(usage.file_searches),
        quality=quality,
    )
    return _output_parts(_input_parts(plain, usage), usage)


def _cached(usage: Usage) -> tuple[int, int, int]:
    """Return cache reads, cache writes and the part of the writes that is kept for an hour."""
    read, write = _count(usage.cache_read), _count(usage.cache_write)
    if usage.cache_write_5m is None and usage.cache_write_1h is None:
        return read, write, 0
    short, long = _count(usage.cache_write_5m), _count(usage.cache_write_1h)
    return read, max(write, short + long), long


def _input_parts(tokens: Tokens, usage: Usage) -> Tokens:
    audio, image = _count(usage.audio_input), _count(usage.image_input)
    audio_read = min(_count(usage.audio_cache_read), audio)
    image_read = min(_count(usage.image_cache_read), image)
    if usage.audio_cache_read is None and usage.image_cache_read is None:
        # the split of the cached part is unknown: text is cached first
        beyond = min(max(audio + image - tokens.input, 0), tokens.cache_read)
        audio_read = min(beyond, audio)
        image_read = beyond - audio_read
    audio, image = audio - audio_read, image - image_read
    rest = tokens.input - audio - image
    read = tokens.cache_read - audio_read - image_read
    if rest < 0 or read < 0:
        return tokens._replace(quality="inconsistent_usage")
    return tokens._replace(
        input=rest,
        cache_read=read,
        audio_input=audio,
        image_input=image,
        audio_cache_read=audio_read,
        image_cache_read=image_read,
    )


def _output_parts(tokens: Tokens, usage: Usage) -> Tokens:
    audio, image = _count(usage.audio_output), _count(usage.image_output)
    reasoning = _count(usage.reasoning)
    rest = tokens.output - audio - image - reasoning
    if rest >= 0:
        return tokens._replace(
            output=rest, reasoning=reasoning, audio_output=audio, image_output=image
        )
    if reasoning > tokens.output:  # output must include reasoning; here it was reported apart
        return tokens._replace(reasoning=reasoning, quality="exclusive_reasoning")
    return tokens._replace(quality="inconsistent_usage")


def _count(reported: int | None) -> int:
    return reported if reported is not None and 0 < reported <= MOST else 0
