"""A notification as Slack's blocks, within Slack's limits (those of ``slack_sdk``: header 150,
section 3000, 50 blocks), with every text made literal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .alert import Alert
from .notification import Notification, cut, describe, runbook

_HEADER = 150
_SECTION = 3000
_FALLBACK = 1000
_URL = 900
_EVENTS = {"resolved": "✅", "report": "📊"}
_ICONS = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵"}


def render(notification: Notification) -> dict[str, Any]:
    """Return the message: a header, a section per alert, a link to a trace."""
    icon = _EVENTS.get(notification.event) or _ICONS[notification.severity]
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
    urls = {"trace": alert.trace_url, "alert": alert.url, "runbook": runbook(alert)}
    links = " · ".join(f"<{url}|{name}>" for name, url in urls.items() if url and _fits(url))
    text = cut_escaped(describe(alert), _SECTION - len(links) - 1)
    return f"{text}\n{links}" if links else text


def _fits(url: str) -> bool:
    return len(url) <= _URL and not set(url) & set("<>|")


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
