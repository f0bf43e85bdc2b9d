"""A real Prometheus scrapes ``/metrics``: sums, quantiles, and exemplars that lead to traces."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from otel_llm.collector.observers.totals import Totals
from otel_llm.genai import Usage
from tests.api.conftest import serving
from tests.e2e.running import free_port
from tests.store.examples import a_call, usd
from tests.store.stores import in_memory

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not on PATH"),
]

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask a Prometheus that scrapes us every second."""
    totals, store = Totals(), in_memory()
    totals.observe(
        [
            a_call(
                n,
                at=time.time_ns(),
                ms=n * 100,
                cost=usd(0.5),
                usage=Usage(input_tokens=10),
                flags=("refusal",) if n == 1 else (),
            )
            for n in range(1, 101)
        ]
    )
    totals.observe([a_call(999, request_model='odd "name"\\', error_type="timeout")])
    with serving(store, measures=[totals.families]) as client:
        yield from _prometheus(client.base_url.port, tmp_path_factory.mktemp("prometheus"))
    store.close()


def _prometheus(scraped: int | None, folder: Path) -> Iterator[Ask]:
    port = free_port()
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {"job_name": "otel-llm", "static_configs": [{"targets": [f"127.0.0.1:{scraped}"]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
            "--log.level=error",
        ]
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as client:

            def ask(path: str, **params: Any) -> Any:
                return _until_answered(client, path, params)

            yield ask
    finally:
        process.terminate()
        process.wait(120)


def _until_answered(client: httpx2.Client, path: str, params: dict[str, Any]) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            data = client.get(path, params=params).json()["data"]
        except (httpx2.TransportError, ValueError):
            data = None
        found = data["result"] if isinstance(data, dict) and "result" in data else data
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"Prometheus has nothing for {params}")


def value(ask: Ask, query: str) -> float:
    return float(ask("query", query=query)[0]["value"][1])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(otel_llm_calls_total)", 101),
        ('otel_llm_calls_total{model="gpt-4o"}', 100),
        ("sum(otel_llm_cost_usd_total)", 50),
        ('otel_llm_tokens_total{type="input"}', 1_000),
        ("sum(otel_llm_unpriced_calls_total)", 0),
        ('otel_llm_errors_total{error_type="timeout"}', 1),
        ('otel_llm_flags_total{flag="refusal"}', 1),
        ('otel_llm_call_duration_seconds_count{model="gpt-4o"}', 100),
        ('otel_llm_call_duration_seconds_sum{model="gpt-4o"}', 505),
        ('otel_llm_call_duration_seconds_bucket{model="gpt-4o",le="5.12"}', 51),
    ],
)
def test_prometheus_knows_what_was_counted(ask: Ask, query: str, expected: float):
    assert value(ask, query) == pytest.approx(expected)


def test_a_quantile_comes_out_of_the_buckets(ask: Ask):
    query = 'histogram_quantile(0.5, otel_llm_call_duration_seconds_bucket{model="gpt-4o"})'

    assert value(ask, query) == pytest.approx(5, rel=0.25)


def test_a_label_with_quotes_and_backslashes_arrives_whole(ask: Ask):
    [found] = ask("query", query='otel_llm_errors_total{error_type="timeout"}')

    assert found["metric"]["model"] == 'odd "name"\\'


def test_an_exemplar_leads_from_a_bucket_to_its_trace(ask: Ask):
    now = time.time()

    found = ask(
        "query_exemplars",
        query='otel_llm_call_duration_seconds_bucket{model="gpt-4o"}',
        start=now - 600,
        end=now + 60,
    )

    traces = {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}
    assert traces
    assert traces <= {f"{n:032x}" for n in range(1, 101)}
