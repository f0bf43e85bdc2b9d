"""Trends of days of calls: what is counted, of which days."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from otel_llm.genai import Call
from otel_llm.store import Filter, Score
from otel_llm.store.trends import FoundTrend, find_trends
from tests.store.examples import DAY, NOON, SECOND, a_call, usd
from tests.store.stores import in_memory

MIDNIGHT = NOON - NOON % DAY
NOW = MIDNIGHT + 5 * 3_600 * SECOND
MONTH = Filter(since_ns=NOW - 28 * DAY)


def a_month(
    model: str = "gpt-4o", *, growth: float = 0.0, seed: int = 1, today: int = MIDNIGHT
) -> Iterator[Call]:
    """Calls of 28 days and of a part of today, of which some fail; ``growth`` is that of the cost
    of one in a week."""
    chance = random.Random(seed)
    n = 0
    for day in range(29):
        for _ in range(chance.randint(8, 12) if day < 28 else 1):
            n += 1
            yield a_call(
                n + seed * 100_000,
                at=today - (28 - day) * DAY + chance.randrange(4 * 3_600) * SECOND,
                response_model=model,
                cost=usd(chance.uniform(0.9, 1.1) * (1 + growth) ** (day / 7)),
                score=0.9 - 0.005 * day + chance.gauss(0, 0.01),
                error_type="timeout" if chance.random() < 0.1 else None,
                flags=("refusal",) if chance.random() < 0.1 else (),
            )


def by_signal(found: list[FoundTrend]) -> dict[tuple[str | None, str], FoundTrend]:
    return {(one.key, one.signal): one for one in found}


def test_what_grows_is_told_and_what_does_not_is_steady():
    store = in_memory()
    store.write([*a_month(growth=0.2)])

    found = by_signal(find_trends(store, MONTH, now_ns=NOW))

    told = {signal: one.direction for (_, signal), one in found.items()}
    assert told == {
        "calls": "steady",
        "cost": "rising",
        "mean_cost": "rising",
        "duration_p95": "steady",
        "error_rate": "steady",
        "flagged_rate": "steady",
        "score.heuristic": "falling",
    }
    cost, score = found[None, "mean_cost"], found[None, "score.heuristic"]
    assert cost.days == 28
    assert cost.per_week == pytest.approx(0.2, abs=0.03)
    assert cost.before == pytest.approx(1.0, rel=0.1)
    assert score.per_week == pytest.approx(-0.035, abs=0.005)


def test_groups_are_told_apart_those_with_most_calls():
    store = in_memory()
    store.write([*a_month("dear", growth=0.3), *a_month("cheap", seed=2), a_call(1, at=NOW - DAY)])

    both = by_signal(find_trends(store, MONTH, now_ns=NOW, by="model"))
    one = find_trends(store, MONTH, now_ns=NOW, by="model", groups=1)

    assert both["dear", "mean_cost"].direction == "rising"
    assert both["cheap", "mean_cost"].direction == "steady"
    assert {key for key, _ in both} == {"dear", "cheap"}
    assert len({found.key for found in one}) == 1


def test_a_day_without_a_call_has_none_and_no_rate():
    store = in_memory()
    store.write([call for call in a_month() if (call.start_ns // DAY) % 7 < 5])

    found = by_signal(find_trends(store, MONTH, now_ns=NOW))

    assert found[None, "calls"].days == found[None, "cost"].days == 28
    assert found[None, "error_rate"].days == found[None, "mean_cost"].days == 20


def test_the_day_of_the_first_call_may_be_a_part_of_one():
    store = in_memory()
    store.write([call for call in a_month() if call.start_ns >= MIDNIGHT - 10 * DAY])

    found = by_signal(find_trends(store, MONTH, now_ns=NOW))

    assert found[None, "calls"].days == 9
    assert found[None, "error_rate"].days == 10


def test_scores_of_people_are_a_trend_of_their_own():
    store = in_memory()
    store.write([*a_month()])
    store.add_scores(
        [
            Score(f"s{day}", "t", None, "rating", 0.9 - day / 40, "human", MIDNIGHT - day * DAY - 1)
            for day in range(28)
        ]
    )

    found = by_signal(find_trends(store, MONTH, now_ns=NOW))

    assert found[None, "score.human"].direction == "rising"
    assert found[None, "score.human"].per_week == pytest.approx(7 / 40)


def test_a_line_ends_where_a_share_has_to():
    store = in_memory()
    calls = [
        a_call(day * 10 + n, at=MIDNIGHT - day * DAY - 1, error_type="x" if day + n < 12 else None)
        for day in range(28)
        for n in range(8)
    ]
    store.write(calls)

    rate = by_signal(find_trends(store, MONTH, now_ns=NOW))[None, "error_rate"]

    assert (rate.direction, rate.before) == ("rising", 0.0)
    assert rate.after <= 1.0


@pytest.mark.parametrize(
    "where",
    [
        Filter(since_ns=NOW),
        Filter(since_ns=NOW + DAY),
        Filter(since_ns=NOW - 5 * DAY),
        Filter(since_ns=0, until_ns=DAY),
        Filter(since_ns=5 * DAY, until_ns=DAY),
        Filter(),
    ],
)
def test_an_odd_range_has_few_trends_or_none(where: Filter):
    store = in_memory()
    store.write([call for call in a_month() if call.start_ns >= MIDNIGHT - 6 * DAY])

    assert find_trends(store, where, now_ns=NOW) == []


def test_too_many_groups_are_refused():
    store = in_memory()
    store.write([a_call(n, at=NOW - DAY, user_id=f"u{n}") for n in range(20_001)])

    with pytest.raises(ValueError, match="20,000"):
        find_trends(store, MONTH, now_ns=NOW, by="user")
