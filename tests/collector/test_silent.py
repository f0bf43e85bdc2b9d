"""A call of which one instrumentation says nothing, beside one that tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from .test_twins import (
    APART,
    CALL,
    OURS,
    THEIRS,
    TOGETHER,
    UNTOLD,
    joined,
    marks,
    processor_fixture,  # noqa: F401 - a fixture
    span,
)

RUNS = "langsmith"
SERVED = {**UNTOLD, "gen_ai.response.id": "r-1"}
KNOWN = {**CALL, "gen_ai.response.id": "r-1"}
RUN = int("01a202d51da57db880923a03c31d478c", 16)
"""The id of a run of LangSmith, a UUID of version 7, which what runs inside has for its trace."""
IN_RUN: dict[str, Any] = {"trace": RUN, "parent": RUN >> 64}


def test_a_stream_that_breaks_and_of_which_a_wrapper_knows_nothing_counts_once(processor):
    """Langfuse's of OpenAI: it tells of no error."""
    theirs = span(THEIRS, 1, UNTOLD, took=100)
    ours = span(OURS, 2, SERVED, start=1001, took=98, failed=True)

    assert marks(processor, joined(theirs, ours)) == {"1": "2"}


@pytest.mark.parametrize("failed", [False, True], ids=["raw", "failed"])
def test_what_a_wrapper_knows_less_of_is_the_same_in_a_later_batch(processor, failed):
    ours = span(OURS, 2, KNOWN, start=1001, took=98, failed=failed)
    seen = joined(span(THEIRS, 8, CALL, service="another"), ours)

    assert marks(processor, seen, span(THEIRS, 1, UNTOLD, failed=failed)) == {"1": "2"}


@pytest.mark.parametrize("parent", [{}, {"trace": 9, "parent": 9}], ids=["a root", "in a job"])
@pytest.mark.parametrize("arrive", [TOGETHER, APART])
def test_a_run_of_langsmith_that_fails_in_a_trace_of_its_own_counts_once(processor, parent, arrive):
    first = span(RUNS, 7, KNOWN, start=1), span(OURS, 8, KNOWN, start=1)
    ours = span(OURS, 2, UNTOLD, start=1001, took=5, failed=True, **IN_RUN)
    theirs = span(RUNS, 1, UNTOLD, took=30, failed=True, **parent)

    found = marks(processor, joined(*first), *arrive(ours, theirs))

    assert {one: found[one] for one in "12" if one in found} == {"1": "2"}


def test_a_busy_program_is_asked_for_the_call_that_ended_at_the_same_time(processor):
    many = [
        span(OURS, n, KNOWN | {"gen_ai.response.id": f"r-{n}"}, start=1000 + n * 100)
        for n in range(1, 9)
    ]
    theirs = span(RUNS, 99, UNTOLD, start=1195, took=107)
    seen = joined(span(RUNS, 98, CALL, service="another"), *many)

    assert marks(processor, seen, theirs)["63"] == "2"


def test_a_run_of_langsmith_whose_stream_was_let_go_of_did_not_fail(processor):
    closed = {**UNTOLD, "error.type": "GeneratorExit"}
    theirs = span(RUNS, 1, closed, failed=True)

    assert marks(processor, joined(theirs, span(OURS, 2, SERVED, start=1001))) == {"1": "2"}


def test_a_manager_that_is_seen_as_it_is_made_and_not_as_it_is_read_counts_once(processor):
    """OpenLLMetry's of Anthropic's beta streams."""
    theirs = span("opentelemetry.instrumentation.anthropic", 1, UNTOLD, took=1)
    ours = span(OURS, 2, KNOWN, start=1002, took=900)

    assert marks(processor, joined(theirs, ours)) == {"1": "2"}


def test_each_of_many_calls_at_once_has_its_own_twin(processor):
    theirs = [span(RUNS, n, UNTOLD, start=1000 + n, failed=True) for n in range(1, 5)]
    ours = [
        span(OURS, n + 8, UNTOLD, start=1000 + n, took=99, failed=True, trace=RUN + n, parent=n)
        for n in range(1, 5)
    ]

    found = marks(processor, joined(*theirs, *ours))

    assert found == {"1": "9", "2": "a", "3": "b", "4": "c"}


@pytest.mark.parametrize("start", [999, 1002])
def test_of_two_that_know_of_a_failure_alone_ours_counts(processor, start):
    theirs = span(RUNS, 1, UNTOLD, start=start, failed=True)
    ours = span(OURS, 2, UNTOLD, start=1000, failed=True, **IN_RUN)

    assert marks(processor, joined(theirs, ours)) == {"1": "2"}


def test_a_wrapper_may_take_long_to_log_what_it_lost_sight_of(processor):
    ours = span(OURS, 2, KNOWN, start=1010, took=200)

    assert marks(processor, joined(span(THEIRS, 1, UNTOLD, took=300), ours)) == {"1": "2"}


def test_of_calls_one_right_after_the_other_the_one_at_the_same_time_is_meant(processor):
    quick = (
        span(OURS, 2, KNOWN, start=990, took=5),
        span(OURS, 3, KNOWN | {"gen_ai.response.id": "r-2"}, start=1001, took=5),
    )

    assert marks(processor, joined(*quick, span(THEIRS, 1, UNTOLD, took=8))) == {"1": "3"}


def test_a_maker_tells_of_a_call_once(processor):
    """Two calls that failed, one of which nobody else knows of."""
    ours = span(OURS, 1, KNOWN)
    theirs = span(THEIRS, 2, UNTOLD, start=1001, took=98), span(THEIRS, 3, UNTOLD, start=1010)

    assert marks(processor, joined(ours, *theirs)) == {"2": "1"}


@pytest.mark.parametrize(
    "other",
    [
        span(OURS, 2, UNTOLD),
        span(THEIRS, 2, SERVED),
        span(THEIRS, 2, {**UNTOLD, "gen_ai.request.model": "gpt-4o-mini"}),
        span(THEIRS, 2, {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "gpt-4o"}),
        span(THEIRS, 2, UNTOLD, failed=True),
        span(THEIRS, 2, UNTOLD, service="another"),
        span(THEIRS, 2, UNTOLD, trace=9, parent=9),
        span(THEIRS, 2, UNTOLD, start=1300),
    ],
    ids=["the same maker", "response", "model", "kind", "a failure", "service", "place", "time"],
)
@pytest.mark.parametrize("arrive", [TOGETHER, APART])
def test_what_differs_is_another_call(processor, other, arrive):
    ours = span(OURS, 1, CALL), span(THEIRS, 8, CALL, service="a third")

    assert marks(processor, *arrive(joined(*ours), other)) == {}


def test_what_tells_of_a_call_is_not_given_up_for_what_came_before_it(processor):
    seen = joined(span(OURS, 8, CALL, service="another"), span(THEIRS, 1, UNTOLD))

    assert marks(processor, seen, span(OURS, 2, KNOWN, start=1001, took=98)) == {}
