"""Quantiles of a stream in little memory: log-spaced buckets, 1 % relative error, mergeable.

The mapping of DDSketch (Masson, Rim, Lee: VLDB 2019): a value falls into bucket
``ceil(log_gamma(value))``, so that the bucket's middle is within ``ACCURACY`` of every value in
it. Counts are whole numbers: merging and taking away are exact and in any order the same.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping

ACCURACY = 0.01
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_SCALE = 1 / math.log(_GAMMA)
_MIDDLE = 2 / (1 + _GAMMA)
_SMALLEST = 1e-9
_LARGEST = 1e300
"""What is beyond counts as this: the middle of its bucket would overflow."""
_NOTHING = math.floor(math.log(_SMALLEST) * _SCALE)
"""The bucket of everything up to ``_SMALLEST``, which is reported as zero."""
_BYTE = 256
_FEW = 4
"""Up to so many buckets, packing takes longer than it is worth."""


Packed = dict[int, int] | tuple[bytes, bytes]
"""The counts as they are, where they are few. Or the buckets, counted from ``_NOTHING``, two bytes
each, and how often: one byte each, or eight."""


class Sketch:
    """How the values of one stream are distributed. Not thread-safe."""

    __slots__ = ("_buckets",)

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._buckets: dict[int, int] = {}
        for value in values:
            self.add(value)

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Sketch:
        """Return the sketch that ``counts`` gave."""
        sketch = cls()
        sketch._buckets = dict(counts)
        return sketch

    def copy(self) -> Sketch:
        """Return another that has counted the same."""
        return Sketch.of(self._buckets)

    def pack(self) -> Packed:
        """Return the counts in a fraction of the memory, to be read only, for ``unpack``."""
        if len(self._buckets) <= _FEW:
            return self._buckets
        times = self._buckets.values()
        small = max(times) < _BYTE
        places = array("H", [bucket - _NOTHING for bucket in self._buckets])
        return places.tobytes(), bytes(times) if small else array("Q", times).tobytes()

    @classmethod
    def unpack(cls, packed: Packed) -> Sketch:
        """Return the sketch that was packed, and keep what is given."""
        sketch = cls.__new__(cls)
        sketch._buckets = packed if isinstance(packed, dict) else _unpacked(*packed)
        return sketch

    def add(self, value: float) -> None:
        """Count ``value``; zero and below count as zero, what is not finite is left out."""
        if value > _SMALLEST:
            if value == math.inf:
                return
            bucket = math.ceil(math.log(min(value, _LARGEST)) * _SCALE)
        elif value <= _SMALLEST:
            bucket = _NOTHING
        else:
            return  # not a number
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def merge(self, other: Sketch) -> None:
        """Count everything that ``other`` has counted."""
        mine = self._buckets
        for bucket, times in other._buckets.items():
            mine[bucket] = mine.get(bucket, 0) + times

    def subtract(self, other: Sketch) -> None:
        """Take away ``other``, which was merged into this one before."""
        mine = self._buckets
        for bucket, times in other._buckets.items():
            left = mine.get(bucket, 0) - times
            if left > 0:
                mine[bucket] = left
            else:
                mine.pop(bucket, None)

    def counts(self) -> dict[int, int]:
        """Return how many values fell into each bucket, by an index that grows with the value."""
        return dict(self._buckets)

    def __len__(self) -> int:
        return sum(self._buckets.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self._buckets == other._buckets

    __hash__ = None  # type: ignore[assignment]  # a thing that changes has no hash

    @property
    def narrow(self) -> bool:
        """Whether all values are the same, to 2 %."""
        return len(self._buckets) == 1

    def quantile(self, q: float) -> float | None:
        """Return the value below which a share ``q`` (0 to 1) lies; ``None`` when empty.

        The rank is ``q * (n - 1)``, rounded down to a value that was seen (numpy's ``lower``).
        """
        if len(self._buckets) == 1:  # most label sets of very many have one call
            return _middle(*self._buckets)
        rank = math.floor(q * (len(self) - 1) + 1e-9)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen > rank:
                return _middle(bucket)
        return None


def _middle(bucket: int) -> float:
    return 0.0 if bucket == _NOTHING else _MIDDLE * _GAMMA**bucket


def _unpacked(places: bytes, times: bytes) -> dict[int, int]:
    buckets = array("H", places)
    counts = times if len(times) == len(buckets) else array("Q", times)
    return {place + _NOTHING: count for place, count in zip(buckets, counts, strict=True)}
