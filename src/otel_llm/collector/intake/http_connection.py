"""One connection of the HTTP server: bytes to requests, by httptools; and its time limits.

A request that is refused by its head is still read to its end, so that the sender gets to see the
answer and can use the connection again. One that is too large is answered at once; what else
comes is thrown away until the sender hangs up or the time is over.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import cast

import httptools

from .answers import MALFORMED, TIMEOUT, TOO_LARGE, Failure, busy
from .config import HttpConfig
from .exchange import Exchange, Head
from .refusals import Refusals, of_first_bytes
from .taking import Waiting

_MAX_HEAD_BYTES = 64 * 2**10
_LARGE_HEAD = Failure("bad_head", 431, 3, "the headers are too large")
_NO_HOST = Failure("bad_head", 400, 3, "HTTP/1.1 asks for one Host, and only one")
_LINGER_S = 5.0
"""How long a sender that was answered early may go on sending."""


class Traffic:
    """The open connections and the bytes they wait to complete."""

    def __init__(self, max_connections: int) -> None:
        self.connections: set[HttpConnection] = set()
        self.buffered = 0
        self._max_connections = max_connections

    def enter(self, connection: HttpConnection) -> bool:
        """Note a connection; return whether there is room for it."""
        self.connections.add(connection)
        return len(self.connections) <= self._max_connections

    def leave(self, connection: HttpConnection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)


class HttpConnection(asyncio.Protocol):
    """Reads requests one after another. Lives in the server's event loop."""

    def __init__(
        self, config: HttpConfig, exchange: Exchange, traffic: Traffic, refusals: Refusals
    ) -> None:
        self._config = config
        self._refusals = refusals
        self._exchange = exchange
        self._traffic = traffic
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._gone = False  # nothing more will be answered
        self._last = False  # the next answer is the last one
        self.deadline = self._loop.time() + config.read_header_timeout
        """When the sender has taken too long, by the loop's clock."""
        self._receiving = False
        self._ready: deque[tuple[Head, bytes, Failure | None]] = deque()
        self._waiting = False  # for the disk
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._hosts = 0
        self._head_bytes = 0
        self._head: Head | None = None
        self._failure: Failure | None = None
        self._body: list[bytes] = []
        self._size = 0

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._traffic.enter(self):
            self._end(busy())

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._gone = True
        self._traffic.buffered -= self._size
        self._size = 0
        self._traffic.leave(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; answer garbage and hang up."""
        if self._gone:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[cast("int", upgrade.args[0]) :])
        except httptools.HttpParserError:
            if reason := of_first_bytes(data):
                self._refusals.add(reason)
            self._end(MALFORMED)
        else:
            self._limit_head(len(data))

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1, as one may: Java's client offers HTTP/2 with each first request.

        The parser takes the body for the other protocol, so it is given the request once more,
        without the offer.
        """
        method = self._parser.get_method()
        self._parser = httptools.HttpRequestParser(self)
        if method == b"CONNECT":
            self._end(MALFORMED)
            return
        kept = {n: v for n, v in self._headers.items() if n not in ("connection", "upgrade")}
        lines = [f"{name}: {value}".encode("latin-1") for name, value in kept.items()]
        start = b"%b %b HTTP/1.1" % (method, self._url)
        self.data_received(b"\r\n".join([start, *lines, b"", rest]))

    def _limit_head(self, size: int) -> None:
        if self._head is None and self._receiving:
            self._head_bytes += size
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._end(_LARGE_HEAD)

    def eof_received(self) -> bool:
        """Hang up when the sender does, but not before it has the answers it waits for."""
        self._last = True
        return not self._idle and not self._receiving and self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """Take no more requests from a sender that does not read its answers."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if not self._waiting:
            self._transport.resume_reading()

    # --- httptools ---

    def on_message_begin(self) -> None:
        """Start the clock for the headers."""
        if self._gone:
            return
        self._reset()
        self._receiving = True
        self.deadline = self._loop.time() + self._config.read_header_timeout

    def on_url(self, url: bytes) -> None:
        """Collect the target, which may come in pieces."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header. One that comes behind the body changes nothing: what it could is
        decided."""
        if self._head is None:
            header = name.decode("latin-1").lower()
            self._headers[header] = value.decode("latin-1")
            self._hosts += header == "host"

    def on_headers_complete(self) -> None:
        """Decide by the head; start the clock for the body."""
        if self._gone or self._parser.should_upgrade():
            return
        if not self._is_meant_for_one():
            self._end(_NO_HOST)
            return
        self.deadline = self._loop.time() + self._config.read_timeout
        method = self._parser.get_method().decode("latin-1")
        path = _path_of(self._url.decode("latin-1"))
        self._head = head = Head(method, path, self._headers)
        self._failure = self._exchange.refusal(head)
        waits = self._waits_to_continue()
        if self._failure is not None and (waits or self._failure is TOO_LARGE):
            self._end(self._failure)
        elif waits:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _is_meant_for_one(self) -> bool:
        """Whether it is said once whom the request is for (RFC 9112, 3.2): servers on the way that
        read another of two names than we do can be led past each other."""
        return self._hosts == 1 or (self._hosts == 0 and self._parser.get_http_version() != "1.1")

    def _waits_to_continue(self) -> bool:
        """Whether the sender wants to hear that it may send the body. One of HTTP/1.0 cannot mean
        it, and would take it for the answer (RFC 9110, 10.1.1)."""
        expects = self._headers.get("expect", "").lower() == "100-continue"
        return expects and self._parser.get_http_version() != "1.0"

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, within the limits of the request and of all together."""
        if self._gone or self._failure is not None:
            return
        self._hold(len(body))
        self._body.append(body)
        if self._size > self._config.max_request_body_size:
            self._end(TOO_LARGE)
        elif self._traffic.buffered > self._config.max_buffered:
            self._failure = busy()
            self._drop()

    def _hold(self, size: int) -> None:
        self._size += size
        self._traffic.buffered += size

    def _drop(self) -> None:
        self._hold(-self._size)
        self._body.clear()

    def on_message_complete(self) -> None:
        """Answer; wait for the next request or hang up."""
        if self._gone or self._head is None:
            return
        self._receiving = False
        self._ready.append((self._head, b"".join(self._body), self._failure))
        self._drop()
        self._last |= not self._parser.should_keep_alive()
        self._answer_next()

    # --- answers, one after another ---

    def _answer_next(self) -> None:
        """Answer what is ready, until one has to wait for the disk."""
        while self._ready and not self._waiting:
            head, body, failure = self._ready.popleft()
            if failure is not None:
                self._send(self._exchange.failed(head, failure))
                continue
            answer = self._exchange.answer(head, body)
            if isinstance(answer, Waiting):
                self._wait(head, answer)
            else:
                self._send(answer)

    def _wait(self, head: Head, waiting: Waiting) -> None:
        self._waiting = True
        self._transport.pause_reading()
        self.deadline = math.inf

        def kept(_: Future[None]) -> None:  # in the thread that synced the disk
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._kept, head, waiting)

        waiting.kept.add_done_callback(kept)

    def _kept(self, head: Head, waiting: Waiting) -> None:
        self._waiting = False
        answer = self._exchange.finish(head, waiting)
        if self._transport.is_closing():
            return
        self._transport.resume_reading()
        self._send(answer)
        self._answer_next()

    def _send(self, answer: bytes) -> None:
        """Write an answer; hang up after the last one."""
        over = self._last and not self._ready and not self._receiving
        if over:
            answer = answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        self._transport.write(answer)
        if not self._receiving:
            self.deadline = self._loop.time() + self._config.idle_timeout
        if over:
            self._close()

    def _close(self) -> None:
        early, self._gone = self._gone, True
        if early and self._transport.can_write_eof():
            self._transport.write_eof()  # closing now could destroy the answer on its way
            self.deadline = self._loop.time() + _LINGER_S
        else:
            self._transport.close()

    # --- ends ---

    @property
    def _idle(self) -> bool:
        return not (self._receiving or self._ready or self._waiting)

    def _end(self, failure: Failure) -> None:
        """Answer before the request is complete, and hang up once the sender had time to read."""
        self._gone = self._last = True
        self._receiving = False
        self._drop()
        self._ready.append((self._head or Head("", "", self._headers), b"", failure))
        self._answer_next()

    def expire(self) -> None:
        """The deadline is over: say so if a request was under way, and hang up."""
        if not self._gone and not self._idle:
            self._end(TIMEOUT)
        self._transport.close()

    def finish(self) -> None:
        """Close after the request that is under way, at once when there is none."""
        self._last = True
        if self._idle or self._gone:
            self._transport.close()

    def abort(self) -> None:
        """Close whatever is under way."""
        self._transport.abort()


def _path_of(target: str) -> str:
    """Return the path of a request target; proxies are sent whole URLs (RFC 9112, 3.2.2)."""
    if target[:1] != "/":
        _, is_whole, behind = target.partition("://")
        target = f"/{behind.partition('/')[2]}" if is_whole else target
    return target.partition("?")[0]
