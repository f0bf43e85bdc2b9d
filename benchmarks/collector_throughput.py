"""What the collector costs per span, against doing nothing and against the textbook way.

    python -m benchmarks.collector_throughput [--seconds 2] [--batch 512] [--all]

Every design runs in one process on one pinned core and receives, works and forwards over gRPC with
the same receiver, queue and exporter; load and destination share another core. The figure is CPU
time of the process by spans until everything is delivered and stored, so it stands also when the
machine is busy; ratios are within the run.

``textbook``: decode with protobuf, attributes to a dict, a price from a dict, six patterns on the
answer, six ``attributes.add``, running totals, encode. ``same work``: the same price, patterns,
attributes and totals as a processor of this collector. ``pass-through``: bytes in, bytes out.
``cost, quality``: the real processors, which do far more than the textbook: sourced prices with
tiers and provenance, a hundred patterns on both sides of the conversation. ``totals``: those, what
/metrics counts and the windows of all alert rules. ``default``: those and every call in the store,
as the built-in configuration does.
"""

from __future__ import annotations

import argparse
import gzip
import multiprocessing
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from random import random
from typing import Any

import grpc
import re2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks import corpus
from otel_llm.alerting import AlertingConfig
from otel_llm.alerting.service import AlertService
from otel_llm.collector.backlog import Backlog
from otel_llm.collector.calls.once import Once
from otel_llm.collector.component import Consume
from otel_llm.collector.data import Batch, SpanView
from otel_llm.collector.data.template import Template
from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.collector.garbage import prepare, settle, unsettle
from otel_llm.collector.intake.config import GrpcConfig, HttpConfig, OtlpConfig, ProtocolsConfig
from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.observers.totals import Totals
from otel_llm.collector.outbox import JournalOutbox, MemoryOutbox, Outbox
from otel_llm.collector.pipeline import TracePipeline
from otel_llm.collector.processors.cost import CostProcessor
from otel_llm.collector.processors.quality import QualityProcessor
from otel_llm.collector.protocol import METHODS
from otel_llm.collector.receivers.otlp import OtlpReceiver
from otel_llm.store import CallWriter, DuckDBStore

LOCAL = "127.0.0.1:0"
CONNECTIONS, IN_FLIGHT = 4, 4
MOST_REQUESTS, MOST_BYTES = 20_000, 512 * 2**20
TICKS = os.sysconf("SC_CLK_TCK")


# --- the designs -------------------------------------------------------------------------------


def pass_through(forward: Consume) -> Callable[[bytes], object]:
    return lambda payload: forward("traces", payload)


def collector(forward: Consume) -> Callable[[bytes], object]:
    processors = {"cost": CostProcessor(), "quality": QualityProcessor()}
    return TracePipeline(processors, {}, forward).consume


def totals(forward: Consume) -> Callable[[bytes], object]:
    processors = {"cost": CostProcessor(), "quality": QualityProcessor()}
    alerts = AlertService(AlertingConfig())
    observers = {"totals": Totals(), "alerts": alerts}
    return TracePipeline(processors, observers, forward, once=Once()).consume


def default(forward: Consume, writer: CallWriter) -> Callable[[bytes], object]:
    processors = {"cost": CostProcessor(), "quality": QualityProcessor()}
    alerts = AlertService(AlertingConfig())
    observers = {"totals": Totals(), "store": writer, "alerting": alerts}
    return TracePipeline(processors, observers, forward, once=Once()).consume


PRICES = {f"model-{number}": (1e-6, 2e-6) for number in range(1500)}
PRICES |= {model: (2e-6, 8e-6) for _, _, model in corpus.MODELS}
PATTERNS = [
    re.compile(pattern)
    for pattern in (
        r"(?i)\b(?:i'm sorry|i am sorry|i apologi[sz]e|i cannot|i can't|unable to help)\b",
        r"[\w.+-]+@[\w-]+\.[\w.]+",
        r"\b(?:\d[ -]?){13,16}\b|\b\d{3}-\d{2}-\d{4}\b",
        r"\b(?:sk-[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16})|-----BEGIN [A-Z ]*PRIVATE KEY",
        r"\"finish_reason\": ?\"(?:length|max_tokens)\"",
        r"(?i)\b(?:ignore (?:all |the )?(?:previous|prior) instructions|system prompt)\b",
    )
]


def textbook(forward: Consume) -> Callable[[bytes], object]:
    totals: dict[tuple[Any, ...], list[float]] = {}

    def consume(payload: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(payload)
        for group in request.resource_spans:
            for scope in group.scope_spans:
                for span in scope.spans:
                    _enrich(span, totals)
        forward("traces", request.SerializeToString())

    return consume


def _enrich(span: Any, totals: dict[tuple[Any, ...], list[float]]) -> None:
    known: dict[str, Any] = {}
    for attribute in span.attributes:
        kind = attribute.value.WhichOneof("value")
        if kind is not None:
            known[attribute.key] = getattr(attribute.value, kind)
    if "gen_ai.operation.name" not in known:
        return
    model = known.get("gen_ai.response.model")
    tokens_in = known.get("gen_ai.usage.input_tokens", 0)
    tokens_out = known.get("gen_ai.usage.output_tokens", 0)
    total = 0.0
    if model in PRICES:
        price_in, price_out = PRICES[model]
        parts = {"input": tokens_in * price_in, "output": tokens_out * price_out}
        total = sum(parts.values())
        for name, amount in {**parts, "total": total}.items():
            added = span.attributes.add()
            added.key = f"otel_llm.cost.{name}"
            added.value.double_value = amount
    answer = known.get("gen_ai.output.messages", "")
    flags = [number for number, pattern in enumerate(PATTERNS) if pattern.search(answer)]
    for name, value in (("flagged", bool(flags)), ("refusal", 0 in flags), ("pii", 1 in flags)):
        added = span.attributes.add()
        added.key = f"otel_llm.quality.{name}"
        added.value.bool_value = value
    key = known.get("gen_ai.provider.name"), model
    entry = totals.setdefault(key, [0.0, 0.0, 0.0, 0.0])
    for index, amount in enumerate((1.0, tokens_in, tokens_out, total)):
        entry[index] += amount


class SameWork:
    """What ``_enrich`` does, written against ``SpanView``."""

    def __init__(self) -> None:
        self._totals: dict[tuple[Any, ...], list[float]] = {}
        self._patterns = re2.Set.SearchSet()
        for pattern in PATTERNS:
            self._patterns.Add(pattern.pattern)
        self._patterns.Compile()

    def process(self, batch: Batch) -> None:
        for span in batch.genai():
            self._enrich(span)

    def _enrich(self, span: SpanView) -> None:
        if not span.has("gen_ai.operation.name"):
            return
        model, provider, tokens_in, tokens_out = span.read_all(_NAMES)
        costs: list[float] = []
        if model in PRICES:
            price_in, price_out = PRICES[model]
            cost_in, cost_out = (tokens_in or 0) * price_in, (tokens_out or 0) * price_out
            costs = [cost_in, cost_out, cost_in + cost_out]
        answer = span.raw("gen_ai.output.messages")
        flags = (self._patterns.Match(answer) if answer else None) or ()
        span.fill(_template(bool(costs), bool(flags), 0 in flags, 1 in flags), costs)
        entry = self._totals.setdefault((provider, model), [0.0, 0.0, 0.0, 0.0])
        entry[0] += 1
        entry[1] += tokens_in or 0
        entry[2] += tokens_out or 0
        entry[3] += costs[2] if costs else 0.0


_NAMES = (
    "gen_ai.response.model",
    "gen_ai.provider.name",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
)


@cache
def _template(priced: bool, flagged: bool, refused: bool, pii: bool) -> Template:
    costs = [f"otel_llm.cost.{name}" for name in ("input", "output", "total")]
    flags = {"flagged": flagged, "refusal": refused, "pii": pii}
    constants = {f"otel_llm.quality.{name}": value for name, value in flags.items()}
    return Template(costs if priced else (), constants)


def same_work(forward: Consume) -> Callable[[bytes], object]:
    return TracePipeline({"same": SameWork()}, {}, forward).consume


DESIGNS = {
    "textbook": textbook,
    "same work": same_work,
    "pass-through": pass_through,
    "cost, quality": collector,
    "totals": totals,
    "default": default,
}


# --- the process that is measured --------------------------------------------------------------


def serve(way: Way, core: int, destination: str, parent: Any) -> None:
    """Serve until told to stop; deliver and store everything when told to settle."""
    os.sched_setaffinity(0, {core})
    prepare()
    with tempfile.TemporaryDirectory(dir=".") as directory:
        _serve(way, destination, Path(directory), parent)


def _serve(way: Way, destination: str, directory: Path, parent: Any) -> None:
    outbox = _outbox(way, destination, directory)
    writer = CallWriter(DuckDBStore())
    writer.start()
    forward: Consume = lambda _, payload: outbox.put(payload)  # noqa: E731
    make: Any = DESIGNS[way.design]
    consume = make(forward, writer) if way.design == "default" else make(forward)
    protocols = ProtocolsConfig(GrpcConfig(LOCAL), HttpConfig(LOCAL))
    receiver = OtlpReceiver(OtlpConfig(protocols))
    outbox.start()
    backlog = _backlog(way, consume, directory)
    take = backlog.take if backlog else consume
    receiver.start(lambda _, payload, __: take(payload))
    settle()  # as the collector does, for every design
    parent.send((receiver.grpc_port, receiver.http_port))
    while parent.recv() == "settle":
        if backlog:
            backlog.settle(30)
        writer.flush(30)
        while any(sender.queue.size_bytes for sender in outbox.senders):
            time.sleep(0.01)
        parent.send(writer.dropped)
    receiver.stop(5)
    if backlog:
        backlog.stop(5)
    outbox.stop(10)
    writer.close()
    unsettle()


def _backlog(way: Way, consume: Callable[[bytes], Any], directory: Path) -> Backlog | None:
    """With a journal, senders are answered before what they sent is processed."""
    if way.journal == "none":
        return None
    journal = Journal(JournalConfig(directory, durability=way.journal), "received")
    backlog = Backlog(journal, consume, _complain)
    backlog.start()
    return backlog


def _complain(_: bytes, reason: str) -> None:
    raise RuntimeError(reason)


def _outbox(way: Way, destination: str, directory: Path) -> Outbox:
    config = OtlpExporterConfig(f"http://{destination}")
    destinations = {"sink": (OtlpExporter(config), config)}
    if way.journal == "none":
        return MemoryOutbox("traces", destinations)
    journal = Journal(JournalConfig(directory, durability=way.journal), "traces")
    return JournalOutbox("traces", destinations, journal)


@contextmanager
def served(way: Way, core: int, destination: str) -> Iterator[tuple[int, tuple[int, int], Any]]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(way, core, destination, there))
    process.start()
    try:
        if not here.poll(60):
            raise RuntimeError("the server did not start")
        assert process.pid
        yield process.pid, here.recv(), here
    finally:
        here.send("stop")
        process.join(30)
        process.kill()


# --- load and destination ----------------------------------------------------------------------


class Sink:
    """Counts the bytes it gets."""

    def __init__(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(1), options=[_LARGE])
        method: Any = grpc.unary_unary_rpc_method_handler(lambda payload, _: b"")
        service = METHODS["traces"].split("/")[1]
        handler = grpc.method_handlers_generic_handler(service, {"Export": method})
        self._server.add_generic_rpc_handlers((handler,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port(LOCAL)}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()


_LARGE = ("grpc.max_receive_message_length", 64 * 2**20)


class Load:
    """Keeps requests under way until told to stop; counts those that were taken."""

    def __init__(self, payloads: Iterator[bytes], pause_s: float = 0.0) -> None:
        """``pause_s``: from the start of one request to the start of the next, of all threads
        together."""
        self._payloads = payloads
        self._pause_s = pause_s * CONNECTIONS * IN_FLIGHT
        self.waits_s: list[float] = []
        self.accepted = self.refused = 0
        self._lock = threading.Lock()
        self._over = threading.Event()

    def run(self, send: Callable[[], Callable[[bytes], bool]], seconds: float) -> None:
        threads = [
            threading.Thread(target=self._loop, args=(send(),))
            for _ in range(CONNECTIONS * IN_FLIGHT)
        ]
        for thread in threads:
            thread.start()
        self._over.wait(seconds)
        self._over.set()
        for thread in threads:
            thread.join()

    def _loop(self, send: Callable[[bytes], bool]) -> None:
        due = time.monotonic() + random() * self._pause_s
        for payload in self._payloads:
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            began = time.monotonic()
            taken = send(payload)
            due += self._pause_s
            with self._lock:
                self.waits_s.append(time.monotonic() - began)
                self.accepted += taken
                self.refused += not taken
            if not taken:
                time.sleep(0.01)


def over_grpc(port: int) -> Callable[[], Callable[[bytes], bool]]:
    channels = [
        grpc.insecure_channel(f"127.0.0.1:{port}", options=[("benchmark.channel", number)])
        for number in range(CONNECTIONS)
    ]
    exports = cycle([channel.unary_unary(METHODS["traces"]) for channel in channels])

    def make() -> Callable[[bytes], bool]:
        export = next(exports)

        def send(payload: bytes) -> bool:
            try:
                export(payload, timeout=30)
            except grpc.RpcError:
                return False
            return True

        return send

    return make


def over_http(port: int) -> Callable[[], Callable[[bytes], bool]]:
    def make() -> Callable[[bytes], bool]:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)

        def send(payload: bytes) -> bool:
            headers = {"Content-Type": "application/x-protobuf"}
            connection.request("POST", "/v1/traces", payload, headers)
            response = connection.getresponse()
            response.read()
            return response.status == 200

        return send

    return make


def over_gzip(port: int) -> Callable[[], Callable[[bytes], bool]]:
    def make() -> Callable[[bytes], bool]:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}

        def send(payload: bytes) -> bool:
            body = gzip.compress(payload, 6)
            connection.request("POST", "/v1/traces", body, headers)
            response = connection.getresponse()
            response.read()
            return response.status == 200

        return send

    return make


TRANSPORTS = {"gRPC": over_grpc, "HTTP": over_http, "HTTP, gzip": over_gzip}


# --- measuring ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """What is measured."""

    design: str
    mix: str = "mix"
    batch: int = 512
    transport: str = "gRPC"
    journal: Any = "none"
    """``none``, ``os`` or ``fsync``."""


@dataclass(frozen=True)
class Result:
    spans: int
    cpu_s: float
    refused: int
    dropped: int
    """Calls for which the store's queue had no room."""
    rss_mib: float
    p99_ms: float
    """Of all answers, and how long they took."""

    @property
    def us_per_span(self) -> float:
        return self.cpu_s / self.spans * 1e6


def measure(way: Way, seconds: float, spans_per_s: float = 0.0) -> Result:
    """Keep sixteen requests under way, or send ``spans_per_s``."""
    payloads = _payloads(way)
    sink = Sink()
    cores = sorted(os.sched_getaffinity(0))
    try:
        with served(way, cores[0], sink.address) as (pid, ports, child):
            if len(cores) > 1:
                os.sched_setaffinity(0, set(cores[1:]))
            send = TRANSPORTS[way.transport](ports[way.transport != "gRPC"])
            pause_s = way.batch / spans_per_s if spans_per_s else 0.0
            Load(payloads, pause_s).run(send, 0.5)  # warm up
            _settled(child)
            return _timed(Load(payloads, pause_s), send, seconds, pid, child, way.batch)
    finally:
        os.sched_setaffinity(0, set(cores))
        sink.stop()


def _payloads(way: Way) -> Iterator[bytes]:
    """Requests without end, as many different ones as one run sends, or as there is memory for."""
    few = corpus.requests(way.mix, way.batch, max(8, 4096 // way.batch))
    many = min(MOST_REQUESTS, MOST_BYTES // len(few[0]))
    return cycle([corpus.again(one, nth) for nth, one in enumerate(islice(cycle(few), many))])


def _settled(child: Any) -> int:
    child.send("settle")
    return child.recv()


def _timed(load: Load, send: Any, seconds: float, pid: int, child: Any, batch: int) -> Result:
    cpu = _cpu_s(pid)
    load.run(send, seconds)
    rss = _rss_mib(pid)
    dropped = _settled(child)
    waits = sorted(load.waits_s)
    p99 = waits[int(len(waits) * 0.99)] * 1e3
    return Result(load.accepted * batch, _cpu_s(pid) - cpu, load.refused, dropped, rss, p99)


def _rss_mib(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def table(title: str, ways: Mapping[str, Way], seconds: float) -> dict[str, Result]:
    """Print one line for each way, with its ratios to the first two: the textbook and nothing."""
    print(f"\n{title}", flush=True)
    print(
        f"  {'':22} {'CPU µs/span':>12} {'spans/s/core':>13} {'x textbook':>11} "
        f"{'pass-through':>13} {'RSS MiB':>8} {'refused':>8} {'not stored':>11}"
    )
    results: dict[str, Result] = {}
    for name, way in ways.items():
        result = results[name] = measure(way, seconds)
        spent, first = result.us_per_span, results.get("textbook")
        floor = results.get("pass-through")
        print(
            f"  {name:22} {spent:12.2f} {1e6 / spent:13,.0f} {_ratio(first, result):>11} "
            f"{_ratio(floor, result):>13} {result.rss_mib:8.0f} {result.refused:8} "
            f"{result.dropped:11}",
            flush=True,
        )
    return results


def _ratio(base: Result | None, result: Result) -> str:
    return f"{base.us_per_span / result.us_per_span:.2f}" if base else ""


def designs(mix: str, batch: int, transport: str) -> dict[str, Way]:
    """Every design, and the last one with the journal."""
    ways = {name: Way(name, mix, batch, transport) for name in DESIGNS}
    ways["default, journal os"] = Way("default", mix, batch, transport, "os")
    return ways


def settings(mix: str) -> dict[str, Way]:
    """The default with everything that an operator may choose."""
    ways = {name: Way(name, mix) for name in ("textbook", "pass-through")}
    for journal in ("none", "os", "fsync"):
        ways[f"journal {journal}"] = Way("default", mix, journal=journal)
    for transport in ("HTTP", "HTTP, gzip"):
        ways[transport] = Way("default", mix, transport=transport, journal="os")
    for batch in (50, 1):
        for transport in ("gRPC", "HTTP"):
            ways[f"{transport}, {batch} spans"] = Way("default", mix, batch, transport, "os")
    return ways


def half_load(mix: str, rate: float, seconds: float) -> None:
    """How long senders wait at half of what one core takes."""
    result = measure(Way("default", mix, journal="os"), seconds, rate / 2)
    print(
        f"\nhalf of that, {rate / 2:,.0f} spans/s, journal os: p99 of answers "
        f"{result.p99_ms:.1f} ms, {result.us_per_span:.2f} µs/span, RSS {result.rss_mib:.0f} MiB, "
        f"refused {result.refused}, not stored {result.dropped}",
        flush=True,
    )


def check() -> None:
    """Hold the two that claim to do the same work to it."""
    answers: dict[str, list[Any]] = {}
    for design in ("textbook", "same work"):
        given: list[bytes] = []
        DESIGNS[design](lambda _, payload, given=given: given.append(payload))(
            corpus.request("mix", 200)
        )
        request = ExportTraceServiceRequest.FromString(given[0])
        answers[design] = [
            {a.key: a.value for a in span.attributes}
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]
    if answers["textbook"] != answers["same work"]:
        raise SystemExit("textbook and same work differ in what they make of a span")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of load for each figure")
    parser.add_argument("--batch", type=int, default=512, help="spans in a request")
    parser.add_argument("--mix", choices=corpus.MIXES, default="mix")
    parser.add_argument("--all", action="store_true", help="every mix, and batches of 50")
    options = parser.parse_args()
    check()
    mix, seconds = options.mix, options.seconds
    over = f"{mix}, batches of {options.batch}"
    found = table(f"{over}, gRPC in and out", designs(mix, options.batch, "gRPC"), seconds)
    half_load(mix, 1e6 / found["default, journal os"].us_per_span, seconds)
    table(f"{mix}, default: how it is received and kept", settings(mix), seconds)
    table(f"prose, batches of {options.batch}", designs("prose", options.batch, "gRPC"), seconds)
    if options.all:
        for other in corpus.MIXES:
            for batch in (512, 50):
                title = f"{other}, batches of {batch}, gRPC in and out"
                table(title, designs(other, batch, "gRPC"), seconds)


if __name__ == "__main__":
    main()
