"""OTLP servers that answer as they are told, and small requests to send them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

TraceRequest = trace_service_pb2.ExportTraceServiceRequest
TraceResponse = trace_service_pb2.ExportTraceServiceResponse

Act = Callable[[grpc.ServicerContext], TraceResponse | None]


def traces(*numbers: int, size: int = 0) -> bytes:
    """One request with a span per number: its id, and an attribute value of ``size`` bytes."""
    request = TraceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in numbers:
        span = scope.spans.add(
            trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), name="chat"
        )
        if size:
            span.attributes.add(key="filler").value.string_value = "x" * size
    return request.SerializeToString()


def numbers(*payloads: bytes) -> list[int]:
    return [
        int.from_bytes(span.span_id, "big")
        for payload in payloads
        for resource in TraceRequest.FromString(payload).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def abort(
    code: grpc.StatusCode,
    *,
    retry_s: float | None = None,
    key: str = "grpc-status-details-bin",
    said: str = "as told",
) -> Act:
    """Fail with ``code`` and a text, with a ``RetryInfo`` under one of the two keys in use."""

    def act(context: grpc.ServicerContext) -> None:
        if retry_s is not None:
            info = RetryInfo(retry_delay=duration_pb2.Duration(nanos=int(retry_s * 1e9)))
            packed = any_pb2.Any()
            packed.Pack(info)
            status = Status(code=code.value[0], details=[packed])
            value = status if key == "grpc-status-details-bin" else info
            context.set_trailing_metadata(((key, value.SerializeToString()),))
        context.abort(code, said)

    return act


def partial(rejected: int, message: str = "") -> Act:
    def act(_: grpc.ServicerContext) -> TraceResponse:
        answer = TraceResponse()
        answer.partial_success.rejected_spans = rejected
        answer.partial_success.error_message = message
        return answer

    return act


@dataclass
class GrpcSink:
    """The stock services of opentelemetry-proto on a free port. ``script`` is what the next
    calls meet before they are accepted as usual."""

    script: deque[Act] = field(default_factory=deque)
    always: Act | None = None
    accepted: list[bytes] = field(default_factory=list)
    other: list[object] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    attempts: int = 0
    port: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spans(self) -> list[int]:
        return numbers(*self.accepted)

    def take(self, request: object, context: grpc.ServicerContext, answer: object) -> object:
        self.attempts += 1
        self.metadata.append({k: v for k, v in context.invocation_metadata() if isinstance(v, str)})
        act = self.script.popleft() if self.script else self.always
        answer = (act(context) if act else None) or answer
        if isinstance(request, TraceRequest):
            self.accepted.append(request.SerializeToString())
        else:
            self.other.append(request)
        return answer


@contextmanager
def grpc_sink(
    *script: Act, max_bytes: int = -1, credentials=None, port: int = 0
) -> Iterator[GrpcSink]:
    sink = GrpcSink(deque(script))
    server = grpc.server(
        ThreadPoolExecutor(4),
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", max_bytes)],
    )
    _add_services(server, sink)
    address = f"127.0.0.1:{port}"
    sink.port = (
        server.add_secure_port(address, credentials)
        if credentials
        else server.add_insecure_port(address)
    )
    server.start()
    try:
        yield sink
    finally:
        server.stop(0).wait()


def _add_services(server: grpc.Server, sink: GrpcSink) -> None:
    class Traces(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request, context):
            return sink.take(request, context, TraceResponse())

    class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request, context):
            return sink.take(request, context, metrics_service_pb2.ExportMetricsServiceResponse())

    class Logs(logs_service_pb2_grpc.LogsServiceServicer):
        def Export(self, request, context):
            return sink.take(request, context, logs_service_pb2.ExportLogsServiceResponse())

    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Metrics(), server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Logs(), server)


def shaped(*sizes: tuple[tuple[int, ...], ...]) -> bytes:
    """A request of resources of scopes of so many spans, numbered throughout."""
    request, number = TraceRequest(), 0
    for scopes in sizes:
        resource = ResourceSpans(schema_url="https://schema")
        resource.resource.attributes.add(key="service.name").value.string_value = "app"
        for (count,) in scopes:
            scope = ScopeSpans(schema_url="https://scope")
            scope.scope.name = "library"
            for _ in range(count):
                number += 1
                scope.spans.append(Span(span_id=number.to_bytes(8, "big")))
            resource.scope_spans.append(scope)
        request.resource_spans.append(resource)
    return request.SerializeToString()
