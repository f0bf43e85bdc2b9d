"""Connections that neither wait for ever nor hold what nobody asked for.

uvicorn waits without end for the rest of a request and for a reader of its answer, keeps a header
of any length in memory, and counts connections that say nothing among those that it serves: a few
hundred of them, and nobody else is answered. All of it happens before a token is asked for.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECTIONS: Final = 255
"""The most that are open. Where one more comes, the one that has waited longest for its request to
arrive makes room."""
REQUEST_S = 30.0
"""How long a request may take to arrive."""
READ_S = 60.0
"""How long an answer may wait for its reader."""
HEAD_BYTES: Final = 2**16
"""More before the end of the headers is no request of ours."""
_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class PatientProtocol(HttpToolsProtocol):
    """One connection, with an end to every kind of waiting for the other side."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_head = True
        self._head_bytes = 0
        self._piece = 0
        self._arriving: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self.idle_since: float | None = self.loop.time()
        """Since when a whole request is waited for; ``None`` while one is answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - as uvicorn's own
        """Begin to wait; see ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._await_request()
        if len(self.connections) > CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._arriving = _ended(self._arriving)
        self._reading = _ended(self._reading)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what comes, within the limits."""
        if self._arriving is None:
            self._await_request()
        self._piece = len(data)
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            self._refuse_long_head()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._in_head, self.idle_since = False, None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait no more: the request is whole."""
        self._arriving = _ended(self._arriving)
        self._in_head, self._head_bytes = True, -self._piece  # its end is no part of the next head
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Make room again when others come."""
        if not self.pipeline:
            self.idle_since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for the reader, but not for ever."""
        self._reading = self.loop.call_later(READ_S, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on: the reader has taken something."""
        self._reading = _ended(self._reading)
        super().resume_writing()

    def _await_request(self) -> None:
        self._arriving = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _refuse_long_head(self) -> None:
        if self._head_bytes > HEAD_BYTES:
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def _make_room(self) -> None:
        others = cast("set[PatientProtocol]", self.connections) - {self}
        idle = {one.idle_since: one for one in others if one.idle_since is not None}
        if idle:
            longest = idle[min(idle)]
            self.connections.discard(longest)
            longest.transport.abort()


def _ended(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
