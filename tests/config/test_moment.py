"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from otel_llm.config.moment import moment_ns

NOW = 1_790_000_000 * 10**9


@pytest.mark.parametrize("text", ["20261101", "2026-11-01", "2026-11-01T01:00+01:00", "2026-W44-7"])
def test_a_day_is_one_in_every_form_of_iso_8601(text: str):
    assert moment_ns(text, NOW) == datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 10**9


@pytest.mark.parametrize("seconds", ["0", "99999999", "1790000000", "1790000000.5"])
def test_other_numbers_are_unix_seconds(seconds: str):
    assert moment_ns(seconds, NOW) == round(float(seconds) * 1e9)


def test_a_number_that_looks_like_a_day_and_is_none_is_a_mistake():
    with pytest.raises(ValueError, match="expected a time"):
        moment_ns("20261301", NOW)
