"""Readiness by pipeline, and what each pipeline and destination does."""

from __future__ import annotations

from dataclasses import replace

from otel_llm.collector.pipeline_status import PipelineStatus
from otel_llm.collector.sending.status import SenderStatus
from otel_llm.version import __version__
from tests.api.conftest import Serve

FAILING = SenderStatus(
    name="otlp/<b>",
    signal="traces",
    queue_bytes=100,
    queue_capacity_bytes=1000,
    oldest_s=12.34,
    sent=7,
    failed=1,
    rejected=0,
    dead_lettered=1,
    enqueue_failed=0,
    requests=3,
    sent_bytes=500,
    retries=4,
    corrupt_bytes=0,
    circuit="open",
    failing_s=60.0,
    last_error="HTTP 503",
)
TRACES = PipelineStatus("traces", "traces", ("otlp",), ("cost", "quality"), (FAILING,), True)
FULL = replace(TRACES, name="traces/eu", destinations=(), ready=False)


def test_ready_is_by_pipeline(serve: Serve):
    client = serve(status=lambda: [TRACES, FULL])

    whole, one, other, unknown = (
        client.get("/ready" + query)
        for query in ("", "?pipeline=traces", "?pipeline=traces/eu", "?pipeline=logs")
    )

    assert (whole.status_code, whole.json()["detail"]) == (
        503,
        "Not ready to take data: traces/eu",
    )
    assert one.json() == {"status": "ok", "version": __version__, "pipelines": {"traces": True}}
    assert (other.status_code, unknown.status_code) == (503, 404)


def test_status_tells_of_each_destination(serve: Serve):
    client = serve(status=lambda: [TRACES, FULL])

    assert client.get("/status").json() == {
        "version": __version__,
        "pipelines": [
            {
                "name": "traces",
                "ready": True,
                "receivers": ["otlp"],
                "processors": ["cost", "quality"],
                "destinations": [
                    {
                        "exporter": "otlp/<b>",
                        "circuit": "open",
                        "failing_s": 60.0,
                        "last_error": "HTTP 503",
                        "queue_bytes": 100,
                        "queue_capacity_bytes": 1000,
                        "oldest_s": 12.34,
                        "sent": 7,
                        "failed": 1,
                        "retries": 4,
                        "dead_lettered": 1,
                    }
                ],
            },
            {
                "name": "traces/eu",
                "ready": False,
                "receivers": ["otlp"],
                "processors": ["cost", "quality"],
                "destinations": [],
            },
        ],
    }


def test_a_browser_gets_a_page_on_which_nothing_is_markup_but_ours(serve: Serve):
    client = serve(status=lambda: [TRACES, FULL])

    page = client.get("/status", headers={"accept": "text/html,*/*"})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h2>traces/eu: NOT READY</h2>" in page.text
    assert "otlp/&lt;b&gt;" in page.text
    assert "<b>" not in page.text
    assert "<td>12.3</td>" in page.text
    assert (
        "rel=icon" in page.text
    )  # else a browser asks for /favicon.ico, and says that it is missing
