"""The collector as its users meet it: a process, a file, real senders, real destinations."""

from __future__ import annotations

import signal
import socket
import subprocess

import grpc
import httpx2
import pytest
import yaml
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind

from otel_llm.testing import OtlpSink

from .running import COMMAND, collector

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ("length",),
    "gen_ai.usage.input_tokens": 1_000_000,
    "gen_ai.usage.output_tokens": 1_000_000,
}


def send(exporter, count: int = 1, **attributes) -> str:
    """Send chat spans and one plain span of a trace; returns the trace id."""
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("GET /ask") as root:
        for _ in range(count):
            with tracer.start_as_current_span("chat gpt-4o-mini", kind=SpanKind.CLIENT) as span:
                span.set_attributes({**CHAT, **attributes})
    provider.shutdown()
    return f"{root.get_span_context().trace_id:032x}"


def attributes(span) -> dict:
    return {a.key: a.value for a in span.attributes}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_span_is_priced_flagged_stored_and_forwarded(tmp_path, protocol):
    with OtlpSink() as sink:
        exporters = {
            "otlp/grpc": {
                "endpoint": sink.grpc_endpoint.removeprefix("http://"),
                "tls": {"insecure": True},
            },
            "otlphttp/http": {"endpoint": sink.http_endpoint},
        }
        with collector(tmp_path, exporters) as running:
            sender = (
                GrpcExporter(running.grpc_endpoint, insecure=True, timeout=60)
                if protocol == "grpc"
                else HttpExporter(running.http_endpoint + "/v1/traces", timeout=60)
            )
            trace = send(sender)
            arrived = sink.wait(lambda s: len(s.spans()) >= 4)
            shown = running.wait_for(lambda r: r.get(f"/v1/traces/{trace}"))
            summary = running.get("/v1/summary")

    assert arrived
    chats = [attributes(s) for s in sink.spans() if s.name.startswith("chat")]
    assert [c["otel_llm.cost.total"].double_value for c in chats] == [0.75, 0.75]
    flags = [v.string_value for v in chats[0]["otel_llm.quality.flags"].array_value.values]
    assert flags == ["truncation"]
    assert [s["name"] for s in shown["spans"]] == ["chat gpt-4o-mini"]
    assert (summary["count"], summary["total_cost_usd"]) == (1, 0.75)


def test_sigterm_delivers_what_was_accepted_and_exits_0(tmp_path):
    with OtlpSink() as sink:
        sink.refuse(3)
        exporters = {"otlphttp": {"endpoint": sink.http_endpoint}}
        with collector(tmp_path, exporters) as running:
            send(HttpExporter(running.http_endpoint + "/v1/traces", timeout=60), count=5)
            running.process.send_signal(signal.SIGTERM)
            code = running.process.wait(120)

    assert code == 0
    assert "leaked" not in running.log.read_text()
    assert len({s.span_id for s in sink.spans()}) == 6


def test_a_configuration_with_mistakes_names_each_and_starts_nothing(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "receivers: {otlp: {protocols: {grpc: {endpiont: a}}}}\n"
        "exporters: {otlpp: {}}\n"
        "service: {pipelines: {traces: {receivers: [otlp], exporters: [jaeger]}, trace: {}}}\n"
    )

    checked = subprocess.run(
        [COMMAND, "check-config", str(file)], capture_output=True, text=True, check=False
    )
    started = subprocess.run(
        [COMMAND, "collector", "--config", str(file)], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, started.returncode) == (2, 2)
    assert checked.stderr == started.stderr
    for part in (
        "receivers.otlp.protocols.grpc.endpiont: unknown setting; did you mean 'endpoint'?",
        "exporters.otlpp: unknown exporter 'otlpp'; did you mean 'otlp'?",
        "service.pipelines.trace.receivers: required and missing",
    ):
        assert f"{file}: {part}" in checked.stderr.splitlines()


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file = tmp_path / "c.yaml"
        file.write_text(
            f"receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{port}'}}}}}}}}\n"
            "api: null\nservice: {pipelines: {traces: {receivers: [otlp]}}}\n"
        )

        done = subprocess.run(
            [COMMAND, "collector", "--config", str(file)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("protocol", "told"), [("grpc", "UNIMPLEMENTED"), ("http", "404")])
def test_a_signal_that_no_pipeline_takes_is_not_sent_for_ever(tmp_path, protocol, told):
    settings = {"service": {"pipelines": {"logs": {"receivers": ["otlp"]}}}}
    with collector(tmp_path, **settings) as running:
        if protocol == "http":
            answer = httpx2.post(
                running.http_endpoint + "/v1/traces",
                content=b"",
                headers={"content-type": "application/x-protobuf"},
                timeout=60,
            )
            code = str(answer.status_code)
        else:
            method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
            with grpc.insecure_channel(f"127.0.0.1:{running.grpc}") as channel:
                with pytest.raises(grpc.RpcError) as error:
                    channel.unary_unary(method)(b"", timeout=60)
                code = error.value.code().name

    assert code == told


def test_a_directory_that_is_missing_is_made(tmp_path):
    where = tmp_path / "data"
    settings = {
        "store": {"path": str(where / "calls.duckdb")},
        "journal": {"directory": str(where / "journal")},
    }
    with collector(tmp_path, {"debug": None}, **settings) as running:
        trace = send(HttpExporter(running.http_endpoint + "/v1/traces", timeout=60))
        running.wait_for(lambda r: r.get(f"/v1/traces/{trace}"))

    assert {path.name for path in where.iterdir()} >= {"calls.duckdb", "journal"}


def test_an_alert_outlives_a_restart(tmp_path):
    rule = {"name": "Errors", "signal": "error_rate", "threshold": 0.5, "window": "1h"}
    settings = {
        "store": {"path": str(tmp_path / "calls.duckdb")},
        "alerting": {"default_rules": False, "evaluation_interval": "1s", "rules": [rule]},
    }

    def firing(running) -> list[str]:
        alerts = running.get("/v1/alerts", state="firing")["alerts"]
        return [alert["rule"] for alert in alerts]

    with collector(tmp_path, **settings) as running:
        send(
            HttpExporter(running.http_endpoint + "/v1/traces", timeout=60),
            **{"error.type": "timeout"},
        )
        running.wait_for(firing)
    with collector(tmp_path, **settings) as running:
        assert running.wait_for(firing) == ["Errors"]


def test_its_own_metrics_are_sent_by_otlp_where_that_is_asked_for(tmp_path):
    with OtlpSink() as sink:
        exporters = {"otlphttp/own": {"endpoint": sink.http_endpoint}}
        with collector(tmp_path, {}) as running:
            file = tmp_path / "collector.yaml"
            settings = yaml.safe_load(file.read_text())
            settings["exporters"] = exporters
            settings["service"]["telemetry"] = {
                "metrics": {"exporter": "otlphttp/own", "interval": "100ms"}
            }
            file.write_text(yaml.safe_dump(settings))
            running.process.send_signal(signal.SIGHUP)
            send(HttpExporter(running.http_endpoint + "/v1/traces", timeout=60))

            wanted = {"otelcol_process_uptime", "otelcol_receiver_accepted_spans", "otel_llm_calls"}
            assert sink.wait(lambda s: wanted <= s.metric_names(), 60), sink.metric_names()
