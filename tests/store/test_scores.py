"""Scores: each counts once, people and programs apart."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from otel_llm.store import (
    DuckDBStore,
    Filter,
    Score,
    ScoreBucket,
    ScoreParts,
    ScoreStats,
    StoreConfig,
)
from tests.store.examples import DAY, FULL, NOON, SECOND, a_call
from tests.store.stores import in_memory

RATED = Score(
    id="1",
    trace_id="a" * 32,
    span_id="b" * 16,
    name="rating",
    value=0.75,
    source="human",
    at_ns=NOON,
    rater="ann",
    comment="it's <b>fine</b>",
)


@pytest.fixture
def store():
    store = in_memory()
    yield store
    store.close()


def test_a_score_comes_back_as_it_was_given(store: DuckDBStore):
    bare = replace(RATED, id="2", span_id=None, rater=None, comment=None, at_ns=NOON + 1)

    store.add_scores([bare, RATED])

    assert store.scores("a" * 32) == [RATED, bare]
    assert store.scores("c" * 32) == []


def test_the_same_id_again_replaces_the_score(store: DuckDBStore):
    changed = replace(RATED, value=0.25, comment="no")

    store.add_scores([RATED, RATED])
    store.add_scores([changed])

    assert store.scores("a" * 32) == [changed]


def test_scores_are_summed_by_name_and_people_apart_from_programs(store: DuckDBStore):
    store.add_scores(
        [replace(RATED, id=str(n), value=value) for n, value in enumerate((0.0, 0.75, 1.0, 1.0))]
        + [replace(RATED, id="j", name="relevance", source="automatic", value=0.5)]
    )

    assert store.score_stats() == (
        ScoreStats("rating", "human", 4, 0.6875, 0.875, 1),
        ScoreStats("relevance", "automatic", 1, 0.5, 0.5, 1),
    )
    assert [stats.below for stats in store.score_stats(threshold=0.8)] == [2, 1]


@pytest.mark.parametrize("limit", [0.0, -0.5, 1.01, math.inf, math.nan])
def test_no_score_can_be_below_a_threshold_out_of_range(limit: float):
    with pytest.raises(ValueError, match="good_enough: must be above 0 and at most 1"):
        StoreConfig(good_enough=limit)


def test_what_calls_got_by_rules_of_thumb_is_summed_apart_from_what_was_given(store: DuckDBStore):
    calls = [a_call(n, score=score) for n, score in enumerate((0.5, 0.7, 1.0, None))]
    calls += [a_call(9, sentiment=-0.5)]
    store.write(calls)
    store.add_scores([replace(RATED, name="overall", source="automatic", value=0.1)])

    assert store.score_stats() == (
        ScoreStats("overall", "heuristic", 3, pytest.approx(2.2 / 3), 0.7, 2),
        ScoreStats("overall", "automatic", 1, 0.1, 0.1, 1),
        ScoreStats("sentiment", "tone", 1, 0.25, 0.25, 1),
    )
    assert {(b.source, b.count) for b in store.score_series(86_400)} == {
        ("heuristic", 3),
        ("tone", 1),
        ("automatic", 1),
    }
    assert store.score_stats(Filter(user="nobody")) == ()


def test_what_was_given_can_be_asked_for_the_latest_first(store: DuckDBStore):
    store.write([FULL])
    early = replace(RATED, trace_id=FULL.trace_id, value=0.5)
    late = replace(early, id="2", at_ns=RATED.at_ns + SECOND, value=1.0)
    other = replace(early, id="3", at_ns=RATED.at_ns + 2 * SECOND, trace_id="9" * 32)
    store.add_scores([early, late, other])

    assert store.scores_given() == [other, late, early]
    assert store.scores_given(limit=1) == [other]
    assert store.scores_given(below=0.75) == [other, early]
    assert store.scores_given(Filter(user="ann"), below=0.75) == [early]
    assert store.scores_given(Filter(until_ns=late.at_ns)) == [early]


def test_the_parts_of_scores_have_means_and_a_course(store: DuckDBStore):
    known = {"score_relevance": 0.5, "score_safety": 1.0}
    store.write(
        [
            a_call(1, score=0.7, **known),
            a_call(2, score=0.9, score_relevance=1.0),
            a_call(3, at=NOON + DAY, score=1.0, score_coherence=0.25),
            a_call(4, at=NOON + 2 * DAY),
        ]
    )

    means = {"relevance": 0.75, "coherence": 0.25, "safety": 1.0}
    assert store.score_parts() == [ScoreParts(0, means)]
    start = NOON - NOON % DAY
    assert store.score_parts(step_s=86_400) == [
        ScoreParts(start, {"relevance": 0.75, "safety": 1.0}),
        ScoreParts(start + DAY, {"coherence": 0.25}),
    ]
    assert store.score_parts(Filter(user="nobody")) == []


def test_scores_are_those_given_in_the_range_to_calls_that_match(store: DuckDBStore):
    store.write([replace(FULL, score=None, sentiment=None)])
    store.add_scores(
        [replace(RATED, trace_id=FULL.trace_id), replace(RATED, id="2", at_ns=NOON + DAY)]
    )

    def found(where: Filter) -> int:
        return sum(stats.count for stats in store.score_stats(where))

    assert found(Filter(since_ns=NOON, until_ns=NOON + DAY)) == 1
    assert found(Filter(since_ns=NOON)) == 2
    assert found(Filter(user="ann")) == 1
    assert found(Filter(user="bob")) == 0


def test_scores_have_a_course_over_time(store: DuckDBStore):
    start = NOON - NOON % DAY
    store.add_scores(
        [
            replace(RATED, id="1", at_ns=start, value=0.5),
            replace(RATED, id="2", at_ns=start + 1, value=1.0),
            replace(RATED, id="3", at_ns=start + DAY, value=0.25, source="automatic"),
        ]
    )

    assert store.score_series(86_400) == (
        ScoreBucket(start, "human", 0.75, 2),
        ScoreBucket(start + DAY, "automatic", 0.25, 1),
    )


def test_a_call_is_found_by_the_id_its_provider_gave(store: DuckDBStore):
    newer = a_call(5, response_id="chatcmpl-1")
    store.write([FULL, newer])

    assert store.find_response("chatcmpl-1") == newer
    assert store.find_response("none") is None


def test_old_scores_go_with_the_calls_of_their_time():
    store = DuckDBStore(StoreConfig(retain_for=60))
    store.add_scores([RATED, replace(RATED, id="2", at_ns=NOON + 120 * SECOND)])

    store.retain(NOON + 90 * SECOND)

    assert [score.id for score in store.scores("a" * 32)] == ["2"]
    store.close()


def test_a_score_that_cannot_be_kept_leaves_the_others_as_they_were(store: DuckDBStore):
    from otel_llm.store import StoreError

    store.add_scores([RATED])
    with pytest.raises(StoreError, match="cannot keep scores"):
        store.add_scores([replace(RATED, value=0.1), replace(RATED, id="2", name=None)])

    assert store.scores("a" * 32) == [RATED]
    store.add_scores([replace(RATED, id="3")])
    assert len(store.scores("a" * 32)) == 2
