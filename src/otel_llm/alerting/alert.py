"""What is wrong, where and since when: the one thing that every notifier and the API speak of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["info", "warning", "error", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")
"""From mild to grave."""

State = Literal["pending", "firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One label set of one rule whose condition holds, or held until lately.

    Times are Unix seconds. Holds names, numbers and a trace id; never a word of a prompt or answer.
    """

    id: str
    """The same for the same label set, today and after a restart: 16 hex digits."""
    rule: str
    severity: Severity
    state: State
    labels: Mapping[str, str]
    """Identify the alert: the rule's name as ``alertname``, ``severity``, the group's values."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    """Say it in words: ``summary``, ``description``, ``runbook_url``."""
    signal: str = ""
    value: float | None = None
    """The signal's value when the condition last held; ``None``: there was none."""
    threshold: float | None = None
    active_at: float = 0.0
    """When the condition began to hold."""
    fired_at: float | None = None
    over_since: float | None = None
    """Since when the condition is over, for as long as the alert fires on (``keep_firing``)."""
    keep_firing: float | None = None
    """How long it fires on after that, in seconds."""
    resolved_at: float | None = None
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None
    trace_id: str | None = None
    """A call that shows it: the slowest, the last failed, the dearest."""
    trace_url: str | None = None
    url: str | None = None
    """Its own page on the dashboard: what it is about, and what can be done about it."""
    silenced: bool = False
    """A silence holds: nobody is told."""
    inhibited: bool = False
    """A graver alert holds it back: nobody is told."""

    @property
    def acknowledged(self) -> bool:
        """Whether somebody has taken it on."""
        return self.acknowledged_at is not None

    def to_json(self) -> dict[str, Any]:
        """Return the API's and the webhook's form: every field that is known."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in plain.items() if value is not None}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Alert:
        """Read back what ``to_json`` gave; what newer versions added is left out."""
        return cls(**{name: value for name, value in given.items() if name in cls.__slots__})


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hex digits that stand for a label set, whatever its order."""
    plain = json.dumps(sorted(labels.items()), ensure_ascii=False)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def worst(alerts: Iterable[Alert]) -> Severity:
    """Return the gravest severity among ``alerts``."""
    found = {alert.severity for alert in alerts}
    return SEVERITIES[max((SEVERITIES.index(severity) for severity in found), default=0)]
