"""Whom alerts are told: THE TABLE, one file and one line per kind of target.

A notifier is built from its settings, sends one ``Notification`` at a time from its own thread,
blocking, and raises ``TryLater`` or ``Rejected``. Queueing, retrying and pacing happen around it
(``delivery.py``). Its ``render`` is pure and holds no message content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from otel_llm.config import ConfigError, Problem, build
from otel_llm.config.problem import suggestion

from ..alert import SEVERITIES, Severity
from ..notification import Notification
from .alertmanager import AlertmanagerConfig, AlertmanagerNotifier
from .console import ConsoleConfig, ConsoleNotifier
from .email import EmailConfig, EmailNotifier
from .pagerduty import PagerDutyConfig, PagerDutyNotifier
from .slack import SlackConfig, SlackNotifier
from .webhook import WebhookConfig, WebhookNotifier


class Notifier(Protocol):
    """The far end of an alert."""

    def send(self, notification: Notification) -> None:
        """Deliver once, blocking. Raises ``TryLater`` or ``Rejected``."""
        ...

    def close(self) -> None:
        """Release connections. Safe to call twice."""
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


TABLE: Mapping[str, Entry] = {
    "console": Entry(ConsoleConfig, ConsoleNotifier, "info", acknowledges=True),
    "webhook": Entry(WebhookConfig, WebhookNotifier, "info", acknowledges=True),
    "slack": Entry(SlackConfig, SlackNotifier, "warning"),
    "pagerduty": Entry(PagerDutyConfig, PagerDutyNotifier, "critical", acknowledges=True),
    "email": Entry(EmailConfig, EmailNotifier, "warning"),
    "alertmanager": Entry(AlertmanagerConfig, AlertmanagerNotifier, "info", streams=True),
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
