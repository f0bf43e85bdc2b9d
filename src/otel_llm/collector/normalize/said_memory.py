"""Where what was said apart waits for its span: in this process, or for several together.

Several processes share a piece of memory (see ``shared_memory``): a ring, in which the newest takes
the place of the oldest, and before it a table of fixed places that says where in the ring the last
of a span stands, which says where the one before it does. A position is the number of bytes that
were ever written before it.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections import OrderedDict
from collections.abc import Collection, Iterator
from hashlib import blake2b
from threading import Lock
from typing import Final, Protocol

from ..shared_memory import Turns

_OVERHEAD: Final = 500
"""Bytes that a record costs beside its own."""
_END: Final = struct.Struct("<Q")
"""The position after the last."""
_PLACES: Final = 1 << 14
_WAYS: Final = 4
_PLACE: Final = struct.Struct("<16sQ")
"""Whose, and the position of the last of it."""
_ENTRY: Final = struct.Struct("<16sQI")
"""Whose, the position of the one before, and how many bytes follow."""
_RING: Final = _END.size + _PLACES * _WAYS * _PLACE.size
_NOWHERE: Final = 2**64 - 1

Ids = tuple[bytes, bytes]
"""Of a trace and of a span."""


def bytes_for(max_bytes: int) -> int:
    """Return how large the file of a ``SharedSaid`` must be."""
    return _RING + max_bytes


class SaidMemory(Protocol):
    """What was said, by span. Thread-safe."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        ...

    def add(self, ids: Ids, said: bytes) -> None:
        """Remember ``said``, once; the oldest is forgotten for it."""
        ...

    def of(self, ids: Ids) -> Collection[bytes]:
        """Return what was said of one span, in the order in which it came."""
        ...


class OwnSaid:
    """``SaidMemory`` of this process."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._said: OrderedDict[Ids, dict[bytes, None]] = OrderedDict()
        self._lock = Lock()

    def __bool__(self) -> bool:
        return bool(self._said)

    def add(self, ids: Ids, said: bytes) -> None:
        """See ``SaidMemory``."""
        with self._lock:
            known = self._said.setdefault(ids, {})
            if said not in known:
                known[said] = None
                self._bytes += len(said) + _OVERHEAD
            while self._bytes > self._max_bytes and self._said:
                _, oldest = self._said.popitem(last=False)
                self._bytes -= sum(map(len, oldest)) + _OVERHEAD * len(oldest)

    def of(self, ids: Ids) -> Collection[bytes]:
        """See ``SaidMemory``."""
        with self._lock:
            return tuple(self._said.get(ids, ()))


class SharedSaid:
    """``SaidMemory`` of several processes, over one file of ``bytes_for``."""

    def __init__(self, file: int, name: str) -> None:
        """``name`` is that of who asks: what others remember under another name is not seen."""
        size = os.fstat(file).st_size
        self._memory = mmap.mmap(file, size)
        self._room = size - _RING
        self._salt = blake2b(name.encode(), digest_size=16).digest()
        self._turns = Turns(file)

    def __bool__(self) -> bool:
        return self._end() > 0

    def add(self, ids: Ids, said: bytes) -> None:
        """See ``SaidMemory``."""
        whose = self._whose(ids)
        with self._turns.turn():
            if said not in self._back(whose):
                self._write(whose, said)

    def of(self, ids: Ids) -> Collection[bytes]:
        """See ``SaidMemory``."""
        whose = self._whose(ids)
        if self._last(whose) == _NOWHERE:  # as of most spans: nobody need wait for that
            return ()
        with self._turns.turn():
            return tuple(self._back(whose))[::-1]

    def _write(self, whose: bytes, said: bytes) -> None:
        size, start = _ENTRY.size + len(said), self._end()
        if size > self._room:
            return
        if start % self._room + size > self._room:  # nothing is written in two pieces
            start += self._room - start % self._room
        before, at = self._last(whose), _RING + start % self._room
        # In this order: whoever is killed in between leaves what nobody finds.
        _END.pack_into(self._memory, 0, start + size)
        _ENTRY.pack_into(self._memory, at, whose, before, len(said))
        self._memory[at + _ENTRY.size : at + size] = said
        self._point(whose, start)

    def _back(self, whose: bytes) -> Iterator[bytes]:
        """Yield what was said, the last first."""
        position = self._last(whose)
        while self._is_there(position):
            at = _RING + position % self._room
            found, before, length = _ENTRY.unpack_from(self._memory, at)
            if found != whose or not (before < position or before == _NOWHERE):
                return
            yield self._memory[at + _ENTRY.size : at + _ENTRY.size + length]
            position = before

    def _last(self, whose: bytes) -> int:
        for at in self._places(whose):
            found, position = _PLACE.unpack_from(self._memory, at)
            if found == whose and self._is_there(position):
                return position
        return _NOWHERE

    def _point(self, whose: bytes, position: int) -> None:
        """Note where the last of it stands: in its own place, or in that of the oldest."""
        known = {at: _PLACE.unpack_from(self._memory, at) for at in self._places(whose)}
        own = [at for at, (found, _) in known.items() if found == whose]
        at = own[0] if own else min(known, key=lambda at: known[at][1])
        _PLACE.pack_into(self._memory, at, whose, position)

    def _places(self, whose: bytes) -> range:
        first = _END.size + int.from_bytes(whose[:4]) % _PLACES * _WAYS * _PLACE.size
        return range(first, first + _WAYS * _PLACE.size, _PLACE.size)

    def _is_there(self, position: int) -> bool:
        """Whether what began there was not written over."""
        end = self._end()
        return position < end <= position + self._room

    def _end(self) -> int:
        return _END.unpack_from(self._memory)[0]

    def _whose(self, ids: Ids) -> bytes:
        return blake2b(b"".join(ids), digest_size=16, key=self._salt).digest()
