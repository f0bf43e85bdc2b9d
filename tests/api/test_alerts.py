"""Alerts over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otel_llm.store import DuckDBStore, Incident
from tests.api.alarms import SLOW, Alarms
from tests.api.conftest import Serve

SHOWN = {
    "id": "0123456789abcdef",
    "rule": "slow",
    "severity": "critical",
    "state": "firing",
    "labels": {"alertname": "slow", "model": "gpt-4o"},
    "annotations": {"summary": "p95 is <b>12 s</b>"},
    "signal": "latency_p95",
    "value": 12.0,
    "threshold": 10.0,
    "active_at": 1_790_000_000.0,
    "trace_id": "a" * 32,
    "silenced": False,
    "inhibited": False,
}


def test_alerts_are_listed_whole(serve: Serve):
    client = serve(alerts=Alarms(SLOW))

    assert client.get("/v1/alerts").json() == {"alerts": [SHOWN]}


def test_alerts_can_be_asked_for_by_state(serve: Serve):
    client = serve(alerts=Alarms(SLOW, replace(SLOW, id="f" * 16, state="pending")))

    shown = client.get("/v1/alerts", params={"state": "pending"}).json()["alerts"]

    assert [alert["id"] for alert in shown] == ["f" * 16]
    assert client.get("/v1/alerts", params={"state": "odd"}).status_code == 422


def test_an_alert_is_acknowledged_by_somebody(serve: Serve):
    client = serve(alerts=Alarms(SLOW))

    answer = client.post(f"/v1/alerts/{SLOW.id}/acknowledge", json={"by": "ann"})

    assert answer.json() == SHOWN | {"acknowledged_at": 1.0, "acknowledged_by": "ann"}


def test_an_alert_is_acknowledged_without_a_name(serve: Serve):
    client = serve(alerts=Alarms(SLOW))

    answer = client.post(f"/v1/alerts/{SLOW.id}/acknowledge")

    assert answer.json()["acknowledged_by"] == "api"


@pytest.mark.parametrize("name", ["", "n" * 201, None, 5])
def test_who_acknowledges_has_a_name_that_can_be_shown(serve: Serve, name: object):
    client = serve(alerts=Alarms(SLOW))

    answer = client.post(f"/v1/alerts/{SLOW.id}/acknowledge", json={"by": name})

    assert answer.status_code == 422


def test_an_alert_is_resolved_by_hand(serve: Serve):
    client = serve(alerts=Alarms(SLOW))

    answer = client.post(f"/v1/alerts/{SLOW.id}/resolve")

    assert answer.json() == SHOWN | {"state": "resolved", "resolved_at": 2.0}


@pytest.mark.parametrize("what", ["acknowledge", "resolve"])
def test_an_unknown_alert_is_a_problem(serve: Serve, what: str):
    answer = serve(alerts=Alarms()).post(f"/v1/alerts/none/{what}")

    assert (answer.status_code, answer.json()["detail"]) == (404, "No such alert")


def test_the_dashboard_answers_what_the_overview_shows(serve: Serve, store):
    from tests.store.examples import FULL, NOON

    store.write([FULL])
    client = serve(alerts=Alarms(SLOW, replace(SLOW, id="f" * 16, state="resolved")))

    answer = client.get("/v1/dashboard", params={"since": str(NOON // 10**9)}).json()

    assert answer["summary"]["count"] == 1
    assert [(group["key"], group["count"]) for group in answer["by_user"]] == [("ann", 1)]
    assert [(group["key"], group["count"]) for group in answer["by_feature"]] == [("search", 1)]
    assert [step["count"] for step in answer["series"]] == [1]
    assert [call["span_id"] for call in answer["recent"]] == [FULL.span_id]
    assert answer["alerts"] == [SHOWN]


def test_what_fired_can_be_asked_for_when_it_is_over(serve: Serve, store: DuckDBStore):
    first, second = (Incident(f"a:{n}", n, {**SHOWN, "state": "resolved"}) for n in (1, 2))
    store.add_incidents([first, second])
    client = serve(alerts=Alarms())

    shown = client.get("/v1/alerts/history", params={"limit": 1}).json()

    assert shown == [{"id": "a:2", "at_ns": 2, "alert": second.alert}]
    assert client.get("/v1/alerts/history", params={"since": "30d"}).json() == []
    assert client.get("/v1/alerts/history", params={"limit": 0}).status_code == 422


def test_what_fired_long_ago_is_found_behind_thousands_of_others(serve: Serve, store: DuckDBStore):
    second = 10**9
    store.add_incidents([Incident(f"a:{n}", n * second, SHOWN) for n in range(1_500)])
    client = serve(alerts=Alarms())

    found = client.get("/v1/alerts/history", params={"since": "2", "until": "4"}).json()

    assert [one["at_ns"] for one in found] == [3 * second, 2 * second]
