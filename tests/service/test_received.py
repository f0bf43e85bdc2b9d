"""What a whole collector does with what it cannot take, and how it counts what it takes."""

from __future__ import annotations

from pathlib import Path

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.collector.sending.dead_letter import read
from otel_llm.service import check
from otel_llm.service.assembly import Service
from tests.collector.test_admission import request, span

HEADERS = {"content-type": "application/x-protobuf"}


def collector(directory: Path) -> Service:
    return Service(
        check(
            {
                "receivers": {"otlp/edge": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
                "processors": {"redact": None},
                "dead_letter": {"directory": str(directory)},
                "store": None,
                "api": None,
                "alerting": None,
                "service": {
                    "pipelines": {"traces": {"receivers": ["otlp/edge"], "processors": ["redact"]}}
                },
            }
        )
    )


def test_who_keeps_nothing_has_an_api_that_tells_how_the_collector_does(caplog):
    caplog.set_level("INFO")
    service = Service(
        check(
            {
                "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
                "store": None,
                "api": {"endpoint": "127.0.0.1:0"},
                "service": {"pipelines": {"traces": {"receivers": ["otlp"]}}},
            }
        )
    )
    service.start()
    try:
        said = next(text for text in caplog.messages if text.startswith("collector is ready"))
        api = said.removeprefix("collector is ready; its state: ").partition("/status;")[0]
        sent = httpx2.post(
            f"http://127.0.0.1:{service.flow.receivers['otlp'].http_port}/v1/traces",
            content=request(span()),
            headers=HEADERS,
            timeout=60,
        )
        paths = ("health", "ready", "metrics", "config", "openapi.json", "v1/alerts")
        there = [httpx2.get(f"{api}/{path}", timeout=60) for path in paths]
        page = httpx2.get(f"{api}/status", headers={"accept": "text/html"}, timeout=60)
        absent = [httpx2.get(f"{api}/{path}", timeout=60) for path in ("", "v1/summary")]
    finally:
        service.stop(0)

    assert [answer.status_code for answer in (sent, *there, page)] == [200] * 8
    assert 'otelcol_receiver_accepted_spans_total{receiver="otlp",transport="http"} 1' in (
        there[2].text
    )
    assert [answer.status_code for answer in absent] == [404, 404]
    assert "<a href=/metrics>" in page.text
    assert "/static/" not in page.text  # there is none


def broken_event() -> bytes:
    sent = span(span_id=b"broken..")
    sent.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
    event = sent.events.add(name="gen_ai.choice").SerializeToString()
    return request(sent, span()).replace(event, event[:1] + b"\x7f" + event[2:])


def test_the_sender_is_told_what_was_not_taken_and_only_what_may_be_kept_is(tmp_path: Path):
    service = collector(tmp_path)
    service.start()
    try:
        port = service.flow.receivers["otlp/edge"].http_port
        url = f"http://127.0.0.1:{port}/v1/traces"
        answers = [
            httpx2.post(url, content=body, headers=HEADERS, timeout=60)
            for body in (request(span(), span(trace_id=bytes(16))), broken_event())
        ]
        counted = [
            (sample.labels, sample.value)
            for family in service.measure()
            if family.name == "otelcol_receiver_accepted_spans"
            for sample in family.samples
        ]
    finally:
        service.stop(0)

    said = [ExportTraceServiceResponse.FromString(a.content).partial_success for a in answers]
    assert [(one.rejected_spans, one.error_message) for one in said] == [
        (1, "1 spans without a valid trace id"),
        (1, "1 spans broken inside, so that nothing in it could be redacted"),
    ]
    assert counted == [({"receiver": "otlp/edge", "transport": "http"}, 2)]
    kept = list(read(tmp_path / "rejected-otlp_edge-traces.jsonl"))
    assert kept == [("traces", request(span(trace_id=bytes(16))))]


def test_two_processors_of_one_kind_count_together(tmp_path: Path):
    processors = {"normalize": None, "normalize/other": None}
    traces = {"receivers": ["otlp/edge"], "processors": list(processors)}
    receivers = {"otlp/edge": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}}
    alone = {"store": None, "api": None, "alerting": None}
    pipelines = {"service": {"pipelines": {"traces": traces}}}
    service = Service(
        check({"receivers": receivers, "processors": processors, **alone, **pipelines})
    )

    counted = [
        sample.value
        for family in service.measure()
        if family.name == "otel_llm_normalize_joined_spans"
        for sample in family.samples
    ]

    assert counted == [0]
