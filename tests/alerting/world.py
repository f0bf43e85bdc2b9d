"""A clock that stands still, an engine that tells a list, and alerts to send around."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from otel_llm.alerting.alert import Alert, fingerprint
from otel_llm.alerting.engine import RuleEngine
from otel_llm.alerting.notification import Notification
from otel_llm.alerting.past import History
from otel_llm.alerting.readings import Readings
from otel_llm.alerting.rule import Rule
from otel_llm.genai import Call
from otel_llm.stats import Windows

START = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""


class Clock:
    """Time that passes only when told to."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def stored(calls: Iterable[Call]) -> History:
    """Return what a store with ``calls`` tells of them."""
    kept = sorted(calls, key=lambda one: (one.start_ns, one.trace_id, one.span_id))
    return lambda since, until: [
        one for one in kept if since <= one.start_ns and (until is None or one.start_ns < until)
    ]


class World:
    """An engine over its own windows and clock, and everything it told."""

    def __init__(
        self,
        *rules: Rule,
        readings: Readings | None = None,
        now: float = START,
        runbook_url: str | None = None,
    ) -> None:
        self.clock = Clock(now)
        self.told: list[Sequence[Alert]] = []
        self.engine = RuleEngine(
            rules,
            Windows(),
            lambda alerts, at: self.told.append(alerts),
            self.clock,
            readings=readings,
            trace_url="http://ui/{trace_id}",
            runbook_url=runbook_url,
        )

    def after(self, seconds: float) -> World:
        """Let time pass."""
        self.clock.now += seconds
        return self

    def states(self) -> dict[str, str]:
        """Evaluate, and return the state by the values of the labels that are not ours."""
        return {
            ",".join(v for k, v in a.labels.items() if k not in ("alertname", "severity")): a.state
            for a in self.engine.evaluate()
        }


def alert(name: str = "ErrorsHigh", state: str = "firing", at: float = START, **more: Any) -> Alert:
    """Return an alert; ``labels`` are added to its name and severity."""
    severity = more.pop("severity", "critical")
    labels = {"alertname": name, "severity": severity, **more.pop("labels", {})}
    return Alert(
        **{
            "id": fingerprint(labels),
            "rule": name,
            "severity": severity,
            "state": state,
            "labels": labels,
            "annotations": {"summary": "12% of calls failed"},
            "signal": "error_rate",
            "value": 0.12,
            "threshold": 0.1,
            "active_at": at,
            "fired_at": at,
            "resolved_at": at + 60 if state == "resolved" else None,
            "trace_id": "a" * 32,
            "trace_url": f"http://ui/{'a' * 32}",
            **more,
        }
    )


def notification(*alerts: Alert, event: str = "firing", **more: Any) -> Notification:
    """Return a notification about ``alerts``, by default one that fires."""
    return Notification(
        **{
            "id": "n1",
            "group": "g1",
            "labels": {"alertname": "ErrorsHigh"},
            "event": event,
            "alerts": alerts or (alert(),),
            "at": START,
            **more,
        }
    )


@dataclass
class Received:
    """One request that a target got."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Target:
    """An HTTP server on loopback that answers as told, by default 200 ``ok``."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        """Return the next answer; a subclass may look at the request."""
        return self.answers.pop(0) if self.answers else (200, {}, b"ok")

    def wait(self, times: int = 1) -> None:
        """Wait until ``times`` more requests were answered."""
        for _ in range(times):
            assert self.arrived.acquire(timeout=60), "nothing arrived"


@contextmanager
def serving(target: Target, tls: ssl.SSLContext | None = None) -> Iterator[Target]:
    """Serve ``target`` on an ephemeral port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet per answer

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Received(self.path, dict(self.headers.items()), body)
            status, headers, answer = target.answer(request)
            target.received.append(request)
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)
            target.arrived.release()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    target.url = f"http://127.0.0.1:{server.server_port}"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        target.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield target
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
