"""What an operator writes about one alert: what to look at, when it is wrong, what to say."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from otel_llm.config.units import Duration
from otel_llm.stats import Selection

from . import template
from .alert import Severity
from .signals import call_signal, check_signal

Condition = Literal["gt", "lt", "eq", "ne"]

_COMPARE: Mapping[Condition, Callable[[float, float], bool]] = {
    "gt": lambda value, limit: value > limit,
    "lt": lambda value, limit: value < limit,
    "eq": lambda value, limit: math.isclose(value, limit, rel_tol=1e-9),
    "ne": lambda value, limit: not math.isclose(value, limit, rel_tol=1e-9),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = frozenset({"alertname", "severity"})


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on a signal, evaluated for every label set apart."""

    name: str
    """Letters, digits and ``_``; becomes the label ``alertname``."""
    signal: str
    """A name from the catalogue in ``signals.py``: ``error_rate``, ``duration_p95``, ``cost`` …"""
    threshold: float
    condition: Condition = "gt"
    """How the value has to compare with ``threshold`` to be wrong."""
    window: Duration = 300.0
    """Over how much time up to now the signal is taken."""
    filters: dict[str, str] = field(default_factory=dict[str, str])
    """Which calls count: dimension to pattern (``gpt-4*``, ``a|b``, ``!dev``)."""
    group_by: tuple[str, ...] = ()
    """Dimensions whose every combination of values is an alert of its own."""
    for_: Duration = 0.0
    """How long the condition must hold before the alert fires."""
    keep_firing: Duration = 0.0
    """How long the condition must have been over before the alert resolves."""
    resolve_threshold: float | None = None
    """A firing alert goes on until the value is back beyond this (hysteresis)."""
    cooldown: Duration = 0.0
    """The least time between two firings of the same alert."""
    severity: Severity = "warning"
    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Added to the alert, for routing."""
    annotations: dict[str, str] = field(default_factory=dict[str, str])
    """Texts; ``summary`` is the headline. See ``template.py`` for what can be filled in."""
    min_calls: int = 1
    """Below so many calls nothing is known: one failure of one call is no error rate."""
    baseline: Duration | None = None
    """Compare with the time of this length before the window: the value becomes a factor."""
    no_data: Literal["ok", "keep", "alert"] = "ok"
    """What the absence of the signal means: all is well, no change, or it is wrong."""
    limit: int = 1_000
    """The most alerts of this rule at once; further ones are not raised, the rule is in error."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: write letters, digits and _")
        check_signal(self.signal)
        self._check_selection()
        for text in self.annotations.values():
            template.check(text)
        self._check_numbers()
        self._check_labels()

    def _check_selection(self) -> None:
        if call_signal(self.signal) is not None:
            self.selection  # noqa: B018  # refuses unknown dimensions
        elif self.group_by:
            raise ValueError(f"{self.signal} is reported, its reporter groups it")

    def _check_numbers(self) -> None:
        if not math.isfinite(self.threshold):
            raise ValueError("threshold must be a number")
        if self.window < 1:
            raise ValueError("window must be at least 1s")
        if self.baseline is not None and self.baseline < self.window:
            raise ValueError("baseline must be at least as long as window")
        if self.baseline is not None and call_signal(self.signal) is None:
            raise ValueError(f"{self.signal} is reported, it has no baseline")
        if self.resolve_threshold is not None and self.condition not in ("gt", "lt"):
            raise ValueError("resolve_threshold goes with gt and lt")
        if self.resolve_threshold is not None and self.breaks(self.resolve_threshold):
            raise ValueError("resolve_threshold lies on the wrong side of threshold")

    def _check_labels(self) -> None:
        bad = [name for name in self.labels if not _NAME.fullmatch(name) or name in _OURS]
        if bad:
            raise ValueError(f"labels {', '.join(bad)}: not a label name, or one that we set")

    @property
    def selection(self) -> Selection:
        """The calls the rule looks at, and how they are grouped."""
        return Selection(self.filters, self.group_by)

    def breaks(self, value: float, *, firing: bool = False) -> bool:
        """Whether ``value`` is wrong; for an alert that is ``firing``, whether it still is."""
        easier = self.resolve_threshold if firing else None
        return _COMPARE[self.condition](value, self.threshold if easier is None else easier)
