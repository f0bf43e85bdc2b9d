"""What retention goes by when clocks do not."""

from __future__ import annotations

import pytest

from otel_llm.store import DuckDBStore, StoreConfig
from otel_llm.store.steady import SteadyClock

from .examples import DAY, a_call

START, HOUR, YEARS = 1_790_000_000.0, 3_600.0, 70 * 365 * 86_400.0


@pytest.mark.parametrize(
    ("clock", "passed", "believed"),
    [
        ([0, 60, 120], [0, 60, 120], [0, 60, 120]),
        ([0, HOUR, 2 * HOUR], [0, 0, 0], [0, HOUR, 2 * HOUR]),
        ([0, YEARS, YEARS + 60, 120], [0, 0, 60, 120], [0, 0, 60, 120]),
        ([0, YEARS, 60, YEARS + 2 * HOUR], [0, 0, 60, 2 * HOUR], [0, 0, 60, 2 * HOUR]),
        ([0, YEARS, YEARS + HOUR], [0, 0, HOUR], [0, 0, YEARS + HOUR]),
        ([0, -YEARS, -YEARS + 60], [0, 0, 60], [0, -YEARS, -YEARS + 60]),
    ],
    ids=["as it goes", "an hour", "ahead and back", "ahead twice", "it stays", "set back"],
)
def test_a_clock_that_jumps_ahead_is_followed_when_it_stays(
    clock: list[float], passed: list[float], believed: list[float]
):
    now, awake = [0.0], [0.0]
    steady = SteadyClock(lambda: START + now[0], lambda: awake[0])
    found = list[float]()
    for now[0], awake[0] in zip(clock, passed, strict=True):
        found.append(steady() - START)

    assert found == believed


def test_a_clock_that_is_years_ahead_for_a_while_empties_no_store(monkeypatch: pytest.MonkeyPatch):
    now = [START]
    monkeypatch.setattr(SteadyClock.__init__, "__defaults__", (lambda: now[0], lambda: 0.0))
    store = DuckDBStore(StoreConfig())
    store.write([a_call(1, at=int(START * 1e9) - DAY)])
    now[0] += YEARS

    assert store.retain() == 0
    assert store.retain(int(now[0] * 1e9)) == 1
    store.close()
