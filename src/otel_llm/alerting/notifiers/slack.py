"""Alerts to a Slack channel through an incoming webhook.

Slack takes one message a second per webhook and answers 200 with the text ``ok``; anything else is
a refusal. A webhook cannot change a message afterwards: ``slack_bot`` can.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from otel_llm.config.units import Duration

from ..errors import Rejected
from ..notification import Notification
from ..post import Poster, check_url
from ..slack_blocks import render


@dataclass(frozen=True, slots=True)
class SlackConfig:
    """An incoming webhook of a Slack app."""

    url: str = field(repr=False)
    """``https://hooks.slack.com/services/…``; it is a secret and is never logged."""
    timeout: Duration = 10.0
    """How long one attempt may take."""
    min_interval: Duration = 1.0
    """The least time between two messages; Slack allows one a second."""

    def __post_init__(self) -> None:
        check_url(self.url)


class SlackNotifier:
    """Posts every notification to one incoming webhook."""

    def __init__(self, config: SlackConfig) -> None:
        self._poster = Poster(config.url, timeout_s=config.timeout)

    def send(self, notification: Notification) -> None:
        """Deliver once. Any answer but ``ok`` is a refusal: ``no_text``, ``invalid_payload`` …"""
        body = json.dumps(render(notification), ensure_ascii=False).encode()
        if self._poster.post(body).strip() != b"ok":
            raise Rejected("answered 200 without ok")

    def close(self) -> None:
        """Release the connection."""
        self._poster.close()
