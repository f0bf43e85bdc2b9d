"""Every alert to Prometheus Alertmanagers, which group, route and silence it themselves.

As Prometheus does: every active alert is sent again each minute with an end in the near future,
so that alerts of a collector that died resolve by themselves; a resolved one is sent with its
true end for 15 minutes. API: ``POST /api/v2/alerts`` (Alertmanager 0.25, openapi.yaml).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.units import Duration

from ..alert import Alert
from ..errors import Rejected, TryLater, Undelivered
from ..notification import Notification, rfc3339
from ..post import Poster, check_url

_BATCH = 64
"""Alerts per request, as in Prometheus."""
_ALIVE_S = 240.0
"""Four times the minute after which active alerts are sent again."""
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class AlertmanagerConfig:
    """One Alertmanager or all members of a cluster; every one gets every alert."""

    urls: tuple[str, ...]
    """Base URLs, such as ``http://alertmanager:9093``."""
    headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """Added to every request, for example ``Authorization``."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    timeout: Duration = 10.0
    """How long one attempt may take."""

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("urls needs at least one Alertmanager")
        for url in self.urls:
            check_url(url)


def render(notification: Notification) -> list[dict[str, Any]]:
    """Return all alerts in Alertmanager's form."""
    return [_alert(alert, notification.at) for alert in notification.alerts]


def _alert(alert: Alert, now: float) -> dict[str, Any]:
    over = alert.state == "resolved" and alert.resolved_at is not None
    ends = alert.resolved_at if over and alert.resolved_at is not None else now + _ALIVE_S
    return {
        "labels": {_NOT_IN_NAME.sub("_", name): value for name, value in alert.labels.items()},
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.fired_at or alert.active_at),
        "endsAt": rfc3339(ends),
        "generatorURL": alert.trace_url or alert.url or "",
    }


class AlertmanagerNotifier:
    """Posts to every Alertmanager; one that takes the alerts is enough (they gossip)."""

    def __init__(self, config: AlertmanagerConfig) -> None:
        self._headers = config.headers
        self._posters = [
            Poster(_endpoint(url), timeout_s=config.timeout, ca_file=config.ca_file)
            for url in config.urls
        ]

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises what the last one said when none took them."""
        alerts = render(notification)
        failures: list[Undelivered] = []
        for poster in self._posters:
            try:
                self._post(poster, alerts)
            except (TryLater, Rejected) as error:
                failures.append(error)
        if len(failures) == len(self._posters):
            raise failures[-1]

    def _post(self, poster: Poster, alerts: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(alerts), _BATCH):
            body = json.dumps(alerts[start : start + _BATCH], ensure_ascii=False).encode()
            poster.post(body, self._headers)

    def close(self) -> None:
        """Release the connections."""
        for poster in self._posters:
            poster.close()


def _endpoint(url: str) -> str:
    return url.rstrip("/") + "/api/v2/alerts"
