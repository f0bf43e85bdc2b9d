"""What calls add up to: exactly, in any order, with unknown kept apart from zero."""

from __future__ import annotations

import math
import random
from dataclasses import fields

import pytest

from otel_llm.genai import Cost, Usage
from otel_llm.stats import Sketch, Tally

from .calls import call


def _tally(calls) -> Tally:
    tally = Tally()
    for one in calls:
        tally.add(one)
    return tally


def test_everything_known_of_a_call_is_counted():
    one = call(
        2.0,
        took_s=1.5,
        tokens=(100, 20),
        cost=0.25,
        error_type="timeout",
        time_to_first_chunk_s=0.5,
        flags=("refusal", "empty"),
        output_chars=80,
        score=0.75,
    )

    assert _tally([one]) == Tally(
        calls=1,
        errors=1,
        input_tokens=100,
        output_tokens=20,
        counted=1,
        cost_nano=250_000_000,
        priced=1,
        timed=1,
        duration_ns=1_500_000_000,
        refused=1,
        refusable=1,
        judged=1,
        flags={"refusal": 1, "empty": 1},
        output_chars=80,
        output_chars_squared=6400,
        measured=1,
        scored=1,
        score_micro=750_000,
        score_micro_squared=562_500_000_000,
        durations=Sketch([1.5]),
        first_chunks=Sketch([0.5]),
        examples={
            "any": (2e9, one.trace_id),
            "slow": (1.5e9, one.trace_id),
            "failed": (2e9, one.trace_id),
            "costly": (0.25, one.trace_id),
            "flagged": (2e9, one.trace_id),
        },
    )


def test_what_is_unknown_is_counted_nowhere():
    one = call(2.0, tokens=None, cost=None)

    assert _tally([one]) == Tally(
        calls=1,
        unpriced=1,
        timed=1,
        duration_ns=1_000_000_000,
        durations=Sketch([1.0]),
        examples={"any": (2e9, one.trace_id), "slow": (1e9, one.trace_id)},
    )


def test_a_call_that_ran_without_a_price_is_unpriced_and_one_that_failed_before_is_not():
    failed = call(cost=None, tokens=None, error_type="timeout")

    assert _tally([call(cost=None), failed]).unpriced == 1


def test_what_no_price_can_be_is_not_added_up():
    costs = (math.inf, math.nan, 1e308, -1e308, 1e12)
    odd = [*(call(cost=cost) for cost in costs), call(cost=None, tokens=(-5, 3))]
    euros = call()
    euros.cost = Cost(3.0, currency="EUR")

    tally = _tally([*odd, euros])

    assert (tally.cost_nano, tally.priced, tally.input_tokens) == (0, 0, 60)


def test_a_refusal_by_finish_reason_needs_no_content():
    tally = _tally([call(finish_reasons=("SAFETY",)), call(finish_reasons=("stop",))])

    assert (tally.refused, tally.refusable, tally.judged) == (1, 2, 0)


def test_a_span_that_ends_before_it_starts_or_has_no_start_took_no_known_time():
    backwards, endless = call(10.0, took_s=-5.0), call(10.0, took_s=10.0)

    tally = _tally([backwards, endless])

    assert (tally.timed, tally.duration_ns, len(tally.durations)) == (0, 0, 0)


def test_a_million_tenths_of_a_cent_are_exactly_a_thousand_dollars():
    part, whole = _tally([call(cost=0.001)] * 1000), Tally()
    for _ in range(1000):
        whole.merge(part)

    assert whole.cost_nano == 1000 * 10**9


def test_parts_merged_in_any_order_and_taken_away_again_leave_the_rest():
    chance = random.Random(3)
    calls = [
        call(
            i + 9,
            took_s=chance.random(),
            cost=chance.choice([None, chance.random()]),
            usage=Usage(chance.randrange(1000), None),
            flags=chance.choice([None, (), ("empty",), ("refusal",)]),
        )
        for i in range(300)
    ]
    parts = [_tally(calls[i::3]) for i in range(3)]

    merged = Tally()
    for part in reversed(parts):
        merged.merge(part)
    assert merged == _tally(calls)
    merged.subtract(parts[0])

    rest = _tally([one for i, one in enumerate(calls) if i % 3])
    merged.examples = rest.examples
    assert {f: n for f, n in merged.flags.items() if n} == rest.flags
    merged.flags = rest.flags
    assert merged == rest


def test_every_sum_is_merged_and_taken_away():
    sums = [f.name for f in fields(Tally) if isinstance(getattr(Tally(), f.name), int)]
    one = Tally(**{name: 10**place for place, name in enumerate(sums)})
    whole = Tally()
    whole.merge(one)
    whole.merge(one)

    assert [getattr(whole, name) for name in sums] == [2 * 10**n for n in range(len(sums))]
    whole.subtract(one)
    assert whole == one


def test_the_example_is_the_slowest_and_the_dearest():
    slow, dear = call(20.0, took_s=9.0), call(30.0, cost=7.0)

    examples = _tally([call(40.0), slow, dear]).examples

    assert (examples["slow"][1], examples["costly"][1]) == (slow.trace_id, dear.trace_id)


def test_cost_of_any_size_is_kept_to_a_billionth():
    assert _tally([call(cost=1e-9), call(cost=123_456.789)]).cost_nano == 123_456_789_000_001


@pytest.mark.parametrize("took_s", [0.001, 2.5, 5.0, 10.0, 61.234])
@pytest.mark.parametrize("times", [1, 7, 400])
def test_of_calls_that_all_took_the_same_every_percentile_is_that(took_s: float, times: int):
    whole = _tally([call(100.0, took_s=took_s)] * times + [call(100.0, took_s=90)])

    whole.subtract(_tally([call(100.0, took_s=90)]))

    assert [whole.duration(q) for q in (0, 0.5, 0.95, 0.99, 1)] == [took_s] * 5


def test_a_percentile_of_different_durations_is_that_of_their_sketch():
    tally = _tally([call(100.0, took_s=took_s) for took_s in (1.0, 2.0, 5.0)])

    assert tally.duration(1) == tally.durations.quantile(1) == pytest.approx(5.0, rel=0.01)


def test_without_a_known_duration_there_is_no_percentile():
    assert Tally().duration(0.5) is None
