"""A receiver on free ports of 127.0.0.1, and a consumer that keeps or refuses what comes in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from otel_llm.collector.component import Arrival, Bury, Signal
from otel_llm.collector.intake.config import GrpcConfig, HttpConfig, OtlpConfig, ProtocolsConfig
from otel_llm.collector.measures.counters import Counters
from otel_llm.collector.pipeline import RecordPipeline, TracePipeline
from otel_llm.collector.receivers.otlp import OtlpReceiver

LOCAL = "127.0.0.1:0"


class Inbox:
    """Raises the errors it was given, one for each request, then keeps what comes."""

    def __init__(self) -> None:
        self.received: list[tuple[Signal, bytes]] = []
        self.errors: list[Exception] = []
        self.attempts = 0
        self._traces = TracePipeline({}, {}, self._keep)
        self._others = {s: RecordPipeline(s, {}, self._keep) for s in ("metrics", "logs")}

    def __call__(self, signal: Signal, payload: bytes, arrival: Arrival) -> None:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        if signal == "traces":
            self._traces.consume(payload, arrival)
        else:
            self._others[signal].consume(payload, arrival)

    def _keep(self, signal: Signal, payload: bytes) -> None:
        self.received.append((signal, payload))


class Receiver:
    def __init__(self, inner: OtlpReceiver, inbox: Inbox, counters: Counters) -> None:
        self.inner, self.inbox, self.counters = inner, inbox, counters
        self.grpc = f"127.0.0.1:{inner.grpc_port}"
        self.http = f"http://127.0.0.1:{inner.http_port}"
        self.http_port = inner.http_port or 0

    def count(self, outcome: str) -> int:
        return self.counters.get("otel_llm_receiver_requests", outcome=outcome)


@contextmanager
def receiving(
    grpc: GrpcConfig | None = None,
    http: HttpConfig | None = None,
    bury: Bury | None = None,
    **more,
) -> Iterator[Receiver]:
    protocols = ProtocolsConfig(grpc or GrpcConfig(LOCAL), http or HttpConfig(LOCAL))
    config = OtlpConfig(protocols, **more)
    counters, inbox = Counters(), Inbox()
    inner = OtlpReceiver(config, counters)
    inner.start(inbox, bury)
    try:
        yield Receiver(inner, inbox, counters)
    finally:
        inner.stop(1)
