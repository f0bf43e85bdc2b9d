"""Start ``otel-llm collector`` as an operator would: a process of its own with a file."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import yaml

COMMAND = str(Path(sysconfig.get_path("scripts")) / "otel-llm")


def _ports() -> Iterator[int]:
    """Every port once, below those that systems give to clients: one of theirs may be taken by the
    time that it is listened on. The processes of one run (pytest-xdist) share none."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    ports = range(15_000 + worker, 30_000, 16)
    yield from random.SystemRandom().sample(ports, len(ports))


_PORTS = _ports()


def free_port() -> int:
    """Return a port that nobody has, and that was not returned before."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port on 127.0.0.1")


def children(pid: int) -> set[int]:
    """The processes that a process has started."""
    found = set[int]()
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the thread that it is about has ended
            found.update(map(int, file.read_text().split()))
    return found


@dataclass
class Running:
    process: subprocess.Popen
    grpc: int
    http: int
    api: int
    log: Path

    @property
    def grpc_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.grpc}"

    @property
    def http_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api}"

    def get(self, path: str, **params) -> dict:
        answer = httpx2.get(self.api_url + path, params=params, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def text(self, path: str) -> str:
        return httpx2.get(self.api_url + path, timeout=60).text

    def wait_for(self, ask, seconds: float = 120.0):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if answer := ask(self):
                    return answer
            except httpx2.HTTPError:
                assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"did not happen within {seconds} s\n{self.log.read_text()}")


def settings(grpc: int, http: int, api: int, exporters: dict, **more) -> dict:
    pipeline = {"receivers": ["otlp"], "exporters": list(exporters)}
    return {
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"127.0.0.1:{grpc}"},
                    "http": {"endpoint": f"127.0.0.1:{http}"},
                }
            }
        },
        "processors": {"cost": None, "quality": None},
        "exporters": exporters,
        "api": {"endpoint": f"127.0.0.1:{api}"},
        "service": {
            "pipelines": {
                "traces": {**pipeline, "processors": ["cost", "quality"]},
                "metrics": pipeline,
                "logs": pipeline,
            }
        },
        **more,
    }


@contextmanager
def collector(
    tmp_path: Path, exporters: dict | None = None, arguments: Sequence[str] = (), **more
) -> Iterator[Running]:
    """Run a collector on free ports until the block ends; it is ready when the block starts."""
    grpc, http, api = free_port(), free_port(), free_port()
    file, log = tmp_path / "collector.yaml", tmp_path / "collector.log"
    file.write_text(yaml.safe_dump(settings(grpc, http, api, exporters or {}, **more)))
    with log.open("w") as output:
        process = subprocess.Popen(
            [COMMAND, "collector", "--config", str(file), *arguments],
            stdout=output,
            stderr=output,
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
        running = Running(process, grpc, http, api, log)
        try:
            running.wait_for(lambda r: httpx2.get(r.api_url + "/ready").is_success)
            yield running
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(120)
    sys.stdout.write(log.read_text())  # shown by pytest when the test fails
