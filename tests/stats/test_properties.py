"""What holds for any values: merging in any order and grouping, error bounds, late data."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_llm.genai import Call
from otel_llm.stats import Selection, Sketch, Tally, Windows
from otel_llm.stats.baseline import Profile
from otel_llm.stats.sketch import ACCURACY

from .calls import call

values = st.floats(allow_nan=True, allow_infinity=True) | st.floats(1e-9, 1e12)
sketches = st.lists(values, max_size=30).map(Sketch)
shares = st.floats(0, 1)
NOW = 1_000_000.0
few = settings(max_examples=50)


def joined(*parts: Sketch) -> Sketch:
    whole = Sketch()
    for part in parts:
        whole.merge(part)
    return whole


@few
@given(sketches, sketches, sketches)
def test_sketches_merge_in_any_order_and_any_grouping(a: Sketch, b: Sketch, c: Sketch):
    assert joined(a, b) == joined(b, a)
    assert joined(joined(a, b), c) == joined(a, joined(b, c))
    assert joined(a, Sketch()) == a


@few
@given(st.lists(values, max_size=40), st.integers(0, 40))
def test_a_merged_sketch_is_that_of_all_values(seen: list[float], cut: int):
    assert joined(Sketch(seen[:cut]), Sketch(seen[cut:])) == Sketch(seen)


@few
@given(sketches, sketches)
def test_taking_away_is_the_inverse_of_merging(a: Sketch, b: Sketch):
    whole = joined(a, b)
    whole.subtract(b)

    assert whole == a


@few
@given(sketches)
def test_a_sketch_survives_being_written_down(sketch: Sketch):
    written = json.loads(json.dumps(list(sketch.counts().items())))

    assert Sketch.of(dict(written)) == sketch


@few
@given(st.lists(st.floats(1e-9, 1e300), min_size=1, max_size=60), shares)
def test_every_quantile_of_any_values_is_within_one_percent(seen: list[float], q: float):
    estimate = Sketch(seen).quantile(q)

    true = sorted(seen)[math.floor(q * (len(seen) - 1) + 1e-9)]
    assert estimate is not None
    assert abs(estimate - true) <= ACCURACY * true * 1.001 + 1e-9


@few
@given(st.lists(values, min_size=1, max_size=40), shares, shares)
def test_a_higher_quantile_is_never_lower(seen: list[float], p: float, q: float):
    low, high = (Sketch(seen).quantile(share) for share in sorted((p, q)))

    assert low is None or low <= (high or 0.0)


calls = st.builds(
    call,
    st.floats(NOW - 290, NOW).map(lambda at: round(at, 3)),
    took_s=st.floats(0.001, 100).map(lambda took: round(took, 6)),
    tokens=st.none() | st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    cost=st.none() | st.floats(0, 100),
    error_type=st.none() | st.just("timeout"),
    time_to_first_chunk_s=st.none() | st.floats(0, 10),
    flags=st.none() | st.lists(st.sampled_from(["refusal", "empty", "pii"]), unique=True),
    output_chars=st.none() | st.integers(0, 10**5),
    score=st.none() | st.floats(0, 1),
    request_model=st.sampled_from(["gpt-4o", "o3", None]),
)
several = st.lists(calls, max_size=12)


def tally(seen: Sequence[Call]) -> Tally:
    found = Tally()
    for one in seen:
        found.add(one)
    return sums(found)


def sums(found: Tally) -> Tally:
    """All but the examples: of two that are as good, any will do."""
    return replace(found, examples={}, flags={flag: n for flag, n in found.flags.items() if n})


def added(*parts: Tally) -> Tally:
    whole = Tally()
    for part in parts:
        whole.merge(part)
    return whole


@few
@given(several, several, several)
def test_workers_add_up_to_what_one_would_have_counted(a: list[Call], b: list[Call], c: list[Call]):
    one, two, three = map(tally, (a, b, c))

    assert sums(added(one, two, three)) == tally([*a, *b, *c]) == tally([*c, *a, *b])
    assert sums(added(added(one, two), three)) == sums(added(one, added(two, three)))
    whole = added(one, two)
    whole.subtract(two)
    assert sums(whole) == one


@few
@given(several, several)
def test_profiles_of_workers_add_up_and_survive_being_written_down(a: list[Call], b: list[Call]):
    both, other = profile([*a, *b]), profile(b)
    merged = profile(a)
    merged.merge(Profile.from_json(json.loads(json.dumps(other.to_json()))))

    assert merged.to_json() == both.to_json()


def profile(seen: Sequence[Call]) -> Profile:
    found = Profile()
    for one in seen:
        found.add(one)
        found.add_score("charm", 0.5)
    return found


@few
@given(several, st.randoms(use_true_random=False), st.integers(1, 5))
def test_a_window_holds_the_same_however_late_and_in_which_order_calls_come(
    seen: list[Call], chance, batches: int
):
    shuffled = [*seen]
    chance.shuffle(shuffled)

    at_once, late = Windows(), Windows()
    first, second = (w.open(Selection(group_by=("model",)), 300) for w in (at_once, late))
    at_once.observe(seen, NOW)
    for nth in range(batches):
        late.observe(shuffled[nth::batches], NOW)
    for windows in (at_once, late):
        windows.advance(NOW)

    assert {key: sums(series.total) for key, series in first} == {
        key: sums(series.total) for key, series in second
    }
    assert sum(series.total.calls for _, series in first) == len(seen)
