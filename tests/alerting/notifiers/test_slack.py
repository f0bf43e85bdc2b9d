"""Slack's incoming webhook, by a server that enforces what Slack documents."""

from __future__ import annotations

import pytest

from otel_llm.alerting.delivery import Delivery
from otel_llm.alerting.errors import Rejected
from otel_llm.alerting.notifiers.slack import SlackConfig, SlackNotifier
from otel_llm.alerting.slack_blocks import render

from ..servers import Slack
from ..world import Target, alert, notification, serving


def test_the_message_has_a_header_a_line_per_alert_and_a_link():
    assert render(notification(alert(labels={"model": "gpt-4o"}))) == {
        "text": "🔴 [FIRING:1] ErrorsHigh",
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "🔴 [FIRING:1] ErrorsHigh"}},
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "critical: 12% of calls failed (model=gpt-4o)\n"
                    f"<http://ui/{'a' * 32}|trace>",
                    "verbatim": True,
                },
            },
        ],
    }


def test_a_resolve_looks_like_one():
    over = notification(alert(state="resolved"), event="resolved")

    assert render(over)["text"] == "✅ [RESOLVED] ErrorsHigh"


def test_no_label_can_call_the_channel_or_make_a_link():
    evil = "<!channel> <http://evil|click> &amp;"

    message = render(notification(alert(labels={"user": evil}), labels={"user": evil}))

    marked = [b["text"]["text"] for b in message["blocks"] if b["text"]["type"] == "mrkdwn"]
    assert "<!channel>" not in message["text"]
    assert "<!channel>" not in marked[0]
    assert "&lt;!channel&gt; &lt;http://evil|click&gt; &amp;amp;" in marked[0]


def test_the_largest_message_is_within_slacks_limits():
    labels = {f"l{i}": "<&>🔥" * 50 for i in range(30)}
    alerts = [
        alert(
            labels={**labels, "n": str(i)},
            trace_url="http://ui/" + "x" * 880,
            url="http://ui/" + "y" * 880,
            annotations={"description": "<" * 2000, "runbook_url": "http://wiki/" + "x" * 880},
        )
        for i in range(100)
    ]

    with serving(Slack()) as slack:
        notifier = SlackNotifier(SlackConfig(slack.url))
        notifier.send(notification(*alerts, labels=labels))
        notifier.close()

    assert len(slack.received) == 1


@pytest.mark.parametrize("text", [b"no_text", b"invalid_payload", b"channel_is_archived", b""])
def test_any_answer_but_ok_is_a_refusal(text: bytes):
    with serving(Target(answers=[(200, {}, text)])) as slack:
        notifier = SlackNotifier(SlackConfig(slack.url))
        with pytest.raises(Rejected):
            notifier.send(notification())
        notifier.close()


def test_a_burst_is_paced_so_that_slack_never_complains():
    with serving(Slack()) as slack:
        config = SlackConfig(slack.url)
        delivery = Delivery(
            "slack", SlackNotifier(config), lambda *_: None, min_interval_s=config.min_interval
        )
        delivery.start()
        for i in range(3):
            delivery.put(notification(group=f"g{i}"))
        delivery.stop(60)

    assert (delivery.delivered, len(slack.received)) == (3, 3)


def test_a_complaint_is_heeded_and_the_message_arrives():
    limited = (429, {"Retry-After": "1"}, b"rate_limited")
    with serving(Target(answers=[limited])) as slack:
        delivery = Delivery("slack", SlackNotifier(SlackConfig(slack.url)), lambda *_: None)
        delivery.start()
        delivery.put(notification())
        delivery.stop(60)

    assert (delivery.delivered, len(slack.received)) == (1, 2)
