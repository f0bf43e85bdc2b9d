"""Alerts, notifications and budgets under ``/metrics``."""

from __future__ import annotations

import pytest

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.prometheus import GAUGES
from otel_llm.alerting.rule import Rule
from otel_llm.alerting.signals import REPORTED_SIGNALS
from otel_llm.api.exposition import render
from otel_llm.collector.measures.alerts import alert_measures
from tests.alerting.world import START, Clock
from tests.stats.calls import call

HOUR = 3600.0


def _shown(service: AlertService) -> dict[str, float]:
    lines = render(alert_measures(service)()).splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name.removeprefix("otel_llm_"): float(value) for name, value in pairs}


def _service(*budgets: BudgetConfig, clock: Clock, **more) -> AlertService:
    return AlertService(
        AlertingConfig(default_rules=False, budgets=budgets, **{"notifiers": {}, **more}),
        clock=clock,
    )


def test_a_budget_shows_its_use_its_speed_and_where_it_will_end():
    clock = Clock(START + 4 * HOUR)
    service = _service(BudgetConfig("ads", 24, "day", group_by=("tag.plan",)), clock=clock)
    for hour in range(4):
        at = START + hour * HOUR + 1800
        service.observe([call(at, cost=2.0, tags={"plan": "free"}) for _ in range(2)])
    service.observe([call(clock.now, cost=None, tags={"plan": "free"})])

    shown = _shown(service)
    service.stop()

    which = 'tag_plan="free",budget="ads",period="day"'
    assert {name: value for name, value in shown.items() if name.startswith("budget")} == {
        f"budget_limit_usd{{{which}}}": 24.0,
        f"budget_spent_usd{{{which}}}": 16.0,
        f"budget_unpriced_calls{{{which}}}": 1.0,
        f"budget_use_ratio{{{which}}}": 16 / 24,
        f"budget_hourly_ratio{{{which}}}": 4 * 8 / 24,
        f'budget_forecast_usd{{{which},bound="low"}}': 96.0,
        f'budget_forecast_usd{{{which},bound="likely"}}': 96.0,
        f'budget_forecast_usd{{{which},bound="high"}}': 96.0,
        f"budget_forecast_ratio{{{which}}}": 4.0,
    }


def test_the_speeds_of_a_month_are_told_apart():
    clock = Clock(START + 4 * HOUR)
    service = _service(BudgetConfig("m", 744, "month"), clock=clock)
    service.observe([call(clock.now, cost=3.0)])

    shown = _shown(service)
    service.stop()

    burn = {name.partition("speed=")[2]: v for name, v in shown.items() if "burn_ratio" in name}
    assert burn == pytest.approx({'"fast"}': 3.0, '"medium"}': 0.5, '"slow"}': 3 / 72})


def test_of_many_accounts_those_that_are_spent_most_are_shown():
    clock = Clock()
    service = _service(BudgetConfig("each", 1, group_by=("user",)), clock=clock)
    service.observe([call(START, cost=n / 1000, user_id=f"u{n}") for n in range(1, 1501)])

    shown = _shown(service)
    service.stop()

    used = [value for name, value in shown.items() if name.startswith("budget_use_ratio")]
    assert (len(used), min(used), max(used)) == (1000, 0.501, 1.5)


def test_alerts_and_notifications_are_counted():
    clock = Clock()
    rule = Rule("Errors", "error_rate", 0.5, severity="critical")
    service = _service(clock=clock, rules=(rule,), notifiers={"console": None}, group_wait=0.0)
    service.observe([call(START, error_type="timeout")])
    service.evaluate()

    shown = _shown(service)
    service.stop(0)

    assert shown == {
        'alerts{severity="critical",state="firing"}': 1.0,
        'notifications_total{notifier="console",outcome="delivered"}': 0.0,
        'notifications_total{notifier="console",outcome="failed"}': 0.0,
        'notifications_pending{notifier="console"}': 1.0,
        'notifications_undelivered{notifier="console"}': 0.0,
    }


def test_every_exported_gauge_is_a_signal():
    assert GAUGES.keys() <= REPORTED_SIGNALS.keys()
