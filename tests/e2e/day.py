"""A day's worth of spans through an hour-long outage of one of two destinations, by a clock that
runs as fast as the spans are taken.

The collector is a whole one, with a journal and real sockets on both sides; only its senders, and
the time at which its journal notes a request, go by the simulated clock. One destination takes
gRPC, the other HTTP; for an hour the other one hangs up on everybody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import quantiles
from threading import Condition, Event, Thread
from types import SimpleNamespace
from unittest.mock import patch

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.protocol import SERVICES
from otel_llm.collector.sending.status import Clock
from otel_llm.service import check
from otel_llm.service.assembly import Service

SPANS_PER_S = 50
STEP_S = 20
PER_REQUEST = SPANS_PER_S * STEP_S
DAY_S = 24 * 3600
PATIENCE_S = 120.0
OUTAGE = (0.25, 0.25 + 1 / 24)
"""From six to seven o'clock, in days."""
AHEAD = 8
"""Requests that may be under way to the destination that is well."""


class Simulated(Clock):
    """Passes when it is told to."""

    def __init__(self) -> None:
        self._now = time.time()
        self._changed = Condition()

    def time(self) -> float:
        return self._now

    def steady(self) -> float:
        return self._now

    def wait(self, event: Event, seconds: float) -> None:
        until = self._now + seconds
        with self._changed:
            while self._now < until and not event.is_set():
                self._changed.wait(0.05)  # the event tells nobody

    def pass_(self, seconds: float) -> None:
        with self._changed:
            self._now += seconds
            self._changed.notify_all()


@dataclass
class Destination:
    """Counts the spans that arrive, each by its number, and how long it took them."""

    total: int
    sent_at: list[float]
    down: bool = False
    hung_up: int = 0
    arrived: int = 0
    """Different ones."""
    again: int = 0
    delays: dict[int, float] = field(default_factory=dict)
    """Real seconds from before a request was sent to its first arrival here."""
    changed: Condition = field(default_factory=Condition)

    def __post_init__(self) -> None:
        self._seen = bytearray(self.total)

    def take(self, payload: bytes) -> bool:
        if self.down:
            with self.changed:
                self.hung_up += 1
                self.changed.notify_all()
            return False
        request = ExportTraceServiceRequest.FromString(payload)
        now = time.monotonic()
        with self.changed:
            for group in request.resource_spans:
                for scope in group.scope_spans:
                    for span in scope.spans:
                        self._note(int.from_bytes(span.span_id) - 1, now)
            self.changed.notify_all()
        return True

    def _note(self, number: int, now: float) -> None:
        if self._seen[number]:
            self.again += 1
            return
        self._seen[number] = 1
        self.arrived += 1
        request = number // PER_REQUEST
        self.delays.setdefault(request, now - self.sent_at[request])

    def wait_until_asked(self, timeout_s: float) -> bool:
        """Wait for somebody to hang up on."""
        with self.changed:
            return self.changed.wait_for(lambda: self.hung_up, timeout_s)

    def wait_for(self, spans: int, timeout_s: float) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.arrived >= spans, timeout_s)


@dataclass(frozen=True)
class Seen:
    """What a day looked like. Delays are p50 and p99, in real milliseconds."""

    spans: int
    took_s: float
    well: Destination
    other: Destination
    before_ms: tuple[float, float]
    during_ms: tuple[float, float]
    after_ms: tuple[float, float]
    waiting: int
    """Spans that waited for the other destination when it came back."""
    oldest_s: float
    """Simulated seconds that the oldest of them had waited."""
    caught_up_s: float
    """Simulated seconds after the outage until nothing waited."""
    buried: int

    @property
    def complete(self) -> bool:
        """Whether both have everything."""
        return self.well.arrived == self.other.arrived == self.spans and not self.buried

    def __str__(self) -> str:
        def delay(ms: tuple[float, float]) -> str:
            return f"p50 {ms[0]:.0f} ms, p99 {ms[1]:.0f} ms"

        return (
            f"{self.spans:,} spans, {self.spans / SPANS_PER_S / 3600:.1f} hours of them, in "
            f"{self.took_s:.0f} s\n"
            f"well:  {self.well.arrived:,} arrived, {self.well.again} twice; until they arrived, "
            f"before the outage {delay(self.before_ms)}, during {delay(self.during_ms)}, "
            f"after {delay(self.after_ms)}\n"
            f"other: {self.other.arrived:,} arrived, {self.other.again} twice; hung up "
            f"{self.other.hung_up} times; {self.waiting:,} spans waited at its end, the oldest "
            f"for {self.oldest_s:.0f} simulated s; caught up {self.caught_up_s:.0f} simulated s "
            f"later; {self.buried} in the dead letter"
        )


def run(directory: Path, requests: int = DAY_S // STEP_S) -> Seen:
    """Let a day of so many requests pass, an outage of its 24th part included."""
    clock, sent_at = Simulated(), list[float]()
    total = requests * PER_REQUEST
    well, other = Destination(total, sent_at), Destination(total, sent_at)
    modules = "otel_llm.collector.journal.log.time", "otel_llm.collector.journal.queue.time"
    simulated = SimpleNamespace(
        time=clock.time,
        time_ns=lambda: int(clock.time() * 1e9),
        monotonic=time.monotonic,
    )
    with (
        patch("otel_llm.collector.sending.sender.Clock", lambda: clock),
        patch(modules[0], simulated),
        patch(modules[1], simulated),
        _grpc_server(well) as grpc_port,
        _http_server(other) as http_port,
        _collector(directory, grpc_port, http_port) as service,
    ):
        return _pass(service, clock, requests, well, other)


def _pass(
    service: Service, clock: Simulated, requests: int, well: Destination, other: Destination
) -> Seen:
    began = time.monotonic()
    start, end = (int(part * requests) for part in OUTAGE)
    port = service.flow.receivers["otlp"].http_port  # type: ignore[attr-defined]
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    oldest_s, waiting, caught_up_s = 0.0, 0, 0.0
    for number in range(requests):
        if number == start:
            other.down = True
        if number == end:
            assert other.wait_until_asked(PATIENCE_S)
            other.down = False
            waiting = number * PER_REQUEST - other.arrived
            oldest_s = _queue_of(service, "otlphttp").oldest_s or 0.0
            came_back = clock.time()
        well.sent_at.append(time.monotonic())
        _post(connection, number)
        assert well.wait_for((number + 1 - AHEAD) * PER_REQUEST, PATIENCE_S), "the other is held up"
        clock.pass_(STEP_S)
        if number >= end and not caught_up_s and other.arrived >= (number - AHEAD) * PER_REQUEST:
            caught_up_s = clock.time() - came_back
    connection.close()
    total = requests * PER_REQUEST
    until = time.monotonic() + PATIENCE_S
    while other.arrived < total and time.monotonic() < until:
        clock.pass_(STEP_S)
        other.wait_for(total, 0.1)
    assert well.wait_for(total, PATIENCE_S)
    return Seen(
        total,
        time.monotonic() - began,
        well,
        other,
        *(_delays(well, *part) for part in ((0, start), (start, end), (end, requests))),
        waiting=waiting,
        oldest_s=oldest_s,
        caught_up_s=caught_up_s or clock.time() - came_back,
        buried=sum(s.status().dead_lettered for s in service.flow.senders),
    )


def _delays(destination: Destination, start: int, end: int) -> tuple[float, float]:
    delays = [destination.delays[number] * 1000 for number in range(start, end)]
    cuts = quantiles(delays, n=100)
    return cuts[49], cuts[98]


def _queue_of(service: Service, exporter: str):
    return next(s for s in service.flow.senders if s.name == exporter).queue


def _post(connection: HTTPConnection, number: int) -> None:
    headers = {"content-type": "application/x-protobuf"}
    connection.request("POST", "/v1/traces", _request(number), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200


def _request(number: int) -> bytes:
    """A request of its own spans; one in four is a GenAI call."""
    scope = bytearray()
    for nth in range(number * PER_REQUEST + 1, (number + 1) * PER_REQUEST + 1):
        ids = b"\x0a\x10" + nth.to_bytes(16) + b"\x12\x08" + nth.to_bytes(8)
        scope += _field(b"\x12", ids + (_CALL if nth % 4 == 0 else _PLAIN))
    return _field(b"\x0a", _field(b"\x12", bytes(scope)))


def _rest(name: str, **attributes: str | int) -> bytes:
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add(name=name, kind=3)
    span.start_time_unix_nano, span.end_time_unix_nano = 10**18, 10**18 + 10**9
    for key, value in attributes.items():
        kind = "string_value" if isinstance(value, str) else "int_value"
        setattr(span.attributes.add(key=key.replace("__", ".")).value, kind, value)
    return span.SerializeToString()


def _field(tag: bytes, content: bytes) -> bytes:
    size, length = len(content), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return tag + bytes([*length, size]) + content


_PLAIN = _rest("GET /cart", http__request__method="GET", http__route="/cart", url__path="/cart")
_CALL = _rest(
    "chat gpt-4o",
    gen_ai__operation__name="chat",
    gen_ai__provider__name="openai",
    gen_ai__request__model="gpt-4o",
    gen_ai__usage__input_tokens=11,
    gen_ai__usage__output_tokens=5,
)


@contextmanager
def _collector(directory: Path, grpc_port: int, http_port: int) -> Iterator[Service]:
    sending = {"sending_queue": {"batch": {"flush_timeout": "10ms"}}}
    pipeline = {"receivers": ["otlp"], "processors": ["normalize", "cost", "quality"]}
    settings = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
        "processors": {"normalize": None, "cost": None, "quality": None},
        "exporters": {
            "otlp": {"endpoint": f"http://127.0.0.1:{grpc_port}", **sending},
            "otlphttp": {"endpoint": f"http://127.0.0.1:{http_port}", **sending},
        },
        "journal": {"directory": str(directory / "journal"), "durability": "os"},
        "dead_letter": {"directory": str(directory / "dead")},
        "store": None,
        "api": None,
        "alerting": None,
        "service": {"pipelines": {"traces": {**pipeline, "exporters": ["otlp", "otlphttp"]}}},
    }
    service = Service(check(settings))
    service.start()
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def _grpc_server(destination: Destination) -> Iterator[int]:
    def export(payload: bytes, context: grpc.ServicerContext) -> bytes:
        if not destination.take(payload):
            context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        return b""

    method = grpc.unary_unary_rpc_method_handler(export)
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    handler = grpc.method_handlers_generic_handler(SERVICES["traces"], {"Export": method})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


@contextmanager
def _http_server(destination: Destination) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if not destination.take(body):
                self.close_connection = True  # without a word
                return
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Thread(target=server.serve_forever)
    serving.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
