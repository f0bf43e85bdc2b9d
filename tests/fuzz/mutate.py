"""Makes inputs out of sound ones: cut, changed, doubled, joined."""

from __future__ import annotations

import random
from collections.abc import Sequence

_TELLING = (0, 1, 2, 10, 18, 34, 42, 50, 74, 91, 123, 127, 128, 255)
"""Bytes that mean something to a decoder: tags, lengths, brackets."""


def mutated(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return one input, made from one or two of ``seeds`` by a few steps."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(8)):
        _STEPS[chance.randrange(len(_STEPS))](chance, data, seeds)
    return bytes(data)


def _change(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice((*_TELLING, chance.randrange(256)))


def _cut(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    del data[start : start + chance.randrange(1, 40)]


def _double(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    piece = data[start : start + chance.randrange(1, 60)]
    data[start:start] = piece * chance.choice((1, 2, 30))


def _insert(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    start = chance.randrange(len(data) + 1)
    data[start:start] = bytes(chance.choice(_TELLING) for _ in range(chance.randrange(1, 9)))


def _join(chance: random.Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    start = chance.randrange(len(other) + 1)
    data[chance.randrange(len(data) + 1) :] = other[start : start + 2000]


_STEPS = (_change, _change, _change, _cut, _double, _insert, _join)
