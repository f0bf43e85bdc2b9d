"""The daily report: what was spent yesterday, where every budget stands, and whether it will last.

Sent once a day through notifiers, as a notification of the event ``report``; a collector that was
down at the time sends it when it is back. What was on its way when it was killed is sent again
under the same id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .alert import Alert, Severity, fingerprint
from .budgets import BudgetStatus, labels_of
from .clocks import check_zone, minutes
from .notification import Notification, in_order

MOST = 50
"""So many accounts are in a report, those that are spent most."""


@dataclass(frozen=True, slots=True)
class ReportConfig:
    """A report on all budgets, every day."""

    notifiers: tuple[str, ...]
    """Names from ``notifiers``; pagers and Alertmanagers take no reports."""
    at: str = "08:00"
    """``HH:MM``."""
    time_zone: str = "UTC"
    """``Europe/Berlin`` and the like."""

    def __post_init__(self) -> None:
        if not self.notifiers:
            raise ValueError("notifiers needs at least one name")
        minutes(self.at)
        check_zone(self.time_zone)


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """What people are told of one budget's one label set."""

    budget: str
    labels: Mapping[str, str]
    severity: Severity
    """``critical``: spent; ``warning``: will not last; else ``info``."""
    text: str


def report(found: Sequence[BudgetStatus]) -> tuple[BudgetReport, ...]:
    """Return a line for every account, those that are spent most first."""
    return tuple(
        BudgetReport(status.budget, labels_of(status), _severity(status), _text(status))
        for status in found[:MOST]
    )


def _severity(status: BudgetStatus) -> Severity:
    if status.used >= 1:
        return "critical"
    lasts = status.forecast is None or status.forecast.likely <= status.limit
    return "info" if lasts else "warning"


def _text(status: BudgetStatus) -> str:
    parts = [
        f"{_usd(status.spent)} of {_usd(status.limit)} spent this {status.period} "
        f"({status.used:.0%})",
        f"yesterday {_usd(status.yesterday)}",
    ]
    if status.forecast is not None:
        end = status.forecast
        parts.append(
            f"by its end likely {_usd(end.likely)} ({_usd(end.low)} to {_usd(end.high)} with 90 %)"
        )
    if status.unpriced_calls:
        parts.append(f"{status.unpriced_calls} calls of unknown cost are not in it")
    return ", ".join(parts)


def _usd(value: float) -> str:
    return f"${value:,.2f}"


class DailyReports:
    """When the next report is due. Not thread-safe."""

    def __init__(self, config: ReportConfig) -> None:
        self.config = config
        self._zone = ZoneInfo(config.time_zone)
        self._last: date | None = None
        self._sent: dict[str, str] = {}
        """Day of the last report that arrived, by notifier."""

    def begin(self, state: Mapping[str, Any], now: float) -> None:
        """Take up ``state``; without any, the first report is the next one that falls due."""
        self._sent = dict(state)
        first = self._due_day(now).isoformat()
        for name in self.config.notifiers:
            self._sent.setdefault(name, first)

    def export(self) -> dict[str, str]:
        """Return what a restart needs."""
        return dict(self._sent)

    def _due_day(self, now: float) -> date:
        """Return the last day whose report was due by ``now``."""
        local = datetime.fromtimestamp(now, UTC).astimezone(self._zone)
        due = local.hour * 60 + local.minute >= minutes(self.config.at)
        return local.date() if due else local.date() - timedelta(days=1)

    def due(self, now: float) -> date | None:
        """Return the day whose report is to be sent now; each is returned once."""
        day = self._due_day(now)
        if day == self._last or not self.waiting(day):
            return None
        self._last = day
        return day

    def waiting(self, day: date) -> tuple[str, ...]:
        """Return the notifiers that have not got the report of ``day``. When an hour comes twice
        the day before may be due again; of days beyond the next a clock that was wrong spoke."""
        known = {day.isoformat(), (day + timedelta(days=1)).isoformat()}
        return tuple(n for n in self.config.notifiers if self._sent.get(n, "") not in known)

    def settled(self, notifier: str, day: str) -> None:
        """Note that the report of ``day`` reached ``notifier``, or was given up."""
        self._sent[notifier] = day


def notification(
    notifier: str, day: date, found: Sequence[BudgetStatus], now: float
) -> Notification:
    """Return the report of ``day`` as a notification."""
    group = fingerprint({"report": notifier})
    labels = {"day": day.isoformat()}
    number = fingerprint({"report": notifier, **labels})
    alerts = in_order(_alert(one, now) for one in report(found))
    return Notification(number, group, labels, "report", alerts, now)


def _alert(one: BudgetReport, now: float) -> Alert:
    labels = {**one.labels, "alertname": "Budgets", "severity": one.severity}
    return Alert(
        id=fingerprint(labels),
        rule="Budgets",
        severity=one.severity,
        state="firing",
        labels=labels,
        annotations={"summary": one.text},
        active_at=now,
        fired_at=now,
    )
