"""Who hears of what, and when not: routes, silences, inhibition and mute times.

The words and their meaning are Alertmanager's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from otel_llm.config.units import Duration
from otel_llm.stats.matching import matches

from .alert import Alert, Severity
from .clocks import check_zone, minutes

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to which notifiers, and in what rhythm. The first that matches is taken."""

    notifiers: tuple[str, ...]
    """Names from ``notifiers``."""
    severities: tuple[Severity, ...] = ()
    """Only these; empty: all."""
    match: dict[str, str] = field(default_factory=dict[str, str])
    """Label to pattern (``search|ads``, ``gpt-*``, ``!dev``)."""
    group_by: tuple[str, ...] = ("about",)
    """Alerts equal in these labels make one message; ``...`` gives every alert its own. An alert
    without the label ``about`` is about its own rule."""
    group_wait: Duration = 30.0
    """How long a new group waits for company before its first message."""
    group_interval: Duration = 300.0
    """The least time between messages with news about a group."""
    repeat_interval: Duration = 14_400.0
    """When to say again what is still firing and not acknowledged."""
    max_groups: int = 50
    """Beyond so many groups at once, to each of its targets, further alerts make one message
    together: a storm is told, and does not drown anybody."""
    send_resolved: bool = True
    """Whether to tell that an alert of a group that goes on is over."""
    mute: tuple[str, ...] = ()
    """Names from ``mute_times``; within them nothing is sent, afterwards what still holds is."""
    continue_: bool = False
    """Go on to later routes after this one."""

    def takes(self, alert: Alert) -> bool:
        """Whether ``alert`` goes this way."""
        grave = not self.severities or alert.severity in self.severities
        return grave and matches(self.match, alert.labels)

    def group(self, alert: Alert) -> dict[str, str]:
        """Return the labels that ``alert`` is grouped by."""
        names = sorted(alert.labels) if self.group_by == ("...",) else self.group_by
        labels = {"about": alert.rule, **alert.labels}
        return {name: labels[name] for name in names if name in labels}


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Hold ``target`` alerts back while a ``source`` alert with equal labels fires."""

    source: dict[str, str]
    """Label to pattern."""
    target: dict[str, str]
    """Label to pattern."""
    equal: tuple[str, ...] = ()
    """Labels in which the two must agree; both lacking one counts as agreement. ``tag.*`` stands
    for all that begin so."""


class Inhibitor:
    """Answers whether an alert is held back by what fires at one time."""

    def __init__(self, rules: Iterable[Inhibition], alerts: Iterable[Alert]) -> None:
        firing = [alert for alert in alerts if alert.state == "firing"]
        self._rules = [(rule, *_sources(rule, firing)) for rule in rules]

    def holds(self, alert: Alert) -> bool:
        """Whether ``alert`` is held back. One that matches both sides cannot hold back its like."""
        for rule, sources, both in self._rules:
            if matches(rule.target, alert.labels):
                key = _values(rule.equal, alert)
                if key in sources or (key in both and not matches(rule.source, alert.labels)):
                    return True
        return False


_Key = tuple[object, ...]
_Keys = set[_Key]


def _sources(rule: Inhibition, firing: Sequence[Alert]) -> tuple[_Keys, _Keys]:
    """Return the values of the equal labels: of sources, and of sources that are targets too."""
    sources: _Keys = set()
    both: _Keys = set()
    for alert in firing:
        if matches(rule.source, alert.labels):
            kind = both if matches(rule.target, alert.labels) else sources
            kind.add(_values(rule.equal, alert))
    return sources, both


def _values(names: Iterable[str], alert: Alert) -> _Key:
    return tuple([_value(name, alert.labels) for name in names])


def _value(name: str, labels: Mapping[str, str]) -> object:
    if not name.endswith("*"):
        return labels.get(name, "")
    return tuple(sorted(pair for pair in labels.items() if pair[0].startswith(name[:-1])))


@dataclass(frozen=True, slots=True)
class Silence:
    """Say nothing about certain alerts for a while."""

    id: str
    match: Mapping[str, str]
    """Label to pattern; all must hold, and one of them not for what lacks the label: that would
    silence everything."""
    starts_at: float
    """Unix seconds."""
    ends_at: float
    author: str
    comment: str = ""

    def __post_init__(self) -> None:
        if matches(self.match, {}):
            raise ValueError("match must name the alerts to silence")
        if not self.starts_at < self.ends_at:
            raise ValueError("ends_at must come after starts_at")

    def holds(self, alert: Alert, now: float) -> bool:
        """Whether ``alert`` is silenced at ``now``."""
        return self.starts_at <= now < self.ends_at and matches(self.match, alert.labels)

    def to_json(self) -> dict[str, Any]:
        """Return every field."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class MuteTime:
    """A time of the week at which nothing is sent."""

    weekdays: tuple[Weekday, ...] = _WEEKDAYS
    """The days on which the time begins."""
    start: str = "00:00"
    """``HH:MM``."""
    end: str = "24:00"
    """``HH:MM``; before ``start`` means: of the next day."""
    time_zone: str = "UTC"
    """``Europe/Berlin`` and the like."""

    def __post_init__(self) -> None:
        for clock in (self.start, self.end):
            minutes(clock)
        check_zone(self.time_zone)

    def holds(self, now: float) -> bool:
        """Whether ``now`` (Unix seconds) lies within."""
        local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(self.time_zone))
        minute, today = local.hour * 60 + local.minute, local.weekday()
        start, end = minutes(self.start), minutes(self.end)
        if start < end:
            return _WEEKDAYS[today] in self.weekdays and start <= minute < end
        yesterday = _WEEKDAYS[today - 1] in self.weekdays and minute < end
        return yesterday or (_WEEKDAYS[today] in self.weekdays and minute >= start)
