"""A large request in pieces, so that what it takes to process it is what a piece takes.

Each piece is a request of its own: what becomes of it is what would have if it had been sent alone.
What is not large stays as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from ..errors import Malformed
from .splice import read_varint, skip
from .values import field

PIECE_BYTES: Final = 2 * 2**20
"""About so large is a piece; up to twice as much stays whole, also with what processors add."""

_GROUPS, _SCOPES, _ITEMS = 1, 2, 2
"""Field numbers, from the request down, of all three signals."""
_GROUP, _SCOPE, _ITEM = b"\x0a", b"\x12", b"\x12"
"""How such a field begins."""
_HEAD = 3
"""Bytes before most items: how a field begins, and its length."""


class _Above(NamedTuple):
    """A group or a scope without what is below it."""

    nth: int
    said: bytes


class _Item(NamedTuple):
    group: _Above
    scope: _Above
    encoded: memoryview


def in_pieces(payload: bytes, most: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield a large export request in pieces of about ``most`` bytes that say the same together,
    one that is not large as it is. What stands above the items is said in every piece; a group or a
    scope without items in none. A piece is larger where one item is, or what stands above it: they
    are never more than twice the request together. Raises ``Malformed`` on a broken frame.
    """
    if len(payload) <= 2 * most:
        yield payload
        return
    try:
        rest, groups = _apart(memoryview(payload), _GROUPS)
        for items in _divided(_items(groups), len(rest), most):
            yield rest + _written(items)
    except (IndexError, KeyError, RecursionError):  # cut off, no kind of field, too deep
        raise Malformed("not an export request") from None


def _apart(data: memoryview, number: int) -> tuple[bytes, Sequence[memoryview]]:
    """Return what is in ``data`` beside the messages in field ``number``, and those."""
    rest: list[memoryview] = []
    found: list[memoryview] = []
    at = 0
    while at < len(data):
        begin = at
        key, at = read_varint(data, at)
        content = read_varint(data, at)[1] if key == number << 3 | 2 else None
        at = skip(data, at, key)
        if at > len(data):
            raise Malformed("not an export request")
        rest.append(data[begin:at]) if content is None else found.append(data[content:at])
    return b"".join(rest), found


def _items(groups: Sequence[memoryview]) -> Iterator[_Item]:
    for nth_group, group in enumerate(groups):
        said, scopes = _apart(group, _SCOPES)
        of_group = _Above(nth_group, said)
        for nth, scope in enumerate(scopes):
            about, items = _apart(scope, _ITEMS)
            of_scope = _Above(nth, about)
            for item in items:
                yield _Item(of_group, of_scope, item)


def _divided(items: Iterator[_Item], rest: int, most: int) -> Iterator[Sequence[_Item]]:
    """``rest``: bytes that are in every piece."""
    piece, size = list[_Item](), rest
    for item in items:
        above = rest + len(item.group.said) + len(item.scope.said)
        if piece and size + len(item.encoded) + _HEAD > max(most, 2 * above):
            yield piece
            piece, size = [], rest
        last = piece[-1] if piece else None
        if last is None or last.group is not item.group:
            size += len(item.group.said)
        if last is None or last.scope is not item.scope:
            size += len(item.scope.said)
        size += len(item.encoded) + _HEAD
        piece.append(item)
    if piece:
        yield piece


def _written(items: Sequence[_Item]) -> bytes:
    groups: list[bytes] = []
    for group, in_group in groupby(items, lambda item: item.group):
        scopes = [group.said]
        for scope, in_scope in groupby(in_group, lambda item: item.scope):
            spans = [field(_ITEM, bytes(item.encoded)) for item in in_scope]
            scopes.append(field(_SCOPE, b"".join([scope.said, *spans])))
        groups.append(field(_GROUP, b"".join(scopes)))
    return b"".join(groups)
