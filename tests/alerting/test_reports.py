"""The daily report: once a day, on time, to those who asked, also over restarts."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.budgets import BudgetConfig, Budgets
from otel_llm.alerting.notifiers import TABLE, entry, settings
from otel_llm.alerting.reports import DailyReports, ReportConfig, notification, report
from otel_llm.config import ConfigError
from tests.stats.calls import call

from .world import START, Clock, Target, serving

HOUR, DAY = 3600.0, 86_400.0


def _at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def _spent(days: int, dollars: float = 1.0, limit: float = 100.0, **more: Any) -> Budgets:
    budgets = Budgets([BudgetConfig("month", limit, **more)])
    calls = [call(START + day * DAY + HOUR, cost=dollars) for day in range(days)]
    budgets.observe(calls, START + days * DAY)
    return budgets


@pytest.mark.parametrize(
    ("budgets", "severity", "text"),
    [
        (
            _spent(8),
            "info",
            "$8.00 of $100.00 spent this month (8%), yesterday $1.00, by its end likely $31.00 "
            "($31.00 to $31.00 with 90 %)",
        ),
        (
            _spent(8, dollars=10),
            "warning",
            "$80.00 of $100.00 spent this month (80%), yesterday $10.00, by its end likely $310.00 "
            "($310.00 to $310.00 with 90 %)",
        ),
        (
            _spent(1, dollars=101),
            "critical",
            "$101.00 of $100.00 spent this month (101%), yesterday $101.00",
        ),
    ],
    ids=["lasts", "will not last", "spent"],
)
def test_every_budget_is_told_with_where_it_will_end(budgets: Budgets, severity: str, text: str):
    now = START + (1 if severity == "critical" else 8) * DAY
    (line,) = report(budgets.status(now))

    assert (line.severity, line.text) == (severity, text)
    assert line.labels == {"budget": "month", "period": "month"}


def test_calls_of_unknown_cost_are_said():
    budgets = Budgets([BudgetConfig("b", 10)])
    budgets.observe([call(START, cost=None), call(START, cost=1.0)], START)

    (line,) = report(budgets.status(START))

    assert line.text.endswith("1 calls of unknown cost are not in it")


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns", "Europe/Berlin"])
def test_yesterday_is_the_day_of_the_budget(zone: str):
    budgets = Budgets([BudgetConfig("b", 10, time_zone=zone)])
    now = _at("2026-01-15 08:00", zone)
    for text, cost in (("13T23:59", 1), ("14T00:00", 2), ("14T23:59", 4), ("15T00:00", 8)):
        budgets.observe([call(_at(f"2026-01-{text}", zone), cost=cost)], now)

    (status,) = budgets.status(now)

    assert status.yesterday == 6.0


def _days(reports: DailyReports, *times: str) -> list[str | None]:
    found = [reports.due(_at(text, reports.config.time_zone)) for text in times]
    return [day.isoformat() if day else None for day in found]


def test_it_is_due_once_a_day_at_its_time():
    reports = DailyReports(ReportConfig(("console",), "08:30", "Europe/Berlin"))
    reports.begin({}, _at("2026-01-10 12:00", "Europe/Berlin"))

    assert _days(
        reports, "2026-01-10 12:00", "2026-01-11 08:29", "2026-01-11 08:30", "2026-01-11 08:31"
    ) == [None, None, "2026-01-11", None]


@pytest.mark.parametrize(("day", "before"), [("2026-03-29", 27), ("2026-10-25", 27)])
def test_on_days_when_clocks_change_it_is_due_once_too(day: str, before: int):
    reports = DailyReports(ReportConfig(("console",), "02:30", "Europe/Berlin"))
    noon = _at(f"{day} 12:00", "Europe/Berlin")
    reports.begin({}, noon - before * HOUR)

    quarters = [reports.due(noon - 14 * HOUR + n * 900) for n in range(24 * 4)]

    assert [found.isoformat() for found in quarters if found] == [day]


def test_a_clock_that_was_a_year_ahead_costs_no_report():
    reports = DailyReports(ReportConfig(("console",)))
    reports.begin({}, _at("2026-01-10 12:00"))
    for text in ("2027-01-10 12:00", "2026-01-11 12:00", "2026-01-12 12:00"):
        day = reports.due(_at(text))
        assert day is not None
        reports.settled("console", day.isoformat())

    assert reports.export() == {"console": "2026-01-12"}


def test_what_fell_due_while_nobody_ran_is_made_up_for_once():
    before = DailyReports(ReportConfig(("console",)))
    before.begin({}, _at("2026-01-10 12:00"))
    after = DailyReports(ReportConfig(("console",)))
    after.begin(before.export(), _at("2026-01-13 12:00"))

    assert _days(after, "2026-01-13 12:00", "2026-01-13 12:01") == ["2026-01-13", None]


def _config(url: str, state: Path | None = None) -> AlertingConfig:
    return AlertingConfig(
        default_rules=False,
        budgets=(BudgetConfig("month", 100),),
        notifiers={"webhook": {"url": url}},
        report=ReportConfig(("webhook",)),
        state_path=str(state) if state else None,
        evaluation_interval=3600,
    )


def test_it_arrives_and_a_restart_does_not_send_it_again(tmp_path: Path):
    clock = Clock(START + 9 * HOUR)
    with serving(Target()) as target:
        config = _config(target.url, tmp_path / "alerts.db")
        first = AlertService(config, clock=clock)
        first.observe([call(START, cost=5.0)])
        first.start()
        first.evaluate()
        clock.now += DAY
        first.evaluate()
        target.wait()
        first.stop()
        second = AlertService(config, clock=clock)
        second.start()
        second.evaluate()
        second.stop()

    (request,) = target.received
    body = json.loads(request.body)
    assert (body["event"], body["status"]) == ("report", "report")
    assert body["title"] == "[REPORT] Budgets day=2026-01-02"
    assert body["alerts"][0]["annotations"]["summary"] == (
        "$5.00 of $100.00 spent this month (5%), yesterday $5.00"
    )


def test_killed_on_its_way_it_is_sent_again_under_the_same_id(tmp_path: Path):
    clock = Clock(START + 9 * HOUR)
    config = _config("http://127.0.0.1:9", tmp_path / "alerts.db")
    first = AlertService(config, clock=clock)
    first.observe([call(START, cost=5.0)])
    first.evaluate()
    clock.now += DAY
    first.evaluate()
    first._state.close()  # killed: nobody delivered anything
    with serving(Target()) as target:
        second = AlertService(_config(target.url, tmp_path / "alerts.db"), clock=clock)
        second.start()
        target.wait()
        second.stop()

    ours = notification("webhook", datetime(2026, 1, 2).date(), first.budgets(), clock.now)
    assert [r.headers["Idempotency-Key"] for r in target.received] == [ours.id]


BY_KIND: dict[str, dict[str, Any]] = {
    "console": {},
    "webhook": {"url": "{url}"},
    "slack": {"url": "{url}"},
    "slack_bot": {"token": "xoxb-1", "channel": "C1", "url": "{url}"},
    "teams": {"url": "{url}"},
}


@pytest.mark.parametrize("kind", BY_KIND)
def test_it_reads_well_everywhere(kind: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    told = notification("x", datetime(2026, 1, 9).date(), _spent(8).status(START + 8 * DAY), START)
    answers = [(200, {}, b'{"ok": true, "ts": "1.0"}' if kind == "slack_bot" else b"ok")] * 2
    with serving(Target(answers=answers)) as target:
        given = {k: v.replace("{url}", target.url) for k, v in BY_KIND[kind].items()}
        notifier = entry(kind).notifier(settings(kind, given))
        notifier.send(told)
        notifier.send(told)
        notifier.close()

    text = "".join(r.body.decode() for r in target.received) + caplog.text
    assert text.replace("\\", "").count("[REPORT] Budgets day=2026-01-09") >= 2
    assert "by its end likely $31.00" in text.replace("\\", "")
    assert [r.path for r in target.received if "update" in r.path] == []


@pytest.mark.parametrize("kind", [name for name, one in TABLE.items() if not one.reports])
def test_pagers_take_no_reports(kind: str):
    given = {"routing_key": "k" * 32} if kind == "pagerduty" else {"urls": ["http://h"]}

    with pytest.raises(ConfigError, match="takes no reports"):
        AlertingConfig(notifiers={kind: given}, report=ReportConfig((kind,)))


def test_a_report_to_nobody_known_is_a_mistake():
    with pytest.raises(ConfigError, match="'slak' is not defined; did you mean 'slack'"):
        AlertingConfig(notifiers={"slack": {"url": "http://h"}}, report=ReportConfig(("slak",)))
