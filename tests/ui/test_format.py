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
        (format.ms, 86_400_000, "24.0 h"),
        (format.percent, None, "—"),
        (format.percent, 0, "0%"),
        (format.percent, 0.051, "5.1%"),
        (format.percent, 1, "100%"),
        (format.moment, 1_790_000_000_123_456_789, "2026-09-21 14:13:20"),
        (format.iso, 1_790_000_000_123_456_789, "2026-09-21T14:13:20.123456Z"),
    ],
)
def test_a_value_reads(render, value, text: str):
    assert render(value) == text
