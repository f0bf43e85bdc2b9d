"""Which calls were counted of late, so that one that is delivered again is not paid twice.

Senders repeat a batch whose answer they did not get, and after a sudden end the store tells what
it has. The last hundred thousand calls are known by a hash of their ids, those of the last minutes
over restarts too. Without a span id a call cannot be told from another and always counts.
"""

from __future__ import annotations

import base64
import math
from collections import deque
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from otel_llm.genai import Call

KNOWN = 100_000
KEPT_S = 120.0
"""So long what was counted is known over a restart."""
_BYTES = 8


class Seen:
    """The calls of late. Not thread-safe."""

    def __init__(self, most: int = KNOWN) -> None:
        self._known: set[bytes] = set()
        self._order: deque[bytes] = deque()
        self._most = most
        self._fresh: list[bytes] = []
        """Those that no ``export`` told."""
        self._pages: deque[float] = deque()
        """When what is kept was exported."""

    def new(self, call: Call) -> bool:
        """Whether ``call`` is not known; it is from now on."""
        if not call.span_id:
            return True
        key = _key(call)
        if key in self._known:
            return False
        self._learn(key)
        self._fresh.append(key)
        return True

    def past(self, call: Call) -> bool:
        """Whether ``call``, of which is told when newer ones are known, is not known; it is from
        now on, if there is room left behind those."""
        if not call.span_id:
            return True
        key = _key(call)
        if key in self._known:
            return False
        if len(self._order) < self._most:
            self._known.add(key)
            self._order.appendleft(key)
            self._fresh.append(key)
        return True

    def _learn(self, key: bytes) -> None:
        self._known.add(key)
        self._order.append(key)
        if len(self._order) > self._most:
            self._known.discard(self._order.popleft())

    def export(self, now: float) -> dict[str, Any]:
        """Return a page of what is new since the last call, by its time; ``None``: forget it."""
        gone = [self._pages.popleft() for _ in range(self._over(now))]
        pages: dict[str, Any] = {str(at): None for at in gone}
        if self._fresh:
            while now in self._pages:
                now = math.nextafter(now, math.inf)  # every page has a name of its own
            pages[str(now)] = base64.b64encode(b"".join(self._fresh[-self._most :])).decode()
            self._pages.append(now)
            self._fresh = []
        return pages

    def _over(self, now: float) -> int:
        return sum(at < now - KEPT_S for at in self._pages)

    def restore(self, pages: Mapping[str, str]) -> None:
        """Take up what ``export`` gave."""
        for at in sorted(pages, key=float):
            page = base64.b64decode(pages[at])
            for key in _keys(page):
                self._learn(key)
            self._pages.append(float(at))


def _key(call: Call) -> bytes:
    ids = f"{call.trace_id}/{call.span_id}".encode(errors="replace")
    return blake2b(ids, digest_size=_BYTES).digest()


def _keys(page: bytes) -> Iterable[bytes]:
    return (page[start : start + _BYTES] for start in range(0, len(page), _BYTES))
