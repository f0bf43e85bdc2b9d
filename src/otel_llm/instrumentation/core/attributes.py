"""Our dataclasses to attributes: the right name, the right type, nothing that is not known.

A value of a type the conventions do not allow is left out, and so is anything the OTLP encoder
would choke on, because there it would cost the whole batch and not one attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeAlias

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from .guard import swallowed

Value: TypeAlias = str | bool | int | float | tuple[str, ...]
Attributes: TypeAlias = dict[str, Value]
Cleaner: TypeAlias = Callable[[Any], Value | None]

TOO_MANY = 1 << 63
_LISTS, _NUMBERS = (list, tuple), (int, float)
"""To ask ``isinstance`` for: ``list | tuple`` is made anew every time it is written."""


def text(value: Any) -> str | None:
    """Return a string that UTF-8 can carry; an enum gives its value, anything else ``None``."""
    if type(value) is str and value.isascii():
        return value
    if isinstance(value, Enum):
        value = value.value
    return str(value).encode("utf-8", "replace").decode() if isinstance(value, str) else None


def integer(value: Any) -> int | None:
    """Return a 64-bit integer; a whole float counts, a bool does not."""
    if type(value) is int:
        return value if -TOO_MANY <= value < TOO_MANY else None
    if isinstance(value, float) and value.is_integer():
        return integer(int(value))
    return integer(int(value)) if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: Any) -> float | None:
    """Return a float; an integer counts, but for one that no float holds, a bool does not."""
    if value is None or type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def texts(value: Any) -> tuple[str, ...] | None:
    """Return the strings in a list or tuple; a single string is a list of one."""
    if not value:
        return None
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, _LISTS):
        return None
    try:
        if "".join(value).isascii():  # pyright: ignore[reportUnknownArgumentType] - to be found out
            return tuple(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    except TypeError:  # not all are strings
        pass
    cleaned = [text(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return tuple([item for item in cleaned if item is not None]) or None


def _several(value: Any) -> int | None:
    count = integer(value)
    return None if count == 1 else count


def _true(value: Any) -> bool | None:
    return True if value is True else None


def _unusual(value: Any) -> str | None:
    """Return a service tier that is not the one that everybody gets."""
    return None if _is_usual(value) else text(value)


def _is_usual(value: Any) -> bool:
    """Return whether it is the service tier, or the place, that everybody gets."""
    return isinstance(value, str) and value.lower() in _USUAL


_USUAL = frozenset(
    {
        *("auto", "default", "standard", "standard_only", "on_demand", "global", "not_available"),
        *("unspecified", "traffic_type_unspecified", "service_tier_unspecified"),
    }
)
_REQUEST: Mapping[str, tuple[str, Cleaner]] = {
    "stream": (semconv.REQUEST_STREAM, _true),
    "temperature": (semconv.REQUEST_TEMPERATURE, number),
    "top_p": (semconv.REQUEST_TOP_P, number),
    "top_k": (semconv.REQUEST_TOP_K, integer),
    "max_tokens": (semconv.REQUEST_MAX_TOKENS, integer),
    "frequency_penalty": (semconv.REQUEST_FREQUENCY_PENALTY, number),
    "presence_penalty": (semconv.REQUEST_PRESENCE_PENALTY, number),
    "stop_sequences": (semconv.REQUEST_STOP_SEQUENCES, texts),
    "seed": (semconv.REQUEST_SEED, integer),
    "choice_count": (semconv.REQUEST_CHOICE_COUNT, _several),
    "output_type": (semconv.OUTPUT_TYPE, text),
    "reasoning_level": (semconv.REQUEST_REASONING_LEVEL, text),
    "encoding_formats": (semconv.REQUEST_ENCODING_FORMATS, texts),
    "conversation_id": (semconv.CONVERSATION_ID, text),
    "previous_response_id": (semconv.REQUEST_PREVIOUS_RESPONSE_ID, text),
    "service_tier": (semconv.own.REQUEST_SERVICE_TIER, _unusual),
}
_NUMBERS_OF = {field: name for field, (name, clean) in _REQUEST.items() if clean is number}
_USAGE: Mapping[str, str] = {
    "input_tokens": semconv.USAGE_INPUT_TOKENS,
    "output_tokens": semconv.USAGE_OUTPUT_TOKENS,
    "cache_read": semconv.USAGE_CACHE_READ_INPUT_TOKENS,
    "cache_write": semconv.USAGE_CACHE_WRITE_INPUT_TOKENS,
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
_OWN_USAGE: Mapping[str, str] = {
    "cache_write_5m": semconv.own.CACHE_WRITE_5M_TOKENS,
    "cache_write_1h": semconv.own.CACHE_WRITE_1H_TOKENS,
    "web_searches": semconv.own.WEB_SEARCHES,
    "file_searches": semconv.own.FILE_SEARCHES,
}
"""What the conventions have no name for and prices depend on: said where there is any, and five
minutes, for which most is kept, beside an hour alone."""


def add_request(found: Attributes, request: Request) -> None:
    """Add what the request says, the model aside: that is known when the span starts."""
    for field, value in vars(request).items():
        if type(value) is float and field in _NUMBERS_OF:
            found[_NUMBERS_OF[field]] = value
        elif value is not None and field in _REQUEST:
            name, clean = _REQUEST[field]
            if (cleaned := clean(value)) is not None:
                found[name] = cleaned
    if request.more:
        add_more(found, request.more)


def add_response(found: Attributes, response: Response) -> None:
    """Add what the response says, its model and the provider's own aside: see ``Points``."""
    if (id := text(response.id)) is not None:
        found[semconv.RESPONSE_ID] = id
    if (reasons := texts(response.finish_reasons)) is not None:
        found[semconv.RESPONSE_FINISH_REASONS] = reasons
    if response.conversation_id is not None:
        add_more(found, {semconv.CONVERSATION_ID: response.conversation_id})
    if response.own is not None:
        try:
            if priced := response.own():
                _add_priced(found, priced)
        except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
            swallowed("reading what prices depend on", error)
    _add_counts(found, response.usage)


def _add_priced(found: Attributes, said: Mapping[str, Any]) -> None:
    """Add what changes a price: a usual tier only does where another one was asked for."""
    for name, value in said.items():
        told = semconv.own.REQUEST_SERVICE_TIER in found or not _is_usual(value)
        if told and value is not None:
            add_more(found, {name: value})


def _add_counts(found: Attributes, usage: Usage) -> None:
    for field, count in vars(usage).items():
        if field not in _USAGE:
            usual = not count or (field == "cache_write_5m" and not usage.cache_write_1h)
            if not usual and field in _OWN_USAGE and (whole := tokens(count)):
                found[_OWN_USAGE[field]] = whole
        elif type(count) is int and 0 <= count < TOO_MANY:  # as ``tokens`` does, without the call
            found[_USAGE[field]] = count
        elif (whole := tokens(count)) is not None:
            found[_USAGE[field]] = whole


def tokens(count: Any) -> int | None:
    """Return a number of tokens if it is one that a metric can take."""
    if type(count) is int and 0 <= count < TOO_MANY:
        return count
    whole = integer(count)
    return whole if whole is not None and whole >= 0 else None


def add_more(found: Attributes, more: Mapping[str, Any]) -> None:
    """Add a provider's own attributes, each a plain value or a list of strings."""
    for name, value in more.items():
        if type(value) is str and value.isascii():
            found[name] = value
        elif (cleaned := plain(value)) is not None:
            found[name] = cleaned


def plain(value: Any) -> Value | None:
    """Return any value that an attribute may have, cleaned."""
    if type(value) is str:
        return text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return integer(value)
    return value if isinstance(value, float) else text(value) or texts(value)
