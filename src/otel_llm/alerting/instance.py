"""The life of one alert: inactive, pending, firing, resolved.

The rules are Prometheus' (``rules/alerting.go``): an alert fires once its condition has held for
``for``; a pending one whose condition ends is forgotten and nobody hears of it; a firing one
resolves once the condition has been over for ``keep_firing``, counted anew each time it returns.
Added: acknowledgement, resolving by hand, and a least time between two firings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .alert import State
from .rule import Rule

RESOLVED_RETENTION_S = 900.0
"""How long a resolved alert is still shown and sent on, so that a lost message is made good."""


@dataclass(slots=True)
class Instance:
    """Where one label set of one rule stands. Times are Unix seconds."""

    id: str
    """The alert's fingerprint."""
    active_at: float
    state: State = "pending"
    value: float | None = None
    fired_at: float | None = None
    resolved_at: float | None = None
    over_since: float | None = None
    """Since when the condition of a firing alert is over."""
    held: bool = False
    """Resolved by hand: stays so until the condition was over once."""
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None
    trace_id: str | None = None
    restored: bool = False
    """Known from before a restart, and not yet confirmed or resolved since."""

    def step(self, broken: bool, now: float, rule: Rule) -> bool:
        """Move on by one evaluation at ``now``; return whether anything worth keeping changed."""
        self._come_back(now)
        before = (self.state, self.over_since, self.held)
        if broken and not self.held:
            self._hold(now, rule)
        elif not broken:
            self.held = False
            self._let_go(now, rule)
        return before != (self.state, self.over_since, self.held)

    def _come_back(self, now: float) -> None:
        """A clock that was set back must not hold an alert up until it is there again."""
        self.active_at = min(self.active_at, now)
        self.fired_at = None if self.fired_at is None else min(self.fired_at, now)
        self.over_since = None if self.over_since is None else min(self.over_since, now)

    def _hold(self, now: float, rule: Rule) -> None:
        self.over_since, self.restored = None, False
        if self.state == "resolved":
            self.state, self.active_at = "pending", now
            self.acknowledged_at = self.acknowledged_by = None
        if self.state == "pending" and self._may_fire(now, rule):
            self.state, self.fired_at, self.resolved_at = "firing", now, None

    def _may_fire(self, now: float, rule: Rule) -> bool:
        rested = self.fired_at is None or now - self.fired_at >= rule.cooldown
        return rested and now - self.active_at >= rule.for_

    def _let_go(self, now: float, rule: Rule) -> None:
        if self.state == "pending":
            self.state = "resolved"
            self.resolved_at = self.resolved_at or now
        elif self.state == "firing":
            self.over_since = now if self.over_since is None else self.over_since
            if now - self.over_since >= rule.keep_firing:
                self.state, self.resolved_at = "resolved", now

    def resolve(self, now: float) -> None:
        """Resolve by hand. It fires again only after its condition was over in between."""
        self.state, self.resolved_at, self.held = "resolved", now, True

    @property
    def kept(self) -> bool:
        """Whether it fires on although its condition is over."""
        return self.state == "firing" and self.over_since is not None

    @property
    def heard_of(self) -> bool:
        """Whether it ever fired: a pending alert that ends is never told."""
        return self.fired_at is not None

    def finished(self, now: float, rule: Rule) -> bool:
        """Whether nothing about it matters any more."""
        if self.state != "resolved" or self.held:
            return False
        if self.fired_at is None or self.resolved_at is None:
            return True
        cooled = now - self.fired_at >= rule.cooldown
        return cooled and now - self.resolved_at > RESOLVED_RETENTION_S

    def to_json(self) -> dict[str, Any]:
        """Return every field, for ``from_json``."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Instance:
        """Read back what ``to_json`` gave."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in given.items() if name in known})
