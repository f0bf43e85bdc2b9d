"""Alerts to a Microsoft Teams channel through a Workflows webhook, as an adaptive card.

The workflow "Post to a channel when a webhook request is received" answers 202. A message may hold
28 KB; the card stays far below.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.units import Duration

from ..alert import Severity
from ..notification import Notification, cut, describe
from ..post import Poster, check_url

_LINE = 1000
_TITLE = 300
_COLOURS: dict[Severity, str] = {
    "critical": "attention",
    "error": "attention",
    "warning": "warning",
    "info": "accent",
}
_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\*_[]()#~`>"})
"""Text of a card is Markdown: what labels hold is to be read, not followed."""


@dataclass(frozen=True, slots=True)
class TeamsConfig:
    """A Workflows webhook of a Teams channel."""

    url: str = field(repr=False)
    """``https://….logic.azure.com/workflows/…``; it is a secret and is never logged."""
    timeout: Duration = 10.0
    """How long one attempt may take."""
    min_interval: Duration = 1.0
    """The least time between two messages."""

    def __post_init__(self) -> None:
        check_url(self.url)


def render(notification: Notification) -> dict[str, Any]:
    """Return the message: an adaptive card with a title, a line per alert and a button."""
    over = notification.event == "resolved"
    colour = "good" if over else _COLOURS[notification.severity]
    lines = [describe(alert) for alert in notification.listed()]
    if notification.unlisted:
        lines.append(f"… and {notification.unlisted} more")
    title = {"size": "large", "weight": "bolder", "color": colour}
    card: dict[str, Any] = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_text(cut(notification.title, _TITLE)) | title]
        + [_text(cut(line, _LINE)) for line in lines],
    }
    opened = [
        {"type": "Action.OpenUrl", "title": name.capitalize(), "url": url}
        for name, url in notification.links.items()
    ]
    if opened:
        card["actions"] = opened
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _text(text: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text.translate(_MARKDOWN), "wrap": True}


class TeamsNotifier:
    """Posts every notification to one webhook. Any 2xx answer is a success."""

    def __init__(self, config: TeamsConfig) -> None:
        self._poster = Poster(config.url, timeout_s=config.timeout)

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` or ``Rejected``."""
        self._poster.post(json.dumps(render(notification), ensure_ascii=False).encode())

    def close(self) -> None:
        """Release the connection."""
        self._poster.close()
