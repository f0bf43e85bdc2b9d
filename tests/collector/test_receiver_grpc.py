"""OTLP over gRPC, over real sockets, by grpcio's client and by the stock exporters."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator

import grpc
import pytest
from benchmarks import corpus
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from otel_llm.collector.errors import Permanent, Refused, Retryable, TooLarge
from otel_llm.collector.intake.config import GrpcConfig, OtlpConfig, ProtocolsConfig
from otel_llm.collector.protocol import METHODS
from otel_llm.collector.receivers.otlp import OtlpReceiver
from tests.collector.receiving import LOCAL, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def call(receiver: Receiver, payload: bytes, signal: str = "traces", **options) -> bytes:
    with grpc.insecure_channel(receiver.grpc) as channel:
        return channel.unary_unary(METHODS[signal])(payload, timeout=60, **options)


def failure(receiver: Receiver, payload: bytes) -> tuple[grpc.StatusCode, dict[str, bytes]]:
    with pytest.raises(grpc.RpcError) as raised:
        call(receiver, payload)
    return raised.value.code(), {m.key: m.value for m in raised.value.trailing_metadata() or ()}


@pytest.mark.parametrize("signal", METHODS)
def test_every_signal_is_taken_and_answered_without_partial_success(receiver, signal):
    answer = call(receiver, b"", signal)

    assert not ExportTraceServiceResponse.FromString(answer).HasField("partial_success")
    assert receiver.count("accepted") == 1


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_the_bytes_arrive_as_they_were_sent(receiver, compression):
    payload = corpus.request("mix", 50)

    call(receiver, payload, compression=compression)

    assert receiver.inbox.received == [("traces", payload)]


@pytest.mark.parametrize("number", [1, 0x5E, 0x20])
def test_a_field_newer_than_ours_is_not_taken_for_compression(receiver, number):
    payload = bytes((15 << 3, number)) + corpus.request("mix", 3)  # begins as zlib would

    assert call(receiver, payload) == b""
    assert receiver.inbox.received == [("traces", payload)]


@pytest.mark.parametrize("payload", [b"garbage", corpus.request("mix", 5)[:-4]])
def test_garbage_is_an_invalid_argument_with_the_reason(receiver, payload):
    code, metadata = failure(receiver, payload)

    status = Status.FromString(metadata["grpc-status-details-bin"])
    reason = BadRequest()
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert status.details[0].Unpack(reason)
    assert reason.field_violations[0].description == "the body is no OTLP request"
    assert receiver.count("malformed") == 1


@pytest.mark.parametrize(
    ("error", "at_least", "at_most"),
    [
        (Refused("full"), 1, 5),
        (Retryable("down"), 1, 5),
        (Retryable("down", retry_after_s=0.1), 1, 1),
        (Retryable("down", retry_after_s=3.5), 3.5, 3.5),
        (Retryable("down", retry_after_s=60), 5, 5),
        (RuntimeError("a bug of ours"), 1, 5),
    ],
)
def test_when_busy_the_hint_to_come_back_is_where_every_client_looks(
    receiver, error, at_least, at_most
):
    receiver.inbox.errors.append(error)

    code, metadata = failure(receiver, b"")

    in_details = RetryInfo()
    Status.FromString(metadata["grpc-status-details-bin"]).details[0].Unpack(in_details)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert in_details == RetryInfo.FromString(metadata["google.rpc.retryinfo-bin"])
    assert at_least * 1000 <= in_details.retry_delay.ToMilliseconds() <= at_most * 1000


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Permanent("never"), grpc.StatusCode.INVALID_ARGUMENT),
        (TooLarge("huge"), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_what_will_never_be_taken_has_no_hint_to_come_back(receiver, error, code):
    receiver.inbox.errors.append(error)

    answered, metadata = failure(receiver, b"")

    assert answered is code
    assert "google.rpc.retryinfo-bin" not in metadata


def test_no_answer_quotes_what_went_wrong_inside(receiver, caplog):
    receiver.inbox.errors.append(RuntimeError("the secret prompt"))

    with pytest.raises(grpc.RpcError) as raised:
        call(receiver, b"")

    assert "secret" not in raised.value.details() + caplog.text


def test_a_request_beyond_the_limit_is_exhausting_before_and_after_decompression():
    large = corpus.request("content", 400)
    with receiving(GrpcConfig(LOCAL, max_recv_msg_size_mib=1)) as small:
        assert len(gzip.compress(large)) < 2**20 < len(large)
        for options in ({}, {"compression": grpc.Compression.Gzip}):
            with pytest.raises(grpc.RpcError) as raised:
                call(small, large, **options)
            assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "google.rpc.retryinfo-bin" not in dict(raised.value.trailing_metadata() or ())
        call(small, corpus.request("mix", 5))

        assert len(small.inbox.received) == 1


def test_a_gzip_bomb_is_refused_and_others_are_served(receiver):
    bomb = bytes(100 * 2**20)

    with pytest.raises(grpc.RpcError) as raised:
        call(receiver, bomb, compression=grpc.Compression.Gzip)
    call(receiver, corpus.request("mix", 5))

    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(receiver.inbox.received) == 1


def test_an_unknown_method_is_unimplemented(receiver):
    method = METHODS["traces"].replace("Export", "Import")

    with grpc.insecure_channel(receiver.grpc) as channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(method)(b"", timeout=60)

    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\0" * 100, b"PRI"])
def test_a_client_that_speaks_no_grpc_disturbs_nobody(receiver, sent):
    host, _, port = receiver.grpc.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as stranger:
        stranger.sendall(sent)

        call(receiver, corpus.request("mix", 5))

    assert len(receiver.inbox.received) == 1


def test_an_address_that_is_taken_is_an_error_at_the_start():
    with receiving() as first:
        config = OtlpConfig(ProtocolsConfig(GrpcConfig(first.grpc)))

        with pytest.raises(OSError, match="cannot listen on 127"):
            OtlpReceiver(config).start(first.inbox)


def test_stop_waits_for_the_request_under_way_and_refuses_new_ones(receiver):
    reached, release = threading.Event(), threading.Event()
    answers: list[bytes] = []

    def slow(signal: str, payload: bytes, _: object) -> None:
        reached.set()
        release.wait(60)

    inner = OtlpReceiver(OtlpConfig(ProtocolsConfig(GrpcConfig(LOCAL))))
    inner.start(slow)
    address = f"127.0.0.1:{inner.grpc_port}"
    with grpc.insecure_channel(address) as channel:
        export = channel.unary_unary(METHODS["traces"])
        sender = threading.Thread(target=lambda: answers.append(export(b"", timeout=60)))
        sender.start()
        assert reached.wait(60)
        stopper = threading.Thread(target=inner.stop, args=(60,))
        stopper.start()
        release.set()
        stopper.join(60)
        sender.join(60)

        assert answers == [b""]
        with pytest.raises(grpc.RpcError):
            export(b"", timeout=2)
    inner.stop(1)


def test_a_sender_that_does_not_answer_the_goodbye_holds_up_no_end():
    inner = OtlpReceiver(OtlpConfig(ProtocolsConfig(GrpcConfig(LOCAL))))
    inner.start(lambda *_: None)
    with socket.create_connection(("127.0.0.1", inner.grpc_port or 0)) as gone:
        gone.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4" + bytes(5))
        assert gone.recv(1)

        ending = inner.leave(3600)

        assert ending is not None
        assert ending.result(60) is None


class TestStockExporter:
    def exporter(self, receiver: Receiver, **options) -> OTLPSpanExporter:
        return OTLPSpanExporter(f"http://{receiver.grpc}", insecure=True, **options)

    def export(self, exporter: OTLPSpanExporter) -> SpanExportResult:
        tracer = TracerProvider().get_tracer("test")
        with tracer.start_as_current_span("chat") as span:
            pass
        try:
            return exporter.export([span])
        finally:
            exporter.shutdown()

    @pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
    def test_its_spans_arrive(self, receiver, compression):
        result = self.export(self.exporter(receiver, compression=compression))

        ((_, payload),) = receiver.inbox.received
        (group,) = ExportTraceServiceRequest.FromString(payload).resource_spans
        assert result is SpanExportResult.SUCCESS
        assert group.scope_spans[0].spans[0].name == "chat"

    def test_it_comes_back_when_we_were_busy(self, receiver):
        receiver.inbox.errors += [Refused("full")]

        result = self.export(self.exporter(receiver))

        assert result is SpanExportResult.SUCCESS
        assert receiver.inbox.attempts == 2
        assert len(receiver.inbox.received) == 1

    def test_it_gives_up_at_once_on_what_we_will_never_take(self, receiver):
        receiver.inbox.errors += [Permanent("never"), Permanent("never")]

        result = self.export(self.exporter(receiver))

        assert result is SpanExportResult.FAILURE
        assert receiver.inbox.attempts == 1
