"""A last moment for the whole of a request over HTTP.

The client's own timeouts begin anew with every byte: a server that drips its answer, or drinks a
request in sips, would hold whoever waits for it as long as it likes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import local
from typing import Any, Final

_OPENED: Final = ("connect_tcp.complete", "start_tls.complete")
"""The events with which the client shows a connection, first as it is and then encrypted."""
_CHUNK: Final = 2**18

Trace = Callable[[str, Mapping[str, Any]], None]
"""What the client calls at each step of a request (httpx: the ``trace`` extension)."""


class Deadline:
    """The last moment of the request of each thread. Thread-safe."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._request = local()

    @property
    def connect_s(self) -> float:
        """How long to wait for one of a host's addresses: where the first one is dead, time is left
        for the next ones and the request."""
        return max(self._timeout_s / 3, min(self._timeout_s, 1.0))

    def begin(self) -> Trace:
        """Let the time of a request begin; it has to be given what this returns. Where the time
        is over, it raises ``TimeoutError``."""
        self._request.ends = time.monotonic() + self._timeout_s
        return self._watch

    def _left_s(self) -> float:
        left_s = self._request.ends - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def _watch(self, event: str, said: Mapping[str, Any]) -> None:
        if event.endswith(_OPENED):
            self._limit(said["return_value"])

    def _limit(self, stream: Any) -> None:
        """Let a connection wait no longer than its present request may."""
        read, write = stream.read, stream.write

        def read_in_time(max_bytes: int, timeout: float | None = None) -> bytes:
            return read(max_bytes, self._left_s())

        def write_in_time(buffer: bytes, timeout: float | None = None) -> None:
            view = memoryview(buffer)
            for start in range(0, len(view), _CHUNK):
                write(view[start : start + _CHUNK], self._left_s())

        stream.read, stream.write = read_in_time, write_in_time
