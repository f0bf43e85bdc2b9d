"""Numbers as people read them."""

from __future__ import annotations

import pytest

from otel_llm.ui import format


@pytest.mark.parametrize(
    ("render", "value", "text"),
    [
        (format.money, None, "—"),
        (format.money, 0, "$0.00"),
        (format.money, 0.000004, "$0.000004"),
        (format.money, 0.00000008, "$0.00000008"),
        (format.money, 0.0123, "$0.0123"),
        (format.money, 1234.5, "$1,234.50"),
        (format.count, None, "—"),
        (format.count, 0, "0"),
        (format.count, 1234567, "1,234,567"),
        (format.ms, None, "—"),
        (format.ms, 0.25, "0.2 ms"),
        (format.ms, 250, "250 ms"),
        (format.ms, 1_500, "1.50 s"),
        (format.ms, 90_000, "1.5 min"),
        (format.ms, 300_000, "5 min"),
        (format.ms, 86_400_000, "24 h"),
        (format.ms, 2_592_000_000, "30 d"),
        (format.percent, None, "—"),
        (format.percent, 0, "0%"),
        (format.percent, 0.051, "5.1%"),
        (format.percent, 1, "100%"),
        (format.moment, 1_790_000_000_123_456_789, "2026-09-21 14:13:20"),
        (format.iso, 1_790_000_000_123_456_789, "2026-09-21T14:13:20.123456Z"),
        (format.day, 1_790_000_000_123_456_789, "2026-09-21"),
        (format.size, 512, "512 bytes"),
        (format.size, 2_048, "2.0 KiB"),
        (format.size, 3 * 2**40, "3,072.0 GiB"),
        (format.readable, "1790000000", "2026-09-21 14:13"),
        (format.readable, "2026-09-21", "2026-09-21 00:00"),
        (format.readable, "999999999w", "1970-01-01 00:00"),
        (format.instant, "2026-09-21T14:13:20Z", "2026-09-21T14:13"),
    ],
)
def test_a_value_reads(render, value, text: str):
    assert render(value) == text


@pytest.mark.parametrize(
    ("signal", "value", "text"),
    [
        ("error_rate", 0.0714, "7.1%"),
        ("duration_p95", 8.7, "8.70 s"),
        ("cost", 12.5, "$12.50"),
        ("mean_tokens", 1_361.2, "1,361"),
        ("mean_tokens", 10_000, "10,000"),
        ("tokens", 2.5e9, "2,500,000,000"),
        ("budget_burn", 14.4, "14.4"),
        ("budget_use", 0.83, "83.0%"),
        ("hedging_rate", 0.2, "20.0%"),
        ("output_length", 1_200, "1,200 characters"),
        ("quality_mean", 0.71, "0.71"),
        ("queue_age", 66, "1.1 min"),
        ("cost", None, "—"),
    ],
)
def test_a_value_of_a_signal_has_its_unit(signal: str, value, text: str):
    assert format.reading(value, signal) == text


def test_a_factor_over_the_usual_reads_as_one():
    assert format.reading(15.916, "cost", factor=True) == "15.92 times"


@pytest.mark.parametrize(
    ("value", "signal", "text"),
    [
        (0.2, "calls", "+20.0%"),
        (-0.0114, "flagged_rate", "-1.14 points"),
        (-0.05, "score.overall", "-0.050"),
        (-0.0001, "score.overall", "+0.000"),
    ],
)
def test_a_change_a_week_reads(value, signal: str, text: str):
    assert format.per_week(value, signal) == text
