"""Attribute values between Python and their encoded form, without a protobuf object for each."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias, cast

from .wire import NotProtobuf, parse_any, parse_array, parse_key_values

Value: TypeAlias = str | bool | int | float | Sequence[str]
"""What a processor may write into an attribute."""

Decoded: TypeAlias = str | bool | int | float | bytes | list[object] | dict[str, object] | None

_STRING, _INT = 0x0A, 0x18
"""First byte of an encoded ``AnyValue``: field number and wire type."""

_MEMORY = 4096
_SHORT = 66
_seen: dict[bytes, Decoded] = {}
"""What short values decode to: models, providers and small counts come again and again."""


def decode(encoded: bytes) -> Decoded:
    """Return the Python value of an ``AnyValue``: ``list`` for arrays, ``dict`` for maps.

    ``None`` when it is empty, no protobuf, or nested deeper than Python can follow. Invalid UTF-8
    is replaced, never an error.
    """
    known = _seen.get(encoded)
    if known is not None:
        return known
    try:
        value = _decode(encoded)
    except (NotProtobuf, RecursionError):
        return None
    if len(encoded) < _SHORT and not isinstance(value, list | dict):  # those could be changed
        if len(_seen) >= _MEMORY:
            _seen.clear()
        _seen[encoded] = value
    return value


def _decode(encoded: bytes) -> Decoded:
    size = len(encoded)
    if 1 < size < _SHORT:  # the two forms that nearly every value has, at a third of the price
        if encoded[0] == _STRING and encoded[1] == size - 2:
            return str(encoded[2:], errors="replace")
        if encoded[0] == _INT and size < 6 and (number := _small_int(encoded)) is not None:
            return number
    value = parse_any(encoded)
    match value.WhichOneof("value"):
        case "string_value":
            return as_text(value.string_value)
        case "array_value":
            return [_decode(item) for item in parse_array(value.array_value).values]
        case "kvlist_value":
            pairs = parse_key_values(value.kvlist_value).values
            return {as_text(pair.key): _decode(pair.value) for pair in pairs}
        case None:
            return None
        case scalar:
            return cast("Decoded", getattr(value, scalar))


def _small_int(encoded: bytes) -> int | None:
    """Return the integer when ``encoded`` holds that field once and nothing else."""
    number = encoded[-1]
    for byte in encoded[-2:0:-1]:
        if byte < 128:
            return None
        number = number << 7 | byte & 127
    return number if encoded[-1] < 128 else None


def as_text(value: str | bytes) -> str:
    """Return text as protobuf hands it out: ``bytes`` when it is no UTF-8."""
    return value if isinstance(value, str) else value.decode(errors="replace")


_KEY, _VALUE, _SPAN_ATTRIBUTE = b"\x0a", b"\x12", b"\x4a"
_INT64 = range(-(1 << 63), 1 << 63)
_TRUE, _FALSE = b"\x10\x01", b"\x10\x00"
_pack_double = struct.Struct("<d").pack


def varint(number: int) -> bytes:
    """Encode a number from 0 to 2**64 - 1."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(tag: bytes, content: bytes) -> bytes:
    """Encode a length-delimited field."""
    return tag + varint(len(content)) + content


def encode(value: Value) -> bytes:
    """Encode an ``AnyValue``. An integer beyond 64 bits becomes text: OTLP has no room for it."""
    if isinstance(value, str):
        return field(b"\x0a", value.encode(errors="replace"))
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, int):
        return b"\x18" + varint(value % (1 << 64)) if value in _INT64 else encode(str(value))
    if isinstance(value, float):
        return b"\x21" + _pack_double(value)
    return field(b"\x2a", b"".join(field(_KEY, encode(item)) for item in value))


def span_attribute(name: str, value: Value) -> bytes:
    """Encode one attribute as it stands in a span, ready to be appended to the span's bytes."""
    if isinstance(value, float):
        return _double_prefix(name) + _pack_double(value)
    if isinstance(value, str) and len(value) > _SHORT:
        return _span_attribute(name, value)
    return _short_span_attribute(name, value)


def _span_attribute(name: str, value: Value) -> bytes:
    encoded = field(_KEY, name.encode()) + field(_VALUE, encode(value))
    return field(_SPAN_ATTRIBUTE, encoded)


# ``typed``: 1, 1.0 and True are equal, and not the same attribute.
_short_span_attribute = lru_cache(maxsize=_MEMORY, typed=True)(_span_attribute)


@lru_cache(maxsize=1024)
def _double_prefix(name: str) -> bytes:
    return _span_attribute(name, 0.0)[:-8]
