"""Alerts to a Slack channel through an incoming webhook.

Slack takes one message a second per webhook, answers 200 with the text ``ok``, and limits what a
block may hold; the limits are those of ``slack_sdk`` (header 150, section 3000, 50 blocks).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.units import Duration

from ..alert import Alert
from ..errors import Rejected
from ..notification import Notification, cut, describe
from ..post import Poster, check_url

_HEADER = 150
_SECTION = 3000
_FALLBACK = 1000
_URL = 3000
_ICONS = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵"}


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


def render(notification: Notification) -> dict[str, Any]:
    """Return the message: a header, a section per alert, a link to a trace."""
    over = notification.event == "resolved"
    icon = "✅" if over else _ICONS[notification.severity]
    return {
        "text": escape(cut(f"{icon} {notification.title}", _FALLBACK)),
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": list(_blocks(notification, icon)),
    }


def _blocks(notification: Notification, icon: str) -> Iterator[dict[str, Any]]:
    title = cut(f"{icon} {notification.title}", _HEADER)
    yield {"type": "header", "text": {"type": "plain_text", "text": title}}
    for alert in notification.listed():
        yield _section(_line(alert))
    if notification.unlisted:
        yield _section(f"… and {notification.unlisted} more")


def _line(alert: Alert) -> str:
    text = cut_escaped(describe(alert), _SECTION - _URL // 2)
    url = alert.trace_url
    fits = url is not None and len(url) < _URL // 2 and not set(url) & set("<>|")
    return f"{text}\n<{url}|trace>" if fits else text


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def escape(text: str) -> str:
    """Make ``text`` literal: no link, no mention, no ``<!channel>``."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut_escaped(text: str, most: int) -> str:
    """Escape ``text`` and keep it within ``most``, never cutting an entity in two."""
    whole = escape(text)
    keep = len(text)
    while len(whole) > most:
        keep -= max(1, (len(whole) - most) // 5)
        whole = escape(text[:keep]) + "…"
    return whole


class SlackNotifier:
    """Posts every notification to one incoming webhook."""

    def __init__(self, config: SlackConfig) -> None:
        self._poster = Poster(config.url, timeout_s=config.timeout)

    def send(self, notification: Notification) -> None:
        """Deliver once. Any answer but ``ok`` is a refusal: ``no_text``, ``invalid_payload`` …"""
        body = json.dumps(render(notification), ensure_ascii=False).encode()
        if self._poster.post(body).text.strip() != "ok":
            raise Rejected("answered 200 without ok")

    def close(self) -> None:
        """Release the connection."""
        self._poster.close()
