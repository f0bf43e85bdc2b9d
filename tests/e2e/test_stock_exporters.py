"""OpenTelemetry's own Python exporters deliver through everything that passes: over real sockets,
and within the ten seconds they have for a batch."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_llm.collector.errors import Refused, Retryable
from otel_llm.collector.intake.config import GrpcConfig, HttpConfig
from tests.collector.otlp_faults import numbers
from tests.collector.receiving import Receiver, receiving

from .running import free_port

PATIENCE_S = 60
"""More than the exporters' own ten: a slow machine must not look like a lost span."""
MAKE: dict[str, Callable[[Receiver], SpanExporter]] = {
    "grpc": lambda r: GrpcExporter(f"http://{r.grpc}", insecure=True, timeout=PATIENCE_S),
    "http": lambda r: HttpExporter(r.http + "/v1/traces", timeout=PATIENCE_S),
}


def exported(exporter: SpanExporter) -> tuple[SpanExportResult, int]:
    """Export one span; returns what came of it, and its id."""
    with TracerProvider().get_tracer("test").start_as_current_span("chat") as span:
        pass
    try:
        return exporter.export([span]), span.get_span_context().span_id
    finally:
        exporter.shutdown()


@pytest.mark.parametrize("protocol", MAKE)
@pytest.mark.parametrize(
    "errors",
    [
        [Refused("the journal is full")],
        [Refused("full"), Refused("still full")],
        [Retryable("down", retry_after_s=0.1)],
        [Retryable("down", retry_after_s=3600)],
        [RuntimeError("a mistake of ours")],
    ],
    ids=["no room", "no room twice", "hint below", "hint beyond their patience", "our mistake"],
)
def test_a_span_arrives_once_when_we_were_busy(protocol, errors):
    with receiving() as receiver:
        receiver.inbox.errors += errors

        result, span_id = exported(MAKE[protocol](receiver))

        assert result is SpanExportResult.SUCCESS
        assert receiver.inbox.attempts == len(errors) + 1
        assert numbers(*(payload for _, payload in receiver.inbox.received)) == [span_id]


@pytest.mark.parametrize("protocol", MAKE)
def test_a_span_arrives_when_the_memory_was_short(protocol, monkeypatch):
    answers = iter([True, True])
    monkeypatch.setattr(
        "otel_llm.collector.intake.memory.Memory.short", lambda self, more=0: next(answers, False)
    )
    with receiving() as receiver:
        result, _ = exported(MAKE[protocol](receiver))

        assert result is SpanExportResult.SUCCESS
        assert (receiver.count("refused"), len(receiver.inbox.received)) == (2, 1)


@pytest.mark.parametrize("protocol", MAKE)
def test_a_span_arrives_when_nobody_listened_at_first(protocol):
    """The collector is started anew while the exporter is at it."""
    grpc, http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with receiving(GrpcConfig(grpc), HttpConfig(http)) as first:
        exporter = MAKE[protocol](first)
    results: list[SpanExportResult] = []
    sending = threading.Thread(target=lambda: results.append(exported(exporter)[0]))
    with _refused(grpc if protocol == "grpc" else http) as refused:
        sending.start()
        refused.wait(PATIENCE_S)
    with receiving(GrpcConfig(grpc), HttpConfig(http)) as second:
        sending.join(PATIENCE_S)

        assert results == [SpanExportResult.SUCCESS]
        assert len(second.inbox.received) == 1


@contextmanager
def _refused(address: str) -> Iterator[threading.Event]:
    """Hang up on whoever connects, and tell when somebody did."""
    host, _, port = address.rpartition(":")
    hung_up = threading.Event()
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, int(port)))
    listening.listen()

    def hang_up() -> None:
        try:
            while True:
                listening.accept()[0].close()
                hung_up.set()
        except OSError:
            return

    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    try:
        yield hung_up
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(PATIENCE_S)
