"""Slack's Web API, by a server that keeps the channel's messages."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from otel_llm.alerting.errors import Rejected, TryLater
from otel_llm.alerting.notifiers.slack_bot import SlackBotConfig, SlackBotNotifier

from ..world import Received, Target, alert, notification, serving


class Channel(Target):
    """Posts and updates messages for whoever has the token."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, str] = {}
        self.threads: list[tuple[str, str]] = []

    def answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        given = json.loads(request.body)
        return 200, {}, json.dumps(self.act(request, given)).encode()

    def act(self, request: Received, given: dict[str, Any]) -> dict[str, Any]:
        if request.headers["Authorization"] != "Bearer xoxb-1":
            return {"ok": False, "error": "invalid_auth"}
        if given["channel"] not in ("C1", "general"):
            return {"ok": False, "error": "channel_not_found"}
        if "thread_ts" in given:
            self.threads.append((given["thread_ts"], given["text"]))
            return {"ok": True, "channel": "C1", "ts": "9.9"}
        at = given.get("ts") or f"{len(self.messages)}.0"
        if request.path == "/api/chat.update" and at not in self.messages:
            return {"ok": False, "error": "message_not_found"}
        self.messages[at] = given["text"]
        return {"ok": True, "channel": "C1", "ts": at}


def _bot(server: Channel, /, **more: str) -> closing[SlackBotNotifier]:
    config = SlackBotConfig(
        **{"token": "xoxb-1", "channel": "general", "url": f"{server.url}/api", **more}
    )
    return closing(SlackBotNotifier(config))


def test_an_incident_is_one_message_that_is_kept_up_to_date():
    with serving(Channel()) as channel, _bot(channel) as bot:
        for event, state in (("firing", "firing"), ("acknowledged", "firing")):
            bot.send(notification(alert(state=state), event=event))
        during = dict(channel.messages)
        bot.send(notification(alert(state="resolved"), event="resolved"))
        after = dict(channel.messages)
        bot.send(notification())

    assert during == {"0.0": "🔴 [ACKNOWLEDGED] ErrorsHigh"}
    assert after == {"0.0": "✅ [RESOLVED] ErrorsHigh"}
    assert channel.messages == {**after, "1.0": "🔴 [FIRING:1] ErrorsHigh"}
    assert channel.threads == [("0.0", "✅ [RESOLVED] ErrorsHigh")]
    assert [request.path for request in channel.received] == [
        "/api/chat.postMessage",
        "/api/chat.update",
        "/api/chat.update",
        "/api/chat.postMessage",
        "/api/chat.postMessage",
    ]


def test_groups_have_messages_of_their_own():
    with serving(Channel()) as channel, _bot(channel) as bot:
        for group in ("a", "b", "a"):
            bot.send(notification(group=group))

    assert len(channel.messages) == 2


def test_a_message_that_somebody_deleted_is_posted_again():
    with serving(Channel()) as channel, _bot(channel) as bot:
        bot.send(notification())
        channel.messages.clear()
        bot.send(notification())

    assert channel.messages == {"0.0": "🔴 [FIRING:1] ErrorsHigh"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"token": "xoxb-2"}, "invalid_auth"), ({"channel": "nowhere"}, "channel_not_found")],
)
def test_what_slack_refuses_is_refused_for_good(more: dict[str, str], reason: str):
    with (
        serving(Channel()) as channel,
        _bot(channel, **more) as bot,
        pytest.raises(Rejected, match=f"^{reason}$"),
    ):
        bot.send(notification())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b'{"ok":false,"error":"ratelimited"}', "ratelimited"), (b"<html>", "answered without JSON")],
)
def test_what_may_pass_is_tried_again(answer: bytes, reason: str):
    with serving(Target(answers=[(200, {}, answer)])) as target:
        config = SlackBotConfig("xoxb-1", "C1", target.url)
        with closing(SlackBotNotifier(config)) as bot, pytest.raises(TryLater, match=reason):
            bot.send(notification())
