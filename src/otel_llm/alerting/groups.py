"""Alerts that make one message to one target, and what that target was told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .alert import Alert, Severity, fingerprint
from .notification import Event
from .routing import Route


@dataclass(frozen=True, slots=True)
class Sent:
    """What a target was told last about a group."""

    id: str
    event: Event
    at: float
    severity: Severity
    firing: tuple[str, ...]
    """Ids of alerts that it knows to be firing."""
    resolved: tuple[str, ...] = ()
    status: str = "queued"
    """``queued``, ``delivered`` or ``failed``."""
    open: bool = True
    """Whether the target may believe that something is firing."""

    @property
    def known(self) -> frozenset[str]:
        """Ids of alerts whose end is yet to be told."""
        untold = () if self.status == "delivered" else self.resolved
        return frozenset((*self.firing, *untold))


@dataclass(slots=True)
class Group:
    """Alerts that make one message to one target."""

    notifier: str
    route: Route
    labels: dict[str, str]
    key: str
    flush_at: float
    alerts: dict[str, Alert] = field(default_factory=dict[str, Alert])
    sent: Sent | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what a restart needs: the alerts as last seen, and what was told."""
        return {
            "notifier": self.notifier,
            "alerts": [alert.to_json() for alert in self.alerts.values()],
            "flush_at": self.flush_at,
            "sent": asdict(self.sent) if self.sent else None,
        }


STORM: Mapping[str, str] = {"group": "others"}
"""The labels of the group of what came when a route had too many."""


def way_of(route: Route, notifier: str) -> str:
    """Return what stands for one target of one route over restarts."""
    return f"{notifier} {sorted(route.match.items())} {sorted(route.severities)}"


def group_key(route: Route, notifier: str, labels: Mapping[str, str]) -> str:
    """Return what stands for a group over restarts: the same target, route and labels."""
    return fingerprint({**labels, "": way_of(route, notifier)})


def over(alert: Alert, now: float) -> Alert:
    """Return ``alert`` as resolved, since ``now`` if it was not before."""
    if alert.state == "resolved":
        return alert
    return replace(alert, state="resolved", resolved_at=now)


def acknowledged(group: Group) -> bool:
    """Whether somebody has taken on everything that fires in ``group``."""
    firing = [alert for alert in group.alerts.values() if alert.state == "firing"]
    return bool(firing) and all(alert.acknowledged for alert in firing)


def read_sent(given: Mapping[str, Any] | None) -> Sent | None:
    """Read back what was told. What was on its way then may be lost, so that is told again."""
    if given is None:
        return None
    sent = Sent(**given)
    status = "failed" if sent.status == "queued" else sent.status
    return replace(sent, status=status, firing=tuple(sent.firing), resolved=tuple(sent.resolved))
