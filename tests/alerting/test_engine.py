"""The life of alerts over windows of calls, second by second on a virtual clock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_llm.alerting.alert import Alert, fingerprint
from otel_llm.alerting.readings import Readings
from otel_llm.alerting.rule import Rule
from tests.stats.calls import call

from .world import START, World


def _rule(**more: Any) -> Rule:
    return Rule(**{"name": "Errors", "signal": "error_rate", "threshold": 0.5, **more})


def _fail(world: World, times: int = 1, **more: Any) -> None:
    world.engine.observe([call(world.clock(), error_type="timeout", **more) for _ in range(times)])


def _succeed(world: World, times: int = 1, **more: Any) -> None:
    world.engine.observe([call(world.clock(), **more) for _ in range(times)])


def test_without_for_it_fires_at_the_first_evaluation_and_says_everything():
    rule = _rule(
        severity="critical",
        group_by=("model",),
        labels={"about": "errors"},
        annotations={"summary": "{{ $value | humanizePercentage }} of {{ $labels.model }} failed"},
    )
    world = World(rule)
    failed = call(START, error_type="timeout")
    world.engine.observe([failed])

    told = world.engine.evaluate()

    labels = {
        "model": "gpt-4o",
        "about": "errors",
        "alertname": "Errors",
        "severity": "critical",
    }
    assert told == (
        Alert(
            id=fingerprint(labels),
            rule="Errors",
            severity="critical",
            state="firing",
            labels=labels,
            annotations={"summary": "100% of gpt-4o failed"},
            signal="error_rate",
            value=1.0,
            threshold=0.5,
            active_at=START,
            fired_at=START,
            trace_id=failed.trace_id,
            trace_url=f"http://ui/{failed.trace_id}",
        ),
    )
    assert world.told == [[*told]]


def test_it_is_pending_for_as_long_as_for_says_and_fires_on_the_dot():
    world = World(_rule(for_=60, window=600))
    _fail(world)

    states = [world.after(step).states() for step in (0, 59.9, 0.1)]

    assert states == [{"": "pending"}, {"": "pending"}, {"": "firing"}]
    assert [len(told) for told in world.told] == [0, 0, 1]


def test_a_pending_alert_whose_condition_ends_is_forgotten_and_nobody_hears_of_it():
    world = World(_rule(for_=60))
    _fail(world)
    world.states()
    _succeed(world, 9)

    assert world.after(30).states() == {}
    assert world.told == [[], []]


def test_the_time_of_for_begins_anew_after_a_break():
    world = World(_rule(for_=60, window=30))
    _fail(world)
    world.states()
    world.after(40).states()
    _fail(world)

    assert [world.after(step).states() for step in (0, 25)] == [{"": "pending"}] * 2


def test_it_resolves_at_once_and_is_shown_for_a_quarter_of_an_hour():
    world = World(_rule(window=10))
    _fail(world)
    world.states()

    states = [world.after(step).states() for step in (10, 900, 1)]

    assert states == [{"": "resolved"}, {"": "resolved"}, {}]
    assert world.told[1][0].resolved_at == START + 10


def test_keep_firing_counts_from_when_the_condition_ended_and_anew_when_it_returns():
    world = World(_rule(window=10, keep_firing=60))
    _fail(world)
    world.states()
    over = [world.after(step).states() for step in (10, 59)]
    _fail(world)
    back = world.states()
    again = [world.after(step).states() for step in (10, 59, 1)]

    assert (over, back) == ([{"": "firing"}] * 2, {"": "firing"})
    assert again == [{"": "firing"}, {"": "firing"}, {"": "resolved"}]


def test_only_an_alert_that_is_kept_firing_says_since_when_its_condition_is_over():
    world = World(_rule(window=10, keep_firing=60))
    _fail(world)
    told = [
        (a.state, a.over_since, a.keep_firing)
        for step in (0, 10, 59, 1)
        for a in world.after(step).engine.evaluate()
    ]

    kept = ("firing", START + 10, 60.0)
    assert told == [("firing", None, None), kept, kept, ("resolved", None, None)]


def test_every_label_set_lives_its_own_life():
    world = World(_rule(group_by=("model", "user")))
    _fail(world, user_id="ann")
    _succeed(world, user_id="bob")
    _fail(world, response_model="claude", user_id="bob")

    assert world.states() == {"gpt-4o,ann": "firing", "claude,bob": "firing"}


@pytest.mark.parametrize(
    ("condition", "breaking"), [("gt", [3]), ("lt", [1]), ("eq", [2]), ("ne", [1, 3])]
)
def test_the_condition_compares_as_it_says(condition: Any, breaking: list[int]):
    fired: list[int] = []
    for calls in (1, 2, 3):
        world = World(Rule("N", "calls", 2, condition=condition))
        _succeed(world.after(300), calls)
        if world.states() == {"": "firing"}:
            fired.append(calls)

    assert fired == breaking


def test_too_few_calls_are_no_evidence():
    world = World(_rule(min_calls=10))
    _fail(world, 9)
    few = world.states()
    _fail(world)

    assert (few, world.states()) == ({}, {"": "firing"})


def test_with_hysteresis_it_fires_above_one_limit_and_resolves_below_another():
    world = World(Rule("N", "calls", 5, window=60, resolve_threshold=2))
    _succeed(world, 3)
    _succeed(world.after(20), 3)
    states = [world.states(), world.after(40).states()]
    _succeed(world)
    states += [world.states(), world.after(60).states()]

    assert states == [{"": "firing"}, {"": "firing"}, {"": "firing"}, {"": "resolved"}]


def test_within_the_cooldown_the_same_alert_waits_before_it_fires_again():
    world = World(_rule(window=10, cooldown=100))
    _fail(world)
    states = [world.states(), world.after(20).states()]
    _fail(world.after(20))
    states.append(world.states())
    _fail(world.after(60))
    states.append(world.states())

    assert states == [{"": "firing"}, {"": "resolved"}, {"": "pending"}, {"": "firing"}]
    assert world.told[-1][0].fired_at == START + 100


@pytest.mark.parametrize(
    ("policy", "state"), [("ok", "resolved"), ("keep", "firing"), ("alert", "firing")]
)
def test_when_calls_stop_the_policy_decides(policy: Any, state: str):
    world = World(_rule(window=10, no_data=policy))
    _fail(world)
    world.states()

    assert world.after(20).states() == {"": state}


def test_what_is_over_says_what_was_wrong_and_not_that_all_is_well():
    words = {"summary": "{{ $value | humanizePercentage }} failed"}
    world = World(_rule(window=10, keep_firing=30, annotations=words))
    _fail(world)
    (firing,) = world.engine.evaluate()
    told: list[Alert] = []
    for _ in range(3):
        _succeed(world.after(20), 10)
        told += world.engine.evaluate()

    assert [(one.state, one.value, dict(one.annotations)) for one in (firing, *told)] == [
        (state, firing.value, {"summary": "100% failed"})
        for state in ("firing", "firing", "firing", "resolved")
    ]


def test_what_is_over_for_lack_of_data_says_what_was_wrong_and_not_that_there_is_none():
    world = World(_rule(window=10, annotations={"summary": "{{ $value }}"}))
    _fail(world)
    world.states()
    wrong = world.told[-1][0]
    world.after(20).states()
    over = world.told[-1][0]

    assert (over.state, over.value, over.annotations) == ("resolved", wrong.value, {"summary": "1"})


@pytest.mark.parametrize("back_s", [1, 30, 3600, 40 * 86_400])
def test_a_clock_that_is_set_back_makes_nobody_blind_or_deaf(back_s: float):
    world = World(_rule(window=10, for_=5, keep_firing=20))
    story: list[str] = []

    def on(seconds: float, failing: bool) -> None:
        for _ in range(3):
            (_fail if failing else _succeed)(world.after(seconds / 3))
            world.states()
        story.append(next(iter(world.states().values()), ""))

    on(15, failing=True)
    world.after(-back_s)
    on(15, failing=True)
    on(60, failing=False)
    on(15, failing=True)

    assert story == ["firing", "firing", "resolved", "firing"]


def test_no_data_can_be_an_alert_of_its_own_once_we_have_watched_long_enough():
    world = World(_rule(window=60, no_data="alert"))
    early = world.after(59).states()
    silent = world.after(1).states()
    _succeed(world)

    assert (early, silent, world.states()) == ({}, {"": "firing"}, {"": "resolved"})


def test_cost_without_any_price_is_no_data_and_not_zero():
    world = World(Rule("Cheap", "cost", 1, condition="lt", window=10))
    _succeed(world.after(10), cost=None)

    assert world.states() == {}


def test_a_dead_man_alert_does_not_fire_just_because_we_began():
    world = World(Rule("Silence", "calls", 1, condition="lt", window=60))

    assert [world.after(step).states() for step in (0, 59, 1)] == [{}, {}, {"": "firing"}]


def test_an_acknowledged_alert_says_by_whom_and_forgets_it_when_it_comes_back():
    world = World(_rule(window=10))
    _fail(world)
    (told,) = world.engine.evaluate()
    acknowledged = world.engine.acknowledge(told.id, "ann")
    world.after(20).states()
    _fail(world)
    (again,) = world.engine.evaluate()

    assert acknowledged is not None
    assert (acknowledged.acknowledged_by, acknowledged.acknowledged_at) == ("ann", START)
    assert (again.state, again.acknowledged_by) == ("firing", None)


def test_resolved_by_hand_it_stays_so_until_the_condition_was_over_once():
    world = World(_rule(window=10))
    _fail(world)
    (told,) = world.engine.evaluate()
    world.engine.resolve(told.id)
    states = [world.states(), world.after(20).states()]
    _fail(world)

    assert states == [{"": "resolved"}, {"": "resolved"}]
    assert world.states() == {"": "firing"}


def test_nobody_can_acknowledge_or_resolve_what_is_not_there():
    world = World(_rule())

    assert world.engine.acknowledge("0" * 16, "ann") is None
    assert world.engine.resolve("0" * 16) is None


def test_above_its_limit_a_rule_raises_no_more_and_says_so():
    world = World(_rule(group_by=("user",), limit=3))
    _fail(world)
    for user in "abcdef":
        _fail(world, user_id=user)

    assert len(world.states()) == 3
    assert world.engine.errors() == {"Errors": "more than 3 alerts at once"}


def test_a_reported_loss_is_told_by_how_much_it_grew():
    total = {"jaeger": 0.0, "tempo": 0.0}
    readings = Readings({"lost_spans": lambda: [({"exporter": k}, v) for k, v in total.items()]})
    rule = Rule("Lost", "lost_spans", 0, window=60, filters={"exporter": "!tempo"})
    world = World(rule, readings=readings)

    states = [world.states()]
    total.update(jaeger=7, tempo=9)
    states += [world.after(15).states(), world.after(59).states(), world.after(1).states()]
    total.update(jaeger=2)  # the process began anew
    states.append(world.after(15).states())

    assert states == [
        {},
        {"jaeger": "firing"},
        {"jaeger": "firing"},
        {"jaeger": "resolved"},
        {"jaeger": "firing"},
    ]
    assert world.engine.alerts()[0].value == 2


@pytest.mark.filterwarnings("default")
def test_a_reading_that_fails_stops_no_other_rule():
    def broken() -> list[Any]:
        raise RuntimeError("no")

    world = World(Rule("Lost", "lost_spans", 0), _rule(), readings=Readings({"lost_spans": broken}))
    _fail(world)

    assert world.states() == {"": "firing"}
    assert world.engine.errors() == {"Lost": "RuntimeError"}


def test_compared_with_its_baseline_a_value_is_a_factor_of_what_was_usual():
    world = World(
        Rule("Slow", "duration_p95", 2, window=3600, baseline=86_400, group_by=("model",))
    )
    for _ in range(24):
        _succeed(world.after(3600), took_s=1.0)
    usual = world.states()
    _succeed(world.after(3600), 5, took_s=3.0)

    assert (usual, world.states()) == ({}, {"gpt-4o": "firing"})
    assert world.engine.alerts()[0].value == pytest.approx(3.0, rel=0.02)


def test_a_sum_is_compared_per_length_of_time():
    world = World(Rule("Cost", "cost", 1.5, window=86_400, baseline=7 * 86_400))
    for hour in range(8 * 24):
        _succeed(world.after(3600), cost=2.0 if hour >= 7 * 24 else 1.0)
        world.engine.evaluate()

    (told,) = world.engine.alerts()
    assert (told.state, told.value) == ("firing", pytest.approx(2.0, rel=0.02))


def test_without_half_a_baseline_nothing_is_compared():
    world = World(Rule("Cost", "cost", 1.5, window=86_400, baseline=7 * 86_400))
    for hour in range(4 * 24):
        _succeed(world.after(3600), cost=9.0 if hour >= 3 * 24 else 1.0)

    assert world.states() == {}


def test_after_a_restart_everything_stands_as_it_stood():
    rules = (_rule(window=600, for_=60, group_by=("user",)), _rule(name="Old", window=10))
    world = World(*rules)
    _fail(world, user_id="ann")
    world.states()
    _fail(world.after(60), user_id="bob")
    world.states()
    saved = json.loads(json.dumps(world.engine.export()))

    later = World(*rules, now=world.clock() + 30)
    later.engine.restore(saved, saved_at=world.clock())
    for user in ("ann", "bob"):
        _fail(later, user_id=user)

    assert later.states() == {"ann": "firing", "bob": "pending", "": "firing"}
    assert later.engine.alerts()[0].fired_at == START + 60
    assert later.after(59).states()["bob"] == "pending"  # the 30 s in between do not count
    assert later.after(1).states()["bob"] == "firing"


def test_after_a_long_outage_pending_alerts_begin_anew():
    world = World(_rule(for_=60))
    _fail(world)
    world.states()

    later = World(_rule(for_=60), now=START + 3601)
    later.engine.restore(world.engine.export(), saved_at=START)

    assert later.states() == {}


def test_after_a_restart_nothing_resolves_for_lack_of_data_until_we_have_watched_long_enough():
    world = World(_rule(window=600))
    _fail(world)
    world.states()

    later = World(_rule(window=600), now=START + 10)
    later.engine.restore(world.engine.export(), saved_at=START)

    assert [later.after(s).states() for s in (0, 599, 1)] == [
        {"": "firing"},
        {"": "firing"},
        {"": "resolved"},
    ]


def test_with_its_history_a_restart_knows_at_once_that_it_is_over():
    world = World(_rule(window=600))
    _fail(world)
    world.states()

    later = World(_rule(window=600), now=START + 10)
    later.engine.restore(world.engine.export(), saved_at=START)
    later.engine.await_past()
    later.engine.remember([call(START + 5) for _ in range(9)])
    later.engine.complete(START - 600)
    later.engine.settle()

    assert later.states() == {"": "resolved"}


def test_a_changed_rule_keeps_its_alerts_where_their_labels_are_the_same():
    world = World(_rule())
    _fail(world)
    world.states()
    world.engine.put(_rule(threshold=0.9, severity="critical"))
    kept = world.engine.evaluate()
    world.engine.put(_rule(group_by=("model",)))

    assert [(a.state, a.severity, a.fired_at) for a in kept] == [("firing", "critical", START)]
    assert world.after(15).states() == {}
    assert world.engine.drop("Errors")
    assert world.engine.rules() == ()


def test_a_rule_that_comes_later_knows_nothing_of_calls_before_it_and_waits_for_its_window():
    world = World(Rule("Other", "calls", 1e9, group_by=("user",)))
    _succeed(world, 100)
    world.after(3_600).states()
    world.engine.put(Rule("Quiet", "calls", 10, condition="lt", window=600))
    world.engine.put(Rule("Silent", "cost", 10, window=600, no_data="alert"))

    assert [world.after(step).states() for step in (15, 584, 1)] == [{}, {}, {"": "firing"}]
    assert len(world.engine.alerts()) == 2


def test_a_changed_window_ends_no_alert_before_it_knows_of_a_whole_one():
    world = World(Rule("Busy", "calls", 50, window=300))
    _succeed(world, 100)
    world.states()
    world.engine.put(Rule("Busy", "calls", 50, window=600))

    assert [world.after(step).states() for step in (15, 584, 1)] == [
        {"": "firing"},
        {"": "firing"},
        {"": "resolved"},
    ]


def test_a_clock_that_was_a_day_ahead_at_the_start_keeps_no_dead_man_alert_back():
    world = World(Rule("Silence", "calls", 1, condition="lt", window=60), now=START + 86_400)
    world.states()

    assert [world.after(step).states() for step in (-86_400, 59, 1)] == [{}, {}, {"": "firing"}]


def test_a_rule_that_was_dropped_and_comes_back_has_none_of_its_old_alerts():
    world, kept = World(_rule()), {}
    _fail(world)
    for change in (world.states, lambda: world.engine.drop("Errors")):
        change()
        kept |= world.engine.export(changed_only=True)
    gone = {name: value for name, value in kept.items() if value is not None}
    world.engine.put(_rule(min_calls=2))
    kept |= world.engine.export(changed_only=True)

    assert (gone, kept) == ({}, {"Errors": []})


def test_alerts_of_a_rule_that_is_no_more_at_a_restart_are_forgotten():
    later = World(_rule(name="Another"))
    later.engine.restore({"Errors": [{"key": [], "id": "1", "active_at": START}]}, START)

    assert later.engine.export(changed_only=True)["Errors"] is None


@pytest.mark.parametrize("knows_of", [True, False])
@pytest.mark.parametrize(
    "after",
    [
        Rule("Errors", "error_rate", 0.5, group_by=("user",)),
        Rule("Errors", "error_rate", 0.5, group_by=("model", "user", "team")),
        Rule("Errors", "queue_age", 0.5),
    ],
)
def test_alerts_of_a_rule_that_groups_otherwise_after_a_restart_are_left_out(
    after: Rule, knows_of: bool
):
    world = World(_rule(group_by=("user", "model") if after.group_by else ("user",)))
    _fail(world, user_id="ann")
    world.states()
    saved = json.loads(json.dumps(world.engine.export()))
    if not knows_of:  # as releases before this one kept it
        del saved["Errors"][0]["of"]

    later = World(after)
    later.engine.restore(saved, saved_at=START)

    assert later.engine.alerts() == ()
    assert later.engine.export(changed_only=True) == {"Errors": []}


def test_the_values_of_a_rule_whose_group_was_turned_around_are_not_mistaken_for_each_other():
    world = World(_rule(group_by=("user", "model")))
    _fail(world, user_id="ann")
    world.states()

    later = World(_rule(group_by=("model", "user")))
    later.engine.restore(world.engine.export(), saved_at=START)

    assert later.engine.alerts() == ()


def test_no_alert_holds_anything_a_call_said():
    fields = set(Alert.__slots__)

    assert not fields & {"content", "messages", "prompt", "answer", "input", "output"}


def test_a_rule_without_a_runbook_of_its_own_has_the_one_of_all():
    own = {"runbook_url": "https://wiki/{{ $labels.model }}"}
    world = World(
        _rule(group_by=("model",)),
        _rule(name="Own", group_by=("model",), annotations=own),
        runbook_url="https://wiki/all#{rule}",
    )
    _fail(world)

    told = world.engine.evaluate()

    assert {a.rule: dict(a.annotations) for a in told} == {
        "Errors": {"runbook_url": "https://wiki/all#Errors"},
        "Own": {"runbook_url": "https://wiki/gpt-4o"},
    }


@pytest.mark.parametrize(("took_s", "states"), [(5.0, {}), (5.01, {"gpt-4o": "firing"})])
def test_calls_that_all_take_as_long_as_they_may_are_not_too_slow(
    took_s: float, states: dict[str, str]
):
    world = World(Rule("Slow", "duration_p95", 5, group_by=("model",), min_calls=10))

    _succeed(world, 20, took_s=took_s)

    assert world.states() == states
