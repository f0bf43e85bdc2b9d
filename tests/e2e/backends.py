"""Real trace backends on 127.0.0.1, started from what is installed: Phoenix and Jaeger."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml

from .running import free_port

PHOENIX = Path(__file__).parents[2] / ".venvs" / "phoenix" / "bin" / "phoenix"


@dataclass(frozen=True)
class Backend:
    """Where to send to, and where to ask."""

    grpc: str
    http: str
    api: str

    def get(self, path: str, **params: Any) -> Any:
        answer = httpx2.get(self.api + path, params=params, timeout=60)
        return answer.json() if answer.is_success else None

    def find(self, path: str, wanted: Callable[[Any], Any], **params: Any) -> Any:
        """Ask until ``wanted`` finds something in the answer; backends index what they take."""
        for _ in range(900):
            answer = self.get(path, **params)
            if answer is not None and (found := wanted(answer)):
                return found
            time.sleep(0.1)
        raise AssertionError(f"{path} never showed what was sent")


@contextmanager
def phoenix(directory: Path) -> Iterator[Backend]:
    """Arize Phoenix: an LLM trace backend with OTLP over gRPC and HTTP."""
    ui, grpc = free_port(), free_port()
    environment = {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(ui),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_WORKING_DIR": str(directory),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{ui}"
    with _process([PHOENIX, "serve"], directory / "phoenix.log", environment, f"{url}/healthz"):
        yield Backend(f"http://127.0.0.1:{grpc}", url, url)


def jaeger_binary() -> str | None:
    return shutil.which("jaeger")


@contextmanager
def jaeger(directory: Path) -> Iterator[Backend]:
    """Jaeger 2 with everything in memory."""
    grpc, http, query = free_port(), free_port(), free_port()
    file = directory / "jaeger.yaml"
    file.write_text(yaml.safe_dump(_jaeger_settings(grpc, http, query)))
    url = f"http://127.0.0.1:{query}"
    command = [str(jaeger_binary()), "--config", str(file)]
    with _process(command, directory / "jaeger.log", {}, f"{url}/api/services"):
        yield Backend(f"http://127.0.0.1:{grpc}", f"http://127.0.0.1:{http}", url)


def _jaeger_settings(grpc: int, http: int, query: int) -> dict[str, Any]:
    return {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}
            },
            "telemetry": {"metrics": {"level": "none"}},
        },
        "extensions": {
            "jaeger_storage": {"backends": {"main": {"memory": {"max_traces": 1000}}}},
            "jaeger_query": {
                "storage": {"traces": "main"},
                "http": {"endpoint": f"127.0.0.1:{query}"},
                "grpc": {"endpoint": f"127.0.0.1:{free_port()}"},
            },
        },
        "receivers": {
            "otlp": {
                "protocols": {
                    "grpc": {"endpoint": f"127.0.0.1:{grpc}"},
                    "http": {"endpoint": f"127.0.0.1:{http}"},
                }
            }
        },
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "main"}},
    }  # fmt: skip


@contextmanager
def _process(
    command: list[Any], log: Path, environment: Mapping[str, str], ready: str
) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **environment}
        )
        try:
            _wait_for(ready, process, log)
            yield
        finally:
            process.terminate()
            process.wait(120)
    sys.stdout.write(log.read_text()[-3000:])  # shown by pytest when the test fails


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    for _ in range(900):
        assert process.poll() is None, log.read_text()
        try:
            if httpx2.get(url).is_success:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} never answered\n{log.read_text()}")
