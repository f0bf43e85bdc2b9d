"""Five thousand alerts at once: everybody hears of it within what their targets take."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import Any

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.routing import Route
from otel_llm.alerting.rule import Rule
from tests.stats.calls import call

from .servers import Channel, PagerDuty, Slack
from .world import Clock, serving

USERS = 5_000
RULE = Rule(
    "Errors", "error_rate", 0.5, window=60, group_by=("user",), severity="critical", limit=USERS
)


class Storm:
    """Everybody who can be told, and calls that fail for every user."""

    def __init__(self, stack: ExitStack, **more: Any) -> None:
        self.pager, self.slack, self.channel = PagerDuty(), Slack(), Channel()
        for server in (self.pager, self.slack, self.channel):
            stack.enter_context(serving(server))
        self.clock = Clock()
        bot = {"token": "xoxb-1", "channel": "C1", "url": f"{self.channel.url}/api"}
        config = AlertingConfig(
            default_rules=False,
            rules=(RULE,),
            notifiers={
                "pagerduty": {"routing_key": "k" * 32, "url": self.pager.url},
                "slack": {"url": self.slack.url},
                "slack_bot": bot,
            },
            evaluation_interval=86_400.0,
            **more,
        )
        self.service = AlertService(config, clock=self.clock)
        for (
            delivery
        ) in self.service._targets._deliveries.values():  # no clock but ours moves the alerts
            delivery.start()
        stack.callback(self.service.stop)

    def breaks(self) -> None:
        now = self.clock()
        self.service.observe(
            [call(now, error_type="timeout", user_id=f"u{n}") for n in range(USERS)]
        )

    def lasts(self, seconds: float) -> None:
        """Let time pass, evaluate, and wait until everybody has been told."""
        self.clock.now += seconds
        self.service.evaluate()
        limit = time.monotonic() + 60
        while any(status.waiting for status in self.service.notifiers()):
            assert time.monotonic() < limit
            time.sleep(0.005)

    def complaints(self) -> int:
        return self.pager.complaints + self.slack.complaints


def test_by_default_it_is_one_page_and_one_message_that_ends():
    with ExitStack() as stack:
        storm = Storm(stack)
        storm.breaks()
        for _ in range(4):
            storm.lasts(15)
        firing = len(storm.service.alerts())
        storm.lasts(300)
        failed = [status.failed for status in storm.service.notifiers()]

    assert (firing, failed, storm.complaints()) == (USERS, [0, 0, 0], 0)
    assert (storm.pager.opened, list(storm.pager.incidents.values())) == (1, ["resolved"])
    assert len(storm.pager.received) == 2
    first, last = (json.loads(request.body) for request in storm.slack.received)
    assert first["text"] == f"🔴 [FIRING:{USERS}] Errors"
    assert first["blocks"][-1]["text"]["text"] == f"… and {USERS - 10} more"
    assert last["text"] == "✅ [RESOLVED] Errors"
    assert list(storm.channel.messages.values()) == ["✅ [RESOLVED] Errors"]


def test_grouped_by_user_it_is_a_few_messages_and_one_for_the_rest():
    route = Route(
        ("pagerduty", "slack"), group_by=("user",), group_wait=0, group_interval=60, max_groups=3
    )
    with ExitStack() as stack:
        storm = Storm(stack, routes=(route,))
        storm.breaks()
        storm.lasts(15)
        pages = dict(storm.pager.incidents)
        told = sorted(json.loads(r.body)["text"] for r in storm.slack.received)
        storm.lasts(300)

    assert storm.complaints() == 0
    assert list(pages.values()) == ["triggered"] * 4
    assert told == [
        *(f"🔴 [FIRING:1] Errors user=u{n}" for n in range(3)),
        f"🔴 [FIRING:{USERS - 3}] Errors group=others",
    ]
    assert set(storm.pager.incidents.values()) == {"resolved"}
    assert (storm.pager.opened, len(storm.pager.received)) == (4, 8)
