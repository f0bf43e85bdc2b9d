"""Prometheus and Alertmanager with the files of ``deploy/``, over a collector that gets spans.

No panel of a dashboard is empty, every rule is evaluated, and an alert arrives.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from otel_llm.testing import OtlpSink
from tests.docs.dashboards import DEPLOY, FILES, filled, load, targets
from tests.e2e.running import collector, free_port

NEEDED = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason="tests/real/install.sh"),
]
QUERIES = [
    pytest.param(target["expr"], id=f"{file.stem}: {title} {target['refId']}")
    for file in FILES
    for title, target in targets(load(file))
]
VARIABLES = sorted(
    {
        variable["query"]["query"]
        for file in FILES
        for variable in load(file)["templating"]["list"]
        if variable["type"] == "query"
    }
)
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.response.time_to_first_chunk": 0.2,
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 500,
}
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "It is a good lamp."}]}]
KINDS = (
    {},
    {"gen_ai.output.messages": json.dumps(ANSWER)},  # only what was captured can be scored
    {"gen_ai.response.finish_reasons": ("length",)},
    {"gen_ai.response.finish_reasons": ("content_filter",)},
    {"gen_ai.request.model": "of-our-own", "gen_ai.response.model": "of-our-own"},
    {"error.type": "timeout"},
)


@dataclass
class World:
    """A Prometheus with its Alertmanager, and an application whose calls go to the collector."""

    prometheus: httpx2.Client
    alertmanager: httpx2.Client
    tracer: Tracer

    def call(self) -> None:
        """One model call of each kind."""
        for more in KINDS:
            with self.tracer.start_as_current_span("chat", kind=SpanKind.CLIENT) as span:
                span.set_attributes({**CHAT, **more})
                if "error.type" in more:
                    span.set_status(StatusCode.ERROR)

    def until(self, ask: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Go on calling models until the answer is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.call()
            try:
                if answer := ask():
                    return answer
            except httpx2.TransportError:
                pass
            time.sleep(0.3)
        raise AssertionError(f"{what}: nothing within {seconds:.0f} s")

    def values(self, query: str) -> list[float]:
        answer = self.prometheus.get("/api/v1/query", params={"query": query})
        assert answer.is_success, answer.text
        series = answer.json()["data"]["result"]
        return [v for one in series if (v := float(one["value"][1])) == v]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with OtlpSink() as sink:
        exporters = {"otlphttp/sink": {"endpoint": sink.http_endpoint}}
        with (
            collector(folder, exporters) as running,
            alertmanager(folder) as alerts,
            prometheus(folder, scraped=running.api, alerts=alerts) as metrics,
            httpx2.Client(base_url=f"http://127.0.0.1:{metrics}") as one,
            httpx2.Client(base_url=f"http://127.0.0.1:{alerts}") as other,
        ):
            provider = TracerProvider(resource=Resource({"service.name": "shop"}))
            exporter = OTLPSpanExporter(running.http_endpoint + "/v1/traces")
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            made = World(one, other, provider.get_tracer("test"))
            for tool in (one, other):  # they answer 503 until they have read their files
                made.until(lambda tool=tool: tool.get("/-/ready").is_success, "ready")
            yield made
            provider.shutdown()


@contextmanager
def process(*command: str) -> Iterator[None]:
    running = subprocess.Popen(command)
    try:
        yield
    finally:
        running.terminate()
        running.wait(20)


@contextmanager
def prometheus(folder: Path, scraped: int, alerts: int) -> Iterator[int]:
    """The shipped configuration, with the addresses and the pace of this test."""
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text("utf-8"))
    rules = yaml.safe_load((DEPLOY / "prometheus/otel-llm.rules.yml").read_text("utf-8"))
    for group in rules["groups"]:
        group["interval"] = "1s"
    (folder / "otel-llm.rules.yml").write_text(yaml.safe_dump(rules))
    shutil.copy(DEPLOY / "prometheus/collector.rules.yml", folder)
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    addresses = {
        "otel-llm:4319": f"127.0.0.1:{scraped}",
        "alertmanager:9093": f"127.0.0.1:{alerts}",
    }
    scrapes = [job for job in config["scrape_configs"] if job["job_name"] == "otel-llm"]
    config["scrape_configs"] = scrapes
    for section in (*scrapes, *config["alerting"]["alertmanagers"]):
        for static in section["static_configs"]:
            static["targets"] = [addresses[target] for target in static["targets"]]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    with process(
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=error",
    ):
        yield port


@contextmanager
def alertmanager(folder: Path) -> Iterator[int]:
    """The shipped configuration as it is."""
    port = free_port()
    with process(
        "prometheus-alertmanager",
        f"--config.file={DEPLOY}/alertmanager/alertmanager.yml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ):
        yield port


@pytest.mark.parametrize(
    "command",
    [
        ("promtool", "check", "config", "prometheus/prometheus.yml"),
        ("promtool", "check", "rules", "prometheus/otel-llm.rules.yml"),
        ("promtool", "check", "rules", "prometheus/collector.rules.yml"),
        ("amtool", "check-config", "alertmanager/alertmanager.yml"),
    ],
    ids=lambda command: command[-1],
)
def test_the_tools_accept_what_we_ship(command: tuple[str, ...]):
    *tool, file = command

    done = subprocess.run([*tool, str(DEPLOY / file)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("query", QUERIES)
def test_no_panel_is_empty(world: World, query: str):
    asked = filled(query, interval="20s", span="1m")

    assert world.until(lambda: world.values(asked), asked)


@pytest.mark.parametrize("query", VARIABLES)
def test_a_variable_offers_what_was_called(world: World, query: str):
    selector, label = query.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
    path = f"/api/v1/label/{label}/values"
    params = {"match[]": filled(selector, interval="20s", span="1m")}

    offered = world.until(
        lambda: world.prometheus.get(path, params=params).json()["data"], f"{label} values"
    )

    assert offered == (["shop"] if label == "service" else ["gpt-4o-mini-2024-07-18", "of-our-own"])


def test_a_dot_of_a_latency_panel_leads_to_its_trace(world: World):
    def exemplars() -> list[Any]:
        now = time.time()
        params = {
            "query": "otel_llm_call_duration_seconds_bucket",
            "start": now - 600,
            "end": now + 60,
        }
        found = world.prometheus.get("/api/v1/query_exemplars", params=params).json()["data"]
        return [one["labels"] for series in found for one in series["exemplars"]]

    labels = world.until(exemplars, "exemplars")

    destinations = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/datasources.yaml").read_text("utf-8")
    )["datasources"][0]["jsonData"]["exemplarTraceIdDestinations"]
    assert {d["name"] for d in destinations} <= set(labels[0])


def test_every_rule_is_evaluated(world: World):
    def rules() -> list[Any]:
        groups = world.prometheus.get("/api/v1/rules").json()["data"]["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else []

    evaluated = world.until(rules, "rules")

    assert [(r["name"], r.get("lastError")) for r in evaluated if r["health"] != "ok"] == []


def test_an_alert_of_prometheus_reaches_alertmanager(world: World):
    def critical() -> list[Any]:
        alerts = world.alertmanager.get("/api/v2/alerts").json()
        return [a for a in alerts if a["labels"]["alertname"] == "ErrorsCritical"]

    alert, *_ = world.until(critical, "ErrorsCritical")

    assert alert["labels"]["service"] == "shop"
    assert [receiver["name"] for receiver in alert["receivers"]] == ["pager"]
