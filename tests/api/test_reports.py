"""Feedback, scores and calls that come over HTTP."""

from __future__ import annotations

import time
from decimal import Decimal

import httpx2
import pytest

from otel_llm.api import ApiConfig
from otel_llm.genai import Call, Cost, Usage
from otel_llm.pricing import CustomPrice, PriceBook
from otel_llm.store import DuckDBStore
from tests.api.conftest import ANY_PORT, Serve
from tests.store.examples import FULL, NOON

TRACE = "a" * 32


@pytest.mark.parametrize(
    ("rating", "value"), [("up", 1.0), ("down", 0.0), (1, 0.0), (4, 0.75), (5, 1.0), (2.5, 0.375)]
)
def test_feedback_is_kept_before_its_trace_has_arrived(
    client: httpx2.Client, store: DuckDBStore, rating, value: float
):
    given = {"trace_id": TRACE.upper(), "rating": rating, "comment": "<b>ok</b>", "user": "ann"}

    answer = client.post("/v1/feedback", json=given)

    assert answer.status_code == 201
    [score] = store.scores(TRACE)
    assert answer.json() == {"trace_id": TRACE, "span_id": None, "ids": [score.id]}
    assert (score.value, score.comment, score.rater) == (value, "<b>ok</b>", "ann")


def test_feedback_is_joined_to_its_trace(client: httpx2.Client, store: DuckDBStore):
    store.write([FULL])
    before = time.time_ns()

    answer = client.post(
        "/v1/feedback",
        json={"response_id": "chatcmpl-1", "rating": 2, "comment": "wrong", "user": "ann"},
    )

    [score] = client.get(f"/v1/traces/{FULL.trace_id}").json()["scores"]
    assert before <= score.pop("at_ns") <= time.time_ns()
    assert score == {
        "id": answer.json()["ids"][0],
        "trace_id": FULL.trace_id,
        "span_id": FULL.span_id,
        "name": "rating",
        "value": 0.25,
        "source": "human",
        "rater": "ann",
        "comment": "wrong",
    }


def test_a_changed_mind_counts_once(client: httpx2.Client, store: DuckDBStore):
    for user, rating in (("ann", "up"), ("ann", "down"), ("bob", "up")):
        client.post("/v1/feedback", json={"trace_id": TRACE, "rating": rating, "user": user})

    assert sorted((s.rater, s.value) for s in store.scores(TRACE)) == [("ann", 0.0), ("bob", 1.0)]


def test_an_id_makes_feedback_one_of_many(client: httpx2.Client, store: DuckDBStore):
    for number in ("1", "2", "2"):
        client.post("/v1/feedback", json={"trace_id": TRACE, "rating": 3, "id": number})

    assert len(store.scores(TRACE)) == 2


def test_scores_of_programs_are_kept_apart_from_people(client: httpx2.Client):
    client.post("/v1/feedback", json={"trace_id": TRACE, "rating": "up"})
    client.post(
        "/v1/quality",
        json={"trace_id": TRACE, "scores": {"relevance": 0.5, "safety": 1}, "rater": "judge"},
    )

    scores = client.get("/v1/summary").json()["quality"]["scores"]

    assert scores == [
        {
            "name": name,
            "source": source,
            "count": 1,
            "mean": value,
            "median": value,
            "below": below,
        }
        for name, source, value, below in (
            ("rating", "human", 1.0, 0),
            ("relevance", "automatic", 0.5, 1),
            ("safety", "automatic", 1.0, 0),
        )
    ]


@pytest.mark.parametrize("path", ["/v1/feedback", "/v1/quality"])
def test_an_unknown_response_is_a_problem(client: httpx2.Client, path: str):
    body = {"rating": 1} if "feedback" in path else {"scores": {"a": 1}}

    answer = client.post(path, json=body | {"response_id": "none"})

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/feedback", {"rating": 1}),
        ("/v1/feedback", {"trace_id": TRACE, "response_id": "x", "rating": 1}),
        ("/v1/feedback", {"trace_id": "not hex", "rating": 1}),
        ("/v1/feedback", {"trace_id": TRACE}),
        ("/v1/feedback", {"trace_id": TRACE, "rating": 0}),
        ("/v1/feedback", {"trace_id": TRACE, "rating": 6}),
        ("/v1/feedback", {"trace_id": TRACE, "rating": True}),
        ("/v1/feedback", {"trace_id": TRACE, "rating": "good"}),
        ("/v1/feedback", {"trace_id": TRACE, "rating": 1, "comment": "x" * 4_001}),
        ("/v1/feedback", {"trace_id": TRACE, "rating": 1, "stars": 1}),
        ("/v1/quality", {"trace_id": TRACE, "scores": {}}),
        ("/v1/quality", {"trace_id": TRACE, "scores": {"a": 1.1}}),
        ("/v1/feedback", {"trace_id": TRACE, "rating": "3"}),
        ("/v1/quality", {"trace_id": TRACE, "scores": {"": 1}}),
        ("/v1/quality", {"trace_id": TRACE, "scores": {"a": True}}),
        ("/v1/metrics", {"calls": [{"model": "m", "latency_ms": "1"}]}),
        ("/v1/metrics", {"calls": [{"model": "m", "latency_ms": 1, "tags": {"a=b": "c"}}]}),
        ("/v1/metrics", {"calls": []}),
        ("/v1/metrics", {"calls": [{"model": "m"}]}),
        ("/v1/metrics", {"calls": [{"model": "m", "latency_ms": -1}]}),
        ("/v1/metrics", {"calls": [{"model": "m", "latency_ms": 1, "input_tokens": -1}]}),
        ("/v1/metrics", {"calls": [{"model": "m", "latency_ms": 1, "cost_usd": "free"}]}),
        ("/v1/metrics", {"calls": [{"model": "m", "latency_ms": 1, "modell": "x"}]}),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_kept(serve: Serve, store, path, body):
    seen: list[Call] = []
    client = serve(observe=seen.extend)

    answer = client.post(path, json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (seen, store.scores(TRACE)) == ([], [])


def test_a_reported_call_is_seen_as_a_call(serve: Serve):
    seen: list[Call] = []
    client = serve(observe=seen.extend)
    report = {
        "id": "r1",
        "timestamp": NOON / 1e9,
        "model": "gpt-4o",
        "provider": "openai",
        "latency_ms": 1500,
        "ttft_ms": 250,
        "input_tokens": 7,
        "cost_usd": 0.5,
        "user": "ann",
        "session": "s1",
        "flags": ["refusal"],
        "finish_reasons": ["stop"],
        "tags": {"tier": "gold"},
    }

    answer = client.post("/v1/metrics", json={"calls": [report, {"model": "m", "latency_ms": 1}]})

    assert answer.status_code == 202
    assert answer.json() == {"accepted": 2, "trace_ids": [call.trace_id for call in seen]}
    first, second = seen
    assert first == Call(
        trace_id=first.trace_id,
        span_id=first.span_id,
        parent_id=None,
        name="chat gpt-4o",
        start_ns=NOON,
        end_ns=NOON + 1_500_000_000,
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        finish_reasons=("stop",),
        usage=Usage(input_tokens=7),
        time_to_first_chunk_s=0.25,
        conversation_id="s1",
        user_id="ann",
        cost=Cost(0.5, source="reported"),
        flags=("refusal",),
        tags={"tier": "gold"},
    )
    assert (second.cost, second.usage, second.flags) == (None, Usage(), None)
    assert abs(second.end_ns - time.time_ns()) < 60 * 10**9


def test_a_reported_call_without_a_cost_has_that_of_the_prices_in_use(serve: Serve):
    seen: list[Call] = []
    book = PriceBook([CustomPrice(model="acme-*", input=Decimal(3), output=Decimal(15))])
    client = serve(observe=seen.extend, book=lambda: book)
    tokens = {"latency_ms": 1, "input_tokens": 1_000, "output_tokens": 100}
    calls = [
        {"model": "acme-1"} | tokens,
        {"model": "acme-1", "cost_usd": 0} | tokens,
        {"model": "acme-1", "latency_ms": 1, "error_type": "429"},
        {"model": "unknown-1"} | tokens,
    ]

    client.post("/v1/metrics", json={"calls": calls})

    costs = [call.cost and (call.cost.total, call.cost.source) for call in seen]
    assert costs == [(0.0045, "custom"), (0.0, "reported"), None, None]


def test_a_report_sent_twice_is_the_same_call(serve: Serve, store: DuckDBStore):
    client = serve(observe=store.write)
    report = {"id": "r1", "timestamp": NOON / 1e9, "model": "m", "latency_ms": 1}

    for _ in range(2):
        client.post("/v1/metrics", json={"calls": [report]})

    assert store.stats().count == 1


def test_without_an_observer_there_is_nowhere_to_report_calls(client: httpx2.Client):
    answer = client.post("/v1/metrics", json={"calls": [{"model": "m", "latency_ms": 1}]})

    assert answer.status_code in (404, 405)


def test_a_body_that_never_ends_is_cut_off(serve: Serve):
    client = serve(ApiConfig(endpoint=ANY_PORT, max_body=1_000))

    answer = client.post("/v1/feedback", content=(b"x" * 100 for _ in range(100)))

    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 5_000, b'"x"', b"null"])
def test_a_body_that_is_no_json_object_is_a_problem(client: httpx2.Client, body: bytes):
    answer = client.post("/v1/feedback", content=body, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_feedback_by_the_response_waits_for_the_call_to_be_written(
    serve: Serve, store: DuckDBStore
):
    """A call is written half a second after it arrived; a thumb may be quicker."""
    client = serve(settle=lambda: store.write([FULL]))

    answer = client.post("/v1/feedback", json={"response_id": "chatcmpl-1", "rating": "up"})

    assert (answer.status_code, answer.json()["trace_id"]) == (201, FULL.trace_id)
