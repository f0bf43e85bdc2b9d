"""What was before a start: learned while calls come, and nothing wrong is said meanwhile."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_llm.alerting import AlertingConfig, AlertService, past
from otel_llm.alerting.budgets import BudgetConfig, Budgets
from otel_llm.alerting.past import History
from otel_llm.alerting.rule import Rule
from otel_llm.genai import Call
from otel_llm.stats import Selection, Windows
from tests.stats.calls import call

from .world import START, Clock, stored

HOUR, DAY = 3600.0, 86_400.0
NOW = START + 14.5 * DAY


class Slow:
    """A store that tells what is older than ``recent_s`` only when it is let."""

    def __init__(self, calls: Iterable[Call], recent_s: float = 0.0) -> None:
        self.reached, self.let = threading.Event(), threading.Event()
        self.calls, self._border_ns = list(calls), int((NOW - recent_s) * 1e9)

    def __call__(self, since: int, until: int | None) -> Iterable[Call]:
        if since < self._border_ns:
            self.reached.set()
            assert self.let.wait(60)
        return stored(self.calls)(since, until)


def _service(
    *rules: Rule, budgets: tuple[BudgetConfig, ...] = (), now: float = NOW, **more: Any
) -> AlertService:
    config = AlertingConfig(
        rules=list(rules), budgets=list(budgets), default_rules=False, notifiers={}, **more
    )
    return AlertService(config, clock=Clock(now))


def _learn(service: AlertService, history: History) -> None:
    service.past.learn(history)
    service.past.wait(60)


def _states(service: AlertService) -> dict[str, str]:
    return {alert.rule: alert.state for alert in service.evaluate()}


def _everything(service: AlertService) -> dict[str, Any]:
    """Return all that windows, budgets and the watch know."""
    service.evaluate()
    windows = {
        (repr(selection), length): {key: (s.total, dict(s.steps)) for key, s in window}
        for (selection, length), window in service._windows._windows.items()
    }
    accounts = {book.config.name: book.accounts for book in service._budgets._books}
    return {"windows": windows, "accounts": accounts, "watch": service._watch.export()}


def _any_call(chance: random.Random, latest: float) -> Call:
    age = chance.choice([60, HOUR, DAY, 10 * DAY]) * chance.random()
    return call(
        latest - age,
        took_s=chance.random() * 60,
        cost=chance.choice([None, chance.random()]),
        user_id=f"u{chance.randrange(9)}",
        service=f"s{chance.randrange(2)}",
        request_model=f"m{chance.randrange(3)}",
        operation=chance.choice(["chat", "chat", "invoke_agent"]),
        error_type=chance.choice([None, None, "timeout"]),
        flags=chance.choice([None, (), ("refusal",)]),
        output_chars=chance.randrange(100),
    )


_RULES = (
    Rule("A", "cost", 5, window=DAY, group_by=("user",)),
    Rule("B", "error_rate", 0.5, window=300),
    Rule("C", "duration_p95", 2, window=HOUR, baseline=7 * DAY, group_by=("model",)),
)
_BUDGETS = (
    BudgetConfig("month", 10, group_by=("user",)),
    BudgetConfig("day", 10, "day", {"model": "m1"}, time_zone="Asia/Tokyo"),
)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_learned_while_calls_come_is_what_one_who_saw_them_all_knows(seed: int):
    chance = random.Random(seed)
    before = [_any_call(chance, NOW - 1) for _ in range(600)]
    came = [_any_call(chance, NOW) for _ in range(200)]  # some of them days late
    slow = Slow(before, recent_s=chance.choice([0, 5 * HOUR, 3 * DAY, 9 * DAY]))
    service = _service(*_RULES, budgets=_BUDGETS)
    service.past.learn(slow)
    for some in (came[:100], came[100:]):
        service.observe(some)
        slow.calls += some  # as the writer does: who is shown a call is shown it before
        assert slow.reached.wait(60)
    slow.let.set()
    service.past.wait(60)

    all_seen = _service(*_RULES, budgets=_BUDGETS)
    all_seen.observe(sorted([*before, *came], key=lambda one: one.end_ns))

    assert _everything(service) == _everything(all_seen)


def test_calls_are_counted_while_the_past_is_learned():
    slow = Slow([call(NOW - HOUR, cost=1.0)])
    service = _service(budgets=(BudgetConfig("b", 10),))
    service.past.learn(slow)
    assert slow.reached.wait(60)
    service.observe([call(NOW, cost=2.0)])

    meanwhile = [status.spent for status in service.budgets()]
    slow.let.set()
    service.past.wait(60)

    assert (meanwhile, [status.spent for status in service.budgets()]) == ([2.0], [3.0])


def _kept(path: Path) -> dict[str, Any]:
    return {"state_path": str(path / "alerts.db")}


def _before(path: Path, *rules: Rule, calls: Iterable[Call], **more: Any) -> dict[str, str]:
    """Return the states that a collector knew when it was stopped."""
    service = _service(*rules, now=NOW - 60, **_kept(path), **more)
    service.observe(list(calls))
    states = _states(service)
    service.stop()
    return states


@pytest.mark.parametrize(("cost", "state"), [(6.0, "firing"), (1.0, "resolved")])
def test_an_alert_over_a_day_ends_only_when_the_day_is_known(
    cost: float, state: str, tmp_path: Path
):
    rule = Rule("Dear", "cost", 5, window=DAY)
    _before(tmp_path, rule, calls=[call(NOW - HOUR, cost=9.0)])
    slow = Slow([call(NOW - 20 * HOUR, cost=cost)], recent_s=2 * HOUR)
    service = _service(rule, **_kept(tmp_path))
    service.past.learn(slow)
    assert slow.reached.wait(60)
    service.observe([call(NOW)])
    meanwhile = _states(service)
    slow.let.set()
    service.past.wait(60)

    assert (meanwhile, _states(service)) == ({"Dear": "firing"}, {"Dear": state})
    service.stop()


@pytest.mark.parametrize(
    "rule",
    [
        Rule("R", "error_rate", 0.5, window=DAY),
        Rule("R", "calls", 3, "lt", window=DAY),
        Rule("R", "mean_duration", 5, window=60, baseline=1.5 * DAY),
        Rule("R", "budget_forecast", 0.5),
    ],
    ids=lambda rule: rule.signal,
)
def test_what_only_looks_wrong_for_want_of_the_past_is_no_alert(rule: Rule):
    """Failing, few and slow of late, and dear in its first days: not so in view of all."""
    usual = [call(NOW - n * HOUR, took_s=1 if n < 24 else 60, cost=0.0) for n in range(1, 48)]
    calls = [call(NOW - 1, took_s=9, error_type="timeout"), *usual]
    calls += [call(NOW - n * DAY, cost=9.0 if n < 5 else 0.0) for n in range(1, 14)]
    recent_s = {"budget_forecast": 4.5 * DAY, "mean_duration": DAY}.get(rule.signal, HOUR / 2)
    slow = Slow(calls, recent_s + HOUR)
    service = _service(rule, budgets=(BudgetConfig("b", 200),))
    service.past.learn(slow)
    assert slow.reached.wait(60)
    meanwhile = _states(service)
    slow.let.set()
    service.past.wait(60)

    assert (meanwhile, _states(service)) == ({}, {})


def test_what_is_too_much_already_fires_before_all_is_known():
    slow = Slow([call(NOW - 60, cost=9.0)], recent_s=2 * HOUR)
    service = _service(
        Rule("Dear", "cost", 5, window=DAY),
        Rule("Spent", "budget_use", 0.5),
        budgets=(BudgetConfig("b", 10),),
    )
    service.past.learn(slow)
    assert slow.reached.wait(60)

    assert _states(service) == {"Dear": "firing", "Spent": "firing"}
    slow.let.set()
    service.past.wait(60)


_SPENT = Rule("Spent", "budget_use", 1.0)


@pytest.mark.parametrize(
    "after", [BudgetConfig("b", 5), BudgetConfig("b", 5, time_zone="Asia/Tokyo")]
)
def test_a_budget_that_was_exceeded_is_so_until_all_that_was_spent_is_known(
    after: BudgetConfig, tmp_path: Path
):
    spent = call(NOW - 3 * HOUR, cost=9.0)
    known = _before(tmp_path, _SPENT, calls=[spent], budgets=(BudgetConfig("b", 5),))
    slow = Slow([spent])
    service = _service(_SPENT, budgets=(after,), **_kept(tmp_path))
    service.past.learn(slow)
    service._clock.now += HOUR  # the store takes long
    meanwhile = _states(service)
    slow.let.set()
    service.past.wait(60)

    assert (known, meanwhile, _states(service)) == ({"Spent": "firing"},) * 3
    service.stop()


def test_an_alert_of_a_budget_that_is_not_exceeded_ends_when_that_is_known(tmp_path: Path):
    window = Rule("Dear", "cost", 50, window=DAY)  # without one, restored alerts wait for theirs
    _before(tmp_path, _SPENT, calls=[call(NOW, cost=9.0)], budgets=(BudgetConfig("b", 5),))
    slow = Slow([call(NOW - 60, cost=4.0)])
    budget = BudgetConfig("b", 5, time_zone="Asia/Tokyo")
    service = _service(_SPENT, window, budgets=(budget,), **_kept(tmp_path))
    service.past.learn(slow)
    meanwhile = _states(service)
    slow.let.set()
    service.past.wait(60)

    assert (meanwhile, _states(service)) == ({"Spent": "firing"}, {"Spent": "resolved"})
    service.stop()


def test_who_was_to_stop_is_told_to_until_it_is_known_what_was_spent(tmp_path: Path):
    file = {"spending_file": str(tmp_path / "spending.json")}
    hard, spent = BudgetConfig("b", 5, hard=True), call(NOW - 60, cost=9.0)
    first = _service(budgets=(hard,), **file)
    first.observe([spent])
    first._publish()
    slow = Slow([])
    service = _service(budgets=(hard,), now=NOW + 30, **file)
    service.past.learn(slow)
    service._publish()
    meanwhile = not service.denied_to({})
    slow.let.set()
    service.past.wait(60)

    assert (meanwhile, not service.denied_to({})) == (False, True)


def test_a_collector_killed_while_it_learns_what_it_was_killed_over_forgets_nothing(tmp_path: Path):
    budget = (BudgetConfig("b", 10),)
    kept = _kept(tmp_path)
    first = _service(budgets=budget, now=NOW - HOUR, **kept)
    first.observe([call(NOW - HOUR, cost=1.0)])
    first._keep()
    first._state.close()  # killed, and what came next is in the store alone
    calls = [call(NOW - 30 * 60, cost=2.0), call(NOW, cost=4.0)]
    slow = Slow(calls)
    second = _service(budgets=budget, **kept)
    second.past.learn(slow)
    second.observe(calls[1:])
    second._keep()
    second._state.close()  # killed
    third = _service(budgets=budget, now=NOW + 5 * 60, **kept)
    _learn(third, stored(calls))

    assert [status.spent for status in third.budgets()] == [7.0]
    slow.let.set()
    second.past.wait(60)
    third.stop()


def _failing_at(place: int, calls: list[Call]) -> Callable[[int, int | None], Iterator[Call]]:
    """Return a store that fails once, after it told ``place`` calls."""
    told, failed = stored(calls), False

    def history(since: int, until: int | None) -> Iterator[Call]:
        nonlocal failed
        for number, one in enumerate(told(since, until)):
            if number == place and not failed:
                failed = True
                raise OSError("gone")
            yield one

    return history


def test_a_store_that_fails_in_between_is_asked_again_and_no_call_counts_twice(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(past, "_AGAIN_S", 0.0)
    service = _service(budgets=(BudgetConfig("b", 10_000),))
    _learn(service, _failing_at(300, [call(NOW - n, cost=1.0) for n in range(500)]))

    assert [status.spent for status in service.budgets()] == [500.0]
    assert caplog.text.count("the store does not tell alerts what was before") == 1


def test_the_hours_of_the_past_are_judged_when_all_are_known():
    slow = Slow([call(NOW - n * HOUR) for n in range(1, 100)], recent_s=2 * HOUR)
    service = _service(Rule("Dear", "cost", 5, window=7 * DAY))
    service.past.learn(slow)
    assert slow.reached.wait(60)
    service.evaluate()
    meanwhile = service._state.load("watch")
    slow.let.set()
    service.past.wait(60)
    service.evaluate()

    assert meanwhile == {}
    assert service._state.load("watch")["watch"]["closed"] == int(NOW // HOUR) - 2


def test_one_who_stops_in_between_ends_no_alert(tmp_path: Path):
    rule = Rule("Dear", "cost", 5, window=DAY)
    _before(tmp_path, rule, calls=[call(NOW - HOUR, cost=9.0)])
    slow = Slow([])
    service = _service(rule, **_kept(tmp_path))
    service.past.learn(slow)
    threading.Timer(0.1, slow.let.set).start()
    service.start()
    service.stop()

    assert [alert.state for alert in service.alerts()] == ["firing"]


def test_who_looks_at_windows_sees_none_that_another_thread_changes():
    windows = Windows(max_series=1)
    window = windows.open(Selection({}, ("user",)), HOUR)
    calls = [call(NOW, user_id=f"u{n}") for n in range(9)]
    with windows.still:
        observer = threading.Thread(target=windows.observe, args=(calls, NOW))
        observer.start()
        observer.join()
        seen = len(window)
    windows.advance(NOW)

    assert (seen, sum(series.total.calls for _, series in window)) == (0, 9)


def test_a_budget_learns_in_any_order():
    calls = [call(NOW - n * HOUR, cost=1.0) for n in range(900)]
    one, other = (Budgets([BudgetConfig("b", 10)]) for _ in range(2))
    one.observe(reversed(calls), NOW)
    other.await_past(NOW)
    for start in range(0, 900, 100):
        other.learn(calls[start : start + 100], None, NOW)
    other.settle(older=True)

    assert one.status(NOW) == other.status(NOW)
