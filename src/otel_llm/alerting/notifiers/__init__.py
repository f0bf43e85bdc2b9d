"""Whom alerts are told: THE TABLE, one file and one line per kind of target.

A notifier is built from its settings, sends one ``Notification`` at a time from its own thread,
blocking, and raises ``TryLater`` or ``Rejected``. Queueing, retrying and pacing happen around it
(``delivery.py``). Its ``render`` is pure and holds no message content.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, runtime_checkable

from otel_llm.config import ConfigError, Problem, build
from otel_llm.config.problem import suggestion

from ..alert import SEVERITIES, Alert, Severity, fingerprint
from ..notification import Notification
from .alertmanager import AlertmanagerConfig, AlertmanagerNotifier
from .apprise import AppriseConfig, AppriseNotifier
from .console import ConsoleConfig, ConsoleNotifier
from .email import EmailConfig, EmailNotifier
from .pagerduty import PagerDutyConfig, PagerDutyNotifier
from .pagerduty_changes import PagerDutyChangesConfig, PagerDutyChangesNotifier
from .slack import SlackConfig, SlackNotifier
from .slack_bot import SlackBotConfig, SlackBotNotifier
from .teams import TeamsConfig, TeamsNotifier
from .webhook import WebhookConfig, WebhookNotifier


class Notifier(Protocol):
    """The far end of an alert."""

    def send(self, notification: Notification) -> None:
        """Deliver once, blocking. Raises ``TryLater`` or ``Rejected``."""
        ...

    def close(self) -> None:
        """Release connections. Safe to call twice."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A notifier that needs to know after a restart what it sent, such as a message's id."""

    def export(self) -> dict[str, Any]:
        """Return what changed since the last call, by name; ``None`` for what is gone."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what ``export`` gave, before the first ``send``."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of target."""

    config: type[Any]
    notifier: Callable[[Any], Notifier]
    least: Severity
    """What it hears of when no route says otherwise: pages are for what cannot wait."""
    streams: bool = False
    """Gets every alert again and again and groups for itself, instead of news in groups."""
    acknowledges: bool = False
    """Wants to hear that somebody took an alert on."""
    reports: bool = True
    """Takes what is no alert."""
    match: Mapping[str, str] = field(default_factory=dict[str, str])
    """Label to pattern: what it hears of when no route says otherwise."""


TABLE: Mapping[str, Entry] = {
    "console": Entry(ConsoleConfig, ConsoleNotifier, "info", acknowledges=True),
    "webhook": Entry(WebhookConfig, WebhookNotifier, "info", acknowledges=True),
    "slack": Entry(SlackConfig, SlackNotifier, "warning"),
    "slack_bot": Entry(SlackBotConfig, SlackBotNotifier, "warning", acknowledges=True),
    "teams": Entry(TeamsConfig, TeamsNotifier, "warning"),
    "pagerduty": Entry(
        PagerDutyConfig, PagerDutyNotifier, "critical", acknowledges=True, reports=False
    ),
    "pagerduty_changes": Entry(
        PagerDutyChangesConfig,
        PagerDutyChangesNotifier,
        "info",
        reports=False,
        match={"change": "true"},
    ),
    "email": Entry(EmailConfig, EmailNotifier, "warning"),
    "apprise": Entry(AppriseConfig, AppriseNotifier, "warning"),
    "alertmanager": Entry(
        AlertmanagerConfig, AlertmanagerNotifier, "info", streams=True, reports=False
    ),
}


def entry(name: str) -> Entry:
    """Return the kind of ``name``, ``kind`` or ``kind/label``. Raises ``ConfigError``."""
    kind = name.partition("/")[0]
    if kind not in TABLE:
        raise ConfigError([Problem(name, f"unknown notifier {kind!r}{suggestion(kind, TABLE)}")])
    return TABLE[kind]


def settings(name: str, given: object) -> Any:
    """Return the checked settings of notifier ``name``. Raises ``ConfigError``."""
    kind: type[Any] = entry(name).config
    return build(kind, given, name)


def severities(name: str) -> tuple[Severity, ...]:
    """Return what ``name`` hears of when no route says otherwise: its least and all graver."""
    return SEVERITIES[SEVERITIES.index(entry(name).least) :]


def try_out(name: str, given: object) -> None:
    """Tell a trial alert and its end. Raises ``ConfigError``, ``TryLater`` or ``Rejected``."""
    notifier = entry(name).notifier(settings(name, given))
    now = time.time()
    labels = {"alertname": "Trial", "severity": "info"}
    words = {"summary": "This is a trial of the notifications of otel-llm. All is well."}
    alert = Alert(
        fingerprint(labels), "Trial", "info", "firing", labels, words, active_at=now, fired_at=now
    )
    number = fingerprint({"trial": str(now)})
    try:
        states: tuple[Literal["firing", "resolved"], ...] = ("firing", "resolved")
        for state in states:
            told = replace(alert, state=state, resolved_at=now if state == "resolved" else None)
            notifier.send(Notification(f"{number}-{state}", number, labels, state, (told,), now))
    finally:
        notifier.close()
