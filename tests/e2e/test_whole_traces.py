"""A collector that is told to keep whole traces does, and one that is not does not."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from otel_llm.store import DuckDBStore, StoreConfig
from tests.collector.calls import request

from .running import collector

HEADERS = {"content-type": "application/x-protobuf"}


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(("spans", "names"), [("traces", ["GET"]), ("genai", [])])
def test_the_other_spans_of_a_trace_are_kept_where_that_is_asked_for(
    tmp_path: Path, spans: str, names: list[str], workers: str
):
    store = {"path": str(tmp_path / "calls.duckdb"), "retain_for": 0, "retain_spans_for": 0}
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    body = request(call, {"http.request.method": "GET"})

    with collector(
        tmp_path, arguments=("--workers", workers), store={**store, "spans": spans}
    ) as running:
        url = running.http_endpoint + "/v1/traces"
        assert httpx2.post(url, content=body, headers=HEADERS, timeout=60).status_code == 200
        running.wait_for(lambda r: r.get("/v1/summary", since="2020-01-01")["count"])

    held = DuckDBStore(StoreConfig(path=store["path"], retain_for=0))
    trace = held.trace(held.calls().calls[0].trace_id)
    held.close()
    assert trace is not None
    assert [one.attributes["http.request.method"] for one in trace.others] == names
