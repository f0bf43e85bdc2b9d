"""What we send is what real backends show: model, tokens and cost, by gRPC and by HTTP."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.collector.exporters.otlphttp import OtlpHttpExporter, OtlpHttpExporterConfig

from .backends import PHOENIX, Backend, jaeger, jaeger_binary, phoenix
from .running import collector

pytestmark = pytest.mark.real

ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
}
COST = 11 * 2.5e-6 + 5 * 10e-6
"""US dollars, by the list price of the model."""


def genai_span() -> tuple[str, bytes]:
    """Return a trace id and a request with one GenAI span of it."""
    request, trace_id, now = ExportTraceServiceRequest(), secrets.token_bytes(16), time.time_ns()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "shop"
    span = resource.scope_spans.add().spans.add(
        trace_id=trace_id,
        span_id=secrets.token_bytes(8),
        name="chat gpt-4o",
        kind=3,
        start_time_unix_nano=now - 10**9,
        end_time_unix_nano=now,
    )
    fields = {str: "string_value", int: "int_value", float: "double_value"}
    for key, value in ATTRIBUTES.items():
        setattr(span.attributes.add(key=key).value, fields[type(value)], value)
    return trace_id.hex(), request.SerializeToString()


@pytest.fixture
def forward(tmp_path: Path) -> Callable[[Backend, str, bytes], None]:
    """Send through a collector: into it and on from it over the same protocol."""

    def send(backend: Backend, over: str, payload: bytes) -> None:
        exporters = {
            "grpc": {"otlp": {"endpoint": backend.grpc}},
            "http": {"otlphttp": {"endpoint": backend.http, "compression": "gzip"}},
        }
        with collector(tmp_path, exporters[over]) as running:
            application = (
                OtlpExporter(OtlpExporterConfig(running.grpc_endpoint))
                if over == "grpc"
                else OtlpHttpExporter(OtlpHttpExporterConfig(running.http_endpoint))
            )
            application.export("traces", payload)
            application.close()

    return send


@pytest.fixture(scope="module")
def running_phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    if not PHOENIX.exists():
        pytest.skip(f"Phoenix is not installed in {PHOENIX.parents[1]}; see tests/real/install.sh")
    with phoenix(tmp_path_factory.mktemp("phoenix")) as backend:
        yield backend


@pytest.fixture(scope="module")
def running_jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    if jaeger_binary() is None:
        pytest.skip("no jaeger binary on PATH; build github.com/jaegertracing/jaeger/cmd/jaeger")
    with jaeger(tmp_path_factory.mktemp("jaeger")) as backend:
        yield backend


@pytest.mark.parametrize("over", ["grpc", "http"])
def test_phoenix_shows_the_model_the_tokens_and_the_cost(
    running_phoenix: Backend, forward, over: str
):
    trace_id, payload = genai_span()

    forward(running_phoenix, over, payload)

    span = running_phoenix.find(
        "/v1/projects/default/spans",
        lambda answer: next(
            (s for s in answer["data"] if s["context"]["trace_id"] == trace_id), None
        ),
    )
    shown = span["attributes"]
    assert span["span_kind"] == "LLM"
    assert shown["llm.model_name"] == "gpt-4o"
    assert shown["llm.token_count.prompt"] == 11
    assert shown["llm.token_count.completion"] == 5
    assert shown["otel_llm.cost.total"] == COST


@pytest.mark.parametrize("over", ["grpc", "http"])
def test_jaeger_shows_every_attribute_and_the_cost(running_jaeger: Backend, forward, over: str):
    trace_id, payload = genai_span()

    forward(running_jaeger, over, payload)

    (trace,) = running_jaeger.find(f"/api/traces/{trace_id}", lambda answer: answer["data"])
    (span,) = trace["spans"]
    shown = {tag["key"]: tag["value"] for tag in span["tags"]}
    assert {name: shown.get(name) for name in ATTRIBUTES} == ATTRIBUTES
    assert shown["otel_llm.cost.total"] == COST
    assert trace["processes"][span["processID"]]["serviceName"] == "shop"


def test_phoenix_is_told_in_openinference(running_phoenix: Backend, tmp_path: Path):
    trace_id, payload = genai_span()
    exporters = {"otlphttp": {"endpoint": running_phoenix.http, "dialect": "openinference"}}

    with collector(tmp_path, exporters) as running:
        application = OtlpHttpExporter(OtlpHttpExporterConfig(running.http_endpoint))
        application.export("traces", payload)
        application.close()

    span = running_phoenix.find(
        "/v1/projects/default/spans",
        lambda answer: next(
            (s for s in answer["data"] if s["context"]["trace_id"] == trace_id), None
        ),
    )
    shown = span["attributes"]
    assert span["span_kind"] == "LLM"
    assert shown["llm.model_name"] == "gpt-4o-2024-08-06"
    assert shown["llm.provider"] == "openai"
    assert shown["llm.token_count.prompt"] == 11
    assert shown["llm.token_count.completion"] == 5
    assert shown["llm.token_count.total"] == 16
    assert shown["llm.cost.total"] == COST
