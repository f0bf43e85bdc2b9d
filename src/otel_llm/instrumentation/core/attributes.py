"""Our dataclasses to attributes: the right name, the right type, nothing that is not known.

A value of a type the conventions do not allow is left out, and so is anything the OTLP encoder
would choke on, because there it would cost the whole batch and not one attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from operator import attrgetter
from typing import Any, TypeAlias

from otel_llm import semconv
from otel_llm.genai import Request, Response

Value: TypeAlias = str | bool | int | float | tuple[str, ...]
Attributes: TypeAlias = dict[str, Value]
Cleaner: TypeAlias = Callable[[Any], Value | None]

_BITS = 64
_TOO_MANY = 1 << (_BITS - 1)


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
        return value if value.bit_length() < _BITS else None
    if isinstance(value, float) and value.is_integer():
        return integer(int(value))
    return integer(int(value)) if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: Any) -> float | None:
    """Return a float; an integer counts, a bool does not."""
    if value is None or type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def texts(value: Any) -> tuple[str, ...] | None:
    """Return the strings in a list or tuple; a single string is a list of one."""
    if not value:
        return None
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, list | tuple):
        return None
    cleaned = [text(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return tuple([item for item in cleaned if item is not None]) or None


def _several(value: Any) -> int | None:
    count = integer(value)
    return None if count == 1 else count


class _Table:
    """Fields of a dataclass, the attributes they become, and how each is cleaned."""

    __slots__ = ("_empty", "_get", "_to")

    def __init__(self, *rows: tuple[str, str, Cleaner]) -> None:
        self._get = attrgetter(*(field for field, _, _ in rows))
        self._to = tuple((name, clean) for _, name, clean in rows)
        self._empty = (None,) * len(rows)

    def write(self, source: Any, attributes: Attributes) -> None:
        """Add what ``source`` knows to ``attributes``."""
        values = self._get(source)
        if values == self._empty:
            return
        for value, (name, clean) in zip(values, self._to, strict=True):
            if value is not None and (cleaned := clean(value)) is not None:
                attributes[name] = cleaned


_REQUEST_SELDOM = _Table(  # whole rows of ``None`` are passed over in one comparison
    ("top_k", semconv.REQUEST_TOP_K, integer),
    ("frequency_penalty", semconv.REQUEST_FREQUENCY_PENALTY, number),
    ("presence_penalty", semconv.REQUEST_PRESENCE_PENALTY, number),
    ("stop_sequences", semconv.REQUEST_STOP_SEQUENCES, texts),
    ("choice_count", semconv.REQUEST_CHOICE_COUNT, _several),
    ("output_type", semconv.OUTPUT_TYPE, text),
    ("reasoning_level", semconv.REQUEST_REASONING_LEVEL, text),
    ("encoding_formats", semconv.REQUEST_ENCODING_FORMATS, texts),
    ("conversation_id", semconv.CONVERSATION_ID, text),
    ("previous_response_id", semconv.REQUEST_PREVIOUS_RESPONSE_ID, text),
)
_USAGE_SELDOM = _Table(
    ("cache_write", semconv.USAGE_CACHE_WRITE_INPUT_TOKENS, integer),
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
_OWN_USAGE = _Table(
    ("cache_write_5m", semconv.own.CACHE_WRITE_5M_TOKENS, integer),
    ("cache_write_1h", semconv.own.CACHE_WRITE_1H_TOKENS, integer),
)


def add_request(found: Attributes, request: Request) -> None:
    """Add what the request says, the model aside: that is known when the span starts."""
    if request.stream is True:
        found[semconv.REQUEST_STREAM] = True
    if (temperature := number(request.temperature)) is not None:
        found[semconv.REQUEST_TEMPERATURE] = temperature
    if (top_p := number(request.top_p)) is not None:
        found[semconv.REQUEST_TOP_P] = top_p
    if (max_tokens := integer(request.max_tokens)) is not None:
        found[semconv.REQUEST_MAX_TOKENS] = max_tokens
    if request.seed is not None:
        _put(found, semconv.REQUEST_SEED, integer(request.seed))
    _REQUEST_SELDOM.write(request, found)
    if request.more:
        _write_more(request.more, found)


def add_response(found: Attributes, response: Response, *, own: bool = False) -> None:
    """Add what the response says; ``own``: also what the conventions have no name for."""
    if (id := text(response.id)) is not None:
        found[semconv.RESPONSE_ID] = id
    if (model := text(response.model)) is not None:
        found[semconv.RESPONSE_MODEL] = model
    if (reasons := texts(response.finish_reasons)) is not None:
        found[semconv.RESPONSE_FINISH_REASONS] = reasons
    if response.conversation_id is not None:
        _put(found, semconv.CONVERSATION_ID, text(response.conversation_id))
    usage = response.usage
    if (asked := integer(usage.input_tokens)) is not None:
        found[semconv.USAGE_INPUT_TOKENS] = asked
    if (wrote := integer(usage.output_tokens)) is not None:
        found[semconv.USAGE_OUTPUT_TOKENS] = wrote
    if usage.cache_read is not None:
        _put(found, semconv.USAGE_CACHE_READ_INPUT_TOKENS, integer(usage.cache_read))
    if usage.reasoning is not None:
        _put(found, semconv.USAGE_REASONING_OUTPUT_TOKENS, integer(usage.reasoning))
    _USAGE_SELDOM.write(usage, found)
    if own:
        _OWN_USAGE.write(usage, found)
    if response.more:
        _write_more(response.more, found)


def _put(found: Attributes, name: str, value: Value | None) -> None:
    if value is not None:
        found[name] = value


def tokens(count: Any) -> int | None:
    """Return a number of tokens if it is one that a metric can take."""
    whole = count if type(count) is int else integer(count)
    return whole if whole is not None and 0 <= whole < _TOO_MANY else None


def _write_more(more: Mapping[str, Any], attributes: Attributes) -> None:
    """Add a provider's own attributes, each a plain value or a list of strings."""
    for name, value in more.items():
        if type(value) is str and value.isascii():
            attributes[name] = value
        elif (cleaned := plain(value)) is not None:
            attributes[name] = cleaned


def plain(value: Any) -> Value | None:
    """Return any value that an attribute may have, cleaned."""
    if type(value) is str:
        return text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return integer(value)
    return value if isinstance(value, float) else text(value) or texts(value)
