"""Quantiles within one percent, and sums that do not depend on their order."""

from __future__ import annotations

import math
import random

import pytest

from otel_llm.stats import Sketch
from otel_llm.stats.sketch import ACCURACY


@pytest.mark.parametrize("q", [0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_quantile_is_within_one_percent_of_the_true_one(q: float, seed: int):
    chance = random.Random(seed)
    values = sorted(chance.lognormvariate(0, 2) for _ in range(20_000))

    estimate = Sketch(values).quantile(q)

    true = values[math.floor(q * (len(values) - 1))]
    assert estimate is not None
    assert abs(estimate - true) <= ACCURACY * true * 1.0001


@pytest.mark.parametrize("value", [1e-8, 0.001, 1.0, 59.9, 86_400.0, 1e12, 1e300])
def test_any_size_is_kept_with_the_same_relative_error(value: float):
    assert Sketch([value]).quantile(0.5) == pytest.approx(value, rel=ACCURACY)


def test_an_empty_sketch_knows_no_quantile():
    assert Sketch().quantile(0.5) is None


def test_zero_and_below_are_zero_and_what_is_not_finite_is_left_out():
    sketch = Sketch([0.0, -3.0, math.inf, -math.inf, math.nan])

    assert (len(sketch), sketch.quantile(1.0)) == (3, 0.0)


def test_merging_is_the_same_as_having_seen_everything_in_any_order():
    chance = random.Random(7)
    values = [chance.expovariate(1) for _ in range(1000)]
    parts = [Sketch(values[i::7]) for i in range(7)]
    chance.shuffle(parts)

    merged = Sketch()
    for part in parts:
        merged.merge(part)

    assert merged == Sketch(values)


def test_what_was_merged_can_be_taken_away_again_without_a_trace():
    kept, gone = Sketch([1.0, 2.0, 2.0]), Sketch([2.0, 9.0])

    kept.merge(gone)
    kept.subtract(gone)

    assert kept == Sketch([1.0, 2.0, 2.0])


@pytest.mark.parametrize("value", [1.797e308, 1e300, 10**400])
def test_the_largest_number_there_is_has_a_quantile(value: float):
    assert Sketch([value]).quantile(0.5) == pytest.approx(1e300, rel=0.01)
