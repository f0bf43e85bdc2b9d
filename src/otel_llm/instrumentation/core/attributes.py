"""Our dataclasses to attributes: the right name, the right type, nothing that is not known.

A value of a type the conventions do not allow is left out, and so is anything the OTLP encoder
would choke on, because there it would cost the whole batch and not one attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, TypeAlias

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

Value: TypeAlias = str | bool | int | float | tuple[str, ...]
Attributes: TypeAlias = dict[str, Value]
Cleaner: TypeAlias = Callable[[Any], Value | None]

_INT64 = 2**63


def text(value: Any) -> str | None:
    """Return a string that UTF-8 can carry; an enum gives its value, anything else ``None``."""
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str):
        return None
    plain = str(value)
    return plain if plain.isascii() else plain.encode("utf-8", "replace").decode()


def integer(value: Any) -> int | None:
    """Return a 64-bit integer; a whole float counts, a bool does not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return int(value) if -_INT64 <= value < _INT64 else None


def number(value: Any) -> float | None:
    """Return a float; an integer counts, a bool does not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def texts(value: Any) -> tuple[str, ...] | None:
    """Return the strings in a list or tuple; a single string is a list of one."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, list | tuple):
        return None
    cleaned = (text(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
    return tuple(item for item in cleaned if item is not None) or None


def _true(value: Any) -> bool | None:
    return True if value is True else None


def _several(value: Any) -> int | None:
    count = integer(value)
    return None if count == 1 else count


_Table: TypeAlias = tuple[tuple[str, str, Cleaner], ...]

_REQUEST: _Table = (
    ("stream", semconv.REQUEST_STREAM, _true),
    ("temperature", semconv.REQUEST_TEMPERATURE, number),
    ("top_p", semconv.REQUEST_TOP_P, number),
    ("top_k", semconv.REQUEST_TOP_K, integer),
    ("max_tokens", semconv.REQUEST_MAX_TOKENS, integer),
    ("frequency_penalty", semconv.REQUEST_FREQUENCY_PENALTY, number),
    ("presence_penalty", semconv.REQUEST_PRESENCE_PENALTY, number),
    ("stop_sequences", semconv.REQUEST_STOP_SEQUENCES, texts),
    ("seed", semconv.REQUEST_SEED, integer),
    ("choice_count", semconv.REQUEST_CHOICE_COUNT, _several),
    ("output_type", semconv.OUTPUT_TYPE, text),
    ("reasoning_level", semconv.REQUEST_REASONING_LEVEL, text),
    ("encoding_formats", semconv.REQUEST_ENCODING_FORMATS, texts),
    ("conversation_id", semconv.CONVERSATION_ID, text),
    ("previous_response_id", semconv.REQUEST_PREVIOUS_RESPONSE_ID, text),
)
_RESPONSE: _Table = (
    ("id", semconv.RESPONSE_ID, text),
    ("model", semconv.RESPONSE_MODEL, text),
    ("finish_reasons", semconv.RESPONSE_FINISH_REASONS, texts),
    ("conversation_id", semconv.CONVERSATION_ID, text),
)
_USAGE: _Table = (
    ("input_tokens", semconv.USAGE_INPUT_TOKENS, integer),
    ("output_tokens", semconv.USAGE_OUTPUT_TOKENS, integer),
    ("cache_read", semconv.USAGE_CACHE_READ_INPUT_TOKENS, integer),
    ("cache_write", semconv.USAGE_CACHE_WRITE_INPUT_TOKENS, integer),
    ("reasoning", semconv.USAGE_REASONING_OUTPUT_TOKENS, integer),
    ("text_input", semconv.USAGE_TEXT_INPUT_TOKENS, integer),
    ("audio_input", semconv.USAGE_AUDIO_INPUT_TOKENS, integer),
    ("image_input", semconv.USAGE_IMAGE_INPUT_TOKENS, integer),
    ("text_output", semconv.USAGE_TEXT_OUTPUT_TOKENS, integer),
    ("audio_output", semconv.USAGE_AUDIO_OUTPUT_TOKENS, integer),
    ("image_output", semconv.USAGE_IMAGE_OUTPUT_TOKENS, integer),
    ("text_cache_read", semconv.USAGE_TEXT_CACHE_READ_INPUT_TOKENS, integer),
    ("audio_cache_read", semconv.USAGE_AUDIO_CACHE_READ_INPUT_TOKENS, integer),
    ("image_cache_read", semconv.USAGE_IMAGE_CACHE_READ_INPUT_TOKENS, integer),
)
_OWN_USAGE: _Table = (
    ("cache_write_5m", semconv.own.CACHE_WRITE_5M_TOKENS, integer),
    ("cache_write_1h", semconv.own.CACHE_WRITE_1H_TOKENS, integer),
)


def of_request(request: Request) -> Attributes:
    """Return what the request says, the model aside: that is known when the span starts."""
    attributes = _read(_REQUEST, request)
    if request.more:
        attributes.update(_cleaned(request.more))
    return attributes


def of_response(response: Response, *, own: bool = False) -> Attributes:
    """Return what the response says; ``own`` adds what the conventions have no name for."""
    attributes = _read(_RESPONSE, response)
    attributes.update(_read(_USAGE, response.usage))
    if own:
        attributes.update(_read(_OWN_USAGE, response.usage))
    if response.more:
        attributes.update(_cleaned(response.more))
    return attributes


def tokens(usage: Usage, field: str) -> int | None:
    """Return one count of ``usage`` if it is a number that a metric can take."""
    count = integer(getattr(usage, field))
    return count if count is not None and count >= 0 else None


def _read(table: Iterable[tuple[str, str, Cleaner]], source: Any) -> Attributes:
    attributes: Attributes = {}
    for field, name, clean in table:
        value = getattr(source, field)
        if value is not None and (cleaned := clean(value)) is not None:
            attributes[name] = cleaned
    return attributes


def _cleaned(more: Mapping[str, Any]) -> Attributes:
    """Return a provider's own attributes, each a plain value or a list of strings."""
    cleaned = {name: _plain(value) for name, value in more.items()}
    return {name: value for name, value in cleaned.items() if value is not None}


def _plain(value: Any) -> Value | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return integer(value)
    return value if isinstance(value, float) else text(value) or texts(value)
