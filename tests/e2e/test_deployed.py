"""The program starts with exactly the arguments and the configuration that ``deploy/`` gives it:
only the folders, the addresses and the ports are those of the test."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.docs.dashboards import DEPLOY, ROOT
from tests.e2e.running import COMMAND, Running, free_port


@dataclass(frozen=True)
class Deployed:
    """What the environment runs, and the file that it finds as ``/etc/otel-llm/collector.yaml``."""

    command: Sequence[str]
    config: str
    environment: Mapping[str, str] = field(default_factory=dict)


def container() -> Deployed:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    program, arguments = (
        json.loads(re.search(rf"^{name} (\[.+\])$", text, re.MULTILINE)[1])
        for name in ("ENTRYPOINT", "CMD")
    )
    return Deployed([*program, *arguments], (DEPLOY / "otel-llm.yaml").read_text("utf-8"))


def kubernetes() -> Deployed:
    (run,) = _manifest("statefulset.yaml")["spec"]["template"]["spec"]["containers"]
    config = _manifest("configmap.yaml")["data"]["collector.yaml"]
    return Deployed([container().command[0], *run["args"]], config)


def systemd() -> Deployed:
    unit = (DEPLOY / "systemd/otel-llm.service").read_text("utf-8")
    command = shlex.split(re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)[1])
    told = dict(re.findall(r"^Environment=(\w+)=(.+)$", unit, re.MULTILINE))
    config = (ROOT / "collector-config/jaeger.yaml").read_text("utf-8")  # as docs/deploy.md says
    return Deployed(command, config, told)


def _manifest(name: str) -> Any:
    return yaml.safe_load((DEPLOY / "kubernetes" / name).read_text("utf-8"))


@pytest.mark.parametrize("deployed", [container, kubernetes, systemd])
def test_what_deploy_starts_is_healthy_ready_and_serves(deployed, tmp_path: Path):
    what = deployed()
    etc, data, log = tmp_path / "etc", tmp_path / "data", tmp_path / "log"
    etc.mkdir()
    data.mkdir()
    ports = [free_port() for _ in range(3)]

    def here(text: str) -> str:
        text = text.replace("/etc/otel-llm", str(etc)).replace("/var/lib/otel-llm", str(data))
        return text.replace("0.0.0.0", "127.0.0.1")

    settings = yaml.safe_load(here(what.config))
    otlp = settings["receivers"]["otlp"]["protocols"]
    places = (otlp["grpc"], otlp["http"], settings.setdefault("api", {}))
    for place, port in zip(places, ports, strict=True):
        place["endpoint"] = f"127.0.0.1:{port}"
    (etc / "collector.yaml").write_text(yaml.safe_dump(settings))
    assert Path(what.command[0]).name == Path(COMMAND).name
    environment = {name: here(value) for name, value in what.environment.items()}
    with log.open("w") as output:
        process = subprocess.Popen(
            [COMMAND, *map(here, what.command[1:])],
            cwd=data,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        running = Running(process, *ports, log)
        for path in ("/health", "/ready", "/", "/metrics"):
            running.wait_for(lambda r, path=path: httpx2.get(r.api_url + path).is_success, 180)
    finally:
        process.terminate()
        code = process.wait(120)

    assert code == 0
    assert (data / "calls.duckdb").exists()
    assert (data / "journal").is_dir()
