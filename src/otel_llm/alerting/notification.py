"""One message about a group of alerts, before it takes a target's form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from .alert import SEVERITIES, Alert, Severity, worst
from .signals import show
from .template import duration

Event = Literal["firing", "acknowledged", "resolved", "report"]
"""``report`` is no alert: it tells once a day how budgets stand."""

_NAMED = frozenset({"alertname", "severity", "about"})
"""Labels that the text says in other ways."""

LISTED = 10
"""So many alerts are spelled out in a message; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What one target is told at one time. Alerts are ordered: firing and grave ones first."""

    id: str
    """The same for every attempt to deliver this message, another for the next."""
    group: str
    """Stands for the group over its whole life: dedup key, thread, incident."""
    labels: Mapping[str, str]
    """What the alerts of the group have in common."""
    event: Event
    alerts: tuple[Alert, ...]
    at: float
    """Unix seconds."""

    @property
    def firing(self) -> tuple[Alert, ...]:
        """The alerts whose condition holds."""
        return tuple(alert for alert in self.alerts if alert.state == "firing")

    @property
    def resolved(self) -> tuple[Alert, ...]:
        """The alerts whose condition is over."""
        return tuple(alert for alert in self.alerts if alert.state == "resolved")

    @property
    def severity(self) -> Severity:
        """The gravest of what is firing, or of what was."""
        return worst(self.firing or self.alerts)

    @property
    def title(self) -> str:
        """One line: ``[FIRING:2] ErrorsCritical team=search``."""
        count = f":{len(self.firing)}" if self.event == "firing" else ""
        names = dict.fromkeys(alert.rule for alert in self.alerts)
        name = ", ".join(list(names)[:3]) + (" …" if len(names) > 3 else "")
        where = [f"{k}={v}" for k, v in self.labels.items() if k not in _NAMED]
        return one_line(" ".join([f"[{self.event.upper()}{count}]", name, *where]))

    @property
    def url(self) -> str | None:
        """A trace that shows the gravest alert."""
        return next((alert.trace_url for alert in self.alerts if alert.trace_url), None)

    @property
    def page(self) -> str | None:
        """The page of the gravest alert on the dashboard."""
        return next((alert.url for alert in self.alerts if alert.url), None)

    @property
    def links(self) -> dict[str, str]:
        """Where to look, by name."""
        links = {"trace": self.url, "alert": self.page, "runbook": self.runbook}
        return {name: url for name, url in links.items() if url}

    @property
    def runbook(self) -> str | None:
        """Where it says what to do about the gravest alert."""
        return next(filter(None, map(runbook, self.alerts)), None)

    def listed(self) -> tuple[Alert, ...]:
        """Return the alerts to spell out."""
        return self.alerts[:LISTED]

    @property
    def unlisted(self) -> int:
        """How many alerts are only counted."""
        return max(0, len(self.alerts) - LISTED)

    def text(self) -> str:
        """Return the message as plain text, title first."""
        lines = [self.title, *(describe(alert) for alert in self.listed())]
        if self.unlisted:
            lines.append(f"… and {self.unlisted} more")
        links = (f"{name.capitalize()}: {url}" for name, url in self.links.items())
        return "\n".join([*lines, *links])


def in_order(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return ``alerts`` firing first, grave first, longest first."""
    return tuple(sorted(alerts, key=_rank))


def _rank(alert: Alert) -> tuple[bool, int, float, str]:
    return (
        alert.state != "firing",
        -SEVERITIES.index(alert.severity),
        alert.active_at,
        alert.id,
    )


def summary(alert: Alert) -> str:
    """Return the alert's headline: its ``summary``, or the signal and its value."""
    return (
        alert.annotations.get("summary") or f"{alert.signal} is {show(alert.signal, alert.value)}"
    )


def runbook(alert: Alert) -> str | None:
    """Return where it says what to do, if that is an address to follow: labels may be in it."""
    url = alert.annotations.get("runbook_url", "")
    return url if _ADDRESS.fullmatch(url) else None


def kept(alert: Alert) -> str | None:
    """Return why an alert fires whose condition is over; ``None`` for one whose condition holds.

    Its headline says what was.
    """
    if alert.state != "firing" or alert.over_since is None:
        return None
    long = duration(alert.keep_firing or 0.0)
    return f"its condition ended at {_time(alert.over_since)}; kept firing for {long} after that"


def over(alert: Alert) -> str | None:
    """Return how long an alert that is over fired, of which the headline says what was."""
    if alert.state != "resolved" or alert.fired_at is None or alert.resolved_at is None:
        return None
    long = duration(max(0.0, round(alert.resolved_at - alert.fired_at)))
    return f"over: fired for {long} until {_time(alert.resolved_at)}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


def describe(alert: Alert) -> str:
    """Return one line about one alert: severity, headline, labels, description, why it is kept
    or how long it was."""
    labels = " ".join(f"{k}={v}" for k, v in sorted(alert.labels.items()) if k not in _NAMED)
    mark = "resolved" if alert.state == "resolved" else alert.severity
    more = alert.annotations.get("description")
    where, what = f" ({labels})" if labels else "", f": {more}" if more else ""
    still = f" ({why})" if (why := kept(alert) or over(alert)) else ""
    return one_line(f"{mark}: {summary(alert)}{where}{what}{still}")


def one_line(text: str) -> str:
    """Return ``text`` without what ends a line, commands a terminal or turns the direction of
    reading: what follows would pass for a line, a header or a name of its own."""
    return _COMMANDS.sub(" ", text)


_COMMANDS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_ADDRESS = re.compile(r"https?://[^\s<>|\"\\]{1,1000}")


def cut(text: str, most: int) -> str:
    """Return at most ``most`` characters of ``text``, with an ellipsis where something went."""
    return text if len(text) <= most else text[: most - 1] + "…"


def rfc3339(at: float) -> str:
    """Return Unix seconds as ``2026-01-31T12:00:00.000Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
