"""Clients that take their time, to keep the API from everybody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from otel_llm.api import ApiConfig, ApiServer
from otel_llm.api import patience as patience_module
from otel_llm.api.patience import CONNECTIONS, HEAD_BYTES

PATIENCE_S = 60


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    server = ApiServer(app, ApiConfig(endpoint="127.0.0.1:0"))
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def connected(url: str, sent: bytes = b"") -> socket.socket:
    target = urlsplit(url)
    connection = socket.create_connection((target.hostname, target.port), timeout=PATIENCE_S)
    with suppress(ConnectionError):  # it may have lost patience already
        connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side hangs up."""
    said = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65_536):
            said += piece
    return said


@pytest.mark.parametrize("said", [b"", b"GET /ready HTTP/1.1\r\nhost: localhost\r\n"])
def test_hundreds_of_connections_without_a_request_hold_up_nobody(said: bytes):
    with served(answer) as url, ExitStack() as opened:
        for _ in range(CONNECTIONS + 20):
            opened.enter_context(connected(url, said))

        assert httpx2.get(url, timeout=PATIENCE_S).status_code == 204


def test_who_is_being_answered_makes_room_for_nobody():
    begun, go_on = Event(), Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        await answer(scope, receive, send)

    with served(slow) as url, ExitStack() as opened:
        patient = opened.enter_context(
            connected(url, b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        )
        assert begun.wait(PATIENCE_S)
        for _ in range(CONNECTIONS + 20):
            opened.enter_context(connected(url))
        go_on.set()

        assert rest(patient).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\r\n",
        b"GET / HTTP/1.1\r\nhost: loc",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n4\r\nha",
    ],
)
def test_a_request_that_does_not_arrive_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, said: bytes):
    monkeypatch.setattr(patience_module, "REQUEST_S", 0.2)

    with served(answer) as url, connected(url, said) as slow:
        assert rest(slow) == b""


def test_the_next_request_of_a_connection_is_not_waited_for_either(monkeypatch: pytest.MonkeyPatch):
    with served(answer) as url, connected(url, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n") as slow:
        first = slow.recv(65_536)
        monkeypatch.setattr(patience_module, "REQUEST_S", 0.2)
        slow.sendall(b"GET / HT")
        assert (first[:12], rest(slow)) == (b"HTTP/1.1 204", b"")


def test_a_whole_request_is_waited_for_no_more(monkeypatch: pytest.MonkeyPatch):
    ended: list[object] = []
    monkeypatch.setattr(patience_module, "_ended", ended.append)
    found: list[int] = []

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        found.append(len(ended))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with served(counting) as url:
        httpx2.post(url, content=b"x", timeout=PATIENCE_S)

    assert found == [1]


def test_headers_without_end_are_refused_and_not_kept():
    with served(answer) as url, connected(url, b"GET / HTTP/1.1\r\nx: ") as endless:
        with suppress(ConnectionError):
            for _ in range(200):
                endless.sendall(b"a" * HEAD_BYTES)
            pytest.fail("all of it was taken")
        endless.settimeout(PATIENCE_S)
        assert rest(endless)[:12] in (b"HTTP/1.1 431", b"")  # b"": the answer was overtaken


def test_long_headers_are_answered_with_431():
    head = b"GET / HTTP/1.1\r\nx: "
    with served(answer) as url, connected(url, head) as endless:
        endless.sendall(b"a" * (HEAD_BYTES + 1 - len(head)))

        assert rest(endless).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("apart", [False, True])
def test_a_long_body_that_arrives_at_once_is_no_long_head(apart: bool):
    body = b"a" * 3 * HEAD_BYTES
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body)
    with served(answer) as url, connected(url) as sender:
        for _ in range(2):  # the second one on the same connection
            for piece in (head, body) if apart else (head + body,):
                sender.sendall(piece)

            assert sender.recv(65_536).startswith(b"HTTP/1.1 204 ")


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(patience_module, "READ_S", 0.2)
    done = Event()

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1_000):
            await send({"type": "http.response.body", "body": b"x" * 2**16, "more_body": True})
        done.set()

    with served(large) as url, connected(url, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"):
        assert done.wait(PATIENCE_S)


def test_a_request_for_a_websocket_is_answered_as_any_other():
    upgrade = (
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with served(answer) as url, connected(url, upgrade) as asking:
        assert asking.recv(65_536).startswith(b"HTTP/1.1 204")
