"""What is news, for whom and when: grouping, repeats, silences, inhibition, restarts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from otel_llm.alerting.alert import Alert
from otel_llm.alerting.dispatch import RESEND_S, Dispatcher, Target
from otel_llm.alerting.notification import Notification
from otel_llm.alerting.routing import Inhibition, MuteTime, Route, Silence

from .world import START, alert

ROUTE = Route(("chat",), group_by=("alertname",), group_wait=30, group_interval=300)


class Desk:
    """A dispatcher on a virtual clock whose targets answer at once, unless they are away."""

    def __init__(self, *routes: Route, targets: Any = None, **more: Any) -> None:
        self.now = START
        self.sent: list[tuple[float, str, Notification]] = []
        self.away = False
        self.lost: list[Notification] = []
        self.routes = routes or (ROUTE,)
        self.targets = targets or {"chat": Target()}
        self.dispatcher = Dispatcher(self.routes, self.targets, self._put, **more)

    def _put(self, name: str, notification: Notification) -> None:
        if self.away:
            self.lost.append(notification)
        else:
            self.sent.append((self.now - START, name, notification))
            self.dispatcher.settled(notification, True)

    def at(self, seconds: float, *alerts: Alert) -> Desk:
        self.now = START + seconds
        self.dispatcher.process(alerts, self.now)
        return self

    def story(self) -> list[tuple[float, str, str, list[str]]]:
        """What was told: when, whom, the event, and the alerts by ``model``."""
        return [
            (at, name, n.event, [a.labels.get("model", "") for a in n.alerts])
            for at, name, n in self.sent
        ]

    def restarted(self) -> Desk:
        saved = json.loads(json.dumps(self.dispatcher.export()))
        later = Desk(*self.routes, targets=self.targets)
        later.now = self.now
        later.dispatcher.restore({key: v for key, v in saved.items() if v is not None})
        return later


def _on(model: str = "a", **more: Any) -> Alert:
    return alert(labels={"model": model, **more.pop("labels", {})}, **more)


def _off(model: str = "a", **more: Any) -> Alert:
    return _on(model, state="resolved", **more)


def test_a_group_waits_for_company_and_then_speaks_once():
    desk = Desk().at(0, _on("a")).at(15, _on("a"), _on("b")).at(30, _on("a"), _on("b"))

    assert desk.at(45, _on("a"), _on("b")).story() == [(30, "chat", "firing", ["a", "b"])]


def test_what_is_over_before_the_wait_is_never_told():
    assert Desk().at(0, _on()).at(15, _off()).at(30, _off()).at(330, _off()).story() == []


def test_news_about_a_group_waits_for_its_interval():
    desk = Desk().at(0, _on("a")).at(30, _on("a"))

    for at in range(45, 400, 15):
        desk.at(at, _on("a"), _on("b"))

    assert desk.story()[1:] == [(330, "chat", "firing", ["a", "b"])]


def test_what_is_graver_than_what_was_told_does_not_wait():
    mild = alert("Mild", severity="warning", labels={"model": "a", "about": "errors"})
    grave = alert("Grave", severity="critical", labels={"model": "b", "about": "errors"})
    desk = Desk(Route(("chat",), group_wait=30)).at(0, mild).at(30, mild)

    desk.at(45, mild, grave).at(60, mild, grave)

    assert desk.story() == [(30, "chat", "firing", ["a"]), (45, "chat", "firing", ["b", "a"])]
    assert len({message.group for _, _, message in desk.sent}) == 1


def test_an_end_is_told_and_the_end_of_all_is_a_resolve():
    desk = Desk().at(0, _on("a"), _on("b")).at(30, _on("a"), _on("b"))
    desk.at(330, _on("a"), _off("b")).at(630, _off("a"), _off("b")).at(930, _off("a"))

    assert desk.story()[1:] == [
        (330, "chat", "firing", ["a", "b"]),
        (630, "chat", "resolved", ["a"]),
    ]


def test_without_send_resolved_only_the_end_of_all_is_told():
    route = Route(("chat",), send_resolved=False)
    desk = Desk(route).at(0, _on("a"), _on("b")).at(30, _on("a"), _on("b"))
    desk.at(330, _on("a"), _off("b")).at(630, _off("a"), _off("b"))

    assert [event for _, _, event, _ in desk.story()] == ["firing", "resolved"]


def test_it_is_said_again_only_after_the_repeat_interval():
    desk = Desk(Route(("chat",), group_wait=0, group_interval=300, repeat_interval=3600))

    for at in range(0, 7300, 60):
        desk.at(at, _on())

    assert [at for at, *_ in desk.story()] == [0, 3600, 7200]


def test_what_somebody_has_acknowledged_is_not_repeated_and_the_pager_hears_of_it():
    targets = {"pager": Target(acknowledges=True), "chat": Target()}
    route = Route(("pager", "chat"), group_wait=0, repeat_interval=600)
    desk = Desk(route, targets=targets).at(0, _on())
    acknowledged = _on(acknowledged_at=START + 60, acknowledged_by="ann")

    for at in range(60, 2000, 60):
        desk.at(at, acknowledged)
    desk.at(2000, acknowledged, _on("b"))
    desk.at(2300, acknowledged, _on("b"))

    assert desk.story() == [
        (0, "pager", "firing", ["a"]),
        (0, "chat", "firing", ["a"]),
        (60, "pager", "acknowledged", ["a"]),
        (2300, "pager", "firing", ["a", "b"]),
        (2300, "chat", "firing", ["a", "b"]),
    ]


def test_alerts_go_by_severity_and_labels_to_the_first_route_and_on_when_told_to():
    routes = (
        Route(("log",), group_wait=0, continue_=True),
        Route(("pager",), severities=("critical",), group_wait=0),
        Route(("search",), match={"team": "search"}, group_wait=0),
        Route(("chat",), group_wait=0),
    )
    desk = Desk(*routes, targets={n: Target() for n in ("log", "pager", "search", "chat")})
    desk.at(
        0,
        _on("a"),
        alert("Slow", severity="warning", labels={"model": "b", "team": "search"}),
        alert("Dear", severity="warning", labels={"model": "c"}),
    )

    told = {(name, model) for _, name, _, models in desk.story() for model in models}
    assert told == {
        ("log", "a"),
        ("log", "b"),
        ("log", "c"),
        ("pager", "a"),
        ("search", "b"),
        ("chat", "c"),
    }


def test_five_thousand_alerts_are_one_message():
    desk = Desk(Route(("chat",), group_wait=0))

    desk.at(0, *(_on(f"m{i}") for i in range(5000)))

    ((_, _, notification),) = desk.sent
    assert len(notification.alerts) == 5000
    assert len(notification.text()) < 3000
    assert "… and 4990 more" in notification.text()


def test_every_alert_can_have_a_message_of_its_own():
    desk = Desk(Route(("chat",), group_by=("...",), group_wait=0)).at(0, _on("a"), _on("b"))

    assert [models for *_, models in desk.story()] == [["a"], ["b"]]


def test_in_a_storm_of_groups_the_rest_is_one_message_from_beginning_to_end():
    route = Route(("chat",), group_by=("...",), group_wait=0, group_interval=0, max_groups=3)
    models = [f"m{n:02}" for n in range(20)]
    desk = Desk(route).at(0, *map(_on, models))
    told = desk.story()
    desk = desk.restarted().at(15, *map(_on, models))
    quiet = desk.story()
    desk.at(30, *map(_off, models[:1]), *map(_on, models[1:])).at(45, *map(_on, models[1:]))
    one_ended = [(event, found) for _, _, event, found in desk.story()]
    desk.at(60, *map(_off, models[1:])).at(75)

    assert [sorted(found) for *_, found in told] == [*([m] for m in models[:3]), models[3:]]
    assert quiet == []
    assert one_ended == [("resolved", models[:1])]
    ends = sorted((event, sorted(found)) for _, _, event, found in desk.story()[1:])
    assert ends == [*(("resolved", [m]) for m in models[1:3]), ("resolved", models[3:])]
    assert set(desk.dispatcher.export().values()) == {None}


def test_a_graver_alert_holds_milder_ones_back_until_it_is_over():
    rule = Inhibition({"severity": "critical"}, {"severity": "warning"}, ("model",))
    desk = Desk(Route(("chat",), group_wait=0), inhibitions=[rule])
    mild = {m: alert("Mild", severity="warning", labels={"model": m}) for m in ("a", "b")}

    desk.at(0, _on("a"), mild["a"], mild["b"])
    assert desk.dispatcher.inhibited(mild["a"])
    desk.at(300, _off("a"), mild["a"], mild["b"])

    assert [(at, event, sorted(models)) for at, _, event, models in desk.story()] == [
        (0, "firing", ["a"]),
        (0, "firing", ["b"]),
        (300, "resolved", ["a"]),
        (300, "firing", ["a", "b"]),
    ]


def test_an_alert_that_matches_both_sides_does_not_hold_itself_back():
    rule = Inhibition({"severity": "critical"}, {"alertname": "ErrorsHigh"}, ())
    desk = Desk(Route(("chat",), group_wait=0), inhibitions=[rule])

    assert desk.at(0, _on("a"), _on("b")).story() == [(0, "chat", "firing", ["a", "b"])]


def _silence(start: float, end: float, **match: str) -> Silence:
    return Silence("s1", match, START + start, START + end, "ann")


def test_a_silence_holds_for_what_it_names_and_what_still_fires_is_told_afterwards():
    desk = Desk(Route(("chat",), group_wait=0))
    desk.dispatcher.silence(_silence(0, 500, model="a|b"))

    for at in range(0, 1000, 100):
        desk.at(at, _on("a"), _on("c"))

    assert desk.story() == [
        (0, "chat", "firing", ["c"]),
        (600, "chat", "firing", ["a", "c"]),
    ]


def test_the_end_of_what_was_told_is_told_even_in_a_silence():
    desk = Desk(Route(("chat",), group_wait=0)).at(0, _on())
    desk.dispatcher.silence(_silence(10, 5000, model="a"))
    desk.at(300, _on()).at(600, _off())

    assert desk.story()[1:] == [(600, "chat", "resolved", ["a"])]


def test_what_was_told_and_then_silenced_is_remembered_while_others_come_and_go():
    desk = Desk(Route(("chat",), group_wait=0)).at(0, _on("a"))
    desk.dispatcher.silence(_silence(10, 5000, model="a"))
    desk.at(300, _on("a"), _on("b")).at(600, _off("a"), _on("b"))

    assert [(at, sorted(models)) for at, _, _, models in desk.story()[1:]] == [
        (300, ["b"]),
        (600, ["a", "b"]),
    ]


def test_a_silence_ends_by_hand_and_is_forgotten_after_its_time():
    desk = Desk(Route(("chat",), group_wait=0))
    desk.dispatcher.silence(_silence(0, 5000, model="a"))
    desk.at(0, _on())
    assert [s.id for s in desk.dispatcher.silences(desk.now)] == ["s1"]
    assert desk.dispatcher.unsilence("s1")
    desk.at(300, _on())

    assert desk.story() == [(300, "chat", "firing", ["a"])]
    assert not desk.dispatcher.unsilence("s1")


@pytest.mark.parametrize("match", [{}, {"model": "*"}, {"model": ""}, {"model": "!x"}])
def test_a_silence_must_not_cover_everything_by_mistake(match: dict[str, str]):
    with pytest.raises(ValueError, match="must name the alerts"):
        _silence(0, 1, **match)


def test_in_a_mute_time_nothing_is_sent_and_afterwards_what_still_holds_is():
    night = MuteTime(start="22:00", end="06:00", time_zone="Europe/Berlin")
    route = Route(("chat",), group_wait=0, mute=("night",))
    desk = Desk(route, mute_times={"night": night})  # START is 01:00 in Berlin

    for hour in range(7):
        desk.at(hour * 3600, _on())

    assert desk.story() == [(5 * 3600, "chat", "firing", ["a"])]


@pytest.mark.parametrize(
    ("days", "start", "end", "hour", "holds"),
    [
        (("thursday",), "00:00", "24:00", 0, True),
        (("friday",), "00:00", "24:00", 0, False),
        (("wednesday",), "22:00", "06:00", 5.9, True),
        (("wednesday",), "22:00", "06:00", 6, False),
        (("thursday",), "22:00", "06:00", 5, False),
        (("thursday",), "22:00", "06:00", 22, True),
        (("thursday",), "09:00", "17:30", 17.5, False),
    ],
)
def test_mute_times_are_times_of_the_week(
    days: Any, start: str, end: str, hour: float, holds: bool
):
    """START is a Thursday's midnight."""
    assert MuteTime(days, start, end).holds(START + hour * 3600) is holds


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 1), ("2026-03-29", 0), ("2026-10-25", 2)]
)
def test_on_days_when_clocks_change_a_mute_time_is_what_the_clock_on_the_wall_says(
    day: str, hours: int
):
    mute = MuteTime(start="02:00", end="03:00", time_zone="Europe/Berlin")
    midnight = datetime.fromisoformat(f"{day}T00:00Z").timestamp() - 3 * 3600

    held = sum(mute.holds(midnight + n * 600) for n in range(8 * 6))

    assert held == hours * 6


def test_targets_that_group_for_themselves_get_everything_at_changes_and_every_minute():
    desk = Desk(Route(("am",)), targets={"am": Target(streams=True)})

    for at in range(0, 121, 15):
        desk.at(at, *([_on("a"), _on("b")] if at < 100 else [_on("a"), _off("b")]))

    assert [at for at, *_ in desk.story()] == [0, RESEND_S, 105]
    assert desk.story()[2][3] == ["a", "b"]


def test_a_restart_tells_nothing_twice():
    desk = Desk().at(0, _on()).at(30, _on())
    later = desk.restarted()

    assert later.at(45, _on()).at(330, _on()).story() == []
    assert later.at(360, _off()).at(630, _off()).story() == [(630, "chat", "resolved", ["a"])]


def test_what_was_on_its_way_at_a_kill_is_told_again_under_the_same_id():
    desk = Desk()
    desk.away = True
    desk.at(0, _on()).at(30, _on())
    later = desk.restarted().at(45, _on())

    assert later.story() == [(45, "chat", "firing", ["a"])]
    assert later.sent[0][2].id == desk.lost[0].id


def test_a_resolve_is_not_lost_when_the_alert_has_vanished_during_the_restart():
    desk = Desk().at(0, _on()).at(30, _on())
    later = desk.restarted().at(4000)

    assert later.story() == [(4000, "chat", "resolved", ["a"])]


def test_a_resolve_that_did_not_arrive_is_told_again():
    desk = Desk(Route(("chat",), group_wait=0)).at(0, _on())
    desk.away = True
    desk.at(300, _off())
    desk.dispatcher.settled(desk.lost[-1], False)
    desk.away = False

    assert desk.at(600).at(900).story()[1:] == [(600, "chat", "resolved", ["a"])]


def test_a_refused_message_is_tried_again_at_the_next_interval_as_things_are_then():
    desk = Desk(Route(("chat",), group_wait=0))
    desk.away = True
    desk.at(0, _on())
    desk.dispatcher.settled(desk.lost[-1], False)
    desk.away = False

    assert desk.at(300, _on("a"), _on("b")).story() == [(300, "chat", "firing", ["a", "b"])]


def test_the_groups_key_is_the_same_from_trigger_to_resolve_and_after_a_restart():
    desk = Desk(Route(("chat",), group_wait=0)).at(0, _on())
    later = desk.restarted().at(300, _off())

    assert later.sent[0][2].group == desk.sent[0][2].group


def test_an_alert_that_comes_back_while_its_end_is_still_shown_is_told_as_new():
    desk = Desk(Route(("chat",), group_wait=0)).at(0, _on()).at(300, _off()).at(600, _off())

    desk.at(700, _on(at=START + 700))

    assert desk.story()[2:] == [(700, "chat", "firing", ["a"])]


def test_nothing_is_kept_of_a_group_that_is_over():
    desk = Desk(Route(("chat",), group_wait=0)).at(0, _on()).at(300, _off()).at(301, _off())

    assert list(desk.dispatcher.export().values()) == [None]


def test_after_a_clock_was_set_back_what_is_over_is_told_within_an_interval():
    desk = Desk().at(100_000, _on()).at(100_030, _on())
    desk.at(60, _on()).at(90, _off()).at(60 + 300, _off())

    assert [event for _, _, event, _ in desk.story()] == ["firing", "resolved"]
