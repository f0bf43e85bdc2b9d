"""One POST to a target, over a real socket, and every odd thing a target may answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from otel_llm.alerting.errors import Rejected, TryLater
from otel_llm.alerting.post import LONGEST_ASKED_S, Poster, retry_after
from otel_llm.http.deadline import Deadline

Reply = Callable[[socket.socket], None]


def _says(answer: bytes) -> Reply:
    return lambda peer: peer.sendall(answer)


def _chunks_until_the_other_side_hangs_up(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        peer.sendall(b"10000\r\n" + b"x" * 2**16 + b"\r\n")


def _drips_until_the_other_side_hangs_up(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        peer.sendall(b"x")
        time.sleep(0.02)


def _drips_its_headers_until_the_other_side_hangs_up(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        peer.sendall(b"x")
        time.sleep(0.02)


@contextmanager
def _answering(reply: Reply) -> Iterator[str]:
    """Answer one request on an ephemeral port; fails when its sender never lets go."""

    def serve() -> None:
        peer, _ = listening.accept()
        with peer:
            peer.settimeout(60)
            asked = b""
            while not asked.endswith(b"\r\n\r\n{}"):
                asked += peer.recv(2**16)
            with suppress(BrokenPipeError, ConnectionResetError):
                reply(peer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(90)
        assert not thread.is_alive()


def _post(reply: Reply, within_s: float = 60) -> bytes:
    with _answering(reply) as url:
        poster = Poster(url, timeout_s=60)
        poster._deadline = Deadline(within_s)  # for the whole, not for each step
        try:
            return poster.post(b"{}")
        finally:
            poster.close()


def test_of_an_answer_without_end_only_the_beginning_is_read():
    assert _post(_chunks_until_the_other_side_hangs_up) == b"x" * 2**16


def test_an_answer_that_drips_is_not_waited_for_beyond_the_timeout():
    answer = _post(_drips_until_the_other_side_hangs_up, within_s=2)

    assert 0 < len(answer) < 100_000
    assert set(answer) == set(b"x")


def test_headers_that_drip_are_not_waited_for_beyond_the_timeout():
    with pytest.raises(TryLater):
        _post(_drips_its_headers_until_the_other_side_hangs_up, within_s=0.5)


def test_what_is_compressed_although_nobody_asked_is_not_unpacked():
    packed = b"\x1f\x8b no gzip at all"
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"

    assert _post(_says(head.encode() + packed)) == packed


@pytest.mark.parametrize("where", ["http://169.254.169.254/", "http://127.0.0.1:1/"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_wherever_it_leads(status: int, where: str):
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n"

    with pytest.raises(Rejected, match=f"answered {status}"):
        _post(_says(head.encode()))


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-odd\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_what_is_no_answer_is_tried_again(answer: bytes):
    with pytest.raises(TryLater) as raised:
        _post(_says(answer))

    assert "odd" not in str(raised.value)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_target_may_say_how_long(status: int):
    head = f"HTTP/1.1 {status} Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"

    with pytest.raises(TryLater) as raised:
        _post(_says(head.encode()))

    assert (str(raised.value), raised.value.after_s) == (f"answered {status}", 7.0)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("9" * 400, LONGEST_ASKED_S),
        ("99999999999", LONGEST_ASKED_S),
        ("Sat, 21 Nov 2026 10:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 10:00:30", 30.0),
        ("Sat, 21 Nov 2026 11:00:30 +0100", 30.0),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2099 10:00:00 GMT", LONGEST_ASKED_S),
        ("Sat, 99 Nov 99999999999999999999 10:00:30 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_a_target_asks_us_to_wait(given: str, seconds: float | None):
    assert retry_after({"Retry-After": given, "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}) == seconds


def test_a_target_that_does_not_say_what_time_it_has_is_taken_to_have_ours():
    now = time.time()
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now + 1800))

    found = retry_after({"Retry-After": date, "Date": "now"})

    assert found is not None
    assert 1500 < found <= 1800
