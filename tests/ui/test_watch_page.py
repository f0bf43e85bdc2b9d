"""The pages of what is watched, over a real alert service."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx2
import pytest

from otel_llm.alerting.anomalies import FoundAnomaly
from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.config import AlertingConfig
from otel_llm.alerting.drifts import FoundDrift
from otel_llm.alerting.rule import Rule
from otel_llm.alerting.service import AlertService
from otel_llm.alerting.signals import REPORTED_SIGNALS
from otel_llm.store import DuckDBStore, Incident
from otel_llm.ui import pages
from otel_llm.ui.format import moment
from otel_llm.ui.render import ROWS
from otel_llm.ui.watched import HISTORY, evidence
from tests.api.alarms import SLOW
from tests.api.conftest import serving
from tests.store.examples import DAY, NOON, a_call, usd
from tests.store.stores import in_memory
from tests.store.test_trends import a_month
from tests.ui.test_pages import EVIL, Page, words


@dataclass
class World:
    service: AlertService
    store: DuckDBStore
    client: httpx2.Client

    def get(self, path: str) -> Page:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)


@pytest.fixture
def world() -> Iterator[World]:
    config = AlertingConfig(budgets=(BudgetConfig(name="month", limit=10.0, group_by=("user",)),))
    service = AlertService(config, clock=lambda: NOON / 1e9)
    store = in_memory()
    with serving(store, alerts=service, pages=pages(store, alerts=service)) as client:
        yield World(service, store, client)
    service.stop(0.1)
    store.close()


def test_budgets_say_what_is_spent_and_how_fast(world: World):
    world.service.observe([a_call(1, at=NOON - 10**9, cost=usd(2.5), user_id=EVIL)])

    page = world.get("/budgets")

    assert "month user: '" in words(page)
    assert "$2.50 $10.00 25.0% 25.0% $2.50" in words(page)
    assert page.all("img") == []


def test_of_very_many_budgets_the_page_shows_those_spent_most_and_says_how_many_there_are(
    world: World,
):
    users = range(1, ROWS + 3)
    world.service.observe(
        [a_call(n, at=NOON - 10**9, cost=usd(n / 1000), user_id=f"u{n}") for n in users]
    )

    page = world.get("/budgets")

    assert len(page.all("tr")) == 1 + ROWS
    assert f"user: u{ROWS + 2} " in words(page)
    assert f"The first {ROWS} of {ROWS + 2}; all of them as JSON" in words(page)
    assert "/v1/budgets" in [link["href"] for link in page.all("a")]


def test_a_link_in_a_message_leads_to_its_alert_now_and_later(world: World):
    alarm = SLOW.to_json() | {"fired_at": NOON / 1e9}
    world.service.observe([a_call(1, at=NOON - 10**9, cost=usd(11), user_id="ann")])
    world.service.evaluate()
    found = {alert.rule: alert for alert in world.service.alerts()}["BudgetExceeded"]
    world.store.add_incidents([Incident(f"{SLOW.id}:1.5", NOON, alarm)])

    now = world.client.get(f"/alerts/{found.id}").headers["location"]
    later = world.client.get(f"/alerts/{SLOW.id}").headers["location"]
    never = world.client.get("/alerts/nothing")

    rows = [row.get("id") for row in world.get(now.partition("#")[0]).all("tr")]
    assert now == f"/alerts#a{found.id}"
    assert f"a{found.id}" in rows
    assert later == f"/alerts/history?alert={SLOW.id}#{SLOW.id}:1.5"
    assert [row.get("id") for row in world.get(later.partition("#")[0]).all("tr")][1:] == [
        f"{SLOW.id}:1.5"
    ]
    assert never.status_code == 404


@pytest.mark.parametrize(
    ("signal", "more"),
    [
        ("error_rate", "failed=true&"),
        ("flag_rate.truncation", "flag=truncation&"),
        ("unpriced_share", "unpriced=true&"),
        ("duration_p95", ""),
    ],
)
def test_an_alert_leads_to_the_calls_it_rests_on(signal: str, more: str):
    filters = {"service": "shop", "provider": "open*", "environment": "!dev"}
    rule = Rule("slow", signal, 1.0, window=60.0, filters=filters)
    over = replace(SLOW, signal=signal, active_at=1_000.0, resolved_at=2_000.5)

    now, _ = evidence({"slow": rule}, replace(over, resolved_at=None))
    later, _ = evidence({"slow": rule}, over)

    assert now == f"/calls?service=shop&model=gpt-4o&{more}since=940"
    assert later == f"{now}&until=2001"


@pytest.mark.parametrize(
    ("signal", "page"),
    [("budget_use", "/budgets"), ("lost_spans", "/data-health"), ("drift", "/watch")],
)
def test_an_alert_that_rests_on_no_calls_leads_to_the_page_of_its_signal(signal: str, page: str):
    assert evidence({}, replace(SLOW, signal=signal))[0] == page


def test_every_reported_signal_but_runaway_has_its_page():
    """A session that runs away is shown by its calls."""
    without = {
        name for name in REPORTED_SIGNALS if "/calls" in evidence({}, replace(SLOW, signal=name))[0]
    }

    assert without == {"runaway"}


def test_rules_are_listed_with_what_is_wrong_when(world: World):
    text = words(world.get("/watch"))

    assert "No hour was unusual." in text
    assert "Nothing has drifted." in text
    for rule in world.service.rules():
        assert f"{rule.name} {rule.signal}" in text


def test_trends_of_weeks_are_shown_with_what_they_come_to(world: World):
    nothing = words(world.get("/watch"))
    midnight = time.time_ns() // DAY * DAY
    world.store.write([*a_month(growth=0.2, today=midnight)])

    watch, quality = words(world.get("/watch")), words(world.get("/quality"))

    assert "Eight whole days are needed." in nothing
    assert re.search(r"mean cost rising \+\d\d\.\d% \$[\d.]+ \$[\d.]+ \d\.\d+ 28", watch)
    assert re.search(r"calls no more than chance [+-]\d+\.\d%", watch)
    assert re.search(r"score \(rules of thumb\) falling -0\.03\d 0\.\d\d 0\.\d\d", quality)
    assert re.search(r"flagged rate no more than chance [+-]\d\.\d\d points", quality)
    assert "mean cost" not in quality


def test_anomalies_and_drift_lead_to_their_evidence(world: World, monkeypatch):
    at = NOON / 1e9
    hour = FoundAnomaly(at, {"model": "a b", "odd": "x"}, "latency_p95", 9.0, 1.0, 5.5, "critical")
    drift = FoundDrift("refusal_rate", {"model": "a b"}, 0.1, 0.4, 3.0, 4.5, at)
    score = FoundDrift("score", {}, 0.9, 0.4, 3.0, -4.5)
    monkeypatch.setattr(world.service, "anomalies", lambda: (hour,))
    monkeypatch.setattr(world.service, "drift", lambda: (drift, score))

    page = world.get("/watch")

    links = [link["href"] for link in page.all("a")]
    assert f"/calls?model=a+b&since={int(at)}&until={int(at) + 3600}" in links
    assert "/quality?model=a+b&since=7d" in links
    assert f"refusal rate model: a b {moment(NOON)} 10.0% 40.0% 3 4.5" in words(page)
    assert "score all — 0.90 0.40 3 -4.5" in words(page)


def test_a_silence_is_made_by_a_form_and_ended(world: World):
    form = {"match": f"alertname=slow\n  model = {EVIL} \n", "duration": "8h", "comment": EVIL}

    answer = world.client.post("/silences", data=form)
    (silence,) = world.service.silences()
    page = world.get("/alerts")
    ended = world.client.post(f"/silences/{silence.id}/end")

    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
    assert silence.match == {"alertname": "slow", "model": EVIL}
    assert (silence.ends_at - silence.starts_at, silence.author) == (28_800, "dashboard")
    assert "alertname: slow" in words(page)
    assert page.all("img") == []
    assert (ended.status_code, world.service.silences()) == (303, ())


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"match": "alertname=slow", "duration": "for ever"}, "duration"),
        ({"match": "slow", "duration": "1h"}, "expected label=pattern"),
        ({"match": "", "duration": "1h"}, "match must name the alerts"),
        ({"match": "alertname=*", "duration": "1h"}, "match must name the alerts"),
        ({}, "duration"),
    ],
)
def test_a_silence_that_makes_no_sense_is_explained(world: World, form, said: str):
    answer = world.client.post("/silences", data=form)

    assert answer.status_code == 422
    assert said in answer.text
    assert world.service.silences() == ()


@pytest.mark.parametrize("body", [b"\xff=\xff", b"&".join([b"a=b"] * 100), b"{}"])
def test_a_form_that_is_none_is_no_error_of_ours(world: World, body: bytes):
    headers = {"content-type": "application/x-www-form-urlencoded"}

    assert world.client.post("/silences", content=body, headers=headers).status_code == 422


def test_a_silence_that_is_gone_is_not_found(world: World):
    assert world.client.post("/silences/none/end").status_code == 404


def test_another_site_cannot_silence_anything(world: World):
    form = {"match": "alertname=slow", "duration": "8h"}

    answer = world.client.post("/silences", data=form, headers={"origin": "https://evil.example"})

    assert (answer.status_code, world.service.silences()) == (403, ())


def test_a_link_to_an_alert_holds_after_hundreds_of_others(world: World):
    alarm = SLOW.to_json() | {"fired_at": NOON / 1e9}
    others = [Incident(f"{n:04}:2", NOON + n, {}) for n in range(HISTORY + 50)]
    world.store.add_incidents([Incident(f"{SLOW.id}:1.5", NOON - 1, alarm), *others])

    led_to = world.client.get(f"/alerts/{SLOW.id}").headers["location"]

    assert led_to == f"/alerts/history?alert={SLOW.id}#{SLOW.id}:1.5"


def test_the_history_says_who_took_it_on_and_when_it_was_over(world: World):
    alert = SLOW.to_json() | {
        "rule": EVIL,
        "fired_at": NOON / 1e9 + 60,
        "acknowledged_by": EVIL,
        "acknowledged_at": NOON / 1e9 + 120,
        "resolved_at": NOON / 1e9 + 180,
    }
    world.store.add_incidents([Incident("a:1", NOON, alert), Incident("b:2", NOON, {})])

    page = world.get("/alerts/history")

    times = [time["datetime"] for time in page.all("time")]
    assert times == [f"2026-09-21T14:{m}:20Z" for m in (13, 14, 15, 16, 13)]
    assert page.all("img") == []


def test_without_alerting_there_is_nothing_to_watch():
    store = in_memory()

    with serving(store, pages=pages(store)) as client:
        missing = [client.get(path) for path in ("/watch", "/budgets")]
        missing.append(client.post("/silences", data={"match": "a=b", "duration": "1h"}))
        alerts = client.get("/alerts")

    assert [answer.status_code for answer in missing] == [404] * 3
    assert all("alerting is off" in answer.text for answer in missing)
    assert alerts.status_code == 200
    store.close()
