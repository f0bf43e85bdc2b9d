"""The configurations we ship for processing, run as an operator would run them."""

from __future__ import annotations

import json
import resource
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.exporters.otlphttp import OtlpHttpExporter, OtlpHttpExporterConfig
from otel_llm.testing import OtlpSink
from tests.collector.calls import chat, request
from tests.collector.records import event, logs, pairs, plain

from .running import Running, collector

SHIPPED = Path(__file__).parents[2] / "collector-config"
DETAILS = "gen_ai.client.inference.operation.details"
PATIENCE_S = 120.0


@pytest.fixture
def sections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Reads a shipped file: what stands in it but for the addresses we listen on."""

    def read(name: str, **environment: str) -> dict[str, Any]:
        monkeypatch.setenv("OTEL_LLM_DATA", str(tmp_path / "data"))
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        given = yaml.safe_load((SHIPPED / name).read_text("utf-8"))
        del given["receivers"]
        return given

    return read


def send(running: Running, *payloads: bytes, of: Any = "traces") -> None:
    exporter = OtlpHttpExporter(OtlpHttpExporterConfig(running.http_endpoint, timeout=PATIENCE_S))
    for payload in payloads:
        exporter.export(of, payload)
    exporter.close()


def attributes(of: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in of.attributes}


def in_trace(trace: int, error: bool = False, **more: str) -> bytes:
    """A call that has just ended, in a trace of its own."""
    sent = request(chat(**more), start_ns=time.time_ns() - 2 * 10**9, error=error)
    message = ExportTraceServiceRequest.FromString(sent)
    (span,) = message.resource_spans[0].scope_spans[0].spans
    span.trace_id, span.span_id = trace.to_bytes(16, "big"), secrets.token_bytes(8)
    return message.SerializeToString()


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def said(text: str) -> str:
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])


LEAKS = ("jane.doe@acme.org", "sk-proj-abcdefghijklmnop0123456789", "CUST-123456")


def test_what_is_redacted_is_never_on_the_disk_and_never_sent(sections, tmp_path: Path):
    (tmp_path / "key").write_text("hush")
    leaky = said("; ".join([*LEAKS, "support@example.com"]))
    spans = request({**chat(), "gen_ai.input.messages": leaky, "user.id": LEAKS[0]})
    records = logs(event(DETAILS, {"gen_ai.output.messages": leaky}, f"I am {LEAKS[0]}"))

    with OtlpSink() as sink:
        sink.refuse(10_000)
        settings = sections(
            "redact.yaml", TEMPO_ENDPOINT=sink.grpc_endpoint, REDACTION_KEY_FILE=f"{tmp_path}/key"
        )
        with collector(tmp_path, **settings) as running:
            send(running, spans)
            send(running, records, of="logs")
            running.wait_for(lambda _: sink.refused > 1, PATIENCE_S)
            waiting = on_disk(tmp_path / "data")
            sink.refuse(0)
            running.wait_for(lambda _: sink.spans() and sink.records(), PATIENCE_S)

        (span,), (record,) = sink.spans(), sink.records()
        sent = f"{attributes(span)} {attributes(record)} {plain(record.body)}"

    everything = waiting + on_disk(tmp_path / "data") + sent.encode() + running.log.read_bytes()
    assert [leak for leak in LEAKS if leak.encode() in everything] == []
    assert b"[openai_key:" in waiting
    assert "support@example.com" in sent
    assert "[customer:" in sent
    assert attributes(span)["user.id"] in plain(record.body)


def test_each_destination_is_told_what_it_may_know_in_its_own_words(sections, tmp_path: Path):
    call = {**chat(), "gen_ai.input.messages": said("PLANTED"), "enduser.email": LEAKS[0]}
    message = ExportTraceServiceRequest.FromString(request(call, {"http.route": "/health"}))
    message.resource_spans[0].resource.attributes.extend(pairs({"service.name": "shop"}))

    with OtlpSink() as phoenix, OtlpSink() as tempo:
        settings = sections(
            "two-destinations.yaml",
            PHOENIX_ENDPOINT=phoenix.http_endpoint,
            TEMPO_ENDPOINT=tempo.grpc_endpoint,
        )
        with collector(tmp_path, **settings) as running:
            send(running, message.SerializeToString())
            send(running, logs(event(DETAILS, call)), of="logs")
            running.wait_for(
                lambda _: phoenix.spans() and tempo.spans() and tempo.records(), PATIENCE_S
            )
            dropped = running.text("/metrics")

        (told,), (plainly,), (record,) = phoenix.spans(), tempo.spans(), tempo.records()
        resource = tempo.traces[0].resource_spans[0].resource

    assert attributes(told)["llm.input_messages.0.message.content"] == "PLANTED"
    assert attributes(told)["llm.token_count.prompt"] == 1000
    assert attributes(plainly)["gen_ai.usage.input_tokens"] == 1000
    assert attributes(plainly)["otel_llm.cost.total"] == attributes(told)["llm.cost.total"]
    for known in (plainly, record):
        assert "PLANTED" not in str(known)
    assert LEAKS[0] not in str(told) + str(plainly) + str(record)
    assert attributes(resource) == {
        "service.name": "shop",
        "deployment.environment.name": "production",
    }
    assert "otelcol_processor_filter_spans_filtered_total 1\n" in dropped


def test_all_is_counted_what_matters_is_sent_and_a_kill_loses_nothing(sections, tmp_path: Path):
    failed = [in_trace(1, error=True), in_trace(2, gen_ai__conversation__id="debug-7")]
    others = [in_trace(trace << 64 | trace) for trace in range(3, 43)]

    with OtlpSink() as sink:
        settings = sections("sampling.yaml", TEMPO_ENDPOINT=sink.grpc_endpoint, DECISION_WAIT="1h")
        with collector(tmp_path, **settings) as running:
            send(running, *failed, *others)
            running.wait_for(lambda r: r.get("/v1/summary")["count"] == 42, PATIENCE_S)
            running.process.kill()
            running.process.wait(PATIENCE_S)
        before = len(sink.spans())
        settings = sections("sampling.yaml", TEMPO_ENDPOINT=sink.grpc_endpoint, DECISION_WAIT="0s")
        with collector(tmp_path, **settings) as running:
            shown = running.wait_for(_decided, PATIENCE_S)
            running.wait_for(lambda _: len(sink.spans()) >= 2, PATIENCE_S)

        kept = {int.from_bytes(span.trace_id, "big") for span in sink.spans()}

    assert before == 0
    assert {1, 2} <= kept
    assert 2 <= len(kept) < 20
    assert 'otel_llm_sample_traces_total{policy="error"} 1\n' in shown
    assert 'otel_llm_sample_traces_total{policy="condition"} 1\n' in shown


def _decided(running: Running) -> str | None:
    text = running.text("/metrics")
    lines = [line for line in text.splitlines() if line.startswith("otel_llm_sample_spans_total")]
    return text if sum(float(line.split()[-1]) for line in lines) == 42 else None


def test_content_is_read_by_its_reference_and_is_nowhere_else(sections, tmp_path: Path):
    (tmp_path / "keys").write_text(f"{secrets.token_bytes(32).hex()}\n")
    (tmp_path / "tokens").write_text("for-content\n")
    call = {**chat(), "gen_ai.input.messages": said("PLANTED")}

    with OtlpSink() as sink:
        settings = sections(
            "content-store.yaml",
            TEMPO_ENDPOINT=sink.grpc_endpoint,
            CONTENT_KEYS=f"{tmp_path}/keys",
            CONTENT_TOKENS=f"{tmp_path}/tokens",
        )
        with collector(tmp_path, **settings) as running:
            send(running, request(call))
            running.wait_for(lambda _: sink.spans(), PATIENCE_S)
            (span,) = sink.spans()
            reference = attributes(span)["otel_llm.content.reference"]
            url = f"{running.api_url}/v1/content/{reference}"
            refused = httpx2.get(url, timeout=PATIENCE_S)
            token = {"x-content-token": "for-content"}
            read = httpx2.get(url, headers=token, timeout=PATIENCE_S)

    assert refused.status_code == 401
    assert read.json()["content"] == {"gen_ai.input.messages": said("PLANTED")}
    assert "PLANTED" not in str(span)
    assert b"PLANTED" not in on_disk(tmp_path / "data")


def pipelines(**processors: list[str]) -> dict[str, Any]:
    """A traces pipeline to an exporter of each name, all from the same receiver."""
    made = {
        f"traces/{name}": {
            "receivers": ["otlp"],
            "processors": used,
            "exporters": [f"otlphttp/{name}"],
        }
        for name, used in processors.items()
    }
    return {"pipelines": made}


def test_what_two_pipelines_take_is_counted_once_and_each_makes_its_own_of_it(tmp_path: Path):
    call = {**chat(), "gen_ai.input.messages": said("PLANTED")}
    now = time.time_ns() - 2 * 10**9

    with OtlpSink() as whole, OtlpSink() as bare:
        exporters = {
            "otlphttp/all": {"endpoint": whole.http_endpoint},
            "otlphttp/bare": {"endpoint": bare.http_endpoint},
        }
        settings = {
            "processors": {"cost": None, "drop_content": None},
            "service": pipelines(all=["cost"], bare=["drop_content"]),
        }
        with collector(tmp_path, exporters, **settings) as running:
            send(running, request(call, call, start_ns=now))
            running.wait_for(lambda _: whole.spans() and bare.spans(), PATIENCE_S)
            running.wait_for(lambda r: r.get("/v1/summary")["count"], PATIENCE_S)
            summary = running.get("/v1/summary")
            text = running.text("/metrics")

        kept, dropped = whole.spans()[0], bare.spans()[0]

    assert summary["count"] == 2
    assert summary["unpriced"] == 0
    assert attributes(kept)["gen_ai.input.messages"] == said("PLANTED")
    assert "otel_llm.cost.total" in attributes(kept)
    assert "PLANTED" not in str(dropped)
    assert "otel_llm.cost.total" not in attributes(dropped)
    assert "otel_llm_pipeline_genai_spans_total 4\n" in text


def test_what_waits_to_be_sampled_stays_when_the_configuration_is_read_again(tmp_path: Path):
    failed = in_trace(1, error=True)

    with OtlpSink() as sink:
        exporters = {"otlphttp/a": {"endpoint": sink.http_endpoint}}
        settings = {
            "processors": {"cost": None, "sample": {"rate": 0.0, "decision_wait": "1h"}},
            "service": pipelines(a=["cost", "sample"]),
        }
        with collector(tmp_path, exporters, **settings) as running:
            send(running, failed, in_trace(2))
            file = tmp_path / "collector.yaml"
            changed = yaml.safe_load(file.read_text())
            changed["processors"]["cost"] = {"usage_cost": False}
            file.write_text(yaml.safe_dump(changed))
            running.process.send_signal(signal.SIGHUP)
            running.wait_for(lambda r: "configuration" in r.log.read_text(), PATIENCE_S)
            send(running, in_trace(3, error=True))
            before = len(sink.spans())
            changed["processors"]["sample"]["decision_wait"] = "0s"
            file.write_text(yaml.safe_dump(changed))
            running.process.send_signal(signal.SIGHUP)
            running.wait_for(lambda _: len(sink.spans()) == 2, PATIENCE_S)

        kept = sorted(int.from_bytes(span.trace_id, "big") for span in sink.spans())

    assert before == 0
    assert kept == [1, 3]


def test_a_pipeline_whose_content_store_takes_nothing_is_not_ready_until_there_is_room(tmp_path):
    """The kernel's own limit on a file's size stands for the end of the disk."""
    key = secrets.token_bytes(32).hex()
    pipelines = {
        "traces": {"receivers": ["otlp"], "processors": ["content_store"]},
        "logs": {"receivers": ["otlp"]},
    }
    more = {
        "processors": {"content_store": {"path": str(tmp_path / "content.db"), "key": key}},
        "service": {"pipelines": pipelines},
    }
    call = in_trace(1, **{"gen_ai.input.messages": said("hello")})
    with collector(tmp_path, **more) as running:

        def limit_files(size: int) -> None:
            limit = (size, resource.RLIM_INFINITY)
            resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, limit)

        limit_files(10)
        headers = {"content-type": "application/x-protobuf"}
        url = running.http_endpoint + "/v1/traces"
        answer = httpx2.post(url, content=call, headers=headers, timeout=PATIENCE_S)
        told = httpx2.get(running.api_url + "/ready", timeout=PATIENCE_S)
        limit_files(resource.RLIM_INFINITY)

        assert answer.status_code == 503
        assert (told.status_code, told.json()["detail"]) == (503, "Not ready to take data: traces")
        running.wait_for(lambda r: httpx2.get(r.api_url + "/ready").is_success)
        send(running, call)
