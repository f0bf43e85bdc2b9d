"""Signals at awkward moments: what was accepted is delivered all the same."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.testing import OtlpSink
from tests.collector.otlp_faults import traces

from .faults import Proxy
from .running import collector

PATIENCE_S = 120.0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_sighup_while_it_drains_does_not_end_it(tmp_path: Path, workers: str):
    pipeline = {"receivers": ["otlp"], "processors": ["cost"], "exporters": ["otlp"]}
    with OtlpSink() as sink, closing(Proxy(int(sink.grpc_endpoint.rsplit(":", 1)[1]))) as proxy:
        proxy.become("refuse")
        destination = {
            "endpoint": f"http://127.0.0.1:{proxy.port}",
            "retry_on_failure": {"initial_interval": "50ms", "max_interval": "100ms"},
        }
        service = {"pipelines": {"traces": pipeline}, "drain_timeout": "90s"}
        arguments = ["--workers", workers]
        with collector(tmp_path, {"otlp": destination}, arguments, service=service) as running:
            application = OtlpExporter(OtlpExporterConfig(running.grpc_endpoint))
            application.export("traces", traces(1, 2, 3))
            application.close()

            running.process.terminate()
            _wait(lambda: "stopping" in running.log.read_text())
            running.process.send_signal(signal.SIGHUP)
            proxy.become("pass")

            assert running.process.wait(PATIENCE_S) == 0
        assert len(sink.spans()) == 3


def _wait(until) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)
