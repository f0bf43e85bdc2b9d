"""The page of what is watched, over a real alert service."""

from __future__ import annotations

import httpx2

from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.config import AlertingConfig
from otel_llm.alerting.service import AlertService
from otel_llm.api import ApiConfig, ApiServer, create_app
from otel_llm.store import DuckDBStore
from otel_llm.ui import pages
from tests.store.examples import NOON, a_call, usd
from tests.ui.test_pages import EVIL, Page, words


def test_budgets_silences_and_rules_are_on_one_page():
    config = AlertingConfig(budgets=(BudgetConfig(name="month", limit=10.0, group_by=("user",)),))
    service = AlertService(config, clock=lambda: NOON / 1e9)
    service.observe([a_call(1, at=NOON - 10**9, cost=usd(2.5), user_id=EVIL)])
    service.silence({"alertname": EVIL}, 60, EVIL, EVIL)
    store = DuckDBStore()
    api = ApiConfig(endpoint="127.0.0.1:0")
    server = ApiServer(
        create_app(store, api, alerts=service, pages=pages(store, alerts=service)), api
    )
    server.start()

    page = Page(httpx2.get(server.url + "/watch").text)

    text = words(page)
    assert "month user: '" in text
    assert "$2.50 $10.00 25.0% 25.0% $2.50" in text
    assert "No hour was unusual." in text
    assert "Nothing has drifted." in text
    for rule in service.rules():
        assert f"{rule.name} {rule.signal}" in text
    assert page.all("img") == []
    server.stop()
    service.stop(0.1)
    store.close()


def test_without_alerting_there_is_nothing_to_watch():
    store = DuckDBStore()
    api = ApiConfig(endpoint="127.0.0.1:0")
    server = ApiServer(create_app(store, api, pages=pages(store)), api)
    server.start()

    answer = httpx2.get(server.url + "/watch")

    assert answer.status_code == 404
    assert "alerting is off" in answer.text
    assert httpx2.get(server.url + "/alerts").status_code == 200
    server.stop()
    store.close()
