"""Several processes as one collector: shared ports, one count, nothing lost when one dies."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.store import DuckDBStore, StoreConfig
from otel_llm.testing import OtlpSink
from tests.collector.calls import request

from .running import COMMAND, Running, children, collector, free_port, settings

TWO = ("--workers", "2")
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 1_000_000,
    "gen_ai.usage.output_tokens": 0,
}
PRICE = 0.15


def numbered(first: int, count: int = 5) -> bytes:
    """A request whose spans have ids of their own, and are of now."""
    now = time.time_ns()
    message = ExportTraceServiceRequest.FromString(request(*[CHAT] * count))
    spans = message.resource_spans[0].scope_spans[0].spans
    for number, span in enumerate(spans, start=first):
        span.trace_id, span.span_id = number.to_bytes(16), number.to_bytes(8)
        span.start_time_unix_nano = span.end_time_unix_nano = now
    return message.SerializeToString()


def other(number: int) -> bytes:
    """A request with a span of the trace ``number`` that is no call."""
    message = ExportTraceServiceRequest.FromString(request({"http.route": "/ask"}))
    (span,) = message.resource_spans[0].scope_spans[0].spans
    now = time.time_ns()
    span.trace_id, span.span_id = number.to_bytes(16), (1000 + number).to_bytes(8)
    span.start_time_unix_nano = span.end_time_unix_nano = now
    return message.SerializeToString()


def post(running: Running, body: bytes, signal: str = "traces") -> bool:
    """Send over a connection of its own, so that any of the workers may get it."""
    headers = {"content-type": "application/x-protobuf"}
    try:
        url = f"{running.http_endpoint}/v1/{signal}"
        return httpx2.post(url, content=body, headers=headers, timeout=60).is_success
    except httpx2.HTTPError:
        return False


def workers(running: Running) -> set[int]:
    """The processes below the one that was started."""
    return children(running.process.pid)


def total(running: Running, name: str) -> float:
    """The sum of all samples of ``name`` on /metrics."""
    lines = running.text("/metrics").splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.replace("{", " ").split(" ")[0] == name
    )


class Load:
    """Sends numbered spans from several threads until told to stop; one that was not answered for
    is sent again."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._next = 1
        self.taken = 0
        self._threads = [threading.Thread(target=self._send) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                first, self._next = self._next, self._next + 5
            body = numbered(first)
            while not post(self._running, body):
                self._stop.wait(0.02)
            with self._lock:
                self.taken += 5

    def stop(self) -> int:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.taken


def test_workers_count_as_one_collector(tmp_path):
    budget = {"name": "all", "limit": 1000.0, "period": "month"}
    with collector(tmp_path, arguments=TWO, alerting={"budgets": [budget]}) as running:
        for number in range(40):
            assert post(running, numbered(1 + number * 5))
        stored = running.wait_for(lambda r: r.get("/v1/summary")["count"] == 200)
        running.wait_for(lambda r: total(r, "otelcol_receiver_accepted_spans_total") == 200)

        calls = total(running, "otel_llm_calls_total")
        cost = total(running, "otel_llm_cost_usd_total")
        metrics = running.text("/metrics")
        spent = running.get("/v1/budgets")

    assert stored
    assert (calls, round(cost, 6)) == (200, 200 * PRICE)
    assert metrics.count("# TYPE otelcol_receiver_accepted_spans") == 1
    assert [round(b["spent"], 6) for b in spent] == [200 * PRICE]


def test_a_worker_that_is_killed_loses_nothing_and_comes_back(tmp_path):
    with OtlpSink() as sink:
        exporters = {"otlphttp": {"endpoint": sink.http_endpoint}}
        journal = {"directory": str(tmp_path / "journal"), "durability": "os"}
        with collector(tmp_path, exporters, TWO, journal=journal) as running:
            first = workers(running)
            load = Load(running)
            for victim in sorted(first):
                before = load.taken
                running.wait_for(lambda _, before=before: load.taken > before + 50)
                os.kill(victim, signal.SIGKILL)
                running.wait_for(lambda r, victim=victim: len(workers(r) - {victim}) == 2)
            running.wait_for(lambda r: httpx2.get(r.api_url + "/ready").is_success)
            sent = load.stop()
            running.wait_for(lambda r: r.get("/v1/summary")["count"] == sent)
            delivered = sink.wait(lambda s: len({x.span_id for x in s.spans()}) == sent, 60)
            again = workers(running)

    assert len(first) == len(again) == 2
    assert first.isdisjoint(again)
    assert delivered


def test_the_end_of_a_collector_is_the_end_of_its_workers(tmp_path):
    with collector(tmp_path, arguments=TWO) as running:
        below = workers(running)
        assert post(running, numbered(1))

        running.process.terminate()
        code = running.process.wait(120)

    assert code == 0
    assert len(below) == 2
    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


def test_workers_end_when_the_process_above_them_is_killed(tmp_path):
    with collector(tmp_path, arguments=TWO) as running:
        below = workers(running)

        running.process.kill()
        running.process.wait(120)
        gone = threading.Event()
        for _ in range(600):
            if not any(Path(f"/proc/{pid}/cmdline").exists() and _lives(pid) for pid in below):
                gone.set()
                break
            gone.wait(0.1)

    assert gone.is_set()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # a zombie has none
    except OSError:
        return False


@pytest.mark.parametrize(("before", "after"), [(TWO, ()), ((), TWO)], ids=["to one", "to two"])
def test_who_comes_after_a_sudden_end_with_other_workers_gives_the_store_what_it_lacks(
    tmp_path, before, after
):
    more = {
        "journal": {"directory": str(tmp_path / "journal")},
        "store": {"path": str(tmp_path / "calls.duckdb"), "flush_interval": "60s"},
    }
    with collector(tmp_path, arguments=before, **more) as running:
        for number in range(1, 21):
            assert post(running, numbered(number, 1))
        below = workers(running)
        running.process.kill()
        running.wait_for(lambda _: not any(map(_lives, below)))
    with collector(tmp_path, arguments=after, **more) as running:
        assert running.get("/v1/summary")["count"] == 20


def test_a_new_configuration_reaches_every_worker(tmp_path):
    with collector(tmp_path, arguments=TWO) as running:
        file = tmp_path / "collector.yaml"
        given = yaml.safe_load(file.read_text())
        given["processors"]["cost"] = {"currency": "EUR", "per_usd": 2.0}
        file.write_text(yaml.safe_dump(given))
        before = workers(running)

        running.process.send_signal(signal.SIGHUP)
        read = "the configuration was read again"
        running.wait_for(lambda r: r.log.read_text().count(read) == 3)
        for number in range(20):
            assert post(running, numbered(1 + number * 5))
        running.wait_for(lambda r: total(r, "otel_llm_calls_total") == 100)

        in_dollars = total(running, "otel_llm_cost_usd_total")
        after = workers(running)

    assert in_dollars == 0
    assert before == after


@pytest.mark.parametrize("arguments", [[], TWO], ids=["one process", "two workers"])
def test_a_request_that_is_sent_again_after_a_lost_answer_counts_once(tmp_path, arguments):
    one, other, last = (numbered(first) for first in (1, 6, 11))
    with collector(tmp_path, arguments=arguments) as running:
        for body in (one, other, one, other, one, last):
            assert post(running, body)
        running.wait_for(lambda r: total(r, "otelcol_receiver_accepted_spans_total") == 30)
        running.wait_for(lambda r: total(r, "otel_llm_calls_total") >= 15)

        assert total(running, "otel_llm_calls_total") == 15


def test_a_worker_comes_back_by_the_settings_that_hold_while_their_file_is_being_edited(tmp_path):
    with collector(tmp_path, arguments=TWO) as running:
        (tmp_path / "collector.yaml").write_text("receivers: [half a l")
        killed = min(workers(running))

        os.kill(killed, signal.SIGKILL)
        running.wait_for(lambda r: len(workers(r)) == 2 and killed not in workers(r))
        running.wait_for(lambda r: httpx2.get(r.api_url + "/ready").is_success)

        assert post(running, numbered(1))


def test_a_configuration_that_can_be_read_once_reaches_every_worker(tmp_path):
    grpc, http, api = free_port(), free_port(), free_port()
    text = yaml.safe_dump(settings(grpc, http, api, {}))
    command = [COMMAND, "collector", "--config", "/dev/stdin", *TWO]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log, text=True)
    try:
        process.stdin.write(text)
        process.stdin.close()
        running = Running(process, grpc, http, api, tmp_path / "log")
        running.wait_for(lambda r: httpx2.get(r.api_url + "/ready").is_success)

        assert post(running, numbered(1))
    finally:
        process.terminate()
        process.wait(120)


def test_a_disk_that_takes_nothing_is_not_ready_until_it_takes_something_again(tmp_path):
    """The kernel's own limit on a file's size stands for the end of the disk."""
    journal = {"directory": str(tmp_path / "journal")}
    with collector(tmp_path, arguments=TWO, journal=journal) as running:

        def limit_files(size: int) -> None:
            for worker in workers(running):
                resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        limit_files(10)
        assert not post(running, numbered(1))
        running.wait_for(lambda r: httpx2.get(r.api_url + "/ready").status_code == 503)
        traces = next(p for p in running.get("/status")["pipelines"] if p["name"] == "traces")
        assert not traces["ready"]

        limit_files(resource.RLIM_INFINITY)
        running.wait_for(lambda r: httpx2.get(r.api_url + "/ready").is_success)


def test_what_a_full_disk_kept_from_the_store_is_read_from_the_journals_of_workers(tmp_path):
    """The kernel's own limit on a file's size stands for the end of the disk."""
    more = {
        "journal": {"directory": str(tmp_path / "journal")},
        "store": {"path": str(tmp_path / "calls.duckdb"), "spans": "traces"},
    }
    with collector(tmp_path, arguments=TWO, **more) as running:

        def limit_files(size: int) -> None:
            owner = running.process.pid
            resource.prlimit(owner, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        limit_files(10)
        for number in range(1, 21):
            assert post(running, numbered(number, 1))
            assert post(running, other(number))
        running.wait_for(lambda r: total(r, "otel_llm_store_failed_calls_total") == 20)
        running.wait_for(lambda r: total(r, "otel_llm_store_failed_spans_total") == 20)
        limit_files(resource.RLIM_INFINITY)

        assert running.wait_for(lambda r: r.get("/v1/summary")["count"] == 20)
        assert total(running, "otel_llm_store_refilled_calls_total") == 20
    with closing(DuckDBStore(StoreConfig(path=str(tmp_path / "calls.duckdb")))) as store:
        kept = [span for n in range(1, 21) for span in store.plain_spans(n.to_bytes(16).hex())]
    assert len(kept) == 20


def test_an_address_in_use_is_said_at_once(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        file = tmp_path / "collector.yaml"
        file.write_text(yaml.safe_dump(settings(port, 0, 0, {})))

        done = subprocess.run(
            [COMMAND, "collector", "--config", str(file), *TWO],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
        )

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
