"""Detectors: known answers, textbook tables, and the false alarms that they state."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest

from otel_llm.stats import anomaly, kendall
from otel_llm.stats.anomaly import Anomaly, Severities, Threshold
from otel_llm.stats.dependence import correlation, correlation_beside_steps
from otel_llm.stats.normal import distance_of, from_student, two_sided

ALL = [
    anomaly.z_score,
    anomaly.median_score,
    anomaly.ewma,
    anomaly.trend,
    anomaly.robust_trend,
    anomaly.combined,
]
each = pytest.mark.parametrize("detector", ALL, ids=lambda detector: detector.__name__)


@pytest.mark.parametrize(
    ("t", "free", "normal"),
    [
        (2.262, 9, 1.960),
        (4.781, 9, 3.291),
        (2.042, 30, 1.960),
        (3.182, 3, 1.960),
        (-2.262, 9, -1.96),
    ],
)
def test_students_t_becomes_the_normal_distance_of_the_same_chance(
    t: float, free: int, normal: float
):
    """Pairs from the tables of Student's distribution (two-sided 5 % and 0.1 %)."""
    assert from_student(t, free) == pytest.approx(normal, abs=0.025)


@pytest.mark.parametrize("distance", [0.0, 0.5, 1.96, 3.0, 8.0, 30.0])
def test_distance_and_chance_are_each_others_inverse(distance: float):
    assert distance_of(two_sided(distance)) == pytest.approx(distance, abs=1e-6)


@pytest.mark.parametrize(
    ("distance", "grave"),
    [
        (2.99, None),
        (3.0, "info"),
        (-3.0, "info"),
        (3.5, "warning"),
        (4.0, "error"),
        (-5.0, "critical"),
        (math.inf, "critical"),
    ],
)
def test_how_grave_it_is_follows_from_the_distance(distance: float, grave: str | None):
    assert Severities().of(distance) == grave


@pytest.mark.parametrize(
    "limits",
    [
        {"info": 0.0},
        {"info": -1.0},
        {"info": 3.6},
        {"error": 6.0},
        {"critical": math.inf},
        {"warning": math.nan},
        {"critical": math.nan},
    ],
)
def test_limits_of_severities_rise_and_are_numbers(limits: dict[str, float]):
    with pytest.raises(ValueError, match="info, warning, error and critical"):
        Severities(**limits)


def test_a_value_in_the_middle_of_the_past_is_no_anomaly_and_one_far_off_is():
    history = [10.0, 11, 9, 10, 12, 8, 10, 11, 9, 10, 10, 11, 9, 10]

    usual = anomaly.z_score([*history, 10.5])
    far = anomaly.z_score([*history, 30.0])

    assert usual is not None
    assert usual.severity is None
    assert far is not None
    assert (far.severity, far.direction, far.expected) == ("critical", "above", 10.0)


def test_with_a_long_past_the_distance_is_the_z_score():
    chance = random.Random(2)
    history = [chance.gauss(5, 2) for _ in range(5000)]
    z = (15 - statistics.fmean(history)) / statistics.stdev(history)

    found = anomaly.z_score([*history, 15.0])

    assert found is not None
    assert found.distance == pytest.approx(z, rel=0.01)


def test_old_outliers_hide_an_anomaly_from_the_mean_but_not_from_the_median():
    history = [10.0, 11, 9, 10, 12, 8, 10, 11, 9, 10, 11, 9, 500, 600]

    by_mean, by_median = (d([*history, 40.0]) for d in (anomaly.z_score, anomaly.median_score))

    assert by_mean is not None
    assert by_mean.severity is None
    assert by_median is not None
    assert by_median.severity is not None


def test_a_small_shift_that_lasts_is_seen_by_the_weighted_mean_alone():
    chance = random.Random(4)
    values = [chance.gauss(0, 1) for _ in range(100)] + [1.5] * 10

    found = {d.__name__: d(values).severity for d in (anomaly.z_score, anomaly.ewma)}

    assert found == {"z_score": None, "ewma": "info"}


@each
def test_too_little_history_is_no_answer(detector: anomaly.Detector):
    assert detector([1.0] * 7) is None
    assert detector([]) is None


@each
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_of_what_is_no_number_nothing_is_said_and_nothing_is_learnt(
    detector: anomaly.Detector, odd: float
):
    past = [float(value % 7) for value in range(30)]

    assert detector([*past, odd]) is None
    assert detector([odd, *past, 3.0]) == detector([*past, 3.0])


@pytest.mark.parametrize("detector", [anomaly.z_score, anomaly.median_score, anomaly.ewma])
def test_what_is_no_number_among_the_past_is_left_out(detector: anomaly.Detector):
    past = [float(value % 7) for value in range(30)]

    assert detector([*past[:9], math.inf, *past[9:], 3.0]) == detector([*past, 3.0])


@pytest.mark.parametrize("detector", [anomaly.trend, anomaly.robust_trend])
@pytest.mark.parametrize("season", [1, 7])
def test_what_is_no_number_is_a_gap_in_a_trend(detector: Callable[..., Anomaly], season: int):
    values = [math.nan if at in (5, 6, 12, 13) else at * 2.0 for at in range(28)]

    assert detector(values, season=season).value == pytest.approx(54.0)


@each
def test_values_of_any_size_are_judged(detector: anomaly.Detector):
    found = detector([1e200 * (value % 7) for value in range(30)])

    assert found is not None
    assert math.isfinite(found.distance)


@each
@pytest.mark.parametrize("odd", [1.7e308, -1.7e308, 10**400])
def test_what_is_too_large_for_a_sum_is_no_value(detector: anomaly.Detector, odd: float):
    past = [float(value % 7) for value in range(30)]

    assert detector([odd] * 40) is None
    assert detector([odd, *past, 3.0]) == detector([*past, 3.0])


@each
@pytest.mark.parametrize("size", [9e299, 5e-324])
def test_values_at_the_ends_of_what_a_float_holds_are_judged(
    detector: anomaly.Detector, size: float
):
    found = detector([size * (value % 2) for value in range(60)])

    assert found is not None
    assert math.isfinite(found.distance)


@each
def test_constant_values_are_never_unusual(detector: anomaly.Detector):
    found = detector([0.1] * 40)

    assert found is not None
    assert found.severity is None


@pytest.mark.parametrize("detector", [anomaly.z_score, anomaly.median_score])
def test_any_change_after_constant_values_is_critical(detector: anomaly.Detector):
    found = detector([0.0] * 30 + [1.0])

    assert found is not None
    assert (found.severity, found.direction) == ("critical", "above")


@pytest.mark.parametrize("detector", [anomaly.trend, anomaly.robust_trend])
def test_a_slope_is_told_as_the_change_over_the_whole_series(detector: anomaly.Detector):
    chance = random.Random(1)
    values = [100 - 0.5 * i + chance.gauss(0, 1) for i in range(61)]

    found = detector(values)

    assert found is not None
    assert found.value == pytest.approx(-30, abs=1.5)
    assert (found.severity, found.direction) == ("critical", "below")


def test_the_robust_slope_is_the_median_of_all_pairs():
    values = [1.0, 2.1, 2.9, 4.2, 100.0, 6.1, 6.8, 8.2, 9.0]
    slopes = [(values[j] - values[i]) / (j - i) for i in range(9) for j in range(i + 1, 9)]

    found = anomaly.robust_trend(values)

    assert found is not None
    assert found.value == pytest.approx(statistics.median(slopes) * 8)


def test_the_daily_peak_is_usual_at_its_hour_and_unusual_at_another():
    chance = random.Random(3)
    days = [100 * (hour == 12) + chance.gauss(10, 1) for _ in range(21) for hour in range(24)]
    noon, midnight = days[: 20 * 24 + 12], days[: 20 * 24]

    found = [anomaly.seasonal([*values, 110.0], season=24).severity for values in (noon, midnight)]

    assert found == [None, "critical"]


def test_one_detector_alone_does_not_decide():
    def says(distance: float) -> anomaly.Detector:
        return lambda values: Anomaly(1.0, 0.0, distance)

    def together(*distances: float) -> float | None:
        found = anomaly.combined([1.0], [says(distance) for distance in distances])
        return found.distance if found else None

    assert together(9.0, 1.0, 0.5) == 1.0
    assert together(9.0, 4.0, 0.5) == 4.0
    assert together(9.0, -9.0, 0.5) == 0.5
    assert together(-9.0, -5.0, 6.0) == -5.0
    assert together(9.0) is None


@pytest.mark.parametrize(
    ("limits", "value", "grave"),
    [
        (Threshold(5, 10), 5, None),
        (Threshold(5, 10), 5.1, "warning"),
        (Threshold(5, 10), 10.1, "critical"),
        (Threshold(0.75, 0.5, "below"), 0.75, None),
        (Threshold(0.75, 0.5, "below"), 0.7, "warning"),
        (Threshold(0.75, 0.5, "below"), 0.4, "critical"),
    ],
)
def test_fixed_limits_have_a_direction(limits: Threshold, value: float, grave: str | None):
    assert limits.severity(value) == grave


def test_limits_in_the_wrong_order_are_a_mistake():
    with pytest.raises(ValueError, match="beyond warning"):
        Threshold(0.5, 0.75, "below")


@pytest.mark.parametrize(
    ("detector", "history"),
    [
        *((anomaly.z_score, 40), (anomaly.median_score, 14), (anomaly.median_score, 40)),
        *((anomaly.ewma, 40), (anomaly.trend, 40)),
        *((anomaly.robust_trend, 8), (anomaly.robust_trend, 14)),
    ],
)
def test_the_stated_false_alarm_rate_holds_within_a_factor_of_one_and_a_half(
    detector: anomaly.Detector, history: int
):
    chance, windows = random.Random(11), 12_000
    alarms = 0
    for _ in range(windows):
        found = detector([chance.gauss(100, 10) for _ in range(history + 1)])
        alarms += found is not None and found.severity is not None

    assert 2.7 / 1.5 <= 1000 * alarms / windows <= 2.7 * 1.5


@pytest.mark.parametrize(("detector", "most"), [(anomaly.ewma, 10), (anomaly.trend, 10)])
def test_values_each_half_like_the_one_before_raise_hardly_more(
    detector: anomaly.Detector, most: float
):
    chance, windows = random.Random(5), 3_000
    alarms = 0
    for _ in range(windows):
        values = [chance.gauss(0, 1)]
        for _ in range(100):
            values.append(0.5 * values[-1] + math.sqrt(0.75) * chance.gauss(0, 1))
        found = detector(values)
        alarms += found is not None and found.severity is not None

    assert 1000 * alarms / windows <= most


def test_a_step_is_no_dependence():
    chance = random.Random(2)
    values = [chance.gauss(5 if at >= 60 else 0, 1) for at in range(100)]

    assert correlation_beside_steps(values) == 0.0
    assert correlation(values) > 0.5


@pytest.mark.parametrize("count", [9, 12, 15, 21, 31, 60])
def test_the_robust_trend_raises_as_many_false_alarms_as_stated_counted_out(count: int):
    chances, pairs = kendall._inversions(count), count * (count - 1) // 2

    alarms = sum(
        chance
        for inverted, chance in enumerate(chances)
        if kendall._distances((count,))[abs(pairs - 2 * inverted)] >= 3
    )

    assert sum(chances) == pytest.approx(1.0)
    assert 2.7 / 1.5 <= 1000 * alarms <= 2.7 * 1.5


def test_ties_and_many_values_are_judged_by_the_normal_distribution():
    rising = [float(n) for n in range(61)]

    assert kendall.distance_of_balance([rising], 1830) == pytest.approx(11.38, abs=0.01)
    assert kendall.distance_of_balance([[1.0] * 10], 0) == 0.0
    assert 0 < kendall.distance_of_balance([[1.0, 1.0, *rising[2:12]]], 40) < 4
