"""A collector that is killed under load: the store opens, and its sums are those of the journal."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.calls.recount import calls_in, recount
from tests.collector.calls import request

from .running import Running, collector

SPANS = 20
KILL_AFTER = 150
"""Requests that were acknowledged."""
HEADERS = {"content-type": "application/x-protobuf"}


def body(number: int) -> bytes:
    """A request with spans of its own."""
    chance = random.Random(number)
    spans = [
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o" if n % 7 else "of-our-own",
            "gen_ai.usage.input_tokens": chance.randrange(1, 5_000),
            "gen_ai.usage.output_tokens": chance.randrange(1, 500),
            **({} if n % 9 else {"error.type": "timeout"}),
        }
        for n in range(SPANS)
    ]
    message = ExportTraceServiceRequest.FromString(request(*spans))
    for n, span in enumerate(message.resource_spans[0].scope_spans[0].spans):
        span.trace_id = number.to_bytes(16, "big")
        span.start_time_unix_nano += number * SPANS + n
    return message.SerializeToString()


class Load:
    """Sends as fast as is answered, and counts what was acknowledged, until nobody answers."""

    def __init__(self, running: Running, numbers: Iterator[int]) -> None:
        self.acknowledged: list[int] = []
        self.enough = threading.Event()
        self._url = running.http_endpoint + "/v1/traces"
        self._numbers = numbers
        self.threads = [threading.Thread(target=self._send) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def _send(self) -> None:
        with httpx2.Client(timeout=60) as client:
            while True:
                number = next(self._numbers)
                try:
                    answer = client.post(self._url, content=body(number), headers=HEADERS)
                except httpx2.HTTPError:
                    return
                if answer.status_code == 200:
                    self.acknowledged.append(number)
                if len(self.acknowledged) >= KILL_AFTER:
                    self.enough.set()


def killed_under_load(running: Running, numbers: Iterator[int]) -> list[int]:
    """Kill a collector that has much to do; return which requests it had acknowledged."""
    load = Load(running, numbers)
    assert load.enough.wait(120)
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait(120)
    for thread in load.threads:
        thread.join(120)
    return load.acknowledged


@pytest.mark.parametrize("durability", ["os", "fsync"])
def test_after_kill_9_under_load_the_sums_are_those_of_the_journal(tmp_path: Path, durability: str):
    numbers = itertools.count(1)
    settings = {
        "exporters": {"otlphttp/nobody": {"endpoint": "http://127.0.0.1:1"}},
        "store": {"path": str(tmp_path / "calls.duckdb"), "retain_for": 0},
        "journal": {"directory": str(tmp_path / "journal"), "durability": durability},
    }
    acknowledged: set[int] = set()
    for _ in range(2):
        with collector(tmp_path, **settings) as running:
            acknowledged |= set(killed_under_load(running, numbers))

    with collector(tmp_path, **settings) as running:
        shown = running.get("/v1/summary", since="2020-01-01")
        traces = running.get("/v1/breakdown/model", since="2020-01-01")
        sums = recount(calls_in([tmp_path / "journal/traces"]))
        kept = {int(call.trace_id, 16) for call in calls_in([tmp_path / "journal/traces"])}

    assert acknowledged <= kept
    assert sums.calls == len(kept) * SPANS
    assert (shown["count"], shown["errors"], shown["unpriced"]) == (
        sums.calls,
        sums.errors,
        sums.unpriced,
    )
    assert (shown["input_tokens"], shown["output_tokens"]) == (
        sums.input_tokens,
        sums.output_tokens,
    )
    assert shown["total_cost_usd"] == pytest.approx(sums.cost_usd, rel=1e-12)
    assert sum(group["count"] for group in traces) == sums.calls


def test_what_is_only_stored_is_in_the_journal_too(tmp_path: Path):
    settings = {
        "exporters": {},
        "store": {"path": str(tmp_path / "calls.duckdb"), "retain_for": 0, "flush_interval": "1h"},
        "journal": {"directory": str(tmp_path / "journal"), "durability": "os"},
    }
    with collector(tmp_path, **settings) as running:
        acknowledged = killed_under_load(running, itertools.count(1))

    with collector(tmp_path, **settings) as running:
        shown = running.get("/v1/summary", since="2020-01-01")

    assert shown["count"] >= len(acknowledged) * SPANS
