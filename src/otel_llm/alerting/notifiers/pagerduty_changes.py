"""What changed, as PagerDuty change events: no page, but a line beside the next incident.

Hears of alerts with the label ``change`` (a model that another one answers for) unless a route says
otherwise; what they say when they end is no change and is not sent. 202 is a success. Source:
``events-v2/openapiv3.json``, ``/change/enqueue``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.units import Duration

from ..notification import Notification, cut, rfc3339, summary
from ..post import Poster, check_url

_SUMMARY = 1024


@dataclass(frozen=True, slots=True)
class PagerDutyChangesConfig:
    """A service's integration of the type Events API v2."""

    routing_key: str = field(repr=False)
    """The integration key, 32 characters."""
    url: str = "https://events.pagerduty.com/v2/change/enqueue"
    """The endpoint; the EU's is ``https://events.eu.pagerduty.com/v2/change/enqueue``."""
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
    first = notification.alerts[0]
    payload = {
        "summary": cut(f"{first.rule}: {summary(first)}", _SUMMARY),
        "source": first.labels.get("service") or "otel-llm",
        "timestamp": rfc3339(first.fired_at or first.active_at),
        "custom_details": {"changes": notification.text().splitlines()[1:]},
    }
    links = [{"href": notification.url, "text": "trace"}] if notification.url else []
    return {"payload": payload, "links": links}


class PagerDutyChangesNotifier:
    """Sends an event for every change that begins."""

    def __init__(self, config: PagerDutyChangesConfig) -> None:
        self._routing_key = config.routing_key
        self._poster = Poster(config.url, timeout_s=config.timeout)

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` or ``Rejected``."""
        if notification.event == "firing":
            event = {"routing_key": self._routing_key, **render(notification)}
            self._poster.post(json.dumps(event, ensure_ascii=False).encode())

    def close(self) -> None:
        """Release the connection."""
        self._poster.close()
