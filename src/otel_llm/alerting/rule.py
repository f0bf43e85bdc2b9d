"""What an operator writes about one alert: what to look at, when it is wrong, what to say."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from otel_llm.config import ConfigError, Problem
from otel_llm.config.units import Duration
from otel_llm.stats import Selection
from otel_llm.stats.dimensions import check_dimensions

from . import template
from .alert import Severity
from .signals import REPORTED_SIGNALS, call_signal, check_signal

Condition = Literal["gt", "lt", "eq", "ne"]

_COMPARE: Mapping[Condition, Callable[[float, float], bool]] = {
    "gt": operator.gt,
    "lt": operator.lt,
    "eq": lambda value, limit: math.isclose(value, limit, rel_tol=1e-9),
    "ne": lambda value, limit: not math.isclose(value, limit, rel_tol=1e-9),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_OURS = frozenset({"alertname", "severity"})
_Mistake = tuple[str, str]
"""The setting and what is wrong with it."""
LONGEST_WINDOW_S = 366 * 86_400.0
"""More than any store keeps by default."""


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
        mistakes = [
            *self._names(),
            *self._source(),
            *self._numbers(),
            *self._hysteresis(),
            *self._words(),
            *self._characters(),
        ]
        if mistakes:
            raise ConfigError([Problem(field, text) for field, text in mistakes])

    def _names(self) -> Iterator[_Mistake]:
        if not _NAME.fullmatch(self.name):
            yield "name", f"{self.name!r}: write letters, digits and _"
        bad = [n for n in self.labels if not _NAME.fullmatch(n) or n in _OURS or n[:2] == "__"]
        if bad:
            yield "labels", f"{', '.join(bad)}: not a label name, or one that we set"
        twice = sorted(self.labels.keys() & set(self.group_by))
        if twice:
            yield "labels", f"{', '.join(twice)}: already told by group_by"

    def _source(self) -> Iterator[_Mistake]:
        try:
            check_signal(self.signal)
        except ValueError as error:
            yield "signal", str(error)
            return
        if call_signal(self.signal) is not None:
            yield from self._dimensions()
        elif self.group_by:
            yield "group_by", f"{self.signal} is reported, its reporter groups it"

    def _dimensions(self) -> Iterator[_Mistake]:
        for field_, names in (("filters", self.filters), ("group_by", self.group_by)):
            try:
                check_dimensions(names)
            except ValueError as error:
                yield field_, str(error)
        if len(set(self.group_by)) < len(self.group_by):
            yield "group_by", "names a dimension twice"

    def _numbers(self) -> Iterator[_Mistake]:
        if not math.isfinite(self.threshold):
            yield "threshold", "must be a number"
        if not 1 <= self.window <= LONGEST_WINDOW_S:
            yield "window", "must be at least 1s and at most 366d"
        if self.min_calls < 0:
            yield "min_calls", "must not be negative"
        if self.limit < 1:
            yield "limit", "must be at least 1"
        if self.baseline is not None:
            yield from self._comparison(self.baseline)

    def _comparison(self, baseline: float) -> Iterator[_Mistake]:
        if baseline < self.window:
            yield "baseline", "must be at least as long as window"
        if baseline > LONGEST_WINDOW_S:
            yield "baseline", "must be at most 366d"
        if self.signal in REPORTED_SIGNALS:
            yield "baseline", f"{self.signal} is reported, it has no baseline"

    def _hysteresis(self) -> Iterator[_Mistake]:
        back = self.resolve_threshold
        if back is None:
            return
        if not math.isfinite(back):
            yield "resolve_threshold", "must be a number"
        elif self.condition not in ("gt", "lt"):
            yield "resolve_threshold", "goes with gt and lt"
        elif self.breaks(back):
            yield "resolve_threshold", "lies on the wrong side of threshold"

    def _words(self) -> Iterator[_Mistake]:
        for name, text in self.annotations.items():
            if not _NAME.fullmatch(name):
                yield f"annotations.{name}", "write letters, digits and _"
            try:
                template.check(text)
            except ValueError as error:
                yield f"annotations.{name}", str(error)

    def _characters(self) -> Iterator[_Mistake]:
        for name in ("filters", "labels", "annotations"):
            try:
                json.dumps(getattr(self, name), ensure_ascii=False).encode()
            except UnicodeEncodeError:
                yield name, "holds half of a character"

    @property
    def selection(self) -> Selection:
        """The calls the rule looks at, and how they are grouped."""
        return Selection(self.filters, self.group_by)

    def breaks(self, value: float, *, firing: bool = False) -> bool:
        """Whether ``value`` is wrong; for an alert that is ``firing``, whether it still is."""
        easier = self.resolve_threshold if firing else None
        return _COMPARE[self.condition](value, self.threshold if easier is None else easier)
