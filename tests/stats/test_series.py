"""What a label set keeps packed, shared or not at all says the same as all of its calls would."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.alerting.readings import Readings, anything
from otel_llm.alerting.rule import Rule
from otel_llm.alerting.source import Source, source_of
from otel_llm.genai import Call
from otel_llm.stats import Sketch, Tally, Windows, window
from otel_llm.stats.tally import ALL, Distribution, Example
from otel_llm.stats.window import Series

from .calls import call

NOW = 1_800_000_000.0


class PlainSeries:
    """Keeps every tally as it came, and adds up when it is asked."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, Tally]] = []

    def add(self, step: int, tally: Tally) -> tuple[int, ...]:
        self._parts.append((step, tally))
        return ()

    def forget(self, until: int) -> bool:
        self._parts = [part for part in self._parts if part[0] > until]
        return bool(self._parts)

    def forget_after(self, last: int) -> None:
        self._parts = [part for part in self._parts if part[0] <= last]

    @property
    def oldest(self) -> int | None:
        return min((step for step, _ in self._parts), default=None)

    @property
    def total(self) -> Tally:
        return self.sums(ALL)

    @property
    def counts(self) -> Tally:
        return self.sums(())

    def sums(self, _: tuple[Distribution, ...]) -> Tally:
        whole = Tally()
        for _, tally in self._parts:
            whole.merge(tally)
        return whole

    def example(self, kind: Example) -> str | None:
        found = [tally.examples[kind] for _, tally in self._parts if kind in tally.examples]
        return max(found)[1] if found else None


SIGNALS = (
    *("calls", "error_rate", "cost", "unpriced_share", "mean_tokens", "quality_mean"),
    *("refusal_rate", "mean_output_chars", "mean_duration", "duration_p95", "duration_p50"),
    *("time_to_first_chunk_p99", "flag_rate.pii"),
)
LENGTHS = (60, 300, 900, 3_600, 86_400)

rules = st.builds(
    lambda signal, window, times, group_by: Rule(
        "Watched",
        signal,
        1.0,
        window=window,
        baseline=times and window * times,
        group_by=group_by,
    ),
    st.sampled_from(SIGNALS),
    st.sampled_from(LENGTHS),
    st.sampled_from((None, None, 1, 7)),
    st.sampled_from(((), ("model",), ("user", "model"))),
)
ages = st.sampled_from((0.0, 1.0, 20.0, 70.0, 500.0, 4_000.0, 100_000.0, -30.0))
calls = st.builds(
    lambda age, **more: {"age": age, **more},
    ages,
    took_s=st.sampled_from((0.0, 0.001, 0.4, 1.0, 1.01, 30.0, 1e7, -1.0)),
    tokens=st.none() | st.tuples(st.integers(0, 2**62), st.integers(0, 500)),
    cost=st.none() | st.floats(0, 1e9),
    error_type=st.none() | st.just("timeout"),
    time_to_first_chunk_s=st.none() | st.floats(0, 10) | st.just(1e300),
    flags=st.none() | st.lists(st.sampled_from(["refusal", "pii"]), unique=True).map(tuple),
    output_chars=st.none() | st.integers(0, 2**40),
    score=st.none() | st.floats(0, 1),
    request_model=st.sampled_from(["a", "b"]),
    user_id=st.sampled_from(["x", "y", None]),
)
moves = st.tuples(
    st.sampled_from((0.0, 5.0, 15.0, 15.0, 40.0, 700.0, 90_000.0, -20.0)),
    st.lists(calls, max_size=6),
    st.sampled_from((1, 1, 2, 30)),
    st.lists(rules, max_size=1),
)


class World:
    """Windows, and the rules over them."""

    def __init__(self, series: type) -> None:
        self._series = series
        self._windows = Windows(max_series=3)
        self._sources: list[Source] = []

    def move(self, now: float, seen: list[Call], more: list[Rule]) -> list[object]:
        """Count, add rules, and return all that every rule can read."""
        with mock.patch.object(window, "Series", self._series):
            self._windows.observe(seen, now)
            self._sources += [source_of(rule, self._windows, Readings({})) for rule in more]
            self._windows.advance(now)
            return [(self._windows.late, *self._read(one, now)) for one in self._sources]

    def _read(self, source: Source, now: float) -> Iterator[object]:
        for key, value in source.measure(now, anything):
            yield key, value, source.example(key)


@settings(max_examples=150, deadline=None)
@given(st.lists(rules, min_size=1, max_size=6), st.lists(moves, min_size=1, max_size=12))
def test_every_rule_reads_what_it_would_of_all_calls(first: list[Rule], story: list) -> None:
    kept, plain = World(Series), World(PlainSeries)
    now = NOW
    for later_s, told, times, more in story:
        now += later_s
        seen = [_call(now, **one) for one in told for _ in range(times)]

        assert kept.move(now, seen, first + more) == plain.move(now, seen, first + more)
        first = []


def _call(now: float, age: float, **more) -> Call:
    return call(now - age, **more)


@settings(max_examples=40, deadline=None)
@given(st.lists(calls, max_size=12), st.sampled_from((1, 3, 300)))
def test_a_tally_that_was_packed_is_what_it_was(told: list, times: int) -> None:
    tally = Tally()
    for one in told:
        for _ in range(times):
            tally.add(_call(NOW, **one))

    assert Tally.unpack(tally.pack()) == tally == tally.copy()


def test_a_sketch_of_anything_survives_being_packed() -> None:
    few = Sketch([0.0, -1.0, 1e-9, 1.0, 1.0, 1e300, math.inf, math.nan])
    many = Sketch([0.0, 1e-9, 1e300, *map(float, range(1, 40))] * 128)
    often = Sketch.of(dict.fromkeys(range(20), 256))
    most = Sketch.of({0: 2**40, **dict.fromkeys(range(5, 20), 1)})

    given = [Sketch(), few, many, often, most]
    assert [Sketch.unpack(one.pack()) for one in given] == given


def _series(count: int) -> Series:
    """A label set with ``count`` calls in each of 30 steps, packed as a window does."""
    series, packed = Series(), {}
    for step in range(30):
        for changed in series.add(step, _tally(step, count)):
            series.pack(changed, packed)
    return series


def _tally(step: int, count: int) -> Tally:
    tally = Tally()
    for n in range(count):
        tally.add(call(NOW + step, took_s=1 + n / 10, score=0.5, flags=("pii",)))
    return tally


def test_steps_are_packed_and_what_comes_late_is_added_to_one_of_them() -> None:
    series, late = _series(3), _tally(7, 2)
    before = series.steps[7].copy()
    before.merge(late)

    assert all(isinstance(kept, bytes) for kept in series._steps.values())
    assert series.add(7, late) == (7,)
    assert series.steps[7] == before
    assert sum(isinstance(kept, bytes) for kept in series._steps.values()) == 29
    assert series.total.calls == 92


def test_distributions_that_nobody_asked_for_are_not_in_the_sum_and_then_are() -> None:
    series = _series(2)

    assert len(series.sums(()).durations) == 0
    assert len(series.sums(("durations",)).durations) == 60
    series.add(40, _tally(40, 1))
    series.forget(9)
    assert len(series.sums(("durations",)).durations) == 41
    assert len(series.sums(()).first_chunks) == 0


def test_label_sets_with_the_same_calls_share_what_is_packed() -> None:
    series, packed = [Series(), Series()], {}
    for step in (1, 2):
        tally = _tally(step, 1)
        for one in series:
            changed = one.add(step, tally)
    for one in series:
        for step in changed:
            one.pack(step, packed)

    first, second = (one._steps for one in series)
    assert [first[step] is second[step] for step in (1, 2)] == [True, True]


def test_a_label_set_of_one_step_holds_no_more_than_its_tally() -> None:
    tally, series = _tally(0, 1), [Series(), Series()]
    for one in series:
        one.add(5, tally)

    assert [one.total is tally for one in series] == [True, True]
    series[0].add(5, _tally(0, 2))
    assert (series[0].total.calls, series[1].total.calls, tally.calls) == (3, 1, 1)
    assert not series[0].forget(5)
    assert replace(series[0].total) == Tally()


def test_the_quantile_of_one_bucket_is_its_middle_however_often_it_was_seen() -> None:
    once, often, nothing = Sketch([2.0]), Sketch([2.0] * 300), Sketch([0.0])

    assert [once.quantile(q) for q in (0.0, 0.5, 1.0)] == [pytest.approx(2.0, rel=0.01)] * 3
    assert often.quantile(0.95) == once.quantile(0.95)
    assert nothing.quantile(0.5) == 0.0


def test_a_label_set_that_empties_begins_anew() -> None:
    series = _series(2)
    series.sums(("durations",))

    assert not series.forget(29)
    assert (series.oldest, series.steps, series.total) == (None, {}, Tally())
    for step in (50, 51):
        series.add(step, _tally(step, 1))
    assert len(series.sums(("durations",)).durations) == 2
    assert series.counts.calls == 2
