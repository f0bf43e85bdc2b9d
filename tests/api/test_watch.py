"""Rules, silences, budgets and findings over HTTP, from a real alert service."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from otel_llm.alerting.anomalies import FoundAnomaly
from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.config import AlertingConfig
from otel_llm.alerting.rule import Rule
from otel_llm.alerting.service import AlertService
from tests.api.conftest import Serve
from tests.store.examples import NOON, a_call, usd

NOW = NOON / 1e9


@pytest.fixture
def service() -> Iterator[AlertService]:
    config = AlertingConfig(
        default_rules=False,
        rules=(Rule("slow", "duration_p95", 5.0, severity="critical"),),
        budgets=(BudgetConfig(name="month", limit=10.0),),
    )
    service = AlertService(config, clock=lambda: NOW)
    yield service
    service.stop(0.1)


@pytest.fixture
def watched(serve: Serve, service: AlertService) -> httpx2.Client:
    return serve(alerts=service)


def test_rules_are_listed_as_they_are_written(watched: httpx2.Client):
    answer = watched.get("/v1/rules").json()

    assert answer["errors"] == {}
    [rule] = answer["rules"]
    assert (rule["name"], rule["signal"], rule["threshold"], rule["for"]) == (
        "slow",
        "duration_p95",
        5.0,
        0.0,
    )


def test_a_rule_is_added_changed_and_removed(watched: httpx2.Client):
    new = {"name": "dear", "signal": "cost", "threshold": 1, "window": "5m", "for": "1m"}

    added = watched.post("/v1/rules", json=new)
    changed = watched.post("/v1/rules", json=new | {"threshold": 2})
    listed = watched.get("/v1/rules").json()["rules"]
    removed = watched.delete("/v1/rules/dear")

    assert (added.status_code, added.json()["window"], added.json()["for"]) == (201, 300.0, 60.0)
    assert changed.json()["threshold"] == 2
    assert {rule["name"]: rule["threshold"] for rule in listed} == {"slow": 5.0, "dear": 2.0}
    assert removed.status_code == 204
    assert watched.delete("/v1/rules/dear").status_code == 404


def test_every_mistake_in_a_rule_is_named(watched: httpx2.Client):
    answer = watched.post("/v1/rules", json={"name": "x", "signall": "cost", "threshold": "much"})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problems = answer.json()["errors"]
    assert len(problems) >= 2
    assert all(set(one) == {"in", "problem"} for one in problems)


@pytest.mark.parametrize(
    "body",
    [
        rb'{"name":"A","signal":"calls","threshold":1,"labels":{"\ud800":"x"}}',
        rb'{"name":"A","signal":"calls","threshold":1,"annotations":{"summary":"\ud800"}}',
        rb'{"name":"\ud800","signal":"\udfff","threshold":NaN,"\ud800":1}',
        b'{"name":"' + b"A" * 201 + b'","signal":"calls","threshold":1}',
        b'{"name":"A","signal":"calls","threshold":Infinity}',
        b"[" * 10_000,
    ],
)
def test_what_is_no_text_is_refused_and_leaves_nothing_behind(watched: httpx2.Client, body: bytes):
    before = watched.get("/v1/rules").json()
    answer = watched.post("/v1/rules", content=body, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert answer.json()["status"] == answer.status_code
    assert watched.get("/v1/rules").json() == before


def test_a_call_fires_the_rule_and_somebody_takes_it_on(
    watched: httpx2.Client, service: AlertService
):
    service.observe([a_call(1, at=NOON - 10**10, ms=9_000)])
    service.evaluate()

    [alert] = watched.get("/v1/alerts", params={"state": "firing"}).json()["alerts"]
    taken = watched.post(f"/v1/alerts/{alert['id']}/acknowledge", json={"by": "ann"}).json()

    assert (alert["rule"], alert["severity"], alert["trace_id"]) == (
        "slow",
        "critical",
        f"{1:032x}",
    )
    assert taken["acknowledged_by"] == "ann"


def test_a_silence_is_made_and_ended(watched: httpx2.Client):
    new = {"match": {"alertname": "slow"}, "duration_s": 60, "author": "ann", "comment": "known"}

    made = watched.post("/v1/silences", json=new).json()
    holding = watched.get("/v1/silences").json()
    ended = watched.delete(f"/v1/silences/{made['id']}").status_code

    assert holding == [made]
    assert made | {"id": ""} == {
        "id": "",
        "match": {"alertname": "slow"},
        "starts_at": NOW,
        "ends_at": NOW + 60,
        "author": "ann",
        "comment": "known",
    }
    assert (ended, watched.get("/v1/silences").json()) == (204, [])
    assert watched.delete("/v1/silences/none").status_code == 404


@pytest.mark.parametrize(
    "match", [{}, {"alertname": "*"}, {"a": ""}, {"a": "**"}, {"a": "*|x"}, {"a": "!b"}]
)
def test_a_silence_of_everything_is_refused(watched: httpx2.Client, match):
    answer = watched.post("/v1/silences", json={"match": match, "duration_s": 1, "author": "a"})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_budget_says_what_is_spent(watched: httpx2.Client, service: AlertService):
    service.observe([a_call(1, at=NOON - 10**9, cost=usd(2.5)), a_call(2, at=NOON - 10**9)])

    [budget] = watched.get("/v1/budgets").json()

    assert (budget["budget"], budget["limit"], budget["spent"]) == ("month", 10.0, 2.5)


def test_findings_are_lists_also_when_nothing_was_found(watched: httpx2.Client):
    assert watched.get("/v1/anomalies").json() == []
    assert watched.get("/v1/drift").json() == []
    assert [one["name"] for one in watched.get("/v1/notifiers").json()] == ["console"]


def test_an_application_asks_whether_it_may_spend(serve: Serve):
    hard = BudgetConfig("each", 1.0, group_by=("user",), hard=True)
    service = AlertService(AlertingConfig(budgets=(hard,), notifiers={}), clock=lambda: NOW)
    service.observe([a_call(1, at=NOON - 10**10, cost=usd(2), user_id="ann")])
    client = serve(alerts=service)

    asked = [client.get("/v1/spending", params={"user": user}).json() for user in ("ann", "bob")]
    denial = {"reason": "budget", "name": "each", "labels": {"user": "ann"}, "filters": {}}
    document = client.get("/v1/spending/denied")
    service.stop(0.1)

    assert asked == [{"ok": False, "denied": [denial]}, {"ok": True, "denied": []}]
    assert document.headers["content-type"] == "application/json"
    assert document.json()["denied"] == [denial]


def test_asking_by_what_no_budget_knows_is_a_problem(watched: httpx2.Client):
    answer = watched.get("/v1/spending", params={"usr": "ann"})

    assert answer.status_code == 422
    assert "unknown: usr" in answer.text


def test_the_daily_report_can_be_read_at_any_time(watched: httpx2.Client, service: AlertService):
    service.observe([a_call(1, at=NOON - 10**10, cost=usd(2))])

    assert watched.get("/v1/budgets/report").json() == [
        {
            "budget": "month",
            "labels": {"budget": "month", "period": "month"},
            "severity": "info",
            "text": "$2.00 of $10.00 spent this month (20%), yesterday $0.00",
        }
    ]


def test_anomalies_are_those_of_the_range(watched: httpx2.Client, monkeypatch):
    found = [
        FoundAnomaly(at, {"model": "m"}, "cost", 9.0, 1.0, 5.0, "critical")
        for at in (1_790_007_200.0, 1_790_003_600.0, 1_790_000_000.0)
    ]
    monkeypatch.setattr(AlertService, "anomalies", lambda _: tuple(found))

    def hours(**asked: str) -> list[float]:
        return [one["at"] for one in watched.get("/v1/anomalies", params=asked).json()]

    assert hours(since="1790003600") == [1_790_007_200.0, 1_790_003_600.0]
    assert hours(since="2020-01-01", until="1790003600") == [1_790_000_000.0]
    assert hours(since="2020-01-01", limit="1") == [1_790_007_200.0]
    assert watched.get("/v1/anomalies", params={"since": "never"}).status_code == 422
