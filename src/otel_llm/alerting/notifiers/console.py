"""Alerts as lines of the collector's own log."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..alert import Severity
from ..notification import Notification

_log = logging.getLogger("otel_llm.alerts")

_LEVELS: dict[Severity, int] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """Nothing to set: the log goes where the collector's log goes."""


def render(notification: Notification) -> str:
    """Return the whole message on one line, so that a label cannot fake a log line."""
    return " | ".join(notification.text().splitlines())


class ConsoleNotifier:
    """Writes a line for every notification, at the severity's log level."""

    def __init__(self, config: ConsoleConfig) -> None:
        self._config = config

    def send(self, notification: Notification) -> None:
        """Write the line; a resolved alert or a report is information."""
        calm = notification.event in ("resolved", "report")
        level = logging.INFO if calm else _LEVELS[notification.severity]
        _log.log(level, "%s", render(notification))

    def close(self) -> None:
        """Nothing to release."""
