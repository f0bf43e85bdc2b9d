"""Changes inside encoded protobuf without decoding it: what is not changed is not copied twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from .values import varint

_VARINT, _FIXED64, _LENGTH, _GROUP, _END_GROUP, _FIXED32 = range(6)

Pieces: TypeAlias = list[bytes | memoryview]
"""An encoded message in parts, to be joined."""


class Change(NamedTuple):
    """What becomes of one nested message."""

    pieces: Pieces | None
    """New content; ``None`` takes the message out."""
    keep: bool = False
    """Whether the old content stays before the new one."""


def splice(data: bytes | memoryview, number: int, changes: Mapping[int, Change]) -> Pieces:
    """Return ``data``, a message, with changes to the nth of the messages in field ``number``.

    ``data`` must be well-formed. All else stays byte for byte, in its order.
    """
    whole = memoryview(data)
    out: Pieces = []
    done = at = 0
    nth = -1
    wanted = number << 3 | _LENGTH
    while at < len(data):
        begin = at
        key = data[at]
        if key == wanted:  # the usual case, without the price of two calls
            at += 1
        else:
            key, at = read_varint(data, at)
        if key & 7 != _LENGTH:
            at = skip(data, at, key)
            continue
        length, at = read_varint(data, at)
        end = at + length
        if key == wanted:
            nth += 1
            change = changes.get(nth)
            if change is not None:
                out.append(whole[done:begin])
                out += _changed(key, whole[at:end], change)
                done = end
        at = end
    out.append(whole[done:])
    return out


def messages(data: memoryview, number: int) -> list[memoryview]:
    """Return the messages in field ``number`` of ``data``, which must be well-formed."""
    found: list[memoryview] = []
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 != _LENGTH:
            at = skip(data, at, key)
            continue
        length, at = read_varint(data, at)
        if key >> 3 == number:
            found.append(data[at : at + length])
        at += length
    return found


def _changed(key: int, old: memoryview, change: Change) -> Pieces:
    if change.pieces is None:
        return []
    size = sum(map(len, change.pieces))
    if change.keep:
        return [varint(key) + varint(len(old) + size), old, *change.pieces]
    return [varint(key) + varint(size), *change.pieces]


def read_varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Return the number at ``at``, and where it ends."""
    number = data[at]
    at += 1
    if number < 128:
        return number, at
    number &= 127
    shift = 7
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7


def skip(data: bytes | memoryview, at: int, key: int) -> int:
    """Return where the field ends whose ``key`` ends at ``at``; it may be behind ``data``."""
    kind = key & 7
    if kind == _VARINT:
        return read_varint(data, at)[1]
    if kind == _GROUP:
        return _skip_group(data, at)
    if kind == _LENGTH:
        length, at = read_varint(data, at)
        return at + length
    return at + {_FIXED64: 8, _FIXED32: 4, _END_GROUP: 0}[kind]


def _skip_group(data: bytes | memoryview, at: int) -> int:
    """Skip protobuf's oldest form of nesting, which OTLP does not use and decoders still accept."""
    while True:
        key, at = read_varint(data, at)
        if key & 7 == _END_GROUP:
            return at
        at = skip(data, at, key)
