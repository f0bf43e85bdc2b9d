"""The debug report: the right cause first, and evidence for each finding."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from otel_llm.genai import Document, Usage
from otel_llm.store import DuckDBStore, Filter, Finding, Report, Score, report_on
from tests.store.examples import NOON, SECOND, a_call
from tests.store.stores import in_memory

TRACE = "a" * 32


@pytest.fixture
def store() -> Iterator[DuckDBStore]:
    store = in_memory()
    yield store
    store.close()


def span(number: int, parent: int | None = None, **fields):
    parent_id = None if parent is None else f"{parent:016x}"
    return a_call(number, trace_id=TRACE, parent_id=parent_id, **fields)


def report(store: DuckDBStore, *spans) -> Report:
    store.write(spans)
    trace = store.trace(TRACE)
    assert trace is not None
    return report_on(trace, store)


def of(report: Report, check: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.check == check]


def test_a_trace_that_went_well_has_no_likely_cause(store: DuckDBStore):
    found = report(
        store, span(1, finish_reasons=("stop",), response_model="gpt-4o-2024-08-06", flags=())
    )

    assert found.likely_cause is None
    assert [(finding.check, finding.verdict) for finding in found.findings] == [
        ("errors", "fine"),
        ("model", "fine"),
        ("speed", "unknown"),
        ("siblings", "fine"),
    ]


def test_an_error_began_in_the_deepest_span_that_failed(store: DuckDBStore):
    found = report(
        store,
        span(1, operation="invoke_agent", name="agent", error_type="AgentError"),
        span(2, 1, operation="execute_tool", name="execute_tool lookup", error_type="TimeoutError"),
        span(3, 1, finish_reasons=("length",)),
    )

    assert found.likely_cause == Finding(
        "errors",
        "wrong",
        "execute_tool lookup failed with TimeoutError",
        ["where it began"],
        f"{2:016x}",
        100,
    )
    assert [finding.summary for finding in found.findings[:3]] == [
        "execute_tool lookup failed with TimeoutError",
        "agent failed with AgentError",
        "chat gpt-4o was cut off",
    ]


def test_a_failing_call_is_compared_with_the_calls_around_it(store: DuckDBStore):
    store.write([a_call(n, error_type="RateLimit" if n < 15 else None) for n in range(10, 20)])
    store.write([a_call(99, at=NOON - 7_200 * SECOND)])

    found = report(store, span(1, error_type="RateLimit"))

    assert found.likely_cause is not None
    assert found.likely_cause.evidence == [
        "where it began",
        "6 of 11 calls of gpt-4o failed within the hour around",
    ]


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS"])
def test_an_answer_that_was_cut_off_is_a_cause_with_its_tokens(store: DuckDBStore, reason: str):
    found = report(
        store, span(1, finish_reasons=(reason,), usage=Usage(input_tokens=9, output_tokens=1_000))
    )

    assert found.likely_cause == Finding(
        "truncation",
        "wrong",
        "chat gpt-4o was cut off",
        [f"finish reasons: {reason}", "output: 1,000 tokens", "input: 9 tokens"],
        f"{1:016x}",
        80,
    )


@pytest.mark.parametrize("fields", [{"finish_reasons": ("SAFETY",)}, {"flags": ("refusal",)}])
def test_a_refusal_goes_before_a_truncation(store: DuckDBStore, fields):
    found = report(store, span(1, **fields), span(2, finish_reasons=("length",)))

    assert found.likely_cause is not None
    assert found.likely_cause.check == "refusal"


def test_another_model_than_the_one_asked_for_is_odd(store: DuckDBStore):
    found = report(store, span(1, response_model="gpt-3.5-turbo", finish_reasons=("stop",)))

    assert found.likely_cause == Finding(
        "model",
        "odd",
        "chat gpt-4o was served by another model",
        ["asked for gpt-4o", "served by gpt-3.5-turbo"],
        f"{1:016x}",
        60,
    )


def test_an_old_prompt_is_told_from_the_one_in_use(store: DuckDBStore):
    store.write([a_call(n, prompt_name="answer", prompt_version="4") for n in range(10, 13)])

    found = report(store, span(1, prompt_name="answer", prompt_version="3"))

    assert of(found, "prompt") == [
        Finding(
            "prompt",
            "odd",
            "chat gpt-4o used answer 3, while most used answer 4",
            [
                "answer 4: 3 calls within the hour, 0 failed, 0 of 0 checked flagged",
                "answer 3: 1 calls within the hour, 0 failed, 0 of 0 checked flagged",
            ],
            f"{1:016x}",
            50,
        )
    ]


def test_a_tool_that_is_called_over_and_over_looks_like_a_loop(store: DuckDBStore):
    tools = [span(n, operation="execute_tool", tool_name="lookup") for n in range(1, 6)]

    found = report(store, *tools, span(9, operation="execute_tool", tool_name="once"))

    assert [(finding.verdict, finding.summary) for finding in of(found, "tools")] == [
        ("odd", "The tool lookup was called 5 times."),
        ("fine", "The tool once was called 1 times."),
    ]


def test_a_slow_call_is_slow_against_the_day_before(store: DuckDBStore):
    store.write([a_call(n, at=NOON - n * SECOND, ms=100) for n in range(1, 31)])

    found = report(store, span(1, ms=5_000))

    assert of(found, "speed") == [
        Finding(
            "speed",
            "odd",
            "chat gpt-4o took 5,000 ms",
            ["p95 of 30 calls in the day before: 100 ms", "100% of the trace's time"],
            f"{1:016x}",
            39,
        )
    ]


def test_calls_alike_in_a_trace_are_one_question_to_the_store(store: DuckDBStore, monkeypatch):
    """Or the report on an agent's two hundred calls takes seconds."""
    questions: list[Filter] = []
    ask = store.stats, store.breakdown
    monkeypatch.setattr(store, "stats", lambda where: questions.append(where) or ask[0](where))
    monkeypatch.setattr(
        store,
        "breakdown",
        lambda by, where, **most: questions.append(where) or ask[1](by, where, **most),
    )
    prompted = {"prompt_name": "p", "prompt_version": "1"}

    report(store, *(span(n, error_type="timeout", **prompted) for n in range(1, 100)))

    # Speed, prompt, errors around, siblings.
    assert len(questions) == 4


def test_flags_and_bad_ratings_are_findings(store: DuckDBStore):
    store.add_scores([Score("1", TRACE, None, "rating", 0.0, "human", NOON, "ann")])

    found = report(store, span(1, flags=("hedging", "empty")))

    assert [f.summary for f in of(found, "flag")] == ["chat gpt-4o: hedging", "chat gpt-4o: empty"]
    assert [(f.verdict, f.summary) for f in of(found, "score")] == [("odd", "rating: 0.00, by ann")]


@pytest.mark.parametrize(
    ("documents", "verdict", "summary", "evidence"),
    [
        ((), "wrong", "handbook found nothing", ()),
        ((Document("a", 0.3),), "odd", "handbook found 1 documents", ["a: score 0.3"]),
        ((Document("a", 0.3), Document("b", 0.8)), "fine", "handbook found 2 documents", None),
        ((Document("a", 7.5),), "fine", "handbook found 1 documents", ["a: score 7.5"]),
        (
            (Document(None, None),) * 12,
            "fine",
            "handbook found 12 documents",
            [*["a document without an id"] * 10, "and 2 more"],
        ),
    ],
)
def test_what_a_retrieval_found_is_judged_by_its_scores(
    store: DuckDBStore, documents, verdict, summary, evidence
):
    found = report(store, span(1, operation="retrieval", name="handbook", documents=documents))

    (finding,) = of(found, "retrieval")
    assert (finding.verdict, finding.summary) == (verdict, summary)
    assert evidence is None or finding.evidence == evidence


def test_a_question_that_fills_the_context_window_is_odd(store: DuckDBStore):
    found = report(
        store,
        span(1, usage=Usage(input_tokens=127_000, output_tokens=900)),
        span(2, usage=Usage(input_tokens=127_000), request_model="of-our-own"),
    )

    assert of(found, "context") == [
        Finding(
            "context",
            "odd",
            "chat gpt-4o used 100% of the context window",
            ["127,900 of 128,000 tokens"],
            f"{1:016x}",
            65,
        )
    ]


def test_only_calls_like_it_that_went_well_are_shown_beside_it(store: DuckDBStore):
    like = {"feature": "search", "prompt_name": "answer", "flags": ()}
    store.write(
        [
            a_call(10, **like),
            a_call(11, **like, prompt_version="2"),
            a_call(12, **like, error_type="timeout"),
            a_call(13, **like | {"flags": ("empty",)}),
            a_call(14, **like | {"flags": None}),
            a_call(15, **like | {"feature": "chat"}),
            a_call(16, **like, request_model="gpt-5"),
            a_call(17, at=NOON + 7_200 * SECOND, **like),
        ]
    )

    found = report(store, span(1, **like))

    assert [(one.trace_id, one.prompt_version) for one in found.siblings] == [
        (f"{10:032x}", None),
        (f"{11:032x}", "2"),
    ]


def test_what_cannot_be_known_is_said_to_be_unknown(store: DuckDBStore):
    found = report(store, span(1), span(2, operation="retrieval", name="retrieval handbook"))

    unknown = {f.check: f.summary for f in found.findings if f.verdict == "unknown"}
    assert unknown == {
        "finish reason": "1 call does not say why the answer ended.",
        "model": "chat gpt-4o does not say both models.",
        "flag": "1 calls could not be checked: their content was not captured.",
        "speed": "Too few calls of gpt-4o to compare with.",
        "retrieval": "retrieval handbook took 1,000 ms",
    }


def test_four_times_the_spans_are_at_most_five_times_the_work(store: DuckDBStore):
    """Of Python's own steps, which a busy machine does not change."""
    small, large = (_steps(store, trace, spans) for trace, spans in (("b", 250), ("c", 1_000)))

    assert large < 5 * small


def _steps(store: DuckDBStore, letter: str, spans: int) -> int:
    store.write(
        [
            a_call(
                spans * 10 + n,
                trace_id=letter * 32,
                parent_id=None if n == 0 else f"{spans * 10 + n // 2:016x}",
                operation=("chat", "execute_tool", "retrieval", "chat")[n % 4],
                tool_name=f"tool {n % 100}",
                prompt_name="answer",
                prompt_version="3",
                error_type="TimeoutError" if n % 5 == 0 else None,
            )
            for n in range(spans)
        ]
    )
    trace = store.trace(letter * 32)
    assert trace is not None
    report_on(trace, store)  # what is loaded once is
    steps = 0

    def count(frame: FrameType, event: str, _: object) -> Any:
        nonlocal steps
        steps += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        report_on(trace, store)
    finally:
        sys.settrace(before)
    return steps


def test_a_trace_of_many_kinds_of_calls_asks_the_store_a_bounded_number_of_times(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
):
    named = [
        span(n, operation="execute_tool", name=f"execute_tool {n}", ms=1_000 + n)
        for n in range(2, 300)
    ]
    store.write(named)
    trace = store.trace(TRACE)
    assert trace is not None
    asked: list[Filter] = []
    stats = store.stats
    monkeypatch.setattr(store, "stats", lambda where: asked.append(where) or stats(where))

    speed = of(report_on(trace, store), "speed")

    assert len(asked) < 60
    assert "execute_tool 299" in {one.text for one in asked}  # that which took longest
    assert [finding.summary for finding in speed] == [
        "248 calls were not compared: they are of too many kinds."
    ]
