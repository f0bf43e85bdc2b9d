"""A model provider on 127.0.0.1 that says what it is told to.

A provider is a table of routes plus a queue: a request takes the next queued answer, else its
route answers. What an answer looks like on the wire is the business of the wire modules.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


class _Cut(Enum):
    CUT = "cut"


CUT = _Cut.CUT
"""A step of an answer: drop the connection here, in the middle of the body."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A step of an answer: wait before the next one."""

    seconds: float


Step = bytes | Pause | Event | _Cut
"""Bytes to send, or what to do between them. An ``Event`` holds the answer until it is set, so
that a test decides when a chunk arrives without sleeping; the wait ends after 30 s at the latest.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. ``steps`` with more than one element go out chunked, one by one."""

    steps: Sequence[Step] = ()
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    streamed: bool = False
    """Send chunked even when there is a single step."""

    @property
    def chunked(self) -> bool:
        """Whether the body is sent step by step without a length."""
        return self.streamed or len(self.steps) != 1 or not isinstance(self.steps[0], bytes)


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the decoded body; ``{}`` when it is empty or no JSON."""
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            return {}


Routes = Mapping[str, Callable[[Received], Answer]]
"""Regular expression over ``METHOD /path`` (searched, first match wins) to what answers it."""


def json_answer(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Answer with ``body`` as JSON; an unencodable surrogate passes as an escape."""
    return Answer((json.dumps(body).encode(),), status=status, headers=headers or {})


def sse(
    events: Iterable[object | Pause | Event | _Cut], *, named: bool = False, done: bool = True
) -> Answer:
    """Answer with server-sent events, one step per event; text and bytes are sent as they are.

    ``named`` adds ``event: <type>`` lines (Responses API, Anthropic), ``done`` the final
    ``[DONE]`` that OpenAI and compatible hosts send.
    """
    steps = [e if isinstance(e, Pause | Event | _Cut) else _event(e, named) for e in events]
    if done and CUT not in steps:
        steps.append(b"data: [DONE]\n\n")
    return Answer(steps, content_type="text/event-stream", streamed=True)


def _event(event: object, named: bool) -> bytes:
    if isinstance(event, bytes):
        return event
    data = event if isinstance(event, str) else json.dumps(event)
    name = event.get("type") if named and isinstance(event, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - any JSON
    return (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()


class FakeProvider:
    """An HTTP server speaking one wire format, or several with disjoint routes.

    ``requests`` keeps what arrived, in order. Threads end with the ``with`` block.
    """

    def __init__(self, *routes: Routes) -> None:
        self.requests: list[Received] = []
        self._routes = [(re.compile(path), r) for table in routes for path, r in table.items()]
        self._queue: deque[Answer] = deque()
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler, self)
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.02,), name="fake-provider", daemon=True
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def queue(self, *answers: Answer) -> None:
        """Give these answers to the next requests, whatever they ask for."""
        self._queue.extend(answers)

    def start(self) -> Self:
        """Serve until ``stop``."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close every connection and end; also while an answer is being sent."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def answer(self, received: Received) -> Answer:
        """Return the answer to a request: the next of the queue, else its route's, else 404."""
        with self._lock:
            self.requests.append(received)
            if self._queue:
                return self._queue.popleft()
        for pattern, respond in self._routes:
            if pattern.search(f"{received.method} {received.path}"):
                return respond(received)
        return json_answer({"error": {"message": "no such route", "type": "fake"}}, status=404)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a kept-alive connection would hold the test until its client closes
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[_Handler], provider: FakeProvider
    ) -> None:
        self.provider = provider
        self.open: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_close(self) -> None:
        """Also end the connections that clients keep alive."""
        super().server_close()
        for connection in tuple(self.open):
            _hang_up(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is part of many tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every chunk waits 40 ms for the client's delayed ACK
    wbufsize = -1
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - it serves no other

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None: ...

    def _respond(self) -> None:
        answer = self.server.provider.answer(self._received())
        self.send_response(answer.status)
        for name, value in {"content-type": answer.content_type, **answer.headers}.items():
            self.send_header(name, value)
        if answer.chunked:
            self._send_steps(answer.steps)
        else:
            self._send_whole(answer.steps[0])

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _respond

    def _received(self) -> Received:
        url = urlsplit(self.path)
        return Received(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
        )

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send_whole(self, body: Any) -> None:
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _send_steps(self, steps: Iterable[Step]) -> None:
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for step in steps:
            if isinstance(step, bytes):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(step), step))
                self.wfile.flush()
            elif step is CUT:
                return self._cut()
            else:
                _wait(step)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        return None

    def _cut(self) -> None:
        self.close_connection = True
        _hang_up(self.connection)


def _wait(step: Pause | Event | _Cut) -> None:
    if isinstance(step, Pause):
        time.sleep(step.seconds)
    elif isinstance(step, Event):
        step.wait(30)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RDWR)
