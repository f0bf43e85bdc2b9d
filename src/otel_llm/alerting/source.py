"""Where a rule's numbers come from: windows over calls, or what another part reports.

Both answer the same three questions: what is there now, under which labels, and which trace
shows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from otel_llm.stats import Series, Tally, Windows
from otel_llm.stats.matching import matches
from otel_llm.stats.tally import Distribution
from otel_llm.stats.window import Key

from .readings import Matters, Readings
from .rule import Rule
from .signals import GROWING, Signal, call_signal

Values = Iterable[tuple[Key, float | None]]


class Source(Protocol):
    """The numbers behind one rule."""

    @property
    def partial(self) -> bool:
        """Whether the numbers are too low while we have not yet watched for a whole window."""
        ...

    @property
    def grows(self) -> bool:
        """Whether more calls of the past can only make a value larger."""
        ...

    @property
    def since(self) -> float:
        """From when on (Unix seconds) calls count, for a rule that came later than others."""
        ...

    @property
    def reach_s(self) -> float:
        """How far back the calls lie that a value rests on."""
        ...

    def awaited(self, key: Key) -> bool:
        """Whether who reports the value is still to learn what was before."""
        ...

    def measure(self, now: float, matters: Matters) -> Values:
        """Return each label set's value; ``None`` where there are calls and nothing is known. Those
        whose value does not matter may be left out."""
        ...

    def labels(self, key: Key) -> Mapping[str, str]:
        """Return the labels that ``key`` stands for."""
        ...

    def example(self, key: Key) -> str | None:
        """Return the id of a trace that shows the value."""
        ...


def source_of(rule: Rule, windows: Windows, readings: Readings) -> Source:
    """Return the source that ``rule`` names."""
    signal = call_signal(rule.signal)
    if signal is None:
        return Reported(rule, readings)
    if rule.baseline is not None:
        return Compared(rule, signal, windows)
    return Calls(rule, signal, windows)


class Calls:
    """A signal over the calls of a window."""

    def __init__(self, rule: Rule, signal: Signal, windows: Windows) -> None:
        self._signal = signal
        self._min_calls = rule.min_calls
        self._selection = rule.selection
        self._window = windows.open(rule.selection, rule.window)
        self.partial = self.grows = signal.adds_up
        self.reach_s = rule.window + (rule.baseline or 0.0)

    @property
    def since(self) -> float:
        """From when on the window was there."""
        return self._window.since

    def awaited(self, key: Key) -> bool:
        """Whether the engine does not see it by ``reach_s``: never."""
        return False

    def measure(self, now: float, matters: Matters) -> Values:
        """Return the signal by label set, the whole's emptiness where there is no call at all."""
        signal, least = self._signal, self._min_calls
        read, evidence, wanted = signal.read, signal.evidence, signal.distributions
        for key, series in self._window:
            tally = series.sums(wanted) if wanted else series.counts
            yield key, read(tally) if evidence(tally) >= least else None
        if not len(self._window) and not self._selection.group_by:
            yield (), signal.empty if least <= 1 else None

    def labels(self, key: Key) -> Mapping[str, str]:
        """Return the group's values by dimension."""
        return self._selection.labels(key)

    def example(self, key: Key) -> str | None:
        """Return the strongest example in the window."""
        series = self._window.get(key)
        return series.example(self._signal.example) if series else None


class Compared(Calls):
    """A signal over a window, as a factor of what it was in the time before."""

    def __init__(self, rule: Rule, signal: Signal, windows: Windows) -> None:
        super().__init__(rule, signal, windows)
        self.partial = self.grows = False
        self._length_s = rule.window
        self._baseline_s = rule.baseline or 0.0
        self._past = windows.open(rule.selection, rule.window + self._baseline_s)

    def measure(self, now: float, matters: Matters) -> Values:
        """Return value over baseline; unknown while less than half the baseline was seen."""
        for key, series in self._window:
            past = self._past.get(key)
            yield key, None if past is None else self._factor(series, past, now)

    def _factor(self, series: Series, past: Series, now: float) -> float | None:
        span_s = self._span(past, now)
        distributions = self._signal.distributions
        whole, latest = past.sums(distributions), series.sums(distributions)
        before = _difference(whole, latest, distributions)
        if span_s < self._baseline_s / 2 or self._signal.evidence(before) < self._min_calls:
            return None
        value, usual = self._signal.read(latest), self._signal.read(before)
        if value is None or not usual:
            return None
        return value * span_s / self._length_s / usual if self._signal.adds_up else value / usual

    def _span(self, past: Series, now: float) -> float:
        """Return how many seconds of the baseline there were calls for, from the first one."""
        if past.oldest is None:
            return 0.0
        first = past.oldest * self._past.step_s
        return min(self._baseline_s, now - self._length_s - first)


def _difference(whole: Tally, part: Tally, distributions: Sequence[Distribution]) -> Tally:
    rest = Tally()
    rest.combine(whole, 1, distributions)
    rest.combine(part, -1, distributions)
    return rest


class Reported:
    """A signal that another part of the collector reports, filtered and grouped as it comes."""

    partial = False
    reach_s = 0.0
    since = -math.inf

    def __init__(self, rule: Rule, readings: Readings) -> None:
        self._rule = rule
        self._readings = readings
        self.grows = rule.signal in GROWING

    def awaited(self, key: Key) -> bool:
        """Whether the reporter is still to learn what was before."""
        return self._readings.awaited(self._rule.signal, self.labels(key))

    def measure(self, now: float, matters: Matters) -> Values:
        """Return the reported values. The key is the label set, name and value in turn."""
        found = self._readings.read(self._rule.signal, now, self._rule.window, matters)
        for labels, value in found.items():
            if matches(self._rule.filters, dict(labels)):
                yield tuple(part for pair in labels for part in pair), value

    def labels(self, key: Key) -> Mapping[str, str]:
        """Return the reporter's labels."""
        return dict(zip(key[::2], key[1::2], strict=True))

    def example(self, key: Key) -> str | None:
        """Return the reporter's own example; most have none."""
        return self._readings.example(self._rule.signal, self.labels(key))
