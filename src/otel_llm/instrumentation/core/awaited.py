"""Ids of what was begun and is still awaited, the latest ones."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class Awaited:
    """Remembers at most ``size`` ids. Thread-safe."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def begin(self, id: str | None) -> None:
        """Remember ``id``; the oldest one is forgotten when there are too many."""
        if id is None:
            return
        with self._lock:
            self._ids[id] = None
            if len(self._ids) > self._size:
                self._ids.popitem(last=False)

    def end(self, id: str | None) -> bool:
        """Forget ``id``; return whether it was awaited."""
        with self._lock:
            return id is not None and self._ids.pop(id, self) is not self
