"""A whole incident with the default rules: a prompt change triples the output, then calls fail,
then it heals. One page, one chat message that is kept up to date, one resolve."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.routing import Route
from tests.stats.calls import call

from .servers import Channel, PagerDuty
from .world import Clock, serving


class Team:
    """An on-call team: a pager, a channel, and the alerts behind them on a virtual clock."""

    def __init__(self, stack: ExitStack, **more: Any) -> None:
        self.pager, self.channel = PagerDuty(), Channel()
        for server in (self.pager, self.channel):
            stack.enter_context(serving(server))
        bot = {"token": "xoxb-1", "channel": "C1", "url": f"{self.channel.url}/api"}
        notifiers = {
            "pagerduty": {"routing_key": "k" * 32, "url": self.pager.url},
            "slack_bot": {**bot, "min_interval": 0.0},
        }
        self.clock = Clock()
        self.chance = random.Random(1)
        config = AlertingConfig(notifiers=notifiers, evaluation_interval=86_400.0, **more)
        self.service = AlertService(config, clock=self.clock)
        for (
            delivery
        ) in self.service._targets._deliveries.values():  # no clock but ours moves the alerts
            delivery.start()
        stack.callback(self.service.stop)

    def live(self, minutes: float, *, output: int = 800, failing: float = 0.005) -> Iterator[float]:
        """Let calls come in and evaluate every 15 seconds; wait until everything is told."""
        for _ in range(int(minutes * 4)):
            self.clock.now += 15
            self.service.observe([self._call(output, failing) for _ in range(20)])
            self.service.evaluate()
            self._settle()
            yield self.clock.now

    def _call(self, output: int, failing: float) -> Any:
        failed = self.chance.random() < failing
        tokens = (1500, round(output * self.chance.uniform(0.8, 1.2)))
        return call(self.clock.now, tokens=tokens, error_type="timeout" if failed else None)

    def _settle(self) -> None:
        limit = time.monotonic() + 60
        while any(status.waiting for status in self.service.notifiers()):
            assert time.monotonic() < limit
            time.sleep(0.001)

    def firing(self) -> set[str]:
        return {alert.rule for alert in self.service.alerts() if alert.state == "firing"}


def _all(story: Iterator[float]) -> None:
    for _ in story:
        pass


def test_one_incident_is_one_page_one_message_and_one_resolve():
    with ExitStack() as stack:
        team = Team(stack)
        _all(team.live(10))
        calm = (team.firing(), len(team.pager.received), len(team.channel.received))
        _all(team.live(20, output=3000))
        tripled = team.firing()
        _all(team.live(15, output=3000, failing=0.4))
        during = dict(team.pager.incidents)
        _all(team.live(30))

        (message,) = team.channel.messages.values()

    assert calm == (set(), 0, 0)
    assert tripled == {"TokensHigh"}
    assert list(during.values()) == ["triggered"]
    assert (team.pager.opened, list(team.pager.incidents.values())) == (1, ["resolved"])
    assert message.startswith("✅ [RESOLVED]")
    assert len(team.channel.threads) == 1


def test_a_silence_holds_through_the_whole_incident():
    with ExitStack() as stack:
        team = Team(stack)
        _all(team.live(10))
        team.service.silence({"about": "errors"}, 3600, "ann", "known, being fixed")
        _all(team.live(15, failing=0.4))
        silenced = {a.rule for a in team.service.alerts() if a.silenced and a.state == "firing"}
        _all(team.live(15))

    assert "ErrorsCritical" in silenced
    assert (team.pager.received, team.channel.received) == ([], [])


def test_acknowledging_stops_the_repeats():
    with ExitStack() as stack:
        route = Route(("pagerduty",), severities=("critical",), repeat_interval=600)
        team = Team(stack, routes=(route,))
        _all(team.live(10, failing=0.4))
        (alert,) = [a for a in team.service.alerts() if a.rule == "ErrorsCritical"]
        team.service.acknowledge(alert.id, "ann")
        before = len(team.pager.received)
        _all(team.live(60, failing=0.4))

    assert list(team.pager.incidents.values()) == ["acknowledged"]
    assert len(team.pager.received) <= before + 1
