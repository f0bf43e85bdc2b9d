"""A running collector that goes on by other settings, or as before where they cannot be had."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from otel_llm.alerting.service import AlertService
from otel_llm.collector.component import Arrival
from otel_llm.genai import Usage
from otel_llm.service import Settings, check
from otel_llm.service.assembly import Service
from otel_llm.service.changed import versions
from otel_llm.service.prices import Prices
from otel_llm.store import DuckDBStore, StoreConfig, StoreError
from tests.collector.calls import request

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
