"""Trends of days: what they say, and how often chance alone makes one."""

from __future__ import annotations

import math
import random

import pytest

from otel_llm.stats.trends import MOST_DAYS, Method, Trend, trends

METHODS: tuple[Method, ...] = ("robust", "regression")


def weeks(
    chance: random.Random, days: int, *, weekend: float = 0.3, growth: float = 0.0
) -> dict[int, float]:
    """Amounts of days that are less at weekends and grow by a share a week."""
    first = chance.randrange(7)
    return {
        day: (weekend if (first + day) % 7 > 4 else 1.0)
        * chance.lognormvariate(0, 0.05)
        * (1 + growth) ** (day / 7)
        for day in range(days)
    }


def one(days: dict[int, float], *, amount: bool = True, method: Method = "robust") -> Trend | None:
    return trends({"x": days}, amounts={"x"} if amount else (), method=method).get("x")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("growth", "direction"), [(0.1, "rising"), (-0.1, "falling")])
def test_growth_is_told_in_shares_a_week_whatever_weekends_are_like(
    method: Method, growth: float, direction: str
):
    found = one(weeks(random.Random(1), 28, growth=growth), method=method)

    assert found is not None
    assert (found.days, found.direction) == (28, direction)
    assert found.per_week == pytest.approx(growth, abs=0.03)
    assert found.after / found.before == pytest.approx((1 + growth) ** (27 / 7), rel=0.1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("days", [14, 28])
def test_weeks_that_are_alike_raise_no_more_than_what_is_stated(method: Method, days: int):
    chance = random.Random(7)

    alarms = sum(
        found is not None and found.direction != "steady"
        for found in (one(weeks(chance, days), method=method) for _ in range(2000))
    )

    assert alarms <= 2000 * 0.0027 * 1.5


def test_a_share_moves_by_a_difference():
    chance = random.Random(3)

    found = one({day: 0.1 + day * 0.01 + chance.gauss(0, 0.01) for day in range(28)}, amount=False)

    assert found is not None
    assert found.per_week == pytest.approx(0.07, abs=0.01)
    assert (found.before, found.after) == pytest.approx((0.1, 0.37), abs=0.02)


def test_days_that_are_missing_are_gaps_and_not_zero():
    days = {day: 1.1 ** (day / 7) for day in range(28) if day % 7 < 5}

    found = one(days)

    assert found is not None
    assert (found.days, found.direction) == (20, "rising")
    assert found.per_week == pytest.approx(0.1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "days",
    [
        {},
        {3: 1.0},
        {day: 1.0 for day in range(7)},
        {day * 400: float(day) for day in range(30)},
    ],
)
def test_of_few_days_nothing_is_said(days: dict[int, float], method: Method):
    assert one(days, method=method) is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, 0.1, 1e200])
def test_days_that_are_all_the_same_are_steady(value: float, method: Method):
    found = one(dict.fromkeys(range(28), value), method=method)

    assert found is not None
    assert (found.per_week, found.distance, found.direction) == (0.0, 0.0, "steady")
    assert found.before == found.after == pytest.approx(value)


def test_zeros_of_an_amount_are_held_as_they_are():
    found = one({day: float(max(0, day - 9)) for day in range(28)})

    assert found is not None
    assert found.direction == "rising"
    assert found.per_week > 0.3


def test_what_is_no_number_is_no_day():
    days = {day: 1.1 ** (day / 7) for day in range(28)}

    assert one({**days, 28: math.nan, 29: math.inf, 30: 1e301}) == one(days)


def test_of_very_many_days_the_last_count():
    found = one({day: 100.0 - (day if day < 400 else 0) for day in range(400 + MOST_DAYS)})

    assert found is not None
    assert (found.days, found.direction) == (MOST_DAYS, "steady")


def test_one_among_many_series_has_to_be_clearer():
    chance = random.Random(11)
    odd = {day: chance.gauss(0, 1) + 0.11 * day for day in range(28)}
    others = {n: {day: chance.gauss(0, 1) for day in range(28)} for n in range(300)}

    alone = trends({"odd": odd})["odd"]
    among = trends({"odd": odd, **others})["odd"]

    assert 3 <= alone.distance == among.distance < 4
    assert (alone.direction, among.direction) == ("rising", "steady")
