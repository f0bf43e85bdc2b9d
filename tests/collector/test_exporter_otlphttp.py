"""OTLP over HTTP against a server on a socket that answers as it is told."""

from __future__ import annotations

import gzip
import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from email.utils import formatdate
from pathlib import Path

import httpx2
import pytest
from google.rpc.status_pb2 import Status

from otel_llm.collector.errors import (
    DeliveryError,
    Malformed,
    PartlyRejected,
    Permanent,
    Retryable,
    TooLarge,
)
from otel_llm.collector.exporters.otlphttp import OtlpHttpExporter, OtlpHttpExporterConfig, classify
from otel_llm.collector.sending.destination import TlsConfig
from otel_llm.http.deadline import Deadline
from otel_llm.testing import CUT, Answer, FakeProvider, json_answer

from .certificates import certificates
from .otlp_faults import TraceResponse, traces

PROTOBUF = "application/x-protobuf"


@contextmanager
def exporter(endpoint: str = "", **more) -> Iterator[OtlpHttpExporter]:
    made = OtlpHttpExporter(OtlpHttpExporterConfig(endpoint, **more))
    try:
        yield made
    finally:
        made.close()


def failure(endpoint: str, **more) -> DeliveryError:
    with exporter(endpoint, **more) as otlp, pytest.raises(DeliveryError) as raised:
        otlp.export("traces", traces(1))
    return raised.value


def outcome(answer: Answer) -> type[DeliveryError] | None:
    with FakeProvider() as server, exporter(server.url) as otlp:
        server.queue(answer)
        try:
            otlp.export("traces", traces(1))
        except DeliveryError as error:
            return type(error)
    return None


def answer(body: bytes = b"", status: int = 200, kind: str = PROTOBUF, **headers: str) -> Answer:
    return Answer((body,), status=status, content_type=kind, headers=headers)


def test_each_signal_goes_to_its_path_as_the_bytes_it_is():
    with FakeProvider() as server, exporter(f"{server.url}/base/") as otlp:
        for signal in ("traces", "metrics", "logs"):
            server.queue(answer())
            otlp.export(signal, traces(1))

    assert [(r.method, r.path, r.body) for r in server.requests] == [
        ("POST", "/base/v1/traces", traces(1)),
        ("POST", "/base/v1/metrics", traces(1)),
        ("POST", "/base/v1/logs", traces(1)),
    ]
    assert server.requests[0].headers["content-type"] == PROTOBUF


def test_an_endpoint_of_one_signal_is_used_as_it_is_and_a_signal_without_one_is_refused():
    with (
        FakeProvider() as server,
        exporter(traces_endpoint=f"{server.url}/api/public/otel") as otlp,
    ):
        server.queue(answer())
        otlp.export("traces", traces(1))

        with pytest.raises(Permanent, match="no endpoint for logs"):
            otlp.export("logs", b"")

    assert [r.path for r in server.requests] == ["/api/public/otel"]


def test_gzip_and_headers_are_sent():
    with (
        FakeProvider() as server,
        exporter(server.url, compression="gzip", headers={"Authorization": "Bearer t"}) as otlp,
    ):
        server.queue(answer())
        otlp.export("traces", traces(1, size=1000))

    (request,) = server.requests
    assert gzip.decompress(request.body) == traces(1, size=1000)
    assert len(request.body) < 200
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["authorization"] == "Bearer t"


def test_a_header_that_is_ours_is_sent_once_however_it_is_spelled():
    with (
        FakeProvider() as server,
        exporter(server.url, headers={"Content-Type": "text/plain", "X-Key": "k"}) as otlp,
    ):
        server.queue(answer())
        otlp.export("traces", traces(1))

    (request,) = server.requests
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["x-key"] == "k"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_the_retryable_statuses_of_the_specification_are_retryable(status):
    assert outcome(answer(status=status)) is Retryable


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Malformed),
        (422, Malformed),
        (413, TooLarge),
        *((status, Permanent) for status in (301, 308, 401, 403, 404, 405, 408, 415, 500, 501)),
    ],
)
def test_every_other_status_is_permanent(status, kind):
    assert outcome(answer(status=status)) is kind


NOON = 1_795_176_000
"""2026-11-20T12:00Z."""


@pytest.mark.parametrize("date", ["Fri Nov 20 12:00:07 2026", "Fri, 20 Nov 2026 12:00:07 -0000"])
def test_a_date_without_a_zone_is_of_greenwich(date, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOON)
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        error = classify(429, {"retry-after": date})
    finally:
        monkeypatch.undo()
        time.tzset()

    assert error.retry_after_s == 7


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_as_seconds_or_as_a_date(status):
    with FakeProvider() as server:
        server.queue(answer(status=status, **{"retry-after": "7"}))
        seconds = failure(server.url)
        in_an_hour = formatdate(time.time() + 3600, usegmt=True)
        server.queue(answer(status=status, **{"retry-after": in_an_hour}))
        date = failure(server.url)
        server.queue(answer(status=status, **{"retry-after": "soon"}))
        nonsense = failure(server.url)

    assert seconds.retry_after_s == 7
    assert 3500 < date.retry_after_s <= 3600
    assert nonsense.retry_after_s is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (Status(message="bad span").SerializeToString(), "bad span"),
        (b'{"message":"bad span"}', '{"message":"bad span"}'),
    ],
)
def test_what_the_server_says_is_kept_apart_from_the_message(body, said):
    with FakeProvider() as server:
        server.queue(answer(body, status=400))
        error = failure(server.url)

    assert (str(error), error.said) == ("HTTP 400", said)


def test_partial_success_is_reported_as_loss_with_its_count_in_both_encodings():
    partial = TraceResponse()
    partial.partial_success.rejected_spans = 2
    as_json = {"partialSuccess": {"rejectedSpans": "2", "errorMessage": "old"}}

    with FakeProvider() as server:
        server.queue(answer(partial.SerializeToString()), json_answer(as_json))
        errors = [failure(server.url), failure(server.url)]

    assert [type(error) for error in errors] == [PartlyRejected, PartlyRejected]
    assert [error.rejected for error in errors] == [2, 2]


@pytest.mark.parametrize(
    "accepted",
    [
        answer(),
        answer(b"", kind="text/html"),
        answer(b"ok", kind="text/plain"),
        answer(b"{}", kind="application/json; charset=utf-8"),
        answer(b'{"partialSuccess":null}', kind="application/json"),
        answer(status=202),
        answer(b"", status=204),
    ],
)
def test_what_servers_answer_when_they_took_it_is_a_success(accepted):
    assert outcome(accepted) is None


@pytest.mark.parametrize(
    "garbage",
    [
        answer(b"\xff\xff\xff"),
        answer(b"<html>log in to the hotel</html>", kind="text/html"),
        answer(b"not json", kind="application/json"),
        answer(b"[]", kind="application/json"),
        answer(b"[" * 100_000, kind="application/json"),
        answer(b'{"partialSuccess":{"rejectedSpans":1e999}}', kind="application/json"),
        Answer((b"\x0a", CUT)),
        answer(b"\x1f\x8b broken", **{"content-encoding": "gzip"}),
    ],
)
def test_an_answer_that_is_no_otlp_acknowledges_nothing(garbage):
    assert outcome(garbage) is Retryable


def test_an_answer_over_the_limit_of_otlp_is_permanent():
    assert outcome(answer(bytes(4 * 2**20 + 1))) is Permanent


def test_a_request_over_the_limit_of_otlp_is_never_sent():
    with FakeProvider() as server, exporter(server.url) as otlp, pytest.raises(TooLarge):
        otlp.export("traces", bytes(64 * 2**20 + 1))

    assert server.requests == []


def test_a_server_that_is_not_there_is_retryable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failure(f"http://127.0.0.1:{unused.getsockname()[1]}")

    assert type(error) is Retryable
    assert "Connection refused" in str(error)


def test_a_host_that_does_not_resolve_is_retryable():
    assert type(failure("http://nowhere.invalid:4318")) is Retryable


def test_no_proxy_of_the_environment_is_asked_for_this_machine(monkeypatch):
    with socket.socket() as unused, FakeProvider() as server:
        unused.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{unused.getsockname()[1]}")
        server.queue(answer())
        with exporter(server.url) as otlp:
            otlp.export("traces", traces(1))

    assert [request.body for request in server.requests] == [traces(1)]


def test_a_name_whose_first_address_is_dead_is_reached_at_its_next_one(monkeypatch):
    with socket.socket() as dead, ExitStack() as waiting, FakeProvider() as server:
        dead.bind(("127.0.0.1", 0))
        dead.listen(0)
        for _ in range(4):  # it accepts nobody, and there is no room to wait
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(dead.getsockname())
        port = httpx2.URL(server.url).port
        addresses = [dead.getsockname(), ("127.0.0.1", port)]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        monkeypatch.setattr(Deadline, "connect_s", 0.5)
        server.queue(answer())
        with exporter(f"http://several.invalid:{port}", timeout=60) as otlp:
            otlp.export("traces", traces(1))

    assert [request.body for request in server.requests] == [traces(1)]


@pytest.mark.parametrize(("timeout_s", "connect_s"), [(10, 10 / 3), (1.5, 1), (0.5, 0.5)])
def test_one_dead_address_leaves_time_for_the_next_ones(timeout_s, connect_s):
    assert Deadline(timeout_s).connect_s == connect_s


Slowly = Callable[[socket.socket, threading.Event], None]


def _stall(server: socket.socket, over: threading.Event) -> None:
    server.recv(2**16)


def _drip(answer: bytes) -> Slowly:
    """Send an answer that does not end, every byte long before a client grows impatient."""

    def drip(server: socket.socket, over: threading.Event) -> None:
        server.recv(2**16)
        for byte in answer + 100_000 * b"x":
            server.sendall(bytes([byte]))
            if over.wait(0.02):
                return

    return drip


def _sip(server: socket.socket, over: threading.Event) -> None:
    """Read a little of the request now and then."""
    while not over.wait(0.1):
        server.recv(2**14)


SLOW = {
    "stalls": _stall,
    "drips its status": _drip(b"HTTP/1.1 200 "),
    "drips its headers": _drip(b"HTTP/1.1 200 OK\r\nserver: "),
    "drips its body": _drip(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"),
    "drips one informational answer after the other": _drip(1000 * b"HTTP/1.1 103 \r\n\r\n"),
    "sips the request": _sip,
}


@contextmanager
def slow_server(treat: Slowly, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """One connection, treated so until the client hangs up, and held until the end."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            plain, _ = listening.accept()
            plain.settimeout(60)
            with plain, context.wrap_socket(plain, server_side=True) if context else plain as peer:
                treat(peer, over)
                over.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.settimeout(60)  # on a busy machine a client may give up before it connects
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"{'https' if context else 'http'}://localhost:{listening.getsockname()[1]}"
        over.set()
        thread.join(60)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("treat", SLOW.values(), ids=SLOW)
def test_a_slow_server_is_given_up_on_after_the_timeout_whatever_it_trickles(
    tmp_path, treat, encrypted
):
    files = certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server, files.server_key)
    tls = TlsConfig(ca_file=files.ca)
    payload = traces(*range(200_000 if treat is _sip else 1))

    with (
        slow_server(treat, context if encrypted else None) as url,
        exporter(url, timeout=1.0, tls=tls) as otlp,
    ):
        began = time.monotonic()
        with pytest.raises(Retryable):
            otlp.export("traces", payload)
        took = time.monotonic() - began

    assert took < 60  # what drips, drips for half an hour


def _says(answer: bytes) -> Slowly:
    def say(server: socket.socket, over: threading.Event) -> None:
        server.recv(2**16)
        server.sendall(answer)
        server.shutdown(socket.SHUT_WR)  # and hang up; what is left unread would tear it off
        while server.recv(2**16):
            pass
        over.set()

    return say


@pytest.mark.parametrize(
    ("treat", "said", "timeout_s"),
    [
        (_says(b""), "the connection was closed unanswered", 60),
        (_says(b"HTTP/1.1 200 OK\r\ncontent-"), "the connection was closed unanswered", 60),
        (
            _says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"),
            "the connection was closed amid the answer",
            60,
        ),
        (_says(b"220 secret ESMTP\r\n\r\n"), "the answer is not HTTP/1.1", 60),
        (_stall, "no answer in time", 2),
    ],
)
def test_what_came_instead_of_an_answer_is_said_in_words_of_our_own(treat, said, timeout_s):
    with slow_server(treat) as url:
        error = failure(url, timeout=timeout_s)

    assert (type(error), str(error)) == (Retryable, said)


def test_a_handshake_that_does_not_end_is_told_from_a_host_that_does_not_answer():
    with slow_server(_stall) as url:
        error = failure(url.replace("http:", "https:"), timeout=2)

    assert str(error) == "no connection in time: TLS: the handshake did not end"


@pytest.mark.parametrize("garbage", [b"", b"220 mail.example ESMTP\r\n", b"\x00\x01\x02"])
def test_a_port_that_speaks_no_http_is_retryable(garbage):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(garbage)

        listening.settimeout(60)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        error = failure(f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join(60)

    assert type(error) is Retryable


def test_a_connection_the_server_has_closed_in_between_is_replaced():
    with FakeProvider() as server, exporter(server.url) as otlp:
        server.queue(answer(connection="close"), answer())
        otlp.export("traces", traces(1))
        otlp.export("traces", traces(2))

    assert [request.body for request in server.requests] == [traces(1), traces(2)]


def test_mutual_tls_reaches_a_server_that_knows_us_and_no_other(tmp_path: Path):
    pem = certificates(tmp_path)
    known = TlsConfig(ca_file=pem.ca, cert_file=pem.client, key_file=pem.client_key)

    with _tls_server(pem) as (url, bodies):
        with exporter(url, tls=known) as otlp:
            otlp.export("traces", traces(7))
        stranger = failure(url, tls=TlsConfig(ca_file=pem.ca))
        distrust = failure(url, tls=TlsConfig(cert_file=pem.client, key_file=pem.client_key))
        blind = TlsConfig(insecure_skip_verify=True, cert_file=pem.client, key_file=pem.client_key)
        with exporter(url, tls=blind) as otlp:
            otlp.export("traces", traces(8))

    assert bodies == [traces(7), traces(8)]
    assert (type(stranger), type(distrust)) == (Retryable, Retryable)
    assert str(distrust).startswith("cannot connect: its certificate is not accepted: ")


def test_certificates_that_are_replaced_on_the_disk_are_used_without_a_restart(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    old, new = (certificates(tmp_path_factory.mktemp(name)) for name in ("old", "new"))
    tls = old.install(tmp_path)
    with _tls_server(new) as (url, bodies), exporter(url, tls=tls) as otlp:
        with pytest.raises(Retryable):
            otlp.export("traces", traces(6))
        new.install(tmp_path)
        otlp.export("traces", traces(7))

        for half_written in (tls.key_file, tls.ca_file):
            half_written.write_bytes(half_written.read_bytes()[:60])
            otlp.export("traces", traces(8))
            new.install(tmp_path)

    assert bodies == [traces(7), traces(8), traces(8)]


def test_a_closed_exporter_answers_retryable():
    with FakeProvider() as server, exporter(server.url) as otlp:
        otlp.close()

        with pytest.raises(Retryable):
            otlp.export("traces", traces(1))


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({}, "required and missing"),
        ({"endpoint": "host:4318"}, "expected http://host:port"),
        ({"traces_endpoint": "http://"}, "expected http://host:port"),
        ({"endpoint": "http://me:secret@a:69854"}, "expected http://host:port"),
        ({"endpoint": "http://a:4318/v1/traces"}, "see traces_endpoint"),
        ({"endpoint": "http://a", "headers": {"key": "secret\r\n"}}, r"headers\.key"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_start_without_their_secrets(written, problem):
    with pytest.raises(ValueError, match=problem) as raised:
        OtlpHttpExporterConfig(**written)

    assert "secret" not in str(raised.value)


@contextmanager
def _tls_server(pem) -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps({}).encode())

        def log_message(self, *_) -> None: ...

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem.server, pem.server_key)
    context.load_verify_locations(pem.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}", bodies
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
