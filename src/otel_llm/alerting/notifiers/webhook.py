"""Alerts as signed JSON to any HTTP endpoint.

The body's fields are those of Alertmanager's webhook (version 4), so that existing receivers
work, with every alert's own fields beside them. ``X-Otel-Llm-Signature`` is
``t=<Unix seconds>,v1=<hex>``: HMAC-SHA256 with the secret over ``<t>.<body>``. A receiver checks
it in constant time and refuses an old ``t``. ``Idempotency-Key`` is the same for every attempt at
one notification.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_llm.config.units import Duration

from ..alert import Alert
from ..notification import Notification, rfc3339
from ..post import Poster, check_url


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """Where to post, and how to prove that it was us."""

    url: str = field(repr=False)
    """The endpoint; may hold a secret of its own, so it is never logged."""
    secret: str = field(default="", repr=False)
    """Signs every body; without it the receiver cannot tell us from others."""
    headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """Added to every request, for example ``Authorization``."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    timeout: Duration = 10.0
    """How long one attempt may take."""
    max_alerts: int = 100
    """The most alerts in one message, firing and grave ones first; 0 is all, however large that is.
    ``truncatedAlerts`` says how many were left out."""
    private_networks: bool = True
    """Whether the endpoint may be in a private network; link-local ones never are."""

    def __post_init__(self) -> None:
        check_url(self.url)
        if self.max_alerts < 0:
            raise ValueError("max_alerts must not be negative")


_STATUS = {"acknowledged": "firing"}
"""By event: Alertmanager knows no acknowledged alerts."""


def render(notification: Notification, max_alerts: int = 0) -> dict[str, Any]:
    """Return the body. Holds labels, numbers, texts of the rule and links; no content."""
    told = notification.alerts[: max_alerts or None]
    return {
        "version": "4",
        "groupKey": notification.group,
        "status": _STATUS.get(notification.event, notification.event),
        "event": notification.event,
        "title": notification.title,
        "severity": notification.severity,
        "groupLabels": dict(notification.labels),
        "truncatedAlerts": len(notification.alerts) - len(told),
        "alerts": [_alert(alert) for alert in told],
    }


def _alert(alert: Alert) -> dict[str, Any]:
    times = {"startsAt": alert.fired_at or alert.active_at, "endsAt": alert.resolved_at}
    return {
        **alert.to_json(),
        "status": alert.state,
        "fingerprint": alert.id,
        "generatorURL": alert.trace_url or alert.url or "",
        **{name: rfc3339(at) for name, at in times.items() if at is not None},
    }


def sign(secret: str, body: bytes, at: int) -> str:
    """Return the signature header for ``body`` sent at ``at`` (Unix seconds)."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class WebhookNotifier:
    """Posts every notification to one endpoint. Any 2xx answer is a success."""

    def __init__(self, config: WebhookConfig, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._clock = clock
        self._poster = Poster(
            config.url,
            timeout_s=config.timeout,
            private=config.private_networks,
            ca_file=config.ca_file,
        )

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` or ``Rejected``."""
        told = render(notification, self._config.max_alerts)
        body = json.dumps(told, ensure_ascii=False).encode()
        self._poster.post(body, {**self._headers(body, notification), **self._config.headers})

    def _headers(self, body: bytes, notification: Notification) -> Mapping[str, str]:
        headers = {"Idempotency-Key": notification.id}
        if self._config.secret:
            signature = sign(self._config.secret, body, int(self._clock()))
            headers["X-Otel-Llm-Signature"] = signature
        return headers

    def close(self) -> None:
        """Release the connection."""
        self._poster.close()
