"""OTLP over gRPC against the stock services, and against servers that misbehave."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_llm.collector.errors import (
    DeliveryError,
    Malformed,
    PartlyRejected,
    Permanent,
    Retryable,
    TooLarge,
)
from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.collector.sending.destination import TlsConfig
from otel_llm.testing import OtlpSink

from .certificates import certificates
from .otlp_faults import TraceResponse, abort, grpc_sink, partial, traces

Code = grpc.StatusCode


@contextmanager
def exporter(endpoint: str, **more) -> Iterator[OtlpExporter]:
    made = OtlpExporter(OtlpExporterConfig(endpoint, **more))
    try:
        yield made
    finally:
        made.close()


def failure(endpoint: str, **more) -> DeliveryError:
    with exporter(endpoint, **more) as otlp, pytest.raises(DeliveryError) as raised:
        otlp.export("traces", traces(1))
    return raised.value


def outcome(code: grpc.StatusCode, **hint) -> tuple[type, float | None]:
    with grpc_sink(abort(code, **hint)) as sink:
        error = failure(sink.endpoint)
    return type(error), getattr(error, "retry_after_s", None)


def test_each_signal_reaches_its_service_byte_for_byte():
    metrics, logs = ExportMetricsServiceRequest(), ExportLogsServiceRequest()
    metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    logs.resource_logs.add().scope_logs.add().log_records.add(severity_text="INFO")

    with grpc_sink() as sink, exporter(sink.endpoint) as otlp:
        otlp.export("traces", traces(1, 2))
        otlp.export("metrics", metrics.SerializeToString())
        otlp.export("logs", logs.SerializeToString())

    assert sink.accepted == [traces(1, 2)]
    assert sink.other == [metrics, logs]


@pytest.mark.parametrize(
    "code",
    [
        Code.CANCELLED,
        Code.DEADLINE_EXCEEDED,
        Code.ABORTED,
        Code.OUT_OF_RANGE,
        Code.UNAVAILABLE,
        Code.DATA_LOSS,
    ],
)
def test_the_retryable_codes_of_the_specification_are_retryable(code):
    assert outcome(code) == (Retryable, None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.UNKNOWN, Permanent),
        (Code.INVALID_ARGUMENT, Malformed),
        (Code.NOT_FOUND, Permanent),
        (Code.ALREADY_EXISTS, Permanent),
        (Code.PERMISSION_DENIED, Permanent),
        (Code.UNAUTHENTICATED, Permanent),
        (Code.FAILED_PRECONDITION, Permanent),
        (Code.UNIMPLEMENTED, Permanent),
        (Code.INTERNAL, Malformed),
        (Code.RESOURCE_EXHAUSTED, TooLarge),
    ],
)
def test_every_other_code_is_permanent(code, kind):
    assert outcome(code) == (kind, None)


@pytest.mark.parametrize("key", ["grpc-status-details-bin", "google.rpc.retryinfo-bin"])
@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED])
def test_the_asked_wait_is_read_from_either_metadata_key(code, key):
    assert outcome(code, retry_s=0.25, key=key) == (Retryable, 0.25)


def test_a_retry_hint_does_not_make_a_permanent_code_retryable():
    assert outcome(Code.INVALID_ARGUMENT, retry_s=1.0 / 4) == (Malformed, None)


def test_what_the_server_says_is_kept_apart_from_the_message():
    with grpc_sink(abort(Code.INTERNAL)) as sink:
        error = failure(sink.endpoint)

    assert (str(error), error.said) == ("INTERNAL", "as told")


def test_partial_success_is_reported_as_loss_with_its_count():
    with grpc_sink(partial(3, "too old")) as sink:
        error = failure(sink.endpoint)

    assert isinstance(error, PartlyRejected)
    assert (error.rejected, error.said) == (3, "too old")


def test_a_warning_without_rejects_is_a_success():
    with grpc_sink(partial(0, "deprecated")) as sink, exporter(sink.endpoint) as otlp:
        otlp.export("traces", traces(1))

    assert sink.spans() == [1]


def test_a_request_over_the_limit_of_the_server_is_too_large():
    with grpc_sink(max_bytes=10) as sink:
        error = failure(sink.endpoint)

    assert type(error) is TooLarge


def test_a_request_over_the_limit_of_otlp_is_never_sent():
    with grpc_sink() as sink, exporter(sink.endpoint) as otlp, pytest.raises(TooLarge):
        otlp.export("traces", bytes(64 * 2**20 + 1))

    assert sink.attempts == 0


def test_an_answer_over_the_limit_of_otlp_is_permanent_and_not_a_size_to_halve():
    with grpc_sink(partial(0, "x" * (5 * 2**20))) as sink:
        error = failure(sink.endpoint)

    assert type(error) is Permanent


def test_a_server_that_is_not_there_is_retryable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failure(f"http://127.0.0.1:{unused.getsockname()[1]}")

    assert type(error) is Retryable
    assert "Connection refused" in str(error)


def test_a_server_that_does_not_answer_is_given_up_on_after_the_timeout():
    released = threading.Event()

    def stall(_) -> TraceResponse:
        released.wait(60)
        return TraceResponse()

    with grpc_sink(stall) as sink:
        began = time.monotonic()
        error = failure(sink.endpoint, timeout=0.3)
        took = time.monotonic() - began
        released.set()

    assert (type(error), str(error)) == (Retryable, "DEADLINE_EXCEEDED")
    assert 0.3 <= took < 30


def test_a_connection_that_nobody_answers_is_left_for_a_new_one():
    with (
        _mute_server() as (port, connections),
        exporter(f"http://127.0.0.1:{port}", timeout=2.0) as otlp,
    ):
        for _ in range(3):
            with pytest.raises(Retryable):
                otlp.export("traces", traces(1))

    assert len(connections) == 3


def test_a_slow_call_leaves_a_connection_alone_over_which_others_are_answered():
    slow, over, peers = threading.Event(), threading.Event(), set[str]()

    def answer(context: grpc.ServicerContext) -> TraceResponse:
        peers.add(context.peer())
        if not slow.is_set():
            slow.set()
            over.wait(60)
        return TraceResponse()

    with grpc_sink(answer) as sink, exporter(sink.endpoint, timeout=5.0) as otlp:
        late = threading.Thread(target=_export_in_vain, args=[otlp])
        late.start()
        slow.wait(60)
        otlp.export("traces", traces(2))
        late.join(60)
        over.set()
        otlp.export("traces", traces(3))

    assert len(peers) == 1


def test_a_certificate_that_is_not_accepted_is_named_with_its_reason(tmp_path: Path):
    pem = certificates(tmp_path)
    server = grpc.ssl_server_credentials([(pem.server_key.read_bytes(), pem.server.read_bytes())])

    with grpc_sink(credentials=server) as sink:
        error = failure(f"127.0.0.1:{sink.port}")

    assert "CERTIFICATE_VERIFY_FAILED" in str(error)  # and why, in newer grpcio


@pytest.mark.parametrize("first", [1, 2])
def test_of_several_addresses_that_do_not_answer_each_is_named_with_its_reason(tmp_path, first):
    pem = certificates(tmp_path)
    server = grpc.ssl_server_credentials([(pem.server_key.read_bytes(), pem.server.read_bytes())])

    with grpc_sink(credentials=server) as sink:
        there, nobody = f"127.0.0.1:{sink.port}", f"127.0.0.2:{sink.port}"
        order = (there, nobody) if first == 1 else (nobody, there)
        error = failure(f"ipv4:{','.join(order)}")

    assert type(error) is Retryable
    [by_grpc, by_us] = (
        str(error).removeprefix("UNAVAILABLE: ").split("; last error: ")[1].split("; 127.")
    )
    refused, certificate = "Connection refused", "unable to get local issuer certificate"
    unverified = "CERTIFICATE_VERIFY_FAILED" in by_grpc  # and why, in newer grpcio
    assert [refused in by_grpc, unverified] == [first == 1, first == 2]
    assert by_us == (
        f"0.0.1: its certificate is not accepted: {certificate}"
        if first == 1
        else f"0.0.2: {refused}"
    )


def test_the_other_addresses_of_a_name_are_asked_too(monkeypatch):
    real = socket.getaddrinfo

    def resolved(host, *given, **named):
        ips = ("127.0.0.1", "127.0.0.2") if host == "localhost" else (host,)
        return [found for ip in ips for found in real(ip, *given, **named)]

    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    alone = failure(f"http://localhost:{port}")
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    of_two = failure(f"http://localhost:{port}")

    assert str(alone).count("Connection refused") == 1
    assert str(of_two) == f"{alone}; 127.0.0.2: Connection refused"


def test_a_far_side_that_ends_the_connection_is_named_by_its_code_and_not_by_its_words():
    with _http2_server(_frame(7, 0, bytes(4) + (11).to_bytes(4, "big") + b"secret", 0)) as port:
        error = failure(f"http://127.0.0.1:{port}")

    assert type(error) is Retryable
    assert str(error) == (
        "UNAVAILABLE: the far side took its leave (GOAWAY received; Error code: 11)"
    )


@pytest.mark.parametrize("garbage", [b"", b"HTTP/1.1 200 OK\r\n\r\nhello", b"\x00" * 100])
def test_a_port_that_speaks_no_grpc_is_retryable(garbage):
    with _garbage_server(garbage) as port:
        error = failure(f"http://127.0.0.1:{port}", timeout=2.0)

    assert type(error) is Retryable


@pytest.mark.parametrize("http2_error", [0, 1, 2, 11])  # none, protocol, internal, calm down
def test_a_stream_that_is_torn_off_on_the_way_is_retryable(http2_error):
    with _http2_server(_frame(3, 0, http2_error.to_bytes(4, "big"))) as port:
        error = failure(f"http://127.0.0.1:{port}")

    assert type(error) is Retryable
    assert str(error).endswith(": the stream was torn off")


@pytest.mark.parametrize("code", [Code.INTERNAL, Code.RESOURCE_EXHAUSTED])
@pytest.mark.parametrize(
    "said",
    [
        "Stream removed (RST_STREAM error code: 2)",
        "Received RST_STREAM with error code 2",  # grpcio 1.80 and older
    ],
)
def test_a_torn_stream_is_told_by_what_every_version_of_grpc_says_of_it(code, said):
    assert outcome(code, said=said) == (Retryable, None)


def test_a_proxy_that_finds_a_request_too_large_is_sent_smaller_ones():
    status = b"\x00\x07:status\x03413"  # as HPACK writes what it has no table for

    with _http2_server(_frame(1, 5, status)) as port:
        error = failure(f"http://127.0.0.1:{port}")

    assert type(error) is TooLarge


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_a_destination_may_be_an_address_of_ipv6():
    with (
        grpc_sink() as sink,
        exporter(f"http://[::ffff:127.0.0.1]:{sink.port}") as otlp,
    ):
        otlp.export("traces", traces(1))

    assert sink.accepted == [traces(1)]


def test_no_proxy_of_the_environment_is_asked_for_this_machine(monkeypatch):
    with socket.socket() as unused, grpc_sink() as sink:
        unused.bind(("127.0.0.1", 0))
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{unused.getsockname()[1]}")
        with exporter(sink.endpoint) as otlp:
            otlp.export("traces", traces(1))

    assert sink.accepted == [traces(1)]


def test_an_ok_with_an_answer_that_is_no_otlp_acknowledges_nothing():
    method = grpc.unary_unary_rpc_method_handler(lambda payload, context: b"\xff\xff")
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    handler = grpc.method_handlers_generic_handler(service, {"Export": method})
    server = grpc.server(ThreadPoolExecutor(1), handlers=(handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    error = failure(f"http://127.0.0.1:{port}")
    server.stop(0).wait()

    assert type(error) is Retryable


def test_headers_and_compression_are_sent():
    with (
        grpc_sink() as sink,
        exporter(sink.endpoint, headers={"X-Api-Key": "k"}, compression="gzip") as otlp,
    ):
        otlp.export("traces", traces(1, size=1000))

    assert sink.metadata[0]["x-api-key"] == "k"
    assert sink.metadata[0]["user-agent"].startswith("otel-llm-collector/")
    assert sink.spans() == [1]


def test_mutual_tls_reaches_a_server_that_knows_us_and_no_other(tmp_path: Path):
    pem = certificates(tmp_path)
    server = grpc.ssl_server_credentials(
        [(pem.server_key.read_bytes(), pem.server.read_bytes())],
        root_certificates=pem.ca.read_bytes(),
        require_client_auth=True,
    )
    known = TlsConfig(ca_file=pem.ca, cert_file=pem.client, key_file=pem.client_key)

    with grpc_sink(credentials=server) as sink:
        endpoint = f"localhost:{sink.port}"
        with exporter(endpoint, tls=known) as otlp:
            otlp.export("traces", traces(7))
        stranger = failure(endpoint, tls=TlsConfig(ca_file=pem.ca))
        plain = failure(f"http://{endpoint}")

    assert sink.spans() == [7]
    assert (type(stranger), type(plain)) == (Retryable, Retryable)
    assert str(stranger).startswith("UNAVAILABLE")


def test_certificates_that_are_replaced_on_the_disk_are_used_without_a_restart(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    old, new = (certificates(tmp_path_factory.mktemp(name)) for name in ("old", "new"))
    server = grpc.ssl_server_credentials(
        [(new.server_key.read_bytes(), new.server.read_bytes())],
        root_certificates=new.ca.read_bytes(),
        require_client_auth=True,
    )
    tls = old.install(tmp_path)
    with grpc_sink(credentials=server) as sink, exporter(f"localhost:{sink.port}", tls=tls) as otlp:
        with pytest.raises(Retryable):
            otlp.export("traces", traces(6))
        new.install(tmp_path)
        otlp.export("traces", traces(7))

        for half_written in (tls.key_file, tls.ca_file):
            half_written.write_bytes(half_written.read_bytes()[:60])
            otlp.export("traces", traces(8))
            new.install(tmp_path)

    assert sink.spans() == [7, 8, 8]


def test_a_closed_exporter_answers_retryable_and_never_hangs():
    with grpc_sink() as sink, exporter(sink.endpoint) as otlp:
        otlp.close()

        with pytest.raises(Retryable):
            otlp.export("traces", traces(1))


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({"endpoint": "jaeger"}, "expected host:port"),
        ({"endpoint": ""}, "expected host:port"),
        ({"endpoint": "jaeger:grpc"}, "expected host:port"),
        ({"endpoint": "jaeger:69853"}, "expected host:port"),  # modulo 65,536: 4317
        ({"endpoint": "http://me:secret@jaeger:69853"}, "found 'jaeger:69853'"),
        ({"endpoint": "a:1", "tls": TlsConfig(insecure_skip_verify=True)}, "not possible"),
        ({"endpoint": "a:1", "headers": {"key": "secret\n"}}, r"headers\.key"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_start_without_their_secrets(written, problem):
    with pytest.raises(ValueError, match=problem) as raised:
        OtlpExporterConfig(**written)

    assert "secret" not in str(raised.value)


def test_headers_are_not_shown():
    assert "secret" not in repr(OtlpExporterConfig("a:1", headers={"key": "secret"}))


@contextmanager
def _garbage_server(answer: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(60)


def _export_in_vain(otlp: OtlpExporter) -> None:
    with suppress(Retryable):
        otlp.export("traces", traces(1))


@contextmanager
def _mute_server() -> Iterator[tuple[int, list[socket.socket]]]:
    """Speaks HTTP/2 on as many connections as come, and answers nothing."""
    connections = list[socket.socket]()

    def serve() -> None:
        with suppress(OSError):
            while True:
                connections.append(listening.accept()[0])
                connections[-1].sendall(_frame(4, 0, b"", stream=0))  # settings

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], connections
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(60)
    for connection in connections:
        connection.close()


@contextmanager
def _http2_server(answer: bytes) -> Iterator[int]:
    """Answers the first stream of one connection with the bytes of a frame."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as sent:
            connection.sendall(_frame(4, 0, b"", stream=0))  # settings
            sent.read(24)  # the preface
            while len(head := sent.read(9)) == 9:
                sent.read(int.from_bytes(head[:3], "big"))
                if head[3] == 1:  # headers
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(60)


def _frame(kind: int, flags: int, content: bytes, stream: int = 1) -> bytes:
    """A frame as HTTP/2 writes it (RFC 9113, 4.1)."""
    return (
        len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content
    )


@contextmanager
def name_server(address: list[str]) -> Iterator[int]:
    """Say that every name has the one ``address``, on a port of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        threading.Thread(target=_serve_names, args=(server, address), daemon=True).start()
        yield server.getsockname()[1]


def _serve_names(server: socket.socket, address: list[str]) -> None:
    with suppress(OSError):  # closed
        while True:
            query, client = server.recvfrom(512)
            question = query[12 : query.index(b"\0", 12) + 5]
            found = question.endswith(b"\0\1\0\1")  # an address of IPv4
            head = query[:2] + b"\x81\x80\0\1\0" + bytes([found]) + bytes(4)
            record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(address[0])
            server.sendto(head + question + record * found, client)


def test_a_name_that_leads_elsewhere_is_followed_within_seconds():
    """gRPC itself looks it up again only after half a minute."""
    address = ["127.0.0.9"]  # where nobody listens
    with name_server(address) as names, OtlpSink() as sink:
        port = sink.grpc_endpoint.rpartition(":")[2]
        endpoint = f"dns://127.0.0.1:{names}/there.test:{port}"
        exporter = OtlpExporter(OtlpExporterConfig(endpoint, tls=TlsConfig(insecure=True)))
        with pytest.raises(Retryable):
            exporter.export("traces", traces(1))
        address[:] = ["127.0.0.1"]

        until = time.monotonic() + 20
        while not sink.spans() and time.monotonic() < until:
            with suppress(Retryable):
                exporter.export("traces", traces(1))
            time.sleep(0.1)

        assert sink.spans()
        exporter.close()
