"""Alerts as PagerDuty incidents through the Events API v2.

One incident per group of alerts: the group's key is the ``dedup_key``, so that every later event
updates, acknowledges or resolves that incident and never opens a second. 202 is a success; 400 is
never sent again; 429, 5xx and network errors are. Source: ``events-v2/openapiv3.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.units import Duration

from ..notification import Event, Notification, cut, rfc3339, summary
from ..post import Poster, check_url

_SUMMARY = 1024
_EVENT_BYTES = 512_000
_ACTIONS: Mapping[Event, str] = {
    "firing": "trigger",
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}


@dataclass(frozen=True, slots=True)
class PagerDutyConfig:
    """A service's integration of the type Events API v2."""

    routing_key: str = field(repr=False)
    """The integration key, 32 characters."""
    url: str = "https://events.pagerduty.com/v2/enqueue"
    """The endpoint; the EU's is ``https://events.eu.pagerduty.com/v2/enqueue``."""
    timeout: Duration = 10.0
    """How long one attempt may take."""
    min_interval: Duration = 0.5
    """The least time between two events; PagerDuty takes 120 a minute per integration."""

    def __post_init__(self) -> None:
        check_url(self.url)
        if len(self.routing_key) != 32:
            raise ValueError("routing_key must have 32 characters")


def render(notification: Notification) -> dict[str, Any]:
    """Return the event without its ``routing_key``."""
    event: dict[str, Any] = {
        "event_action": _ACTIONS[notification.event],
        "dedup_key": notification.group,
    }
    if notification.event != "firing":
        return event
    url = notification.url
    links = [{"href": url, "text": "trace"}] if url else []
    return {**event, "client": "otel-llm", "payload": _payload(notification), "links": links}


def _payload(notification: Notification) -> dict[str, Any]:
    first = notification.alerts[0]
    text = f"{notification.title}: {summary(first)}"
    return {
        "summary": cut(text, _SUMMARY),
        "source": first.labels.get("service") or "otel-llm",
        "severity": notification.severity,
        "timestamp": rfc3339(first.fired_at or first.active_at),
        "group": notification.labels.get("alertname", first.rule),
        "class": first.signal,
        "custom_details": {
            "firing": len(notification.firing),
            "resolved": len(notification.resolved),
            "alerts": notification.text().splitlines()[1:],
        },
    }


def encode(event: dict[str, Any]) -> bytes:
    """Return the body; details that would make it too large are replaced by a note."""
    body = json.dumps(event, ensure_ascii=False).encode()
    if len(body) <= _EVENT_BYTES:
        return body
    note = {"error": "details were too large and left out"}
    payload = {**event["payload"], "custom_details": note}
    return json.dumps({**event, "payload": payload}, ensure_ascii=False).encode()


class PagerDutyNotifier:
    """Sends an event for every notification: trigger, acknowledge, resolve."""

    def __init__(self, config: PagerDutyConfig) -> None:
        self._routing_key = config.routing_key
        self._poster = Poster(config.url, timeout_s=config.timeout)

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` or ``Rejected``."""
        self._poster.post(encode({"routing_key": self._routing_key, **render(notification)}))

    def close(self) -> None:
        """Release the connection."""
        self._poster.close()
