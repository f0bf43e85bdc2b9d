"""Budgets: to the cent, in the owner's days, with early warnings."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.budgets import BudgetConfig, Budgets
from otel_llm.alerting.seen import Seen
from otel_llm.config import ConfigError, build
from otel_llm.genai import Call
from otel_llm.stats.account import Account
from tests.stats.calls import call

from .world import START, Clock, stored

HOUR, DAY = 3600.0, 86_400.0


def _status(budgets: Budgets, now: float) -> dict[str, tuple[float, float]]:
    return {
        ",".join([s.budget, *s.labels.values()]): (round(s.spent, 9), round(s.used, 9))
        for s in budgets.status(now)
    }


def test_every_value_of_the_group_has_the_budget_for_itself():
    budgets = Budgets(
        [
            BudgetConfig("all", 100),
            BudgetConfig("each", 10, "day", {"team": "search|ads"}, ("team", "user")),
        ]
    )
    budgets.observe(
        [
            call(START, cost=4.0, team="search", user_id="ann"),
            call(START, cost=2.0, team="search", user_id="bob"),
            call(START, cost=1.0, team="hr", user_id="ann"),
        ],
        START,
    )

    assert _status(budgets, START) == {
        "each,search,ann": (4.0, 0.4),
        "each,search,bob": (2.0, 0.2),
        "all": (7.0, 0.07),
    }


def test_a_new_period_begins_with_nothing_spent():
    budgets = Budgets([BudgetConfig("b", 10, "day", time_zone="Europe/Berlin")])
    budgets.observe([call(START, cost=4.0)], START)  # 01:00 in Berlin

    spent = [_status(budgets, START + hours * HOUR)["b"][0] for hours in (0, 22.9, 23)]

    assert spent == [4.0, 4.0, 0.0]


def test_counting_is_exact_from_many_threads():
    chance = random.Random(1)
    budgets = Budgets([BudgetConfig("b", 10, group_by=("user",))])
    costs = [(f"u{i % 3}", Decimal(chance.randrange(1, 10**9)).scaleb(-9)) for i in range(8_000)]
    calls = [call(START, cost=float(cost), user_id=user) for user, cost in costs]
    threads = [
        threading.Thread(target=lambda n=n: [budgets.observe([c], START) for c in calls[n::8]])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {s.labels["user"]: Decimal(str(s.spent)) for s in budgets.status(START)} == {
        user: sum(cost for name, cost in costs if name == user) for user in ("u0", "u1", "u2")
    }


def test_a_call_that_is_delivered_again_is_paid_once():
    budgets = Budgets([BudgetConfig("b", 10)])
    calls = [call(START, cost=0.25) for _ in range(4)]

    for _ in range(3):
        budgets.observe(calls, START)

    assert _status(budgets, START) == {"b": (1.0, 0.1)}


def test_calls_without_an_id_cannot_be_told_apart_and_all_count():
    budgets = Budgets([BudgetConfig("b", 10)])

    budgets.observe([call(START, cost=0.25, span_id="") for _ in range(4)], START)

    assert _status(budgets, START) == {"b": (1.0, 0.1)}


def test_only_so_many_calls_are_remembered():
    seen = Seen(most=3)
    calls = [call() for _ in range(4)]

    assert [seen.new(one) for one in (*calls, *reversed(calls))] == [True] * 4 + [False] * 3 + [
        True
    ]


def test_agents_repeat_what_their_calls_cost_and_do_not_count():
    budgets = Budgets([BudgetConfig("b", 10)])
    budgets.observe([call(START, cost=1.0), call(START, cost=1.0, operation="invoke_agent")], START)

    assert _status(budgets, START) == {"b": (1.0, 0.1)}


def test_calls_of_unknown_cost_are_said_to_be_missing():
    budgets = Budgets([BudgetConfig("b", 10)])
    budgets.observe([call(START, cost=None), call(START, cost=1.0)], START)

    (status,) = budgets.status(START)

    assert (status.spent, status.unpriced_calls) == (1.0, 1)


def test_only_a_hard_budget_that_is_spent_and_covers_the_asker_says_no():
    budgets = Budgets(
        [
            BudgetConfig("soft", 1),
            BudgetConfig("each", 5, filters={"team": "!hr"}, group_by=("user",), hard=True),
        ]
    )
    budgets.observe(
        [call(START, cost=3.0, user_id="ann"), call(START, cost=5.0, user_id="bob")], START
    )

    asked = [{"user": "ann"}, {"user": "bob"}, {"user": "bob", "team": "hr"}, {"user": "new"}, {}]
    (denial,) = budgets.denials(START)
    assert [denial.covers(labels) for labels in asked] == [False, True, False, False, False]


def test_too_many_accounts_are_one_and_no_cent_is_lost():
    budgets = Budgets([BudgetConfig("b", 10, group_by=("user",))], max_accounts=2)
    budgets.observe([call(START, cost=1.0, user_id=f"u{i}") for i in range(10)], START)

    assert _status(budgets, START) == {
        "b,true": (8.0, 0.8),
        "b,u0": (1.0, 0.1),
        "b,u1": (1.0, 0.1),
    }


def test_what_many_spend_together_is_held_against_the_limit_of_none_of_them_and_said(caplog):
    clock = Clock()
    budget = BudgetConfig("each", 5, "day", group_by=("user",))
    service = _service(budget, clock=clock, max_label_sets=2)

    service.observe([call(START, cost=0.1, user_id=f"u{i}") for i in range(100)])
    alone = _fired(service)
    service.observe([call(START, cost=9.0, user_id="u0")])
    with_one = _fired(service)

    assert alone == set()
    assert "BudgetExceeded" in with_one
    over = [status.labels for status in service.budgets() if status.used > 1]
    assert over == [{"otel.metric.overflow": "true"}, {"user": "u0"}]
    assert [message for message in caplog.messages if "accounts" in message] == [
        "budget each: 2 accounts are in use; what others spend is counted in one, and held against "
        "no limit (alerting.max_label_sets)"
    ]
    service.stop()


def test_an_account_that_nobody_uses_any_more_makes_room_and_leaves_the_file():
    budgets = Budgets([BudgetConfig("b", 10, "day", group_by=("user",))], max_accounts=2)
    kept: dict[str, Any] = {}
    for day, users in ((0, "ab"), (1, "bc"), (4, "bd")):
        now = START + day * DAY
        budgets.observe([call(now, cost=1.0, user_id=user) for user in users], now)
        kept |= budgets.export(now)["budget"]

    assert _status(budgets, now) == {"b,b": (1.0, 0.1), "b,d": (1.0, 0.1)}
    assert {name for name, account in kept.items() if account} == {'["b", "b"]', '["b", "d"]'}


def test_calls_are_booked_while_many_accounts_are_looked_at(monkeypatch: pytest.MonkeyPatch):
    budgets = Budgets([BudgetConfig("b", 10, group_by=("user",))])
    budgets.observe([call(START, cost=1.0, user_id=f"u{i}") for i in range(1_200)], START)
    booked: list[str] = []

    def pause(seconds: float) -> None:
        booked.append(f"new{len(booked)}")
        budgets.observe([call(START, cost=1.0, user_id=booked[-1])], START)

    monkeypatch.setattr("otel_llm.alerting.budgets.time.sleep", pause)

    assert len(budgets.status(START)) == 1_200
    assert (len(booked), len(budgets.status(START))) == (2, 1_202)


def test_what_is_kept_of_many_accounts_holds_each_call_once_that_came_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
):
    configs = [BudgetConfig("b", 10, group_by=("user",))]
    before, after = Budgets(configs), Budgets(configs)
    calls = [call(START, cost=1.0, user_id=f"u{i}") for i in range(1_200)]
    before.observe(calls, START)

    def pause(seconds: float) -> None:
        calls.extend(call(START, cost=0.5, user_id=f"u{i}") for i in range(0, 1_200, 7))
        before.observe(calls[1_200:], START)

    with monkeypatch.context() as patch:
        patch.setattr("otel_llm.alerting.budgets.time.sleep", pause)
        kept = before.export(START)
    after.restore(kept["budget"], kept["seen"], kept["terms"])
    after.learn(calls, START - 1, START)

    assert len(calls) > 1_200
    assert _status(after, START) == _status(before, START)


def test_accounts_survive_as_json_and_go_on():
    configs = [BudgetConfig("b", 10, group_by=("user",))]
    before, after = Budgets(configs), Budgets(configs)
    before.observe([call(START, cost=1.5, user_id='a"b')], START)
    after.restore(json.loads(json.dumps(before.export(START)))["budget"])
    after.observe([call(START, cost=1.5, user_id='a"b')], START)

    assert before.export(START) == {"budget": {}, "terms": {}, "seen": {}}
    assert _status(after, START) == {'b,a"b': (3.0, 0.3)}


def _fired(service: AlertService) -> set[str]:
    return {alert.rule for alert in service.evaluate() if alert.state == "firing"}


def _service(*budgets: BudgetConfig, clock: Clock, **more: Any) -> AlertService:
    keep = [f"Cost{kind}" for kind in ("High", "AboveBaseline")]
    config = AlertingConfig(budgets=budgets, notifiers={}, disabled_rules=tuple(keep), **more)
    return AlertService(config, clock=clock)


def test_a_daily_budget_warns_at_a_spike_and_at_four_fifths_and_pages_when_it_is_spent():
    clock = Clock()
    service = _service(BudgetConfig("day", 80, "day"), clock=clock)
    story: list[set[str]] = []
    for cost in (9.0, 11.0, 50.0, 15.0):
        service.observe([call(clock(), cost=cost)])
        story.append(_fired(service))
        clock.now += 2 * HOUR

    assert story == [
        set(),
        {"BudgetSpike"},
        {"BudgetSpike", "BudgetNearlySpent"},
        {"BudgetSpike", "BudgetNearlySpent", "BudgetExceeded"},
    ]
    service.stop()


@pytest.mark.parametrize(
    ("per_hour", "hours", "expected"),
    [
        (1.0, 72, set()),
        (1.2, 96, {"BudgetBurnsSlow", "BudgetWillNotLast"}),
        (6.5, 8, {"BudgetBurnsMedium"}),
        (15.0, 2, {"BudgetBurnsFast"}),
    ],
)
def test_money_that_goes_too_fast_is_noticed_by_its_speed(
    per_hour: float, hours: int, expected: set[str]
):
    """A budget of 31 * 24 dollars for January lasts at a dollar an hour."""
    clock = Clock()
    service = _service(BudgetConfig("month", 31 * 24), clock=clock)
    fired: set[str] = set()
    for _ in range(hours * 12):
        clock.now += 300
        service.observe([call(clock(), cost=per_hour / 12)])
        fired = _fired(service)

    assert fired == expected
    service.stop()


def test_a_clock_that_jumps_a_day_ahead_and_back_leaves_the_last_hour_known():
    clock = Clock()
    service = _service(BudgetConfig("day", 80, "day"), clock=clock)
    service.observe([call(clock(), cost=9.0)])
    service.evaluate()
    for step in range(20):
        clock.now = START + 86_400 + 15 * step
        service.observe([call(clock(), cost=0.25)])
        service.evaluate()
    clock.now = START + 360
    service.observe([call(clock(), cost=0.5)])
    service.evaluate()

    (status,) = service.budgets()
    assert (status.spent, status.last_hour) == (9.5, 9.5)
    service.stop()


def test_what_a_budget_no_longer_asks_for_goes_as_time_passes():
    clock = Clock()
    budgets = Budgets([BudgetConfig("day", 80, "day")])

    def kept_after_days(days: int) -> int:
        for _ in range(days * 288):
            clock.now += 300
            budgets.observe([call(clock(), cost=0.25)], clock())
            budgets.status(clock())
        (account,) = budgets.export(clock())["budget"].values()
        return len(account["fine"])

    assert kept_after_days(4) <= 6 * 12 + 1
    clock.now += 30 * 86_400  # it slept: the clock is followed from two days behind
    assert kept_after_days(1) <= 288
    assert kept_after_days(3) <= 6 * 12 + 1


def test_spending_is_remembered_over_a_restart(tmp_path: Path):
    clock = Clock()
    given = {"clock": clock, "state_path": str(tmp_path / "alerts.db")}
    first = _service(BudgetConfig("b", 10, hard=True), **given)
    first.observe([call(START, cost=10.0)])
    first.evaluate()
    first.stop()
    second = _service(BudgetConfig("b", 10, hard=True), **given)

    assert [status.spent for status in second.budgets()] == [10.0]
    assert second.denied_to({})
    second.stop()


def test_what_was_spent_just_before_a_kill_is_learned_from_the_store(tmp_path: Path):
    clock = Clock()
    given = {"clock": clock, "state_path": str(tmp_path / "alerts.db")}
    history = [call(START - 10 * DAY, cost=100.0)]
    first = _service(BudgetConfig("b", 10), **given)
    for _ in range(3):  # kept, kept, and not kept any more
        calls = [call(clock(), cost=0.25) for _ in range(4)]
        history += calls
        first.observe(calls)
        first.observe(calls[:2])
        first._tick() if clock() < START + 2 else None
        clock.now += 1
    first._state.close()  # killed
    clock.now += 3600
    second = _service(BudgetConfig("b", 10), **given)
    second.past.learn(stored(history))
    second.past.wait()
    second.observe(history[-4:])

    assert [status.spent for status in second.budgets()] == [3.0]
    second.stop()


def test_without_a_state_budgets_learn_everything_from_the_store():
    service = _service(BudgetConfig("b", 10), clock=Clock())
    service.past.learn(stored([call(START, cost=2.0)]))
    service.past.wait()

    assert [status.spent for status in service.budgets()] == [2.0]
    service.stop()


def test_a_call_that_no_price_can_be_of_costs_its_neighbours_nothing():
    budgets = Budgets([BudgetConfig("b", 10)])
    budgets.observe([call(START, cost=cost) for cost in (1.0, 1e308, float("nan"), 2.0)], START)

    assert _status(budgets, START) == {"b": (3.0, 0.3)}


def _restarted(
    before: BudgetConfig, after: BudgetConfig, path: Path
) -> tuple[AlertService, list[float]]:
    """Spend 2, 3 and 4 dollars on three days, restart, and return since when the new one asks for
    what was before."""
    clock = Clock(START + 9 * DAY)
    given = {"clock": clock, "state_path": str(path / "alerts.db")}
    history = [call(START + n * DAY, cost=n + 2.0, user_id="ann", team="hr") for n in range(3)]
    first = _service(before, **given)
    first.observe(history)
    first.stop()
    clock.now += HOUR
    second = _service(after, **given)
    asked: list[float] = []
    second.past.learn(
        lambda since, until: asked.append(since / 1e9) or stored(history)(since, until)
    )
    second.past.wait()
    second.observe(history)  # delivered again
    return second, asked


def test_a_budget_that_is_new_learns_from_the_store_what_was_spent_before(tmp_path: Path):
    service, asked = _restarted(BudgetConfig("old", 10), BudgetConfig("new", 10), tmp_path)

    assert [(s.budget, s.spent) for s in service.budgets()] == [("new", 9.0)]
    assert min(asked) <= START
    service.stop()


def test_a_budget_that_is_old_is_not_told_twice_and_asks_for_nothing(tmp_path: Path):
    same = BudgetConfig("b", 10, group_by=("user",))
    service, asked = _restarted(same, BudgetConfig("b", 99, group_by=("user",)), tmp_path)

    assert [(s.labels, s.spent, s.limit) for s in service.budgets()] == [({"user": "ann"}, 9.0, 99)]
    assert min(asked) > START
    service.stop()


def test_a_budget_that_was_cut_short_in_learning_begins_anew(tmp_path: Path):
    clock = Clock(START + 9 * DAY)
    given = {"clock": clock, "state_path": str(tmp_path / "alerts.db")}
    history = [call(START + n * HOUR, cost=1.0) for n in range(5)]
    reached, over = threading.Event(), threading.Event()

    def slowly(since: int, until: int | None) -> Iterator[Call]:
        if since > START * 1e9:
            return
        yield history[0]
        reached.set()
        over.wait(60)
        yield from history[1:]

    first = _service(BudgetConfig("b", 10), **given)
    first.past.learn(slowly)
    assert reached.wait(60)
    threading.Timer(0.1, over.set).start()
    first.stop(60)
    second = _service(BudgetConfig("b", 10), **given)
    second.past.learn(stored(history))
    second.past.wait()

    assert [status.spent for status in second.budgets()] == [5.0]
    second.stop()


@pytest.mark.parametrize(
    ("more", "labels", "spent"),
    [
        ({"group_by": ("team",)}, {"team": "hr"}, 9.0),
        ({"group_by": ("user",), "period": "week"}, {"user": "ann"}, 0.0),
        ({"group_by": ("user",), "filters": {"team": "ads"}}, None, None),
        ({"group_by": ("user",), "time_zone": "Asia/Tokyo"}, {"user": "ann"}, 9.0),
    ],
)
def test_a_budget_that_counts_something_else_by_now_begins_anew(
    more: dict[str, Any], labels: dict[str, str] | None, spent: float | None, tmp_path: Path
):
    service, _ = _restarted(
        BudgetConfig("b", 10, group_by=("user",)), BudgetConfig("b", 10, **more), tmp_path
    )
    found = [(s.labels, s.spent) for s in service.budgets()]
    kept = service._state.load("budget")

    assert found == ([] if labels is None else [(labels, spent)])
    assert len(kept) <= 1
    service.stop()


def test_accounts_of_a_budget_that_is_gone_are_not_taken_up_when_it_comes_back(tmp_path: Path):
    clock = Clock()
    given = {"clock": clock, "state_path": str(tmp_path / "alerts.db")}
    for budget in (BudgetConfig("b", 10), BudgetConfig("other", 10), BudgetConfig("b", 10)):
        service = _service(budget, **given)
        spent = [status.spent for status in service.budgets()]
        service.observe([call(clock(), cost=2.0)])
        service.stop()

    assert spent == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"limit": float("inf")}, "limit: must be more than 0, and an amount of money"),
        ({"limit": 1e-300}, "limit: must be more than 0"),
        ({"name": ""}, "name '': write a word"),
        ({"name": "a\nb"}, "write a word that can be shown"),
        ({"group_by": ["user", "user"]}, "group_by names a dimension twice"),
        ({"time_zone": "Europe/Berln"}, "unknown time zone 'Europe/Berln'; did you mean 'Europe/"),
        ({"time_zone": "../etc/passwd"}, "unknown time zone '../etc/passwd'"),
    ],
)
def test_a_budget_that_nobody_can_keep_is_a_mistake(given: dict[str, Any], problem: str):
    with pytest.raises(ConfigError) as raised:
        build(BudgetConfig, {"name": "b", "limit": 1, **given}, "budgets[0]")

    assert problem in str(raised.value)


def test_an_evaluation_asks_once_where_budgets_stand_however_many_rules_look(
    monkeypatch: pytest.MonkeyPatch,
):
    asked: list[float] = []
    status = Budgets.status

    def counted(self: Budgets, now: float) -> Any:
        asked.append(now)
        return status(self, now)

    monkeypatch.setattr(Budgets, "status", counted)
    service = _service(BudgetConfig("day", 1, "day"), clock=Clock())
    service.observe([call(START, cost=2.0)])
    fired = _fired(service)
    service.observe([call(START, cost=2.0)])
    spent = [alert.value for alert in service.evaluate() if alert.rule == "BudgetExceeded"]

    assert "BudgetExceeded" in fired
    assert (asked, spent) == ([START, START], [4.0])
    service.stop()


def test_pages_of_seen_calls_are_kept_for_two_minutes_over_restarts():
    before, after = Seen(), Seen()
    calls = [call() for _ in range(3)]
    pages: dict[str, Any] = {}
    for at, one in zip((START, START, START + 121), calls, strict=True):
        before.new(one)
        pages |= before.export(at)
    kept = {at: page for at, page in pages.items() if page}
    after.restore(json.loads(json.dumps(kept)))

    assert (len(pages), len(kept)) == (3, 1)
    assert [after.new(one) for one in calls] == [True, True, False]
    assert set(after.export(START + 300).values()) >= {None}


@pytest.mark.parametrize(("users", "kept"), [(200, 200), (201, 0)])
def test_what_is_spent_is_kept_every_second_while_that_is_cheap(
    tmp_path: Path, users: int, kept: int
):
    clock = Clock()
    given = {"clock": clock, "state_path": str(tmp_path / "alerts.db")}
    first = _service(BudgetConfig("b", 10, group_by=("user",)), **given)
    first.observe([call(START, user_id=f"u{n}") for n in range(users)])
    first._tick()
    first._state.close()  # killed
    second = _service(BudgetConfig("b", 10, group_by=("user",)), **given)

    assert len(second.budgets()) == kept
    second.stop()


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"limit": 0}, "limit: must be more than 0"),
        ({"period": "year"}, "'year' is not allowed"),
        ({"time_zone": "Berlin"}, "unknown time zone 'Berlin'"),
        ({"group_by": ["usr"]}, "unknown: usr"),
    ],
)
def test_mistakes_are_named(more: dict[str, Any], problem: str):
    with pytest.raises(ConfigError, match=problem):
        build(AlertingConfig, {"budgets": [{"name": "b", "limit": 1, **more}]}, "alerting")


def test_two_budgets_cannot_have_one_name():
    two = [{"name": "b", "limit": 1}, {"name": "b", "limit": 2}]

    with pytest.raises(ConfigError, match="two have the same name"):
        build(AlertingConfig, {"budgets": two}, "alerting")


@given(
    st.lists(
        st.tuples(
            st.sampled_from((1, 15, 61, 299, 3_600, 43_200, -20)),
            st.lists(st.tuples(st.integers(0, 2), st.sampled_from((0, 400, 90_000, 10**6)))),
        ),
        max_size=25,
    )
)
@settings(max_examples=60, deadline=None)
def test_what_is_remembered_of_an_account_is_what_would_be_worked_out_anew(story):
    configs = [
        BudgetConfig(period, 5.0, period, group_by=("user",)) for period in ("day", "week", "month")
    ]
    budgets, booked, now = Budgets(configs), [], START
    for later_s, spent in story:
        now += later_s
        calls = [call(now - age, user_id=f"u{user}", cost=0.25) for user, age in spent]
        booked += [(calls, now)]
        budgets.observe(calls, now)
        anew = Budgets(configs)
        for told, at in booked:
            anew.observe(told, at)

        assert budgets.status(now) == anew.status(now)


def test_an_account_is_worked_out_once_in_five_minutes_while_nothing_is_booked(
    monkeypatch: pytest.MonkeyPatch,
):
    budgets = Budgets([BudgetConfig("all", 100.0)])
    budgets.observe([call(START)], START)
    asked, rate = [], Account.rate
    monkeypatch.setattr(Account, "rate", lambda *given: asked.append(1) or rate(*given))

    def count(later_s: float) -> int:
        asked.clear()
        budgets.status(START - START % 300 + later_s)
        return len(asked)

    before = [count(later_s) > 0 for later_s in (200, 201, 299, 300, 310)]
    budgets.observe([call(START)], START)

    assert (before, count(311) > 0) == ([True, False, False, True, False], True)
