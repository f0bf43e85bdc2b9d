"""The fields of an encoded message one by one: for messages that are not to be made objects of."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Malformed


def fields(data: memoryview) -> Iterator[tuple[int, memoryview] | None]:
    """Yield number and content of each field of a message, ``None`` for one without content."""
    at, size = 0, len(data)
    while at < size:
        try:
            key, at = _varint(data, at)
            length, at = _length(data, at, key & 7)
        except IndexError:
            raise Malformed("a field is cut off") from None
        end = at + length
        if end > size:
            raise Malformed("a field is longer than its message")
        yield (key >> 3, data[at:end]) if key & 7 == 2 else None
        at = end


def _length(data: memoryview, at: int, kind: int) -> tuple[int, int]:
    """Return a field's length and where it begins. A varint is behind us once it is read."""
    if kind == 2:
        return _varint(data, at)
    if kind == 0:
        return 0, _varint(data, at)[1]
    try:
        return {1: 8, 5: 4}[kind], at
    except KeyError:  # groups, which OTLP never had, and what protobuf does not know
        raise Malformed("a field of a kind that OTLP does not have") from None


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return the number at ``at``, and where it ends. Never more than ten bytes are looked at."""
    number = data[at]
    if number < 128:
        return number, at + 1
    number &= 127
    for shift in range(7, 70, 7):
        at += 1
        number |= (data[at] & 127) << shift
        if data[at] < 128:
            return number, at + 1
    raise Malformed("a number is too long")
