"""Which calls were counted of late, so that one that is delivered again is not paid twice.

Senders repeat a batch whose answer they did not get. The last hundred thousand calls are known, by
a hash of their ids; without a span id a call cannot be told from another and always counts.
"""

from __future__ import annotations

from collections import deque

from otel_llm.genai import Call

KNOWN = 100_000


class Seen:
    """The calls of late. Not thread-safe."""

    def __init__(self, most: int = KNOWN) -> None:
        self._known: set[int] = set()
        self._order: deque[int] = deque()
        self._most = most

    def new(self, call: Call) -> bool:
        """Whether ``call`` is not known; it is from now on."""
        if not call.span_id:
            return True
        key = hash((call.trace_id, call.span_id))
        if key in self._known:
            return False
        self._known.add(key)
        self._order.append(key)
        if len(self._order) > self._most:
            self._known.discard(self._order.popleft())
        return True
