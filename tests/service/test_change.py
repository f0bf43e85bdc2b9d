"""A running collector that goes on by other settings, or as before where they cannot be had."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from otel_llm.alerting.service import AlertService
from otel_llm.api.config import ApiConfig
from otel_llm.collector.component import Arrival
from otel_llm.genai import Usage
from otel_llm.service import Settings, check
from otel_llm.service.assembly import Service
from otel_llm.service.changed import versions
from otel_llm.service.prices import Prices
from otel_llm.store import DuckDBStore, StoreConfig, StoreError
from tests.collector.calls import request
from tests.e2e.running import free_port

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


def settings(store: Path, **alerting: object) -> Any:
    return check(
        {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
            "store": {"path": str(store)},
            "api": None,
            "alerting": alerting,
            "service": {"pipelines": {"traces": {"receivers": ["otlp"]}}},
        }
    )


@contextmanager
def collector(store: Path) -> Iterator[Service]:
    service = Service(settings(store))
    service.start()
    try:
        yield service
    finally:
        service.stop(10)


def send(service: Service) -> None:
    service.flow.consumer("otlp")("traces", request(CHAT), Arrival())


def test_a_store_that_cannot_be_had_leaves_one_that_goes_on_to_get_calls(tmp_path):
    file, none = tmp_path / "calls.duckdb", tmp_path / "none.duckdb"
    none.write_text("no database, but long enough to be read as one " * 100)

    with collector(file) as service:
        with pytest.raises(StoreError):
            service.change(settings(none))
        send(service)

    store = DuckDBStore(StoreConfig(path=str(file)))
    assert store.stats().count == 1
    store.close()


def test_prices_are_those_of_a_second_list_as_it_was_when_the_file_was_read_again(tmp_path):
    second = tmp_path / "second.json"

    def read(price: float) -> Settings:
        row = {"litellm_provider": "openai", "mode": "chat"}
        costs = {"input_cost_per_token": price, "output_cost_per_token": price}
        second.write_text(json.dumps({"a-model-of-ours": row | costs}))
        cost = {"second_prices": str(second)}
        pipeline = {"receivers": ["otlp"], "processors": ["cost"]}
        return check(
            {
                "receivers": {"otlp": {"protocols": {"http": None}}},
                "processors": {"cost": cost},
                "evaluation": {"daily_budget": 1},
                "service": {"pipelines": {"traces": pipeline}},
            }
        )

    def cost() -> float | None:
        bill = book().cost("openai", "a-model-of-ours", Usage(10, 10), time.time_ns())
        return None if bill is None else float(bill.total)

    book = Prices(lambda: settings)
    settings = read(0.5)
    before, judged = cost(), versions(settings)["evaluation"]
    settings = read(0.25)

    assert (before, cost()) == (10.0, 5.0)
    assert versions(settings)["evaluation"] != judged


def test_alerts_that_are_put_back_are_told_of_calls_and_of_losses(tmp_path, monkeypatch):
    none, told = tmp_path / "none.duckdb", dict[str, AlertService]()
    none.write_text("no database, but long enough to be read as one " * 100)

    def report(alerts: AlertService, name: str, _: object) -> None:
        told[name] = alerts

    with collector(tmp_path / "calls.duckdb") as service:
        monkeypatch.setattr(AlertService, "report", report)
        monkeypatch.setattr(AlertService, "observe", lambda alerts, _: told.update(calls=alerts))

        with pytest.raises(StoreError):
            service.change(settings(none, default_rules=False))
        send(service)

        assert told["calls"] is told["lost_spans"] is service.office.alerts


def test_who_connects_to_the_api_while_it_is_made_anew_is_answered_by_the_new_one(
    tmp_path, monkeypatch
):
    file, waiting = tmp_path / "calls.duckdb", list[socket.socket]()
    first, second = (
        replace(one, sections=replace(one.sections, api=ApiConfig("127.0.0.1:0")))
        for one in (settings(file), settings(file, evaluation_interval=7))
    )
    service = Service(first)
    service.start()
    try:
        assert service._api
        url = service._api.url
        make = service.office.make

        def connect_and_make(*args: Any) -> None:
            host, port = url.removeprefix("http://").split(":")
            waiting.append(socket.create_connection((host, int(port)), timeout=60))
            waiting[0].sendall(
                b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            make(*args)

        monkeypatch.setattr(service.office, "make", connect_and_make)
        service.change(second)
        monkeypatch.undo()

        with waiting[0] as connection:
            assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
        assert service._api.url == url
        gone = replace(second, sections=replace(second.sections, api=None))
        service.change(gone)
        assert service._api is None
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{url}/health")
    finally:
        service.stop(10)


def test_the_api_moves_to_another_address_and_the_one_before_is_free(tmp_path):
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    first, second = (
        replace(one, sections=replace(one.sections, api=ApiConfig(address)))
        for one, address in zip([settings(tmp_path / "calls.duckdb")] * 2, addresses, strict=True)
    )
    service = Service(first)
    service.start()
    try:
        service.change(second)

        assert httpx2.get(f"http://{addresses[1]}/health").status_code == 200
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"http://{addresses[0]}/health")
    finally:
        service.stop(10)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://{addresses[1]}/health")


def two_pipelines(store: Path, endpoint: str) -> Any:
    """The same with another receiver and its pipeline."""
    protocols = {"http": {"endpoint": endpoint}}
    return check(
        {
            "receivers": {
                "otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}},
                "otlp/two": {"protocols": protocols},
            },
            "store": {"path": str(store)},
            "api": None,
            "alerting": {},
            "service": {
                "pipelines": {
                    "traces": {"receivers": ["otlp"]},
                    "traces/two": {"receivers": ["otlp/two"]},
                }
            },
        }
    )


def test_who_looks_at_pipelines_while_others_come_is_not_disturbed(tmp_path):
    file = tmp_path / "calls.duckdb"
    with collector(file) as service:
        looking = iter(service.flow.outboxes.items())
        service.change(two_pipelines(file, "127.0.0.1:0"))

        assert [name for name, _ in looking] == ["traces"]
        assert [*service.flow.outboxes] == ["traces", "traces/two"]


def test_a_pipeline_whose_only_receiver_cannot_be_served_is_not_ready(tmp_path):
    file = tmp_path / "calls.duckdb"
    with collector(file) as service, socket.create_server(("127.0.0.1", 0)) as taken:
        assert service.flow.full == frozenset()
        service.change(two_pipelines(file, f"127.0.0.1:{taken.getsockname()[1]}"))

        assert service.flow.full == {"traces/two"}
        service.change(two_pipelines(file, "127.0.0.1:0"))
        assert service.flow.full == frozenset()
