"""Attribute values between Python and their encoded form, without a protobuf object for each."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import NamedTuple, TypeAlias, cast

from .slim import NotProtobuf, parse_any, parse_array, parse_key_values

Value: TypeAlias = str | bool | int | float | Sequence[str]
"""What a processor may write into an attribute."""

Decoded: TypeAlias = (
    str | bool | int | float | bytes | tuple[str, ...] | list[object] | dict[str, object] | None
)

_STRING, _BOOL, _INT, _DOUBLE, _ARRAY = 0x0A, 0x10, 0x18, 0x21, 0x2A
"""First byte of an encoded ``AnyValue``: field number and wire type."""
_unpack_double = struct.Struct("<xd").unpack


def decode(encoded: bytes) -> Decoded:
    """Return the Python value of an ``AnyValue``: ``dict`` for maps, ``list`` for arrays
    but ``tuple`` for a short one of strings alone.

    ``None`` when it is empty, no protobuf, or nested deeper than Python can follow. Invalid UTF-8
    is replaced, never an error.
    """
    size = len(encoded)
    if 1 < size < 130:  # the forms that nearly every value has, at a third of protobuf's price
        kind = encoded[0]
        if kind == _STRING and encoded[1] == size - 2:
            return encoded[2:].decode("utf-8", "replace")
        if kind == _INT and size < 5 and (number := _small_int(encoded)) is not None:
            return number
        if kind == _DOUBLE and size == 9:
            return _unpack_double(encoded)[0]
        if kind == _BOOL and size == 2:
            return encoded[1] != 0
        if kind == _ARRAY and (texts := _short_texts(encoded)) is not None:
            return texts
    try:
        return _decode(encoded)
    except (NotProtobuf, RecursionError):
        return None


def _small_int(encoded: bytes) -> int | None:
    """Decode an integer of up to three bytes that stands alone."""
    size, first = len(encoded), encoded[1]
    if size == 2 and first < 128:
        return first
    if size == 3 and first > 127 and encoded[2] < 128:
        return first & 127 | encoded[2] << 7
    if size == 4 and first > 127 and encoded[2] > 127 and encoded[3] < 128:
        return first & 127 | (encoded[2] & 127) << 7 | encoded[3] << 14
    return None


@lru_cache(maxsize=1024)
def _short_texts(encoded: bytes) -> tuple[str, ...] | None:
    """Decode an array of strings: finish reasons and flags come again and again."""
    try:
        items = _decode(encoded)
    except (NotProtobuf, RecursionError):
        return None
    if not isinstance(items, list):
        return None
    texts = [item for item in items if isinstance(item, str)]
    return tuple(texts) if len(texts) == len(items) else None


def _decode(encoded: bytes) -> Decoded:
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


def as_text(value: str | bytes) -> str:
    """Return text as protobuf hands it out: ``bytes`` when it is no UTF-8."""
    return value if isinstance(value, str) else value.decode(errors="replace")


def as_number(value: object) -> int | float | None:
    """Return the number a decoded attribute stands for, as ``SpanView.number`` does."""
    if isinstance(value, str):
        value = _spelled(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # JSON may spell a number that none of a machine is.
    known = isfinite(value) if isinstance(value, float) else value in _INT64
    return value if known else None


def as_integer(value: object) -> int | None:
    """Return the whole number a decoded attribute stands for, as ``SpanView.integer`` does."""
    if type(value) is int:
        return value
    number = as_number(value)
    return int(number) if number is not None and number == int(number) in _INT64 else None


def text_of(value: object) -> str | None:
    """Return a decoded attribute that is a string."""
    return value if isinstance(value, str) else None


def boolean_of(value: object) -> bool | None:
    """Return a decoded attribute that is a bool."""
    return value if isinstance(value, bool) else None


def texts_of(value: object) -> tuple[str, ...] | None:
    """Return the strings of a decoded attribute, as ``SpanView.texts`` does."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        return tuple([item for item in items if isinstance(item, str)])
    return None


def _spelled(text: str) -> int | float | None:
    try:
        return int(text) if text.isdigit() and len(text) < 19 else float(text)
    except ValueError:
        return None


_KEY, _VALUE, _SPAN_ATTRIBUTE = b"\x0a", b"\x12", b"\x4a"
_INT64 = range(-(1 << 63), 1 << 63)
_TRUE, _FALSE = b"\x10\x01", b"\x10\x00"
_pack_double = struct.Struct("<d").pack


_ONE_BYTE = [bytes((number,)) for number in range(128)]


def varint(number: int) -> bytes:
    """Encode a number from 0 to 2**64 - 1."""
    if number < 128:
        return _ONE_BYTE[number]
    if number < 16_384:
        return bytes((number & 127 | 128, number >> 7))
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


def span_attributes(values: Mapping[str, Value | None]) -> bytes:
    """Encode attributes as they stand in a span, ready to be appended to its bytes. ``None`` is
    left out."""
    given = tuple(values.values())
    known = sum(map(len, values)) <= _LONGEST_KNOWN  # names come from the outside
    plan = (_plan if known else _plan.__wrapped__)(tuple(values), tuple(map(type, given)))
    out = [prefix + _pack_double(cast("float", given[at])) for prefix, at in plan.doubles]
    out += [span_attribute(name, cast("Value", given[at])) for name, at in plan.others]
    if plan.constant_names:
        out.append(_constants(plan.constant_names, tuple([given[at] for at in plan.constant_at])))
    return b"".join(out)


_LONGEST_KNOWN = 16 * 2**10


class _Plan(NamedTuple):
    """How to encode values of these names and types: what the spans of one processor share."""

    doubles: list[tuple[bytes, int]]
    """All of the encoded attribute but the eight bytes of the number, and where that is."""
    others: list[tuple[str, int]]
    constant_names: tuple[str, ...]
    """Of our own words, which come again and again."""
    constant_at: list[int]


@lru_cache(maxsize=1024)
def _plan(names: tuple[str, ...], kinds: tuple[type, ...]) -> _Plan:
    doubles: list[tuple[bytes, int]] = []
    others: list[tuple[str, int]] = []
    constants: list[tuple[str, int]] = []
    for at, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if kind is float:
            doubles.append((span_attribute(name, 0.0)[:-8], at))
        elif kind in (str, bool, tuple) and name.startswith("otel_llm."):
            constants.append((name, at))
        elif kind is not type(None):
            others.append((name, at))
    return _Plan(doubles, others, tuple([n for n, _ in constants]), [at for _, at in constants])


@lru_cache(maxsize=1024)
def _constants(names: tuple[str, ...], values: tuple[Value, ...]) -> bytes:
    return b"".join(map(span_attribute, names, values))


def span_attribute(name: str, value: Value) -> bytes:
    """Encode one attribute as it stands in a span."""
    encoded = field(_KEY, name.encode(errors="replace")) + field(_VALUE, encode(value))
    return field(_SPAN_ATTRIBUTE, encoded)
