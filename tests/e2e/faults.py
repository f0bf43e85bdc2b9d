"""A collector under attack, and an oracle that knows what must have come out of it.

Producers send uniquely numbered spans over gRPC and HTTP until each is acknowledged. Meanwhile the
collector is killed, its disk fills up, and a proxy in front of each destination refuses, stalls,
answers garbage and hangs up. Afterwards every acknowledged span must have been delivered to every
destination, or be in the dead letter, as it was sent; and nothing that was never sent.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import httpx2
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel_llm.collector.errors import DeliveryError
from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.collector.exporters.otlphttp import OtlpHttpExporter, OtlpHttpExporterConfig
from otel_llm.collector.sending.dead_letter import read
from otel_llm.testing import OtlpSink

from .running import COMMAND, children, free_port, settings

Fault = Literal["pass", "refuse", "stall", "garbage", "hang up"]
FAULTS: tuple[Fault, ...] = ("refuse", "stall", "garbage", "hang up")
GENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
}
GARBAGE = (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngarbage", b"\x00\xff" * 50, b"")


class Proxy:
    """TCP in front of a destination, on one port for all of its life; does what it is told."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.fault: Fault = "pass"
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def become(self, fault: Fault) -> None:
        """Treat every connection, also the open ones, in this way from now on."""
        self.fault = fault
        if fault != "stall":
            self._hang_up()

    def close(self) -> None:
        self.fault = "pass"
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._hang_up()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            self._open.add(client)
            if self.fault == "refuse":
                return
            if self.fault == "garbage":
                client.recv(65536)
                client.sendall(random.choice(GARBAGE))
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                self._open.add(server)
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                while self.fault == "stall":
                    time.sleep(0.02)
                if self.fault == "hang up" and random.random() < 0.5:
                    data = data[: len(data) // 2]  # in the middle of a message
                sink.sendall(data)
                if self.fault in ("hang up", "garbage", "refuse"):
                    break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _hang_up(self) -> None:
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)


@dataclass
class Oracle:
    """Numbers spans, and remembers what was sent and what was answered for."""

    issued: dict[int, Span] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, count: int) -> tuple[list[int], bytes]:
        request = ExportTraceServiceRequest()
        scope = request.resource_spans.add().scope_spans.add()
        with self._lock:
            first = len(self.issued) + 1
            numbers = list(range(first, first + count))
            for number in numbers:
                self.issued[number] = scope.spans.add()
                _fill(self.issued[number], number)
        return numbers, request.SerializeToString()

    def acknowledge(self, numbers: list[int]) -> None:
        with self._lock:
            self.acknowledged.update(numbers)


def _fill(span: Span, number: int) -> None:
    """One span in four is a GenAI span, which the collector will add its attributes to."""
    chance = random.Random(number)
    span.span_id, span.trace_id = number.to_bytes(8, "big"), number.to_bytes(16, "big")
    span.name, span.start_time_unix_nano = f"span {number}", time.time_ns()
    span.end_time_unix_nano = span.start_time_unix_nano + chance.randrange(10**9)
    filler = chance.randbytes(chance.randrange(1000)).hex()
    span.attributes.add(key="payload").value.string_value = filler
    for key, value in GENAI.items() if number % 4 == 0 else ():
        kind = "string_value" if isinstance(value, str) else "int_value"
        setattr(span.attributes.add(key=key).value, kind, value)


class Producer:
    """Sends batches, each until it is acknowledged, until it is told to stop."""

    def __init__(self, oracle: Oracle, exporter: Any) -> None:
        self._oracle, self._exporter = oracle, exporter
        self._stop = threading.Event()
        self.attempts = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._exporter.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            numbers, payload = self._oracle.issue(random.randrange(1, 30))
            while not self._sent(payload):
                if self._stop.wait(0.05):
                    return
            self._oracle.acknowledge(numbers)

    def _sent(self, payload: bytes) -> bool:
        self.attempts += 1
        try:
            self._exporter.export("traces", payload)
        except DeliveryError:
            return False
        return True


@dataclass
class Judgement:
    """What came out, per destination."""

    delivered: Counter[int]
    buried: set[int]
    changed: list[int]
    """Numbers whose span is not what was sent, plus what the collector adds."""


class Attack:
    """A collector with two destinations, both behind a proxy, and four producers."""

    def __init__(self, directory: Path, workers: int = 1) -> None:
        self.directory = directory
        self._workers = workers
        self.oracle = Oracle()
        self.kills = 0
        self._stack = ExitStack()
        self.sinks = [self._stack.enter_context(OtlpSink()) for _ in range(2)]
        self.proxies = [
            Proxy(int(self.sinks[0].grpc_endpoint.rsplit(":", 1)[1])),
            Proxy(int(self.sinks[1].http_endpoint.rsplit(":", 1)[1])),
        ]
        self.grpc, self.http, self.api = free_port(), free_port(), free_port()
        self._file = directory / "collector.yaml"
        self._file.write_text(yaml.safe_dump(self._settings()))
        self._log = (directory / "collector.log").open("w")
        self.process = self._start()
        self.producers: list[Producer] = []

    def _settings(self) -> dict[str, Any]:
        common = {
            "timeout": "1s",
            "retry_on_failure": {"initial_interval": "50ms", "max_interval": "300ms"},
        }
        exporters = {
            "otlp": {"endpoint": f"http://127.0.0.1:{self.proxies[0].port}", **common},
            "otlphttp": {"endpoint": f"http://127.0.0.1:{self.proxies[1].port}", **common},
        }
        return settings(
            self.grpc,
            self.http,
            self.api,
            exporters,
            journal={"directory": str(self.directory / "journal")},
            dead_letter={"directory": str(self.directory / "dead")},
        )

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [COMMAND, "collector", "--config", str(self._file), "--workers", str(self._workers)],
            stdout=self._log,
            stderr=self._log,
            cwd=self.directory,
        )
        until = time.monotonic() + 120
        while time.monotonic() < until:
            assert process.poll() is None, (self.directory / "collector.log").read_text()
            with suppress(httpx2.HTTPError):
                if httpx2.get(f"http://127.0.0.1:{self.api}/ready").is_success:
                    return process
            time.sleep(0.05)
        raise AssertionError("the collector did not start")

    def produce(self) -> None:
        """Let two producers over gRPC and two over HTTP begin."""
        grpc = OtlpExporterConfig(f"http://127.0.0.1:{self.grpc}", timeout=5)
        http = OtlpHttpExporterConfig(f"http://127.0.0.1:{self.http}", timeout=5)
        self.producers = [
            Producer(self.oracle, make())
            for make in 2 * [lambda: OtlpExporter(grpc), lambda: OtlpHttpExporter(http)]
        ]

    def get_through(self, spans: int) -> None:
        """Wait until more than so many spans have been acknowledged."""
        until = time.monotonic() + 120
        while len(self.oracle.acknowledged) <= spans:
            assert time.monotonic() < until, "too little goes through to tell"
            time.sleep(0.02)

    def disturb(self, seconds: float) -> None:
        """Change what the destinations do, at random, for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            random.choice(self.proxies).become(random.choice(("pass", "pass", *FAULTS)))
            time.sleep(random.uniform(0.05, 0.3))

    def kill(self) -> None:
        """SIGKILL, then a new process with the same files. Of several processes any one."""
        self.kills += 1
        victim = random.choice([self.process.pid, *self._below()])
        os.kill(victim, signal.SIGKILL)
        if victim == self.process.pid:
            self.process.wait()
            self.process = self._start()

    def _below(self) -> set[int]:
        """The workers that run."""
        return children(self.process.pid)

    def fill_disk(self, seconds: float) -> None:
        """Let no file of the collector grow for a while: the kernel refuses its writes."""
        free = resource.RLIM_INFINITY
        processes = [self.process.pid, *self._below()]
        for limit in (4096, free):
            for process in processes:
                with suppress(ProcessLookupError):
                    resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, free))
            if limit != free:
                time.sleep(seconds)

    def calm(self, timeout_s: float = 300) -> None:
        """End all faults and all production, and wait until everything acknowledged came out."""
        for proxy in self.proxies:
            proxy.become("pass")
        for producer in self.producers:
            producer.stop()
        self.producers = []
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and any(self.missing(n) for n in range(2)):
            time.sleep(0.1)

    def missing(self, destination: int) -> set[int]:
        found = self.judge(destination)
        return self.oracle.acknowledged - set(found.delivered) - found.buried

    def judge(self, destination: int) -> Judgement:
        spans = self.sinks[destination].spans()
        changed = [_number(span) for span in spans if not self._as_sent(span)]
        return Judgement(Counter(map(_number, spans)), self._buried(destination), changed)

    def _as_sent(self, span: Span) -> bool:
        sent = self.oracle.issued.get(_number(span))
        if sent is None:
            return False
        known = Span()
        known.CopyFrom(span)
        del known.attributes[len(sent.attributes) :]
        return known == sent and (len(span.attributes) > len(sent.attributes)) == (
            _number(span) % 4 == 0
        )

    def _buried(self, destination: int) -> set[int]:
        name = ("otlp", "otlphttp")[destination]
        return {
            _number(span)
            for file in (self.directory / "dead").rglob(f"{name}-traces.jsonl")
            for _, payload in read(file)
            for resource_spans in ExportTraceServiceRequest.FromString(payload).resource_spans
            for scope in resource_spans.scope_spans
            for span in scope.spans
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for producer in self.producers:
            producer.stop()
        self.process.terminate()
        self.process.wait(120)
        self._log.close()
        for proxy in self.proxies:
            proxy.close()
        self._stack.close()


def _number(span: Span) -> int:
    return int.from_bytes(span.span_id, "big")
