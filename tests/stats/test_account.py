"""Periods of the calendar, spending over time, and what it says about the future."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from otel_llm.stats.account import DAY_S, HOUR_S, Account
from otel_llm.stats.ended import ended
from otel_llm.stats.periods import Kind, Period, period_of

from .calls import call

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = 1_790_000_000.0
NOW_NS = 1_790_000_000 * 10**9


def _at(text: str, zone: ZoneInfo = UTC) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("at", "kind", "zone", "start", "end"),
    [
        ("2026-11-21 13:30", "day", "UTC", "2026-11-21", "2026-11-22"),
        ("2026-11-21 00:00", "day", "UTC", "2026-11-21", "2026-11-22"),
        ("2026-11-22 13:30", "week", "UTC", "2026-11-16", "2026-11-23"),
        ("2026-12-31 23:59", "month", "UTC", "2026-12-01", "2027-01-01"),
        ("2028-02-29 12:00", "month", "UTC", "2028-02-01", "2028-03-01"),
        ("2026-03-29 12:00", "day", "Europe/Berlin", "2026-03-29", "2026-03-30"),
        ("2026-10-25 12:00", "day", "Europe/Berlin", "2026-10-25", "2026-10-26"),
        ("2026-11-21 00:10", "day", "Asia/Kolkata", "2026-11-21", "2026-11-22"),
    ],
)
def test_a_period_is_that_of_the_calendar_where_the_owner_lives(
    at: str, kind: Kind, zone: str, start: str, end: str
):
    there = ZoneInfo(zone)

    assert period_of(_at(at, there), kind, there) == Period(_at(start, there), _at(end, there))


def test_the_days_on_which_clocks_change_have_23_and_25_hours():
    days = [period_of(_at(day, BERLIN), "day", BERLIN) for day in ("2026-03-29", "2026-10-25")]

    assert [day.length_s / HOUR_S for day in days] == [23, 25]


def test_what_is_spent_is_exact_whatever_the_order():
    chance = random.Random(1)
    month = period_of(_at("2026-11-10"), "month", UTC)
    bookings = [
        (month.start + chance.random() * 9 * DAY_S, chance.randrange(10**9)) for _ in range(999)
    ]
    account, shuffled = Account(), Account()
    for at, nano in bookings:
        account.add(at, month, nano)
    chance.shuffle(bookings)
    for at, nano in bookings:
        shuffled.add(at, month, nano)

    assert account.spent(month) == sum(nano for _, nano in bookings)
    assert (shuffled.periods, shuffled.hours, shuffled.since) == (
        account.periods,
        account.hours,
        account.since,
    )


def test_a_call_that_arrives_after_midnight_counts_for_the_day_it_ended_in():
    account = Account()
    monday, tuesday = (period_of(_at(d), "day", UTC) for d in ("2026-11-16", "2026-11-17"))
    account.add(tuesday.start + 5, tuesday, 7)
    account.add(monday.end - 1, monday, 5)

    assert (account.spent(monday), account.spent(tuesday)) == (5, 7)


def test_a_call_without_a_price_is_counted_and_spends_nothing():
    account, day = Account(), period_of(_at("2026-11-16"), "day", UTC)

    account.add(day.start, day, None)

    assert (account.spent(day), account.unpriced) == (0, {day.start: 1})


def test_the_rate_is_what_was_spent_over_the_time():
    account, month = Account(), period_of(_at("2026-11-10"), "month", UTC)
    for minute in range(0, 6 * 60, 5):
        account.add(month.start + minute * 60, month, 300)
    now = month.start + 6 * HOUR_S - 1

    assert [account.rate(now, s) for s in (300, HOUR_S, 3 * HOUR_S)] == pytest.approx([1, 1, 1])


def test_steady_spending_is_forecast_to_the_cent_with_no_doubt():
    account, month = Account(), period_of(_at("2026-11-10"), "month", UTC)
    now = month.start + 10 * DAY_S
    for hour in range(240):
        account.add(month.start + hour * HOUR_S + 60, month, 10)

    forecast = account.forecast(month, now)

    assert forecast is not None
    assert (forecast.likely, forecast.low, forecast.high) == pytest.approx((7200, 7200, 7200))


def test_nine_of_ten_forecasts_hold():
    """Daily spending at random: the month's end lies within the range in about 90 % of months."""
    month = period_of(_at("2026-11-10"), "month", UTC)
    held = 0
    for seed in range(400):
        chance = random.Random(seed)
        days = [round(chance.gauss(1000, 200)) for _ in range(45)]
        account = Account()
        for day, nano in enumerate(days):
            at = month.start + (day - 15) * DAY_S + 60
            if day < 25:
                account.add(at, month if at >= month.start else Period(0, month.start), nano)
        forecast = account.forecast(month, month.start + 10 * DAY_S)
        assert forecast is not None
        held += forecast.low <= sum(days[15:]) <= forecast.high

    assert 0.86 <= held / 400 <= 0.94


def test_with_less_than_three_complete_days_nothing_is_foretold():
    account, month = Account(), period_of(_at("2026-11-10"), "month", UTC)
    account.add(month.start, month, 10)

    assert account.forecast(month, month.start + 2.9 * DAY_S) is None
    assert account.forecast(month, month.start + 3 * DAY_S) is not None


def test_only_what_is_asked_for_is_kept_and_survives_as_json():
    account, day = Account(), period_of(_at("2026-11-16"), "day", UTC)
    for hours in range(24 * 30):
        at = day.start + hours * HOUR_S
        account.add(at, period_of(at, "day", UTC), 1)
    account.add(day.start, day, None)
    account.forget(day.start + 30 * DAY_S)

    again = Account.from_json(json.loads(json.dumps(account.to_json())))

    assert (len(account.fine), len(account.hours), len(account.periods)) == (6, 15 * 24, 3)
    assert again == account


def test_a_clock_that_was_ahead_neither_hides_today_nor_hastens_it():
    today = period_of(_at("2026-11-16"), "day", UTC)
    now, account = today.start + 12 * HOUR_S, Account()
    account.add(now, today, 1, today)
    for days in range(1, 5):
        ahead = period_of(_at("2100-01-01") + days * DAY_S, "day", UTC)
        account.add(ahead.start, ahead, 3_600, ahead)

    account.forget(now)

    assert (account.spent(today), account.days[today.start]) == (1, 1)
    assert account.rate(now, HOUR_S) * HOUR_S == pytest.approx(1)


@pytest.mark.parametrize(
    ("end_ns", "now", "expected"),
    [
        (NOW_NS, NOW, NOW),
        (NOW_NS - 86_400 * 10**9, NOW, NOW - 86_400),
        (NOW_NS + 1, NOW, NOW),
        (0, NOW, NOW),
        (3_600 * 10**9, NOW, NOW),
        (2**63, NOW, NOW),
    ],
)
def test_a_call_ended_when_it_says_unless_that_cannot_be(end_ns: int, now: float, expected: float):
    assert ended(replace(call(), end_ns=end_ns), now) == expected
