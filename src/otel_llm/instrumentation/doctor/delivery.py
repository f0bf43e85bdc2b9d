"""Whether what is traced gets anywhere: what the SDK is told, and does the endpoint answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .declared import KNOWN, declared
from .finding import Finding

TIMEOUT_S = 10.0

_PORTS = {"grpc": 4317, "http/protobuf": 4318}
"""Of the collector, by the protocols that the SDK has exporters for."""
_EXPORTERS = {"otlp_proto_grpc": "grpc", "otlp_proto_http": "http/protobuf"}
"""Exporters that are for one protocol, whatever else is said of it."""


def delivery(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what the SDK reads of ``environ``; send a test span where it would send to."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield Finding("sdk", "warning", "nothing is traced or sent", "unset OTEL_SDK_DISABLED")
        return
    if (path := environ.get("OTEL_CONFIG_FILE")) and KNOWN:
        yield declared(path)
        return
    if environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() in _OFF:
        yield Finding("sdk", "warning", "no span is sampled", "unset OTEL_TRACES_SAMPLER")
    names = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "").split(",")]
    names = [name for name in names if name] or ["otlp"]
    sent = next((name for name in names if name.startswith("otlp")), None)
    yield _not_asked(names) if sent is None else _endpoint(environ, _EXPORTERS.get(sent))


_OFF = ("always_off", "parentbased_always_off")


def _not_asked(names: list[str]) -> Finding:
    if names == ["none"]:
        fix = "OTEL_TRACES_EXPORTER=otlp"
        return Finding("endpoint", "warning", "no span is sent: OTEL_TRACES_EXPORTER=none", fix)
    return Finding("endpoint", "ok", f"not asked: traces go to {', '.join(names)}")


def _endpoint(environ: Mapping[str, str], protocol: str | None) -> Finding:
    """Send one span as the SDK would, and see whether it is taken."""
    asked = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
    asked = asked or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc"
    protocol = protocol or asked.strip()
    if protocol not in _PORTS:
        fix = f"OTEL_EXPORTER_OTLP_PROTOCOL={' or '.join(_PORTS)}"
        return Finding("endpoint", "error", f"the SDK does not speak {protocol}", fix)
    where = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get(
        "OTEL_EXPORTER_OTLP_ENDPOINT", f"http://localhost:{_PORTS[protocol]}"
    )
    return _answered(f"endpoint {_without_secrets(where)} ({protocol})", protocol)


def _answered(subject: str, protocol: str) -> Finding:
    try:
        taken = _send_test_span(protocol)
    except Exception as error:  # noqa: BLE001 - a wrong endpoint fails in many ways
        return Finding(subject, "error", f"cannot be used: {type(error).__name__}", _ENDPOINT_FIX)
    if taken:
        return Finding(subject, "ok", "took a test span")
    return Finding(subject, "error", "did not take a test span", _ENDPOINT_FIX)


_ENDPOINT_FIX = "start a collector there, or set OTEL_EXPORTER_OTLP_ENDPOINT and …_PROTOCOL"


def _without_secrets(url: str) -> str:
    """Return an address without user, password and query, which may hold keys."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no URL)"
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def _send_test_span(protocol: str) -> bool:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExportResult
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    tracer = TracerProvider(sampler=ALWAYS_ON).get_tracer("otel_llm.doctor")
    spans: list[Any] = [tracer.start_span("otel-llm doctor")]
    spans[0].end()
    exporter = _exporter(protocol)
    try:
        return exporter.export(spans) is SpanExportResult.SUCCESS
    finally:
        exporter.shutdown()


def _exporter(protocol: str) -> Any:
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(timeout=int(TIMEOUT_S))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp

    return OverHttp(timeout=TIMEOUT_S)
