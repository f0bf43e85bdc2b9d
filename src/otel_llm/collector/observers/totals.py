"""What all calls since the start add up to, for ``/metrics``.

Only model calls: agents and workflows repeat what their calls used. Labels are ``service``,
``provider``, ``model`` and ``operation``; beyond ``MAX_SERIES`` combinations, and beyond
``MAX_VALUES`` error types, flags or finish reasons in one of them, the rest is counted under
``_other``.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from otel_llm.genai import Call, Usage
from otel_llm.semconv.metrics import SECONDS_BUCKETS
from otel_llm.stats.dimensions import label
from otel_llm.stats.tally import NANO, refused

from ..measures.samples import Family, Histogram, Kind, Labels, Sample

MAX_SERIES: Final = 1_000
MAX_VALUES: Final = 50
OTHER: Final = "_other"
SCORE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)
"""0.75 is what the built-in rule ``QualityLow`` takes for good enough."""
LABELS: Final = ("service", "provider", "model", "operation")

_TOKENS: Final = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read": "cache_read",
    "cache_write": "cache_write",
    "reasoning": "reasoning",
}
"""Field of ``Usage`` to the label ``type``."""

Key = tuple[str, ...]


def _histogram() -> Histogram:
    return Histogram(SECONDS_BUCKETS)


def _scores() -> Histogram:
    return Histogram(SCORE_BUCKETS)


@dataclass(slots=True)
class _Series:
    calls: int = 0
    unpriced: int = 0
    priced: int = 0
    counted: int = 0
    judged: int = 0
    refused: int = 0
    refusable: int = 0
    cost_usd: float = 0.0
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    errors: Counter[str] = field(default_factory=Counter[str])
    flags: Counter[str] = field(default_factory=Counter[str])
    finishes: Counter[str] = field(default_factory=Counter[str])
    scores: Histogram = field(default_factory=_scores)
    durations: Histogram = field(default_factory=_histogram)
    first_chunks: Histogram = field(default_factory=_histogram)

    def add(self, call: Call) -> None:
        self.calls += 1
        cost, flags = call.cost, call.flags
        if cost is None:
            self.unpriced += call.unpriced
        elif (usd := cost.usd) is not None:
            self.priced += 1
            self.cost_usd += usd
        answer = refused(call)
        if answer is not None:
            self.refusable += 1
            self.refused += answer
        if flags is not None:
            self.judged += 1
            for flag in flags:
                self.flags[_bounded(flag, self.flags)] += 1
        if call.error_type is not None:
            self.errors[_bounded(call.error_type, self.errors)] += 1
        for reason in call.finish_reasons:
            self.finishes[_bounded(reason, self.finishes)] += 1
        shown = call.trace_id, call.span_id, call.end_ns
        if call.score is not None and 0 <= call.score <= 1:
            self.scores.add(call.score, shown)
        self._count(call.usage)
        self._time(call, shown)

    def _count(self, usage: Usage) -> None:
        self.counted += usage.input_tokens is not None or usage.output_tokens is not None
        tokens = self.tokens
        for name, count in vars(usage).items():  # few of the many counts are ever set
            if name in _TOKENS and count is not None and count >= 0:
                kind = _TOKENS[name]
                tokens[kind] = tokens.get(kind, 0) + count

    def _time(self, call: Call, shown: tuple[str, str, int]) -> None:
        took_ns = call.end_ns - call.start_ns
        if took_ns >= 0:
            self.durations.add(took_ns / NANO, shown)
        first_s = call.time_to_first_chunk_s
        if first_s is not None and 0 <= first_s < math.inf:
            self.first_chunks.add(first_s, shown)


def _bounded(value: str, known: Counter[str]) -> str:
    short = label(value)
    return short if short in known or len(known) < MAX_VALUES else OTHER


class Totals:
    """An ``Observer`` that counts; ``families`` gives what it counted."""

    def __init__(self, max_series: int = MAX_SERIES) -> None:
        self._max_series = max_series
        self._lock = threading.Lock()
        self._series: dict[Key, _Series] = {}
        self._known: dict[tuple[str | None, ...], _Series] = {}

    def observe(self, calls: Sequence[Call]) -> None:
        """See ``Observer``."""
        with self._lock:
            for call in calls:
                if call.billed:
                    self._of(call).add(call)

    def families(self) -> Iterable[Family]:
        """A ``Measure``: everything counted so far."""
        with self._lock:
            return [make(self._series) for make in _FAMILIES]

    def _of(self, call: Call) -> _Series:
        values = (call.service, call.provider, call.model, call.operation)
        return self._known.get(values) or self._find(values)

    def _find(self, values: tuple[str | None, ...]) -> _Series:
        key = tuple(map(label, values))
        if key not in self._series and len(self._series) >= self._max_series:
            key = (OTHER,) * len(LABELS)
        if len(self._known) >= 2 * self._max_series:
            self._known = {}
        found = self._known[values] = self._series.setdefault(key, _Series())
        return found


_All = dict[Key, _Series]
_Samples = Callable[[_Series, Labels], Iterable[Sample]]


def _each(series: _All, samples: _Samples) -> Iterator[Sample]:
    for key, one in series.items():
        yield from samples(one, dict(zip(LABELS, key, strict=True)))


def _family(name: str, kind: Kind, help: str, samples: _Samples) -> Callable[[_All], Family]:
    return lambda series: Family(name, kind, help, list(_each(series, samples)))


def _by(name: str, counts: Mapping[str, int], labels: Labels) -> list[Sample]:
    return [Sample(n, {**labels, name: value}, "_total") for value, n in counts.items()]


_FAMILIES: Final = (
    _family(
        "otel_llm_calls",
        "counter",
        "Model calls",
        lambda one, labels: [Sample(one.calls, labels, "_total")],
    ),
    _family(
        "otel_llm_errors",
        "counter",
        "Model calls that failed, by error type",
        lambda one, labels: _by("error_type", one.errors, labels),
    ),
    _family(
        "otel_llm_tokens",
        "counter",
        "Tokens by type; input includes cache_read and cache_write, output includes reasoning",
        lambda one, labels: _by("type", one.tokens, labels),
    ),
    _family(
        "otel_llm_cost_usd",
        "counter",
        "Cost in US dollars of the calls whose price is known",
        lambda one, labels: [Sample(one.cost_usd, labels, "_total")] if one.priced else [],
    ),
    _family(
        "otel_llm_unpriced_calls",
        "counter",
        "Model calls whose cost is unknown although they ran",
        lambda one, labels: [Sample(one.unpriced, labels, "_total")],
    ),
    _family(
        "otel_llm_priced_calls",
        "counter",
        "Model calls whose cost in US dollars is known",
        lambda one, labels: [Sample(one.priced, labels, "_total")],
    ),
    _family(
        "otel_llm_counted_calls",
        "counter",
        "Model calls whose tokens are known",
        lambda one, labels: [Sample(one.counted, labels, "_total")],
    ),
    _family(
        "otel_llm_judged_calls",
        "counter",
        "Model calls that quality checks could look at",
        lambda one, labels: [Sample(one.judged, labels, "_total")],
    ),
    _family(
        "otel_llm_refusable_calls",
        "counter",
        "Model calls of which it is known whether the model refused",
        lambda one, labels: [Sample(one.refusable, labels, "_total")],
    ),
    _family(
        "otel_llm_refused_calls",
        "counter",
        "Model calls that the model refused to answer",
        lambda one, labels: [Sample(one.refused, labels, "_total")],
    ),
    _family(
        "otel_llm_flags",
        "counter",
        "Quality flags that fired",
        lambda one, labels: _by("flag", one.flags, labels),
    ),
    _family(
        "otel_llm_finish_reasons",
        "counter",
        "Answers by why they ended",
        lambda one, labels: _by("finish_reason", one.finishes, labels),
    ),
    _family(
        "otel_llm_quality_score",
        "histogram",
        "Score of answers by rules of thumb, 0 to 1; so many a second are scored",
        lambda one, labels: one.scores.samples(labels),
    ),
    _family(
        "otel_llm_call_duration_seconds",
        "histogram",
        "Duration of model calls",
        lambda one, labels: one.durations.samples(labels),
    ),
    _family(
        "otel_llm_time_to_first_chunk_seconds",
        "histogram",
        "Time to the first chunk of streamed model calls",
        lambda one, labels: one.first_chunks.samples(labels),
    ),
)
