"""Traces that went wrong in every way we know: the first cause that is named is the right one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from otel_llm.genai import Call, Document, Usage
from otel_llm.store import DuckDBStore, report_on
from otel_llm.store.likeness import same_model
from tests.store.examples import NOON, SECOND, a_call
from tests.store.stores import emptied

TRACE = "a" * 32


@pytest.fixture
def store(kept_store: DuckDBStore) -> DuckDBStore:
    """A day of ordinary answers, served under a dated name, and of ordinary retrievals."""
    store = emptied(kept_store)
    ordinary = {"response_model": "gpt-4o-2024-08-06", "finish_reasons": ("stop",), "flags": ()}
    prompt = {"prompt_name": "answer", "prompt_version": "4", "feature": "search"}
    looked = {"operation": "retrieval", "name": "retrieval handbook", "ms": 50}
    times = [(n, NOON - n * 30 * SECOND) for n in range(60)]
    first = {"time_to_first_chunk_s": 0.2}
    store.write([a_call(n + 1_000, at=at, **first, **ordinary, **prompt) for n, at in times])
    store.write([a_call(n + 2_000, at=at, **looked) for n, at in times])
    return store


def span(number: int, parent: int | None = None, **fields) -> Call:
    parent_id = None if parent is None else f"{parent:016x}"
    at = fields.pop("at", NOON + number * SECOND)
    return a_call(number, at=at, trace_id=TRACE, parent_id=parent_id, **fields)


def agent(ms: float = 60_000, **fields) -> Call:
    return span(1, operation="invoke_agent", name="agent", at=NOON, ms=ms, **fields)


def chat(number: int, **fields) -> Call:
    well = {"response_model": "gpt-4o-2024-08-06", "finish_reasons": ("stop",), "flags": ()}
    prompt = {"prompt_name": "answer", "prompt_version": "4", "feature": "search"}
    return span(number, 1, **{**well, **prompt, **fields})


def failed(number: int, error: str, **fields) -> Call:
    return chat(
        number, error_type=error, **{"response_model": None, "finish_reasons": (), **fields}
    )


def tool(number: int, name: str = "lookup", parent: int = 1, **fields) -> Call:
    named = {"operation": "execute_tool", "tool_name": name, "name": f"execute_tool {name}"}
    return span(number, parent, **named, **fields)


def retrieval(number: int, *scores: float, **fields) -> Call:
    found = tuple(Document(f"doc-{n}", score) for n, score in enumerate(scores))
    looked = {"operation": "retrieval", "name": "retrieval handbook", "ms": 50, "documents": found}
    return span(number, 1, **{**looked, **fields})


LONG = Usage(input_tokens=126_500, output_tokens=1_500)
CAUSES: dict[str, tuple[Sequence[Call], str, str]] = {
    "the provider refuses for its rate": (
        [agent(error_type="AgentError"), failed(2, "openai.RateLimitError")],
        "errors",
        "chat gpt-4o failed with openai.RateLimitError",
    ),
    "a tool fails, and with it the agent": (
        [
            agent(error_type="AgentError"),
            chat(2),
            tool(3, error_type="TimeoutError"),
            failed(4, "ValueError"),
        ],
        "errors",
        "execute_tool lookup failed with TimeoutError",
    ),
    "what failed first counts, not what failed deepest": (
        [
            agent(error_type="AgentError"),
            failed(2, "openai.APIError"),
            tool(3, "clean_up"),
            tool(4, "drop", parent=3, error_type="KeyError"),
        ],
        "errors",
        "chat gpt-4o failed with openai.APIError",
    ),
    "a failure that was made good by a retry is no cause": (
        [
            agent(),
            failed(2, "openai.InternalServerError"),
            chat(4, finish_reasons=("length",), flags=("truncation",)),
        ],
        "truncation",
        "chat gpt-4o was cut off",
    ),
    "an agent goes round in circles until it gives up": (
        [agent(error_type="MaxTurnsExceeded"), *(tool(n) for n in range(2, 9)), chat(20)],
        "tools",
        "The tool lookup was called 7 times.",
    ),
    "a loop that ended by itself": (
        [agent(), *(tool(n) for n in range(2, 9)), chat(20)],
        "tools",
        "The tool lookup was called 7 times.",
    ),
    "the answer is longer than it was allowed to be": (
        [
            agent(),
            chat(2, finish_reasons=("length",), usage=Usage(output_tokens=200), max_tokens=200),
        ],
        "truncation",
        "chat gpt-4o was cut off",
    ),
    "the question left no room for the answer": (
        [agent(), chat(2, finish_reasons=("length",), usage=LONG)],
        "context",
        "chat gpt-4o used 100% of the context window",
    ),
    "the model refuses": (
        [agent(), retrieval(2, 0.9), chat(3, finish_reasons=("content_filter",))],
        "refusal",
        "chat gpt-4o was refused",
    ),
    "nothing was found, and the model guesses": (
        [agent(), retrieval(2), chat(3, flags=("hedging",))],
        "retrieval",
        "retrieval handbook found nothing",
    ),
    "what was found hardly fits": (
        [agent(), retrieval(2, 0.31, 0.12), chat(3, flags=("hedging",))],
        "retrieval",
        "retrieval handbook found 2 documents",
    ),
    "a smaller sister answers": (
        [agent(), chat(2, response_model="gpt-4o-mini-2024-07-18", flags=("hedging",))],
        "model",
        "chat gpt-4o was served by another model",
    ),
    "an old prompt is in use somewhere": (
        [agent(), chat(2, prompt_version="3", flags=("format",))],
        "prompt",
        "chat gpt-4o used answer 3, while most used answer 4",
    ),
    "the answer is empty": ([agent(), chat(2, flags=("empty",))], "flag", "chat gpt-4o: empty"),
    "the retrieval is what was slow": (
        [agent(20_000), retrieval(2, 0.9, ms=15_000), chat(18, ms=1_100)],
        "speed",
        "retrieval handbook took 15,000 ms",
    ),
    "the model was slow to begin": (
        [agent(10_000), retrieval(2, 0.9), chat(3, ms=7_000, time_to_first_chunk_s=6.0)],
        "speed",
        "chat gpt-4o took 7,000 ms",
    ),
}


@pytest.mark.parametrize(("spans", "check", "summary"), CAUSES.values(), ids=CAUSES)
def test_the_first_cause_is_the_right_one(
    store: DuckDBStore, spans: Sequence[Call], check: str, summary: str
):
    store.write(spans)
    trace = store.trace(TRACE)
    assert trace is not None

    cause = report_on(trace, store).likely_cause

    assert cause is not None
    assert (cause.check, cause.summary) == (check, summary)


def test_a_trace_that_went_well_has_no_cause(store: DuckDBStore):
    store.write([agent(), retrieval(2, 0.9), chat(3)])
    trace = store.trace(TRACE)
    assert trace is not None

    report = report_on(trace, store)

    assert report.likely_cause is None
    assert len(report.siblings) == 3


def test_a_failed_call_is_set_beside_those_that_were_served(store: DuckDBStore):
    store.write([failed(2, "openai.RateLimitError")])
    trace = store.trace(TRACE)
    assert trace is not None

    report = report_on(trace, store)

    assert report.likely_cause is not None
    assert "1 of 61 calls of gpt-4o failed within the hour around" in report.likely_cause.evidence
    assert len(report.siblings) == 3


@pytest.mark.parametrize(
    ("asked", "served", "same"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", False),
        ("gpt-4", "gpt-4o", False),
        ("gpt-5", "gpt-5-pro", False),
        ("o3", "o3-mini-2025-01-31", False),
        ("claude-sonnet-4", "claude-sonnet-4-20250514", True),
        ("claude-sonnet-4", "claude-sonnet-4-5-20250929", False),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku-20241022", True),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514", True),
        ("models/gemini-2.0-flash", "gemini-2.0-flash-001", True),
        ("gemini-2.0-flash", "gemini-2.0-flash-lite", False),
        ("openai/gpt-4o", "gpt-4o-2024-08-06", True),
        ("mistral-large-latest", "mistral-large-2411", True),
        ("GPT-4o", "gpt-4o", True),
    ],
)
def test_a_dated_name_is_the_same_model_and_a_sister_is_not(asked: str, served: str, same: bool):
    assert same_model(asked, served) is same
