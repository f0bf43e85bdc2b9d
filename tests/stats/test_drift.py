"""Drift: what matters and is no chance."""

from __future__ import annotations

import math
import random
import time

import pytest

from otel_llm.stats import Sketch, drift
from otel_llm.stats.drift import Sample


def test_a_share_that_moves_beyond_its_limit_with_enough_calls_has_drifted():
    change = drift.share_change((25, 500), (15, 60), limit=0.1)

    assert change is not None
    assert (change.before, change.after, change.drifted) == (0.05, 0.25, True)
    assert change.size == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [((25, 500), (2, 10)), ((1, 2), (2, 2)), ((250, 5000), (600, 5000)), ((0, 10), (0, 10))],
)
def test_few_calls_or_a_small_move_are_no_drift(before: tuple[int, int], after: tuple[int, int]):
    change = drift.share_change(before, after, limit=0.1)

    assert change is not None
    assert not change.drifted


@pytest.mark.parametrize(
    ("before", "after", "chance"),
    [((1, 10), (8, 10), 0.005477), ((3, 4), (1, 4), 0.4857), ((0, 7200), (1, 100), 100 / 7300 * 2)],
)
def test_the_distance_is_fishers(before: tuple[int, int], after: tuple[int, int], chance: float):
    """Textbook tables (the tea-tasting lady's among them), their one-sided chance doubled."""
    change = drift.share_change(before, after, limit=1.0)

    assert change is not None
    assert drift.chance_of(change.distance) == pytest.approx(chance, rel=0.001)


def test_a_share_may_fall_too():
    change = drift.share_change((250, 500), (60, 500), limit=0.15)

    assert change is not None
    assert change.drifted
    assert change.distance < -3


def test_without_calls_nothing_is_known():
    assert drift.share_change((0, 0), (1, 2), limit=0.1) is None
    assert drift.mean_change(Sample(1, 5, 0), Sample(9, 5, 1), limit=0.3) is None
    assert drift.mean_change(Sample(9, 0, 0), Sample(9, 5, 1), limit=0.3) is None
    assert drift.mean_drop(Sample(1, 0.8, 0), Sample(9, 0.5, 0.1)) is None
    assert drift.psi([], [1.0]) == drift.psi([1.0], []) == (0.0, 0.0)
    assert drift.ks([], []) == drift.ks([1.0], []) == drift.ks([], [1.0]) == (0.0, 1.0)


def test_a_length_that_grows_by_more_than_thirty_percent_has_drifted():
    grown = drift.mean_change(Sample(500, 400, 200), Sample(100, 560, 250), limit=0.3)
    slightly = drift.mean_change(Sample(5000, 400, 200), Sample(5000, 480, 250), limit=0.3)

    assert grown is not None
    assert grown.size == pytest.approx(4 / 3)
    assert grown.drifted
    assert slightly is not None
    assert not slightly.drifted


def test_quality_two_deviations_below_its_baseline_has_drifted_and_above_never():
    baseline = Sample(500, 0.85, 0.05)

    found = [
        drift.mean_drop(baseline, Sample(20, mean, 0.05)).drifted for mean in (0.74, 0.80, 0.96)
    ]

    assert found == [True, False, False]


def test_quality_that_never_varied_and_falls_has_drifted():
    perfect = Sample.of_sums(500, 500 * 10**6, 500 * 10**12, 10**6)

    found = [
        drift.mean_drop(perfect, after).drifted
        for after in (Sample(50, 0.6, 0.3), Sample(50, 0.6, 0.0), Sample(50, 0.995, 0.001), perfect)
    ]

    assert perfect == Sample(500, 1.0, 0.0)
    assert found == [True, True, False, False]


def test_lengths_that_never_varied_and_change_are_told_in_finite_numbers():
    found = drift.mean_change(Sample(100, 100, 0.0), Sample(100, 200, 0.0), limit=0.3)

    assert found.drifted
    assert math.isfinite(found.distance)


@pytest.mark.parametrize(("apart", "chance"), [(0.19, 0.05), (0.23, 0.01)])
def test_ks_agrees_with_its_table(apart: float, chance: float):
    """Critical values 1.36 and 1.63 times the root of 2/100, for a hundred values a side."""
    before = list(range(100))
    after = [i + round(100 * apart) for i in range(100)]

    found, p = drift.ks(before, after)

    assert found == pytest.approx(apart)
    assert p == pytest.approx(chance, rel=0.25)


def test_ks_of_the_same_is_nothing_and_of_strangers_everything():
    assert drift.ks([1, 2, 3], [1, 2, 3]) == (0.0, 1.0)
    assert drift.ks([1.0] * 50, [2.0] * 50)[0] == 1.0


def test_sketches_are_compared_without_their_values():
    chance = random.Random(1)
    before = [chance.lognormvariate(0, 1) for _ in range(2000)]
    after = [chance.lognormvariate(0.3, 1) for _ in range(1000)]

    exact, by_sketch = drift.ks(before, after), drift.sketch_ks(Sketch(before), Sketch(after))

    assert by_sketch[0] == pytest.approx(exact[0], abs=0.02)
    assert drift.sketch_ks(Sketch(), Sketch(after)) == (0.0, 1.0)


def test_the_stability_index_of_the_same_is_zero_and_of_a_shift_is_large():
    chance = random.Random(1)
    before = [chance.gauss(0, 1) for _ in range(1000)]

    same = drift.psi(before, before)
    shifted = drift.psi(before, [value + 1 for value in before])

    assert same == (0.0, 0.0)
    assert shifted[0] > 0.25
    assert shifted[1] > 5
    assert drift.psi([1.0] * 9, [1.0] * 9) == (0.0, 0.0)


def test_of_many_comparisons_only_few_of_the_found_are_chance():
    chance = random.Random(6)
    nothing = {f"n{i}": chance.random() for i in range(950)}
    real = {f"r{i}": chance.random() * 1e-4 for i in range(50)}

    found = drift.significant({**nothing, **real}, rate=0.05)

    assert set(real) <= found
    assert len(found - set(real)) <= 6
    assert drift.significant({}) == frozenset()


@pytest.mark.parametrize("shift", [1, -1])
def test_where_a_mean_has_moved_is_found_though_steps_count_differently_many(shift: int):
    chance = random.Random(3)
    sums: list[tuple[int, int]] = []
    for at in range(192):
        count = chance.choice([0, 1, 20, 300])
        mean = 1000 + (150 * shift if at >= 175 else 0)
        sums.append((count, sum(round(chance.gauss(mean, 300)) for _ in range(count))))

    found = drift.change_point(sums)

    assert found is not None
    assert abs(found - 175) <= 2


def test_where_nothing_moves_there_is_no_change_point():
    assert drift.change_point([]) is None
    assert drift.change_point([(3, 9)]) is None
    assert drift.change_point([(3, 1), (6, 2), (9, 3)]) is None
    assert drift.change_point([(0, 0), (5, 10), (0, 0)]) is None
    assert drift.change_point([(5, 10), (0, 0), (0, 0), (5, 11)]) == 1


def test_the_stability_of_values_that_never_varied_is_none_when_they_move():
    assert drift.psi([5.0] * 50, [6.0] * 50)[0] > 0.25


def test_a_tail_too_small_for_a_float_ends_at_once():
    """Ten million calls a side: without an end the sum went over every one of them."""
    started = time.process_time()
    change = drift.share_change((10**9, 10**10), (4 * 10**8, 10**10), limit=0.05)

    assert change is not None
    assert (change.size, change.distance) == (pytest.approx(-1.2), -38.0)
    assert time.process_time() - started < 2


def test_sums_of_a_torn_record_have_no_deviation_and_no_error():
    assert drift.Sample.of_sums(2, 3, 2) == drift.Sample(2, 1.5, 0.0)


def test_what_is_no_number_counts_in_no_distribution():
    before, after = [float(n % 30) for n in range(300)], [float(n % 20) for n in range(300)]
    odd = [math.nan, *after[:50], math.inf, 1e308, *after[50:], -math.inf]

    assert drift.ks(before, odd) == drift.ks(before, after)
    assert drift.psi(before, odd) == drift.psi(before, after)
    assert drift.psi(before, [math.nan]) == (0.0, 0.0)
