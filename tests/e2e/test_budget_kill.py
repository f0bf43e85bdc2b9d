"""A collector that is killed under load: its budget is what the store says was spent."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.collector.calls import request

from .running import Running, collector

SPANS = 10
HEADERS = {"content-type": "application/x-protobuf"}


def _body(number: int) -> bytes:
    """A request with calls of its own that end now."""
    usage = {"gen_ai.usage.input_tokens": 1000 + number, "gen_ai.usage.output_tokens": number}
    call = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", **usage}
    spans = [{"gen_ai.operation.name": "chat", **call} for _ in range(SPANS)]
    message = ExportTraceServiceRequest.FromString(request(*spans))
    now = time.time_ns()
    for span in message.resource_spans[0].scope_spans[0].spans:
        span.trace_id = number.to_bytes(16, "big")
        span.start_time_unix_nano, span.end_time_unix_nano = now - 10**9, now
    return message.SerializeToString()


def _load(running: Running, numbers: Iterator[int], enough: threading.Event) -> None:
    """Send, half of it twice, until nobody answers."""
    with httpx2.Client(timeout=60) as client:
        for sent, number in enumerate(numbers):
            body = _body(number)
            try:
                for _ in range(1 + number % 2):
                    client.post(running.http_endpoint + "/v1/traces", content=body, headers=HEADERS)
            except httpx2.HTTPError:
                return
            if sent > 60:
                enough.set()


def test_after_kill_9_under_load_the_budget_is_what_the_store_says(tmp_path: Path):
    numbers = itertools.count(1)
    settings = {
        "store": {"path": str(tmp_path / "calls.duckdb")},
        "exporters": {"otlphttp/nobody": {"endpoint": "http://127.0.0.1:1"}},
        "journal": {"directory": str(tmp_path / "journal")},
        "alerting": {
            "state_path": str(tmp_path / "alerts.sqlite"),
            "budgets": [{"name": "all", "limit": 1000, "period": "month"}],
            "notifiers": {},
        },
    }
    for _ in range(3):
        with collector(tmp_path, **settings) as running:
            enough = threading.Event()
            thread = threading.Thread(target=_load, args=(running, numbers, enough))
            thread.start()
            assert enough.wait(120)
            os.kill(running.process.pid, signal.SIGKILL)
            running.process.wait(120)
            thread.join(120)

    with collector(tmp_path, **settings) as running:
        stored = running.get("/v1/summary", since="2020-01-01")
        (budget,) = running.get("/v1/budgets")

    assert stored["count"] > 3 * 60 * SPANS
    assert budget["unpriced_calls"] == 0
    assert budget["spent"] == pytest.approx(stored["total_cost_usd"], rel=1e-9)
