"""OTLP over HTTP, over real sockets, by hand and by the stock exporters."""

from __future__ import annotations

import gzip
import json
import re
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from time import monotonic

import pytest
import zstandard
from benchmarks import corpus
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from otel_llm.collector.errors import Permanent, Refused, Retryable, TooLarge
from otel_llm.collector.intake.config import HttpConfig, OtlpConfig, ProtocolsConfig
from otel_llm.collector.intake.config import ServerTlsConfig as Tls
from otel_llm.collector.receivers.otlp import OtlpReceiver
from tests.collector.certificates import certificates, expired
from tests.collector.receiving import LOCAL, Receiver, receiving

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SPANS = corpus.request("mix", 20)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@contextmanager
def connected(receiver: Receiver) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", receiver.http_port, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def post(
    receiver: Receiver,
    body: bytes,
    media_type: str = PROTOBUF,
    path: str = "/v1/traces",
    method: str = "POST",
    **headers: str,
) -> tuple[HTTPResponse, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with connected(receiver) as connection:
        connection.request(method, path, body, {"content-type": media_type, **named})
        response = connection.getresponse()
        return response, response.read()


def raw(receiver: Receiver, *sent: bytes) -> bytes:
    """Send bytes, hang up our side, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60) as stranger:
        for piece in sent:
            stranger.sendall(piece)
        stranger.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: stranger.recv(65536), b""))


def head(length: int | None = None, *more: str, method: str = "POST") -> bytes:
    lines = [f"{method} /v1/traces HTTP/1.1", "Host: x", f"Content-Type: {PROTOBUF}", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


class TestAnswers:
    @pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
    @pytest.mark.parametrize(
        ("media_type", "body", "answer"),
        [(PROTOBUF, b"", b""), (JSON, b"{}", b"{}"), (JSON + "; charset=utf-8", b"{}", b"{}")],
    )
    def test_an_empty_request_of_every_signal_succeeds_in_its_own_encoding(
        self, receiver, signal, media_type, body, answer
    ):
        response, got = post(receiver, body, media_type, f"/v1/{signal}")

        assert (response.status, got) == (200, answer)
        assert response.headers["content-type"] == media_type.partition(";")[0]

    def test_the_bytes_arrive_as_they_were_sent(self, receiver):
        post(receiver, SPANS)

        assert receiver.inbox.received == [("traces", SPANS)]

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"path": "/v1/trace"}, 404),
            ({"path": "/"}, 404),
            ({"method": "GET"}, 405),
            ({"method": "PUT"}, 405),
            ({"media_type": "text/plain"}, 415),
            ({"media_type": ""}, 415),
            ({"content_encoding": "br"}, 415),
            ({"content_encoding": "gzip, gzip"}, 415),
        ],
    )
    def test_what_cannot_be_a_request_has_its_own_status(self, receiver, change, status):
        response, body = post(receiver, b"x" * 100, **change)

        said = (
            Status.FromString(body).message
            if response.headers["content-type"] == PROTOBUF
            else json.loads(body)["message"]
        )
        assert response.status == status
        assert said
        assert (response.headers["allow"] == "POST") == (status == 405)

    def test_a_query_string_does_not_matter(self, receiver):
        assert post(receiver, SPANS, path="/v1/traces?token=x")[0].status == 200

    @pytest.mark.parametrize("body", [b"garbage", SPANS[:-3]])
    def test_garbage_is_a_bad_request_in_protobuf(self, receiver, body):
        response, answer = post(receiver, body)

        assert response.status == 400
        assert response.headers["content-type"] == PROTOBUF
        assert Status.FromString(answer).code == 3

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"1", b'{"resourceSpans":{}}', b"[" * 100_000, b"\xff"]
    )
    def test_garbage_is_a_bad_request_in_json(self, receiver, body):
        response, answer = post(receiver, body, JSON)

        assert response.status == 400
        assert json.loads(answer) == {"code": 3, "message": "the body is no OTLP request"}

    @pytest.mark.parametrize("error", [Refused("full"), Retryable("down"), RuntimeError("a bug")])
    def test_when_busy_it_asks_to_come_back(self, receiver, error):
        receiver.inbox.errors.append(error)

        response, body = post(receiver, b"")

        hint = RetryInfo()
        assert Status.FromString(body).details[0].Unpack(hint)
        assert response.status == 503
        assert 1 <= int(response.headers["retry-after"]) <= 5
        assert 1 <= hint.retry_delay.ToMilliseconds() / 1000 <= 5

    @pytest.mark.parametrize(("error", "status"), [(Permanent("x"), 400), (TooLarge("x"), 413)])
    def test_what_will_never_be_taken_has_no_hint_to_come_back(self, receiver, error, status):
        receiver.inbox.errors.append(error)

        response, _ = post(receiver, b"")

        assert response.status == status
        assert response.headers["retry-after"] is None

    def test_paths_can_be_chosen(self):
        with receiving(http=HttpConfig(LOCAL, traces_url_path="/otlp/spans")) as receiver:
            assert post(receiver, SPANS, path="/otlp/spans")[0].status == 200
            assert post(receiver, SPANS)[0].status == 404


class TestCompression:
    def deflated(self, wbits: int) -> bytes:
        packer = zlib.compressobj(wbits=wbits)
        return packer.compress(SPANS) + packer.flush()

    @pytest.mark.parametrize(
        "encoding", ["identity", "gzip", "GZIP", "deflate", "raw deflate", "zstd"]
    )
    def test_every_encoding_is_unpacked(self, receiver, encoding):
        packed = {
            "identity": SPANS,
            "gzip": gzip.compress(SPANS),
            "deflate": self.deflated(15),
            "raw deflate": self.deflated(-15),
            "zstd": zstandard.compress(SPANS),
        }[encoding.lower()]

        response, _ = post(receiver, packed, content_encoding=encoding.removeprefix("raw "))

        assert response.status == 200
        assert receiver.inbox.received == [("traces", SPANS)]

    @pytest.mark.parametrize("encoding", ["gzip", "zstd"])
    def test_members_and_frames_are_joined(self, receiver, encoding):
        pack = gzip.compress if encoding == "gzip" else zstandard.compress

        post(receiver, pack(SPANS[:50]) + pack(SPANS[50:]), content_encoding=encoding)

        assert receiver.inbox.received == [("traces", SPANS)]

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
    @pytest.mark.parametrize(
        "body", [b"no such thing", gzip.compress(SPANS)[:-9], zstandard.compress(SPANS)[:-9]]
    )
    def test_a_body_that_is_not_packed_as_it_says_is_a_bad_request(self, receiver, encoding, body):
        assert post(receiver, body, content_encoding=encoding)[0].status == 400

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "zstd"])
    def test_what_stands_behind_a_packed_body_makes_it_a_bad_request(self, receiver, encoding):
        packed = {
            "gzip": gzip.compress(SPANS),
            "deflate": self.deflated(15),
            "raw deflate": self.deflated(-15),
            "zstd": zstandard.compress(SPANS),
        }[encoding]

        sent = packed + b"more"

        said = encoding.removeprefix("raw ")
        assert post(receiver, sent, content_encoding=said)[0].status == 400
        assert receiver.inbox.received == []

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
    def test_a_bomb_is_too_large_and_others_are_served(self, receiver, encoding):
        packers = {
            "gzip": zlib.compressobj(wbits=31),
            "deflate": zlib.compressobj(),
            "zstd": zstandard.ZstdCompressor().compressobj(),
        }
        packer = packers[encoding]
        bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()

        response, body = post(receiver, bomb, content_encoding=encoding)

        assert (response.status, Status.FromString(body).code) == (413, 8)
        assert post(receiver, SPANS)[0].status == 200


class TestLimits:
    def test_a_body_beyond_the_limit_is_too_large_whether_announced_or_not(self):
        with receiving(http=HttpConfig(LOCAL, max_request_body_size=1000)) as receiver:
            chunks = b"".join(b"64\r\n" + bytes(100) + b"\r\n" for _ in range(11)) + b"0\r\n\r\n"
            answers = [
                raw(receiver, head(1001), bytes(1001)),
                raw(receiver, head(None, "Transfer-Encoding: chunked"), chunks),
            ]

            assert [answer.split(b"\r\n")[0] for answer in answers] == [
                f"HTTP/1.1 413 {HTTPStatus(413).phrase}".encode()
            ] * 2
            assert all(b"Connection: close" in answer for answer in answers)
            assert post(receiver, b"")[0].status == 200

    def test_a_sender_that_is_refused_early_can_finish_and_read_the_answer(self):
        with receiving(http=HttpConfig(LOCAL, max_request_body_size=1000)) as receiver:
            response, _ = post(receiver, bytes(20 * 2**20))

            assert response.status == 413

    def test_bodies_under_way_are_limited_together(self):
        with receiving(http=HttpConfig(LOCAL, max_buffered=1000)) as receiver:
            with socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60) as slow:
                slow.sendall(head(2000) + bytes(900))
                wait_until(lambda: receiver.inner._http._traffic.buffered == 900)

                assert post(receiver, bytes(200))[0].status == 503
            wait_until(lambda: receiver.inner._http._traffic.buffered == 0)
            assert post(receiver, SPANS[:0])[0].status == 200

    def test_connections_are_limited(self):
        config = HttpConfig(LOCAL, max_connections=1)
        with receiving(http=config) as receiver, connected(receiver) as first:
            for _ in range(2):
                first.request("POST", "/v1/traces", b"", {"content-type": PROTOBUF})
                response = first.getresponse()
                response.read()

                assert response.status == 200
                assert raw(receiver).startswith(b"HTTP/1.1 503 ")

    def test_endless_headers_are_refused(self, receiver):
        endless = b"POST /v1/traces HTTP/1.1\r\n" + b"X-Y: " + b"z" * 70_000

        assert raw(receiver, endless).startswith(b"HTTP/1.1 431 ")

    @pytest.mark.parametrize(
        ("sent", "limit"),
        [
            (b"POST /v1/traces HT", {"read_header_timeout": 3.0}),  # also for its first byte
            (head(10) + b"abc", {"read_timeout": 0.2}),
            (head(None, "Transfer-Encoding: chunked"), {"read_timeout": 0.2}),
        ],
    )
    def test_a_sender_that_never_finishes_is_told_and_cut_off(self, sent, limit):
        config = HttpConfig(LOCAL, **limit)
        with receiving(http=config) as receiver:
            with socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60) as slow:
                slow.sendall(sent)

                answer = b"".join(iter(lambda: slow.recv(65536), b""))

            assert answer.startswith(b"HTTP/1.1 408 ")
            assert receiver.count("timeout") == 1

    def test_a_connection_that_is_idle_too_long_is_closed_without_a_word(self):
        config = HttpConfig(LOCAL, idle_timeout=0.2)
        with receiving(http=config) as receiver:
            with socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60) as idle:
                idle.sendall(head(0))
                answer = b"".join(iter(lambda: idle.recv(65536), b""))

            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert answer.count(b"HTTP/1.1") == 1


class TestTransport:
    def test_a_whole_url_is_a_target_as_well(self, receiver):
        sent = head(len(SPANS)).replace(b"/v1/traces", b"http://collector:4318/v1/traces?a=b")

        assert raw(receiver, sent, SPANS).startswith(b"HTTP/1.1 200 OK\r\n")
        assert receiver.inbox.received == [("traces", SPANS)]

    def test_an_answer_to_head_has_no_body(self, receiver):
        response, body = post(receiver, b"", method="HEAD")

        answers = raw(receiver, head(0).replace(b"POST", b"HEAD") + head(0, "Connection: close"))
        assert (response.status, body) == (405, b"")
        assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"405", b"200"]
        assert answers.count(b"send telemetry") == 0

    def test_one_connection_serves_many_requests_also_after_a_refused_one(self, receiver):
        with connected(receiver) as connection:
            for path, status in [("/v1/traces", 200), ("/nowhere", 404), ("/v1/traces", 200)] * 3:
                connection.request("POST", path, SPANS, {"content-type": PROTOBUF})
                response = connection.getresponse()
                response.read()
                assert response.status == status

        assert len(receiver.inbox.received) == 6

    def test_pipelined_requests_are_answered_in_order(self, receiver):
        two = head(len(SPANS)) + SPANS + head(3) + b"bad" + head(0)

        answers = raw(receiver, two)

        assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"400", b"200"]

    def test_a_request_in_single_bytes_and_chunks_is_put_together(self, receiver):
        body = SPANS[:0] + b"".join(b"%x\r\n%b\r\n" % (1, SPANS[i : i + 1]) for i in range(300))
        rest = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SPANS) - 300, SPANS[300:])
        pieces = head(None, "Transfer-Encoding: chunked")

        answer = raw(receiver, *[pieces[i : i + 1] for i in range(len(pieces))], body, rest)

        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert receiver.inbox.received == [("traces", SPANS)]

    @pytest.mark.parametrize("trailer", ["Content-Type: text/plain", "Content-Encoding: gzip"])
    def test_what_stands_behind_the_body_changes_nothing(self, receiver, trailer):
        body = b"%x\r\n%b\r\n0\r\n" % (len(SPANS), SPANS)

        answer = raw(
            receiver, head(None, "Transfer-Encoding: chunked"), body, f"{trailer}\r\n\r\n".encode()
        )

        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert receiver.inbox.received == [("traces", SPANS)]

    def test_a_sender_that_waits_for_permission_gets_it(self, receiver):
        with socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60) as polite:
            polite.sendall(head(len(SPANS), "Expect: 100-continue"))
            assert polite.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            polite.sendall(SPANS)

            assert polite.recv(65536).startswith(b"HTTP/1.1 200 OK")

    def test_one_of_http_1_0_cannot_ask_for_permission(self, receiver):
        asks = head(len(SPANS), "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")

        assert raw(receiver, asks + SPANS).startswith(b"HTTP/1.1 200 OK")

    def test_an_offer_to_speak_http2_is_passed_over(self, receiver):
        upgrade = (
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABk",
        )

        answers = raw(receiver, head(len(SPANS), *upgrade) + SPANS + head(0))

        assert answers.count(b"HTTP/1.1 200 OK") == 2
        assert receiver.inbox.received == [("traces", SPANS)]

    def test_a_sender_that_closes_its_connections_is_answered_and_closed(self, receiver):
        answer = raw(receiver, head(0, "Connection: close"))

        assert answer.startswith(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")

    @pytest.mark.parametrize(
        "sent",
        [
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\0" * 100,
            b"POST /v1/traces HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            b"POST /v1/traces HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /v1/traces HTTP/9.9\r\n\r\n",
            b"POST /v1/traces HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            b"POST /v1/traces HTTP/1.0\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
        ],
    )
    def test_garbage_is_answered_and_others_never_notice(self, receiver, sent):
        with connected(receiver) as other:
            other.request("POST", "/v1/traces", b"", {"content-type": PROTOBUF})
            other.getresponse().read()

            assert raw(receiver, sent).startswith(b"HTTP/1.1 400 Bad Request\r\n")
            other.request("POST", "/v1/traces", SPANS, {"content-type": PROTOBUF})
            assert other.getresponse().status == 200

    def test_a_sender_of_http_1_0_need_not_say_whom_it_means(self, receiver):
        sent = head(len(SPANS)).replace(b"HTTP/1.1\r\nHost: x\r\n", b"HTTP/1.0\r\n") + SPANS

        assert raw(receiver, sent).startswith(b"HTTP/1.1 200 OK\r\n")

    @pytest.mark.parametrize("cut", [10, 100, 150])
    def test_a_request_that_is_cut_off_leaves_nothing_behind(self, receiver, cut):
        with socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60) as gone:
            gone.sendall((head(len(SPANS)) + SPANS)[:cut])

        wait_until(lambda: not receiver.inner._http._traffic.connections)
        assert receiver.inner._http._traffic.buffered == 0
        assert receiver.inbox.received == []
        assert post(receiver, SPANS)[0].status == 200

    def test_an_address_that_is_taken_is_an_error_at_the_start_and_grpc_is_not_left_behind(self):
        with receiving() as first:
            endpoint = f"127.0.0.1:{first.http_port}"
            config = OtlpConfig(ProtocolsConfig(http=HttpConfig(endpoint)))
            second = OtlpReceiver(config)

            with pytest.raises(OSError, match="cannot listen on"):
                second.start(first.inbox)
            assert second.grpc_port is None

    def test_stop_finishes_what_is_under_way_and_closes_what_is_idle(self):
        with receiving() as receiver, connected(receiver) as idle:
            idle.request("POST", "/v1/traces", b"", {"content-type": PROTOBUF})
            idle.getresponse().read()
            with socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60) as busy:
                busy.sendall(head(len(SPANS)) + SPANS[:10])
                wait_until(lambda: receiver.inner._http._traffic.buffered == 10)
                stopper = threading.Thread(target=receiver.inner.stop, args=(60,))
                stopper.start()
                assert idle.sock.recv(1) == b""
                busy.sendall(SPANS[10:])

                assert busy.recv(65536).startswith(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")
                stopper.join(60)
                assert not stopper.is_alive()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60).close()

    def test_stop_does_not_wait_longer_than_it_was_given(self):
        with receiving() as receiver, connected(receiver) as busy:
            busy.connect()
            busy.sock.sendall(head(100) + b"x")
            wait_until(lambda: receiver.inner._http._traffic.buffered == 1)
            started = monotonic()

            receiver.inner.stop(0.2)

            assert monotonic() - started < 30


GRPC_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def refused(receiver: Receiver, reason: str | None = None) -> float:
    given = {"reason": reason} if reason else {}
    return receiver.counters.get("otel_llm_receiver_refused_connections", **given)


class TestTls:
    def test_only_senders_that_the_authority_knows_get_in(self, tmp_path):
        made = certificates(tmp_path)
        config = HttpConfig(LOCAL, tls=Tls(made.server, made.server_key, made.ca))
        known = ssl.create_default_context(cafile=made.ca)
        known.load_cert_chain(made.client, made.client_key)
        unknown = ssl.create_default_context(cafile=made.ca)
        with receiving(http=config) as receiver:
            assert self.status(receiver, known) == b"HTTP/1.1 200 OK"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                self.status(receiver, unknown)
            assert raw(receiver, head(0)) == b""

    @pytest.mark.parametrize(
        ("who", "reason", "said"),
        [
            ("nobody", "no_certificate", "the sender shows no certificate"),
            ("stranger", "unknown_ca", "is of no authority in client_ca_file"),
            ("late", "expired", "the sender's certificate has expired"),
            ("distrustful", "by_sender", "does not accept our certificate or TLS: TLSV1_ALERT"),
            ("plain", "not_tls", "speaks no TLS to a port that asks for it"),
            ("grpc", "not_tls", "speaks no TLS to a port that asks for it"),
        ],
    )
    def test_the_operator_learns_that_senders_are_refused_and_why(
        self, tmp_path, caplog, who, reason, said
    ):
        (tmp_path / "other").mkdir()
        made, other = certificates(tmp_path), certificates(tmp_path / "other")
        shown = {
            "nobody": None,
            "stranger": (other.client, other.client_key),
            "late": expired(tmp_path),
        }
        config = HttpConfig(LOCAL, tls=Tls(made.server, made.server_key, made.ca))
        with receiving(http=config) as receiver:
            for _ in range(3):
                with suppress(ssl.SSLError, ConnectionError):
                    if who in ("plain", "grpc"):
                        raw(receiver, head(0) if who == "plain" else GRPC_PREFACE)
                        continue
                    known = other.ca if who == "distrustful" else made.ca
                    context = ssl.create_default_context(cafile=known)
                    if files := shown.get(who):
                        context.load_cert_chain(*files)
                    self.status(receiver, context)
            wait_until(lambda: refused(receiver, reason) == 3)

        assert refused(receiver) == 3
        [line] = caplog.messages
        assert said in line

    @pytest.mark.parametrize(
        ("first", "reason"), [("tls", "tls_to_plain_port"), ("grpc", "grpc_to_http_port")]
    )
    def test_whoever_speaks_something_else_to_a_plain_port_is_told_apart(
        self, receiver, caplog, first, reason
    ):
        if first == "grpc":
            raw(receiver, GRPC_PREFACE)
        else:
            with pytest.raises(ssl.SSLError):
                self.status(receiver, ssl.create_default_context())

        assert refused(receiver) == refused(receiver, reason) == 1
        assert len(caplog.messages) == 1

    def test_whoever_only_looks_whether_a_port_is_there_is_not_refused(self, tmp_path, caplog):
        made = certificates(tmp_path)
        config = HttpConfig(LOCAL, tls=Tls(made.server, made.server_key, made.ca))
        with receiving(http=config) as receiver:
            socket.create_connection(("127.0.0.1", receiver.http_port), timeout=60).close()
            with pytest.raises((ssl.SSLError, ConnectionError)):
                self.status(receiver, ssl.create_default_context(cafile=made.ca))
            wait_until(lambda: refused(receiver))

        assert refused(receiver) == 1

    def status(self, receiver: Receiver, context: ssl.SSLContext) -> bytes:
        address = ("127.0.0.1", receiver.http_port)
        with (
            socket.create_connection(address, timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            secure.sendall(head(0))
            answer = secure.recv(65536).split(b"\r\n")[0]
            if not answer:
                raise ConnectionError("closed")
            return answer

    def test_a_certificate_that_cannot_be_read_is_an_error_at_the_start(self, tmp_path):
        config = HttpConfig(LOCAL, tls=Tls(tmp_path / "none.pem", tmp_path / "none.key"))

        with pytest.raises(FileNotFoundError), receiving(http=config):
            pass


class TestStockExporter:
    def export(self, exporter: OTLPSpanExporter) -> SpanExportResult:
        tracer = TracerProvider().get_tracer("test")
        with tracer.start_as_current_span("chat") as span:
            pass
        try:
            return exporter.export([span])
        finally:
            exporter.shutdown()

    @pytest.mark.parametrize(
        "compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate]
    )
    def test_its_spans_arrive(self, receiver, compression):
        exporter = OTLPSpanExporter(receiver.http + "/v1/traces", compression=compression)

        result = self.export(exporter)

        ((_, payload),) = receiver.inbox.received
        (group,) = ExportTraceServiceRequest.FromString(payload).resource_spans
        assert result is SpanExportResult.SUCCESS
        assert group.scope_spans[0].spans[0].name == "chat"

    def test_it_comes_back_when_we_were_busy(self, receiver):
        receiver.inbox.errors += [Refused("full")]

        result = self.export(OTLPSpanExporter(receiver.http + "/v1/traces"))

        assert result is SpanExportResult.SUCCESS
        assert receiver.inbox.attempts == 2

    def test_it_gives_up_at_once_on_what_we_will_never_take(self, receiver):
        receiver.inbox.errors += [Permanent("never"), Permanent("never")]

        result = self.export(OTLPSpanExporter(receiver.http + "/v1/traces"))

        assert result is SpanExportResult.FAILURE
        assert receiver.inbox.attempts == 1


def wait_until(condition) -> None:
    until = monotonic() + 60
    while not condition():
        assert monotonic() < until, "it did not happen"
        threading.Event().wait(0.005)
