"""Alerts, notifications and budgets, for ``/metrics``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from otel_llm.alerting.budgets import BudgetStatus, labels_of
from otel_llm.alerting.budgets import signals as budget_signals
from otel_llm.alerting.prometheus import GAUGES
from otel_llm.alerting.service import AlertService
from otel_llm.alerting.targets import NotifierStatus

from .samples import Family, Measure, Sample

_MOST = 1_000
"""So many of a budget's accounts are shown, those that are spent most: labels need a bound."""
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_]")

_RATIOS: Mapping[str, str] = {
    "budget_use": "Share of the budget that is spent, 1 is all",
    "budget_hourly": "Spent in the last hour over an eighth of the daily budget",
    "budget_burn": "Speed of spending over the speed that would just last",
    "budget_forecast": "Share of the budget that will likely be spent at the period's end",
}
"""The signals over budgets, shown under the names that exported rules ask for."""


def alert_measures(alerts: AlertService) -> Measure:
    """The measures of ``alerts``."""

    def families() -> Iterable[Family]:
        yield _alerts(alerts)
        yield from _notifications(alerts.notifiers())
        yield from _budgets(alerts.budgets()[:_MOST])

    return families


def _alerts(service: AlertService) -> Family:
    found = Counter((a.severity, a.state) for a in service.alerts())
    samples = [Sample(n, {"severity": s, "state": t}) for (s, t), n in sorted(found.items())]
    return Family("otel_llm_alerts", "gauge", "Alerts by severity and state", samples)


def _notifications(found: Sequence[NotifierStatus]) -> Iterable[Family]:
    told = [
        Sample(number, {"notifier": status.name, "outcome": outcome}, "_total")
        for status in found
        for outcome, number in (("delivered", status.delivered), ("failed", status.failed))
    ]
    yield Family("otel_llm_notifications", "counter", "Notifications by outcome", told)
    waiting = [Sample(status.waiting, {"notifier": status.name}) for status in found]
    yield Family("otel_llm_notifications_pending", "gauge", "Notifications that wait", waiting)
    kept = [Sample(len(status.failures), {"notifier": status.name}) for status in found]
    help = "Notifications that were given up, or failed so far"
    yield Family(GAUGES["undelivered_notifications"], "gauge", help, kept)


def _budgets(found: Sequence[BudgetStatus]) -> Iterable[Family]:
    if not found:
        return
    yield _gauge("limit_usd", "US dollars there are for the period", found, lambda s: s.limit)
    yield _gauge("spent_usd", "US dollars spent in the period", found, lambda s: s.spent)
    yield _gauge(
        "unpriced_calls",
        "Calls of unknown cost in the period: spent is at least what it says",
        found,
        lambda s: s.unpriced_calls,
    )
    for signal, help in _RATIOS.items():
        told = budget_signals[signal](found)
        samples = [Sample(value, _clean(labels)) for labels, value in told]
        yield Family(GAUGES[signal], "gauge", help, samples)
    yield _forecast(found)


def _gauge(
    name: str, help: str, found: Sequence[BudgetStatus], read: Callable[[BudgetStatus], float]
) -> Family:
    samples = [Sample(read(status), _clean(labels_of(status))) for status in found]
    return Family(f"otel_llm_budget_{name}", "gauge", help, samples)


def _forecast(found: Sequence[BudgetStatus]) -> Family:
    samples = [
        Sample(value, {**_clean(labels_of(status)), "bound": bound})
        for status in found
        if (f := status.forecast) is not None
        for bound, value in (("low", f.low), ("likely", f.likely), ("high", f.high))
    ]
    help = "US dollars spent at the period's end: likely, and the range that holds 90 %"
    return Family("otel_llm_budget_forecast_usd", "gauge", help, samples)


def _clean(labels: Mapping[str, str]) -> dict[str, str]:
    """Return names that Prometheus takes: ``tag.plan`` becomes ``tag_plan``."""
    return {_NOT_IN_NAME.sub("_", name): value for name, value in labels.items()}
