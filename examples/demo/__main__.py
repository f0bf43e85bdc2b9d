"""Start a fake provider, the collector and an instrumented application; show what they made.

``python -m examples.demo`` stays until Ctrl-C and asks the questions again every few seconds;
``--once`` shows everything and exits, with 0 only when every claim on the screen was seen to hold.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from otel_llm.testing import Answer, FakeProvider, Received, json_answer

from .provider import ROUTES

HERE = Path(__file__).parent
BIN = Path(sysconfig.get_path("scripts"))
PORTS = {"DEMO_OTLP_GRPC_PORT": 4317, "DEMO_OTLP_HTTP_PORT": 4318, "DEMO_API_PORT": 4319}
EXPECTED_CALLS = 14
"""Model calls of one run of ``app.py``: six embeddings, seven answered chats, one that fails."""
AGAIN_S = 20.0

console = Console(width=None if sys.stdout.isatty() else 150)
Row = Mapping[str, Any]


def main() -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="show everything, then exit")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the collector is ended too
    ports = {name: str(_free(port)) for name, port in PORTS.items()}
    with FakeProvider(ROUTES) as provider, FakeProvider({"^POST ": _hook}) as hook:
        return _run(provider, hook, {**ports, "DEMO_WEBHOOK_URL": f"{hook.url}/alerts"}, once)


def _run(provider: FakeProvider, hook: FakeProvider, ports: Mapping[str, str], once: bool) -> int:
    api = f"http://127.0.0.1:{ports['DEMO_API_PORT']}"
    with _collector(ports):
        _step(f"a model provider that speaks OpenAI's wire format: {provider.url}")
        _wait("the collector", lambda: httpx2.get(f"{api}/health").is_success)
        _step(f"the collector: OTLP on 127.0.0.1:{ports['DEMO_OTLP_GRPC_PORT']} (gRPC) and "
              f":{ports['DEMO_OTLP_HTTP_PORT']} (HTTP)")  # fmt: skip
        _ask(provider.url, ports)
        shown = _show(api, hook)
        if not once:
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


@contextmanager
def _collector(ports: Mapping[str, str]) -> Iterator[None]:
    command = [str(BIN / "otel-llm"), "collector", "--config", str(HERE / "collector.yaml")]
    process = subprocess.Popen(command, env={**os.environ, **ports})
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


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
    subprocess.run(command, env=environment, check=True, timeout=120)


def _show(api: str, hook: FakeProvider) -> bool:
    """Print the calls, the sums and the alert; returns whether all of it arrived."""
    calls = _wait("the calls", lambda: _calls(api))
    console.print(_table(calls))
    summary = httpx2.get(f"{api}/v1/summary").json()
    console.print(
        f"{summary['count']} calls, {summary['errors']} failed, ${summary['total_cost_usd']:.6f}, "
        f"{summary['unpriced']} without a price (unknown is not zero)"
    )
    told = _wait("the alert", lambda: hook.requests)[0].json()
    for alert in told["alerts"]:
        console.print(
            f"\n[bold red]ALERT[/] {alert['severity']}: {alert['annotations']['summary']}"
        )
        console.print(f"      a call that shows it: {alert['trace_url']}", highlight=False)
    console.print(
        f"\nDashboard  {api}/\nAPI        {api}/v1/summary, described by {api}/openapi.json\n"
        f"Metrics    {api}/metrics\n",
        highlight=False,
    )
    return any(c["cost"] for c in calls) and any(c["flags"] for c in calls)


def _calls(api: str) -> list[Row]:
    answer = httpx2.get(f"{api}/v1/calls", params={"limit": 100}).json()
    calls = [c for c in answer["calls"] if c["operation"] in ("chat", "embeddings")]
    return calls if len(calls) >= EXPECTED_CALLS else []


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


def _wait(what: str, ask: Callable[[], Any], seconds: float = 30.0) -> Any:
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
            _ask(provider, ports)
    except KeyboardInterrupt:
        console.print("stopped")


def _step(text: str) -> None:
    console.print(f"[bold]==>[/] {text}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
