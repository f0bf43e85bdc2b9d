"""The adaptive card for Microsoft Teams."""

from __future__ import annotations

import json

from otel_llm.alerting.notifiers.teams import render

from ..world import alert, notification


def test_the_card_has_a_title_a_line_per_alert_and_a_button():
    message = render(notification(alert(labels={"user": "[click](http://evil) *now*"})))

    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"] == {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {
                "type": "TextBlock",
                "text": "\\[FIRING:1\\] ErrorsHigh",
                "wrap": True,
                "size": "large",
                "weight": "bolder",
                "color": "attention",
            },
            {
                "type": "TextBlock",
                "text": "critical: 12% of calls failed "
                "\\(user=\\[click\\]\\(http://evil\\) \\*now\\*\\)",
                "wrap": True,
            },
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Trace", "url": f"http://ui/{'a' * 32}"}],
    }


def test_the_largest_card_is_within_teams_limit():
    labels = {f"l{i}": "🔥[]" * 60 for i in range(30)}

    message = render(notification(*[alert(labels=labels)] * 99, labels=labels))

    assert len(json.dumps(message, ensure_ascii=False)) < 28_000
