"""What is wanted of every GenAI span, read all at once: ``SpanView.facts``.

The facts of a span are a list, one place for each name of the table below; what the span does not
say, or says in another type, is ``None``. Models, operations and counts come again and again, so
that their bytes are decoded once and remembered; ids and measured times do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from otel_llm import semconv
from otel_llm.semconv import own

from .values import (
    as_integer,
    as_number,
    boolean_of,
    decode,
    text_of,
    texts_of,
)

Facts: TypeAlias = list[Any]
Read: TypeAlias = Callable[[Any], Any]
"""Takes a decoded attribute and returns it in the type that is wanted, or ``None``."""


class _Fact(NamedTuple):
    name: str
    read: Read
    comes_again: bool = True
    """Whether the same value is on many spans."""


def _each(read: Read, *names: str) -> tuple[_Fact, ...]:
    return tuple(_Fact(name, read) for name in names)


def _anything(value: object) -> object:
    return value


# In the order in which ``Call`` wants them: whole stretches are handed over at once.
_TABLE: Final = (
    *_each(
        text_of,
        semconv.OPERATION_NAME,
        semconv.PROVIDER_NAME,
        semconv.REQUEST_MODEL,
        semconv.RESPONSE_MODEL,
    ),
    _Fact(semconv.RESPONSE_ID, text_of, False),
    _Fact(semconv.RESPONSE_FINISH_REASONS, texts_of),
    _Fact(semconv.ERROR_TYPE, text_of),
    _Fact(semconv.RESPONSE_TIME_TO_FIRST_CHUNK, as_number, False),
    _Fact(semconv.REQUEST_STREAM, boolean_of),
    _Fact(semconv.CONVERSATION_ID, text_of, False),
    *_each(
        text_of,
        own.USER_ID,
        own.FEATURE,
        own.TEAM,
        semconv.AGENT_NAME,
        semconv.TOOL_NAME,
        semconv.WORKFLOW_NAME,
        semconv.PROMPT_NAME,
        semconv.PROMPT_VERSION,
        semconv.SERVER_ADDRESS,
    ),
    _Fact(own.COST_TOTAL, as_number, False),
    _Fact(own.COST_INPUT, as_number, False),
    _Fact(own.COST_OUTPUT, as_number, False),
    _Fact(own.COST_CACHE_READ, as_number, False),
    _Fact(own.COST_CACHE_WRITE, as_number, False),
    *_each(text_of, own.COST_CURRENCY, own.COST_PRICE_SOURCE, own.COST_PRICE_TIER),
    _Fact(own.COST_REPORTED, as_number, False),
    _Fact(own.QUALITY_FLAGS, texts_of),
    _Fact(own.OUTPUT_LENGTH, as_integer),
    _Fact(own.TAGS, _anything),
    _Fact(semconv.REQUEST_MAX_TOKENS, as_integer),
    _Fact(semconv.RETRIEVAL_DOCUMENTS, _anything),
    _Fact(own.QUALITY_SCORE, as_number, False),
    *_each(  # as ``Usage`` has them
        as_integer,
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
        # what the conventions called ``cache_write`` until September 2026, and most still do
        "gen_ai.usage.cache_creation.input_tokens",
    ),
    *_each(  # service tiers, the served before the requested one
        text_of,
        semconv.OPENAI_RESPONSE_SERVICE_TIER,
        "gen_ai.openai.response.service_tier",
        "gen_ai.response.service_tier",
        semconv.OPENAI_REQUEST_SERVICE_TIER,
        "gen_ai.openai.request.service_tier",
        "gen_ai.request.service_tier",
    ),
    *_each(text_of, "gen_ai.system", own.DUPLICATE_OF, semconv.OUTPUT_TYPE),
    _Fact(own.USAGE_COST, _anything),
)
NAMES: Final = tuple(fact.name for fact in _TABLE)
AT: Final = {name: place for place, name in enumerate(NAMES)}
"""Name to place."""
READ: Final = tuple(fact.read for fact in _TABLE)

OPERATION: Final = AT[semconv.OPERATION_NAME]
PROVIDER: Final = AT[semconv.PROVIDER_NAME]
REQUEST_MODEL: Final = AT[semconv.REQUEST_MODEL]
RESPONSE_MODEL: Final = AT[semconv.RESPONSE_MODEL]
FINISH_REASONS: Final = AT[semconv.RESPONSE_FINISH_REASONS]
ERROR_TYPE: Final = AT[semconv.ERROR_TYPE]
SERVER_ADDRESS: Final = AT[semconv.SERVER_ADDRESS]
COST_TOTAL: Final = AT[own.COST_TOTAL]
COST_REPORTED: Final = AT[own.COST_REPORTED]
FLAGS: Final = AT[own.QUALITY_FLAGS]
TAGS: Final = AT[own.TAGS]
OUTPUT_TOKENS: Final = AT[semconv.USAGE_OUTPUT_TOKENS]
CACHE_CREATION: Final = AT["gen_ai.usage.cache_creation.input_tokens"]
SYSTEM: Final = AT["gen_ai.system"]
DUPLICATE_OF: Final = AT[own.DUPLICATE_OF]
OUTPUT_TYPE: Final = AT[semconv.OUTPUT_TYPE]
USAGE_COST: Final = AT[own.USAGE_COST]
USAGE: Final = slice(AT[semconv.USAGE_INPUT_TOKENS], CACHE_CREATION)
TIERS: Final = slice(AT[semconv.OPENAI_RESPONSE_SERVICE_TIER], SYSTEM)

_MEMORY = 32_768
_LONGEST = 200
"""Bounds of what is remembered: values come from the outside."""


class _Remembered(dict[bytes, Any]):
    """Values by their bytes. Thread-safe: at worst something is decoded twice."""

    __slots__ = ("_read",)

    def __init__(self, read: Read) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, encoded: bytes) -> Any:
        value = self._read(decode(encoded))
        if len(encoded) <= _LONGEST:
            if len(self) >= _MEMORY:
                self.clear()
            self[encoded] = value
        return value


_remembered: dict[Read, Read] = {
    read: _Remembered(read).__getitem__ for read in dict.fromkeys(READ) if read is not _anything
}


def reader(place: int) -> Read:
    """Return what reads the fact at ``place`` from the encoded ``AnyValue``."""
    fact = _TABLE[place]
    if fact.comes_again and fact.read in _remembered:
        return _remembered[fact.read]
    read = fact.read
    return lambda encoded: read(decode(encoded))
