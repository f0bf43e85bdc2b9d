"""Alerts as PagerDuty incidents through the Events API v2.

One incident per group of alerts: the group's key is the ``dedup_key``, so that every later event
updates, acknowledges or resolves that incident and never opens a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..notification import Event, Notification, cut, rfc3339, summary
from ..pagerduty_events import SUMMARY, Integration, IntegrationConfig, encoded

_EVENT_BYTES = 511_000
"""Of the 512,000 that an event may have: the key comes on top."""
_ACTIONS: Mapping[Event, str] = {
    "firing": "trigger",
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}


@dataclass(frozen=True, slots=True)
class PagerDutyConfig(IntegrationConfig):
    """A service's integration of the type Events API v2, for incidents."""

    url: str = "https://events.pagerduty.com/v2/enqueue"
    """The endpoint; the EU's is ``https://events.eu.pagerduty.com/v2/enqueue``."""


def render(notification: Notification) -> dict[str, Any]:
    """Return the event without its ``routing_key``."""
    event: dict[str, Any] = {
        "event_action": _ACTIONS[notification.event],
        "dedup_key": notification.group,
    }
    if notification.event != "firing":
        return event
    links = [{"href": url, "text": name} for name, url in notification.links.items()]
    return {**event, "client": "otel-llm", "payload": _payload(notification), "links": links}


def _payload(notification: Notification) -> dict[str, Any]:
    first = notification.alerts[0]
    text = f"{notification.title}: {summary(first)}"
    return {
        "summary": cut(text, SUMMARY),
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


def fitted(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event; details that would make it too large are replaced by a note."""
    if len(encoded(event)) <= _EVENT_BYTES:
        return event
    note = {"error": "details were too large and left out"}
    return {**event, "payload": {**event["payload"], "custom_details": note}}


class PagerDutyNotifier:
    """Sends an event for every notification: trigger, acknowledge, resolve."""

    def __init__(self, config: PagerDutyConfig) -> None:
        self._integration = Integration(config)

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` or ``Rejected``."""
        self._integration.post(fitted(render(notification)))

    def close(self) -> None:
        """Release the connection."""
        self._integration.close()
