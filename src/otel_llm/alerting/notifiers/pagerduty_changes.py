"""What changed, as PagerDuty change events: no page, but a line beside the next incident.

Hears of alerts with the label ``change`` (a model that another one answers for) unless a route says
otherwise; what they say when they end is no change and is not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..notification import Notification, cut, rfc3339, summary
from ..pagerduty_events import SUMMARY, Integration, IntegrationConfig


@dataclass(frozen=True, slots=True)
class PagerDutyChangesConfig(IntegrationConfig):
    """A service's integration of the type Events API v2, for changes."""

    url: str = "https://events.pagerduty.com/v2/change/enqueue"
    """The endpoint; the EU's is ``https://events.eu.pagerduty.com/v2/change/enqueue``."""


def render(notification: Notification) -> dict[str, Any]:
    """Return the event without its ``routing_key``."""
    first = notification.alerts[0]
    payload = {
        "summary": cut(f"{first.rule}: {summary(first)}", SUMMARY),
        "source": first.labels.get("service") or "otel-llm",
        "timestamp": rfc3339(first.fired_at or first.active_at),
        "custom_details": {"changes": notification.text().splitlines()[1:]},
    }
    links = [{"href": url, "text": name} for name, url in notification.links.items()]
    return {"payload": payload, "links": links}


class PagerDutyChangesNotifier:
    """Sends an event for every change that begins."""

    def __init__(self, config: PagerDutyChangesConfig) -> None:
        self._integration = Integration(config)

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` or ``Rejected``."""
        if notification.event == "firing":
            self._integration.post(render(notification))

    def close(self) -> None:
        """Release the connection."""
        self._integration.close()
