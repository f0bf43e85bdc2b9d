"""Start a fake provider, the collector and an instrumented application; show what they made.

``python -m examples.demo`` gives the shop a past, stays until Ctrl-C and asks the questions again
every few seconds; ``--once`` shows what came of one round and exits, with 0 only when every claim
on the screen was seen to hold.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from otel_llm.testing import Answer, FakeProvider, Received, json_answer

from . import past
from .provider import ROUTES

HERE = Path(__file__).parent
BIN = Path(sysconfig.get_path("scripts"))
PORTS = {"DEMO_OTLP_GRPC_PORT": 4317, "DEMO_OTLP_HTTP_PORT": 4318, "DEMO_API_PORT": 4319}
EXPECTED_CALLS = 14
"""Model calls of one run of ``app.py``: six embeddings, seven answered chats, one that fails."""
AGAIN_S = 20.0
PATIENCE_S = 60.0
"""For one answer of a collector that shares its machine with others."""
CONTENT_TOKEN = "demo"
"""Shows what was said. A real one is long and secret."""

console = Console(width=None if sys.stdout.isatty() else 150)
Row = Mapping[str, Any]


def main() -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="show everything, then exit")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the collector is ended too
    ports = {name: str(_free(port)) for name, port in PORTS.items()}
    with (
        tempfile.TemporaryDirectory(prefix="otel-llm-demo-") as data,
        FakeProvider(ROUTES) as provider,
        FakeProvider({"^POST ": _hook}) as hook,
    ):
        _write_secrets(Path(data))
        told = {"DEMO_DATA": data, "DEMO_WEBHOOK_URL": f"{hook.url}/alerts"}
        return _run(provider, hook, {**ports, **told}, once)


def _write_secrets(data: Path) -> None:
    (data / "key").write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    (data / "token").write_text(CONTENT_TOKEN)


def _run(provider: FakeProvider, hook: FakeProvider, ports: Mapping[str, str], once: bool) -> int:
    api = f"http://127.0.0.1:{ports['DEMO_API_PORT']}"
    if not once:
        _remember(api, ports)
    with _collector("collector.yaml", ports):
        _step(f"a model provider that speaks OpenAI's wire format: {provider.url}")
        _up(api)
        _step(f"the collector: OTLP on 127.0.0.1:{ports['DEMO_OTLP_GRPC_PORT']} (gRPC) and "
              f":{ports['DEMO_OTLP_HTTP_PORT']} (HTTP)")  # fmt: skip
        since = f"{time.time():.0f}"
        _ask(provider.url, ports)
        shown = _show(api, hook, since)
        if not once:
            _judge(api)
            _stay(provider.url, ports)
    return 0 if shown else 1


def _free(port: int) -> int:
    """Return ``port``, or any free one when it is taken."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def _remember(api: str, ports: Mapping[str, str]) -> None:
    """Give the shop a past, before anything is watched: what comes late is not judged."""
    with _collector("past.yaml", ports):
        _up(api)
        sent = past.send(f"http://127.0.0.1:{ports['DEMO_OTLP_HTTP_PORT']}")
        _step(f"the shop's past, made up: {sent:,} spans of {past.DAYS} days")


def _judge(api: str) -> None:
    """Let every third asker say what they think of the answer."""
    calls = _get(f"{api}/v1/calls", limit=200, operation="chat")
    for call in calls["calls"][::3]:
        of = {"trace_id": call["trace_id"], "span_id": call["span_id"], "user": call["user"]}
        given = {**of, "rating": "down" if call["flags"] else "up"}
        httpx2.post(f"{api}/v1/feedback", json=given, timeout=PATIENCE_S)


def _up(api: str) -> None:
    _wait("the collector", lambda: httpx2.get(f"{api}/health", timeout=PATIENCE_S).is_success)


def _get(url: str, **params: Any) -> Any:
    return httpx2.get(url, params=params, timeout=PATIENCE_S).json()


@contextmanager
def _collector(config: str, ports: Mapping[str, str]) -> Iterator[None]:
    command = [str(BIN / "otel-llm"), "collector", "--config", str(HERE / config)]
    process = subprocess.Popen(command, env={**os.environ, **ports})
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=120)


def _ask(provider: str, ports: Mapping[str, str]) -> None:
    """Run the application once, with nothing but OTEL_* variables set."""
    _step("opentelemetry-instrument python examples/demo/app.py")
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": f"{provider}/v1",
        "OPENAI_API_KEY": "unused",
        "OTEL_SERVICE_NAME": "lamp-shop",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{ports['DEMO_OTLP_GRPC_PORT']}",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    }
    command = [str(BIN / "opentelemetry-instrument"), sys.executable, str(HERE / "app.py")]
    subprocess.run(command, env=environment, check=True, timeout=300)


def _show(api: str, hook: FakeProvider, since: str) -> bool:
    """Print the calls from ``since`` on, the sums and the alert; returns whether all of it
    arrived."""
    calls = _wait("the calls", lambda: _calls(api, since))
    console.print(_table(calls))
    summary = _get(f"{api}/v1/summary", since=since)
    console.print(
        f"{summary['count']} calls, {summary['errors']} failed, ${summary['total_cost_usd']:.6f}, "
        f"{summary['unpriced']} without a price (unknown is not zero)"
    )
    for alert in _wait("the alert", lambda: _told(hook)):
        console.print(
            f"\n[bold red]ALERT[/] {alert['severity']}: {alert['annotations']['summary']}"
        )
        console.print(f"      a call that shows it: {alert['trace_url']}", highlight=False)
    console.print(
        f"\nDashboard  {api}/\nAPI        {api}/v1/summary, described by {api}/openapi.json\n"
        f"Metrics    {api}/metrics\n"
        f"Content    is shown on a trace's page to the token {CONTENT_TOKEN}\n",
        highlight=False,
    )
    return any(c["cost"] for c in calls) and any(c["flags"] for c in calls)


def _calls(api: str, since: str) -> list[Row]:
    answer = _get(f"{api}/v1/calls", limit=100, since=since)
    calls = [c for c in answer["calls"] if c["operation"] in ("chat", "embeddings")]
    return calls if len(calls) >= EXPECTED_CALLS else []


def _told(hook: FakeProvider) -> list[Row]:
    """Of what the webhook got, the alert that this round of questions caused."""
    alerts = [alert for request in hook.requests for alert in request.json()["alerts"]]
    return [alert for alert in alerts if alert["labels"]["alertname"] == "ErrorsHigh"][:1]


def _hook(_: Received) -> Answer:
    return json_answer({})


def _table(calls: list[Row]) -> Table:
    table = Table(title="What the application asked", title_justify="left")
    for column in ("operation", "model", "in", "cached", "out", "cost", "first chunk", "duration"):
        table.add_column(column, justify="left" if column in ("operation", "model") else "right")
    table.add_column("flags")
    table.add_column("error")
    for call in sorted(calls, key=lambda c: c["start_ns"]):
        table.add_row(*_cells(call))
    return table


def _cells(call: Row) -> Iterator[str]:
    def text(value: Any, form: str = "{}") -> str:
        return "-" if value is None else form.format(value)

    usage, cost = call["usage"], call["cost"] or {}
    yield call["operation"]
    yield text(call["model"])
    yield text(usage["input_tokens"])
    yield text(usage["cache_read"])
    yield text(usage["output_tokens"])
    yield text(cost.get("total"), "${:.7f}")
    yield text(call["ttft_ms"], "{:.0f} ms")
    yield text(call["duration_ms"], "{:.0f} ms")
    yield ", ".join(call["flags"] or ())
    yield call["error_type"] or ""


def _wait(what: str, ask: Callable[[], Any], seconds: float = 180.0) -> Any:
    """Ask until the answer is true; exits with a message when it never is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if answer := ask():
                return answer
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"demo: {what} did not arrive within {seconds:.0f} s")


def _stay(provider: str, ports: Mapping[str, str]) -> None:
    console.print("Ctrl-C ends the demo; until then the questions are asked again and again.")
    try:
        while True:
            time.sleep(AGAIN_S)
            with suppress(subprocess.SubprocessError):  # it has said itself what went wrong
                _ask(provider, ports)
    except KeyboardInterrupt:
        console.print("stopped")


def _step(text: str) -> None:
    console.print(f"[bold]==>[/] {text}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
