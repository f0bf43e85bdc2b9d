"""What other parts of the collector say about themselves, for rules to look at.

A reading is asked for at every evaluation and answers label sets with numbers. Losses are told as
totals since start; a rule sees how much they grew within its window, as Prometheus' ``increase``
does: a total that falls began anew.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from .signals import INCREASING

Labels = tuple[tuple[str, str], ...]
"""A label set in sorted order, so that it can be a key."""

Reading = Callable[[], Iterable[tuple[Mapping[str, str], float]]]
"""Called from the evaluation's thread; does not block."""


Matters = Callable[[float | None], bool]
"""Whether a value is worth naming a label set for that no alert is about."""


def anything(value: float | None) -> bool:
    """Every value matters: an alert that is there wants to know its own."""
    return True


LongReading = Callable[[Matters], Iterable[tuple[Mapping[str, str], float]]]
"""A reading of very many label sets: it tells those whose value matters, and need not name the
others, which takes longer than to look at them."""
Awaited = Callable[[Mapping[str, str]], bool]
"""Takes labels and returns whether what is told under them is still to learn what was before."""
Show = Callable[[Mapping[str, str]], str | None]
"""Takes labels that a reading told and returns the id of a trace that shows why."""


class Readings:
    """The reported signals, by name."""

    def __init__(self, sources: Mapping[str, Reading]) -> None:
        self._sources = dict(sources)
        self._long: dict[str, LongReading] = {}
        self._examples: dict[str, Show] = {}
        self._awaited: dict[str, Awaited] = {}
        self._totals: dict[tuple[str, Labels], deque[tuple[float, float]]] = {}

    def report(
        self,
        signal: str,
        source: Reading,
        example: Show | None = None,
        awaited: Awaited | None = None,
    ) -> None:
        """Ask ``source`` for ``signal`` from now on, ``example`` for a trace, and ``awaited``
        whether more is to come."""
        self._sources[signal] = source
        if awaited is not None:
            self._awaited[signal] = awaited
        if example is not None:
            self._examples[signal] = example

    def report_many(self, signal: str, source: LongReading, awaited: Awaited) -> None:
        """As ``report``, of a source that is told what matters."""
        self._long[signal] = source
        self._awaited[signal] = awaited

    def example(self, signal: str, labels: Mapping[str, str]) -> str | None:
        """Return the id of a trace that shows the value, where there is one."""
        show = self._examples.get(signal)
        return show(labels) if show else None

    def awaited(self, signal: str, labels: Mapping[str, str]) -> bool:
        """Whether what is told under ``labels`` is still to learn what was before."""
        awaited = self._awaited.get(signal)
        return awaited is not None and awaited(labels)

    def read(
        self, signal: str, now: float, window_s: float, matters: Matters = anything
    ) -> dict[Labels, float]:
        """Return the values of ``signal`` by label set, at least those that matter; empty when
        nobody reports it."""
        given = self._given(signal, matters)
        found = {tuple(sorted(labels.items())): v for labels, v in given if math.isfinite(v)}
        if signal not in INCREASING:
            return found
        return {k: self._increase(signal, k, v, now, window_s) for k, v in found.items()}

    def _given(self, signal: str, matters: Matters) -> Iterable[tuple[Mapping[str, str], float]]:
        if signal in self._long:
            return self._long[signal](matters)
        source = self._sources.get(signal)
        return source() if source else ()

    def _increase(self, signal: str, key: Labels, total: float, now: float, over: float) -> float:
        """Return the growth within ``over`` seconds. What was lost before we looked counts as
        lost just now: a total starts at zero with its process."""
        history = self._totals.setdefault((signal, key), deque([(now, 0.0)]))
        if history[-1] != (now, total):
            history.append((now, total))
        while len(history) > 2 and history[1][0] <= now - max(over, _KEPT_S):
            history.popleft()
        inside = [value for at, value in history if at > now - over]
        before = [value for at, value in history if at <= now - over]
        steps = [*before[-1:], *inside]
        return sum(_growth(a, b) for a, b in pairwise(steps))


_KEPT_S = 86_400.0
"""Totals are kept for a day, whatever the window that asks: rules of all lengths share them."""


def _growth(before: float, after: float) -> float:
    return after - before if after >= before else after
