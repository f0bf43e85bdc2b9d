"""The page of what is watched, over a real alert service."""

from __future__ import annotations

from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.config import AlertingConfig
from otel_llm.alerting.service import AlertService
from otel_llm.ui import pages
from tests.api.conftest import serving
from tests.store.examples import NOON, a_call, usd
from tests.store.stores import in_memory
from tests.ui.test_pages import EVIL, Page, words


def test_budgets_silences_and_rules_are_on_one_page():
    config = AlertingConfig(budgets=(BudgetConfig(name="month", limit=10.0, group_by=("user",)),))
    service = AlertService(config, clock=lambda: NOON / 1e9)
    service.observe([a_call(1, at=NOON - 10**9, cost=usd(2.5), user_id=EVIL)])
    service.silence({"alertname": EVIL}, 60, EVIL, EVIL)
    store = in_memory()

    with serving(store, alerts=service, pages=pages(store, alerts=service)) as client:
        page = Page(client.get("/watch").text)

    text = words(page)
    assert "month user: '" in text
    assert "$2.50 $10.00 25.0% 25.0% $2.50" in text
    assert "No hour was unusual." in text
    assert "Nothing has drifted." in text
    for rule in service.rules():
        assert f"{rule.name} {rule.signal}" in text
    assert page.all("img") == []
    service.stop(0.1)
    store.close()


def test_without_alerting_there_is_nothing_to_watch():
    store = in_memory()

    with serving(store, pages=pages(store)) as client:
        watch, alerts = client.get("/watch"), client.get("/alerts")

    assert watch.status_code == 404
    assert "alerting is off" in watch.text
    assert alerts.status_code == 200
    store.close()
