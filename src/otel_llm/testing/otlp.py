"""An OTLP endpoint on 127.0.0.1 that keeps what it receives, as decoded protobuf.

gRPC and HTTP at once, traces, metrics and logs, gzip and identity. grpc and protobuf are imported
when a sink starts, never with this module: the app wing must not load them.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from threading import Condition
from types import TracebackType
from typing import Any, Self

from .provider import Answer, FakeProvider, Received

_SERVICES = {
    "/v1/traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "/v1/metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "/v1/logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}


class OtlpSink:
    """Collects export requests; every list grows in the order of arrival.

    ``refuse`` makes it answer the next requests with an error: ``UNAVAILABLE`` over gRPC, 503
    over HTTP. They are counted in ``refused`` and not kept.
    """

    def __init__(self) -> None:
        self.traces: list[Any] = []
        self.metrics: list[Any] = []
        self.logs: list[Any] = []
        self.headers: list[dict[str, str]] = []
        """Headers or gRPC metadata of each request, names in lower case."""
        self.refused = 0
        self._refusals = 0
        self._changed = Condition()
        self._http = FakeProvider({"^POST /v1/": self._over_http})
        self._grpc: Any = None
        self._grpc_port = 0

    @property
    def grpc_endpoint(self) -> str:
        """Value for ``OTEL_EXPORTER_OTLP_ENDPOINT`` with protocol ``grpc``."""
        return f"http://127.0.0.1:{self._grpc_port}"

    @property
    def http_endpoint(self) -> str:
        """Value for ``OTEL_EXPORTER_OTLP_ENDPOINT`` with protocol ``http/protobuf``."""
        return self._http.url

    def refuse(self, requests: int) -> None:
        """Answer this many requests with a retryable error."""
        self._refusals = requests

    def spans(self) -> list[Any]:
        """Every ``Span`` received so far."""
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metric_names(self) -> set[str]:
        """Names of the instruments received so far."""
        return {
            metric.name
            for request in self.metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def records(self) -> list[Any]:
        """Every ``LogRecord`` received so far."""
        return [
            record
            for request in self.logs
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def wait(self, until: Callable[[OtlpSink], object], timeout_s: float = 60) -> bool:
        """Block until ``until(self)`` is true, checked at every arrival; ``False`` on timeout."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not until(self):
                if not self._changed.wait(deadline - time.monotonic()):
                    return bool(until(self))
        return True

    def start(self) -> Self:
        """Listen on two free ports of 127.0.0.1."""
        self._http.start()
        self._start_grpc()
        return self

    def stop(self) -> None:
        """End both servers."""
        self._grpc.stop(0).wait()
        self._http.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_grpc(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        import grpc

        self._grpc = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        self._grpc.add_generic_rpc_handlers(tuple(self._handlers(grpc)))
        self._grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()

    def _handlers(self, grpc: Any) -> Iterator[Any]:
        for path, service in _SERVICES.items():
            method = grpc.unary_unary_rpc_method_handler(self._over_grpc(grpc, path))
            yield grpc.method_handlers_generic_handler(service, {"Export": method})

    def _over_grpc(self, grpc: Any, path: str) -> Callable[[bytes, Any], bytes]:
        def export(payload: bytes, context: Any) -> bytes:
            headers = {name: str(value) for name, value in context.invocation_metadata()}
            if not self._take(path, payload, headers):
                context.abort(grpc.StatusCode.UNAVAILABLE, "refused as asked")
            return b""

        return export

    def _over_http(self, received: Received) -> Answer:
        zipped = received.headers.get("content-encoding") == "gzip"
        payload = gzip.decompress(received.body) if zipped else received.body
        if not self._take(received.path, payload, dict(received.headers)):
            return Answer((b"",), status=503)
        return Answer((b"",), content_type="application/x-protobuf")

    def _take(self, path: str, payload: bytes, headers: dict[str, str]) -> bool:
        with self._changed:
            self._changed.notify_all()
            if self._refusals:
                self._refusals -= 1
                self.refused += 1
                return False
            self.headers.append(headers)
            self._list(path).append(_decode(path, payload))
        return True

    def _list(self, path: str) -> list[Any]:
        return {"/v1/traces": self.traces, "/v1/metrics": self.metrics, "/v1/logs": self.logs}[path]


def _decode(path: str, payload: bytes) -> Any:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    kinds: dict[str, Any] = {
        "/v1/traces": ExportTraceServiceRequest,
        "/v1/metrics": ExportMetricsServiceRequest,
        "/v1/logs": ExportLogsServiceRequest,
    }
    return kinds[path].FromString(payload)
