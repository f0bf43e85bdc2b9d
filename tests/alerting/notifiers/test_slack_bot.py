"""Slack's Web API, by a server that keeps the channel's messages."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from otel_llm.alerting.errors import Rejected, TryLater
from otel_llm.alerting.notifiers.slack_bot import SlackBotConfig, SlackBotNotifier

from ..servers import Channel
from ..world import Target, alert, notification, serving


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


def test_after_a_restart_the_message_is_still_known():
    with serving(Channel()) as channel:
        with _bot(channel) as before:
            before.send(notification(group="told"))
            before.send(notification(group="over"))
            before.send(notification(alert(state="resolved"), event="resolved", group="over"))
            kept = json.loads(json.dumps(before.export()))
            again = before.export()
        with _bot(channel) as after:
            after.restore({group: value for group, value in kept.items() if value})
            after.send(notification(alert(state="resolved"), event="resolved", group="told"))

    assert (kept, again) == ({"told": ["C1", "0.0"], "over": None}, {})
    assert channel.messages["0.0"] == "✅ [RESOLVED] ErrorsHigh"
    assert [ts for ts, _ in channel.threads] == ["1.0", "0.0"]
