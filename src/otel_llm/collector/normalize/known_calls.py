"""The calls that are remembered for their repetitions: in this process, or for several together.

Several processes share a piece of memory (see ``shared_memory``), a table of fixed places: what is
looked for decides the place by its hash, and of the entries there the oldest goes.
"""

from __future__ import annotations

import mmap
import struct
from collections import OrderedDict
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from threading import Lock
from typing import Any, Final, Protocol, TypeAlias

from ..shared_memory import Turns

MEMORY: Final = 10_000
"""Calls remembered for their repetitions in later batches."""
_PLACES: Final = 1 << 15
_WAYS: Final = 4
_ENTRY: Final = struct.Struct("<16s8s8sQQ")
"""What is looked for, and the call: its span's id, its response, tokens in and out."""
_PLACE_BYTES: Final = _WAYS * _ENTRY.size
SHARED_BYTES: Final = _PLACES * _PLACE_BYTES
_UNKNOWN: Final = 2**64 - 1

Key: TypeAlias = tuple[bytes, Any]
"""Trace, and what is looked for in it: a response id, or the id of the span above. In ``beside``,
where a call is, and what twins have in common."""


Known: TypeAlias = tuple[bytes, object, tuple[int | None, int | None]]
"""A call that was seen: the id of its span, what equals its response id, tokens in and out; of
``beside``, what equals its maker, start and end."""


class Table(Protocol):
    """Calls by what is looked for."""

    def get(self, key: Key, /) -> Known | None:
        """Return what is known."""
        ...

    def __setitem__(self, key: Key, call: Known, /) -> None: ...


class KnownCalls(Protocol):
    """What ``Duplicates`` remembers. The tables are touched in one's turn alone."""

    @property
    def same(self) -> Table:
        """The calls that count, by their response."""
        ...

    @property
    def below(self) -> Table:
        """Calls by the span they are below."""
        ...

    @property
    def beside(self) -> Table:
        """Calls by what they have in common with their twins."""
        ...

    def turn(self) -> AbstractContextManager[object]:
        """Nobody else looks or notes in the meantime."""
        ...


class OwnCalls:
    """``KnownCalls`` of this process."""

    def __init__(self) -> None:
        self.same: OrderedDict[Key, Known] = OrderedDict()
        self.below: OrderedDict[Key, Known] = OrderedDict()
        self.beside: OrderedDict[Key, Known] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def turn(self) -> Generator[None]:
        """See ``KnownCalls``."""
        with self._lock:
            yield
            for table in (self.same, self.below, self.beside):
                while len(table) > MEMORY:
                    table.popitem(last=False)


class SharedCalls:
    """``KnownCalls`` of several processes, over one file of ``SHARED_BYTES``."""

    def __init__(self, file: int, name: str) -> None:
        """``name`` is that of who asks: what others know under another name is not seen."""
        memory = mmap.mmap(file, SHARED_BYTES)
        self.same: Table = _SharedTable(memory, f"same {name}")
        self.below: Table = _SharedTable(memory, f"below {name}")
        self.beside: Table = _SharedTable(memory, f"beside {name}")
        self.turn = Turns(file).turn


class _SharedTable:
    def __init__(self, memory: mmap.mmap, name: str) -> None:
        self._memory = memory
        self._salt = blake2b(name.encode(), digest_size=16).digest()

    def get(self, key: Key) -> Known | None:
        wanted, place = self._find(key)
        for at in range(place, place + _PLACE_BYTES, _ENTRY.size):
            found, id_, response, given, taken = _ENTRY.unpack_from(self._memory, at)
            if found == wanted:
                tokens = _count(given), _count(taken)
                return id_, _Signed(response) if any(response) else None, tokens
        return None

    def __setitem__(self, key: Key, call: Known) -> None:
        (wanted, place), (id_, said, known) = self._find(key), call
        response = _signature(said) if isinstance(said, str) else b""
        tokens = [_UNKNOWN if count is None else count & _UNKNOWN for count in known]
        self._memory.move(place + _ENTRY.size, place, _PLACE_BYTES - _ENTRY.size)
        _ENTRY.pack_into(self._memory, place, wanted, id_, response, *tokens)

    def _find(self, key: Key) -> tuple[bytes, int]:
        trace, what = key
        said = what.encode(errors="replace") if isinstance(what, str) else what
        wanted = blake2b(trace + said, digest_size=16, key=self._salt).digest()
        return wanted, int.from_bytes(wanted[:4]) % _PLACES * _PLACE_BYTES


def _count(stored: int) -> int | None:
    return None if stored == _UNKNOWN else stored


class _Signed:
    """Equal to the text it stands for."""

    def __init__(self, signature: bytes) -> None:
        self._signature = signature

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and _signature(other) == self._signature

    __hash__ = None  # type: ignore[assignment]  # equal to what hashes otherwise


def _signature(text: str) -> bytes:
    return blake2b(text.encode(errors="replace"), digest_size=8).digest()
