"""Knows a call that comes again: its sender did not get our answer, and sent it once more."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Final

from otel_llm.genai import Call

REMEMBERED: Final = 50_000
"""At least so many calls are known when they come again, at most twice as many: seven megabytes."""


class Once:
    """Remembers the ids of the calls of late. Thread-safe.

    A hash stands for both ids; that two of a hundred thousand calls share one of its 2**61 values
    is not to be expected. A call that lacks an id is never known.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: set[int] = set()
        self._earlier: set[int] = set()
        self._lock = Lock()

    def new(self, calls: Sequence[Call]) -> Sequence[Call]:
        """Return those that did not come before."""
        with self._lock:
            known = [self._known(call) for call in calls]
            if len(self._seen) >= self._remembered:
                self._seen, self._earlier = set[int](), self._seen
        if not any(known):
            return calls
        return [call for call, seen in zip(calls, known, strict=True) if not seen]

    def _known(self, call: Call) -> bool:
        if not (call.trace_id and call.span_id):
            return False
        key = hash((call.trace_id, call.span_id))
        if key in self._seen or key in self._earlier:
            return True
        self._seen.add(key)
        return False
