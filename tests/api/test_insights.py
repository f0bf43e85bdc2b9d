"""Sums, calls and traces over HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from http import HTTPStatus

import httpx2
import pytest

from otel_llm.genai import Usage
from otel_llm.store import DIMENSIONS, DuckDBStore
from tests.api.conftest import serving
from tests.store.examples import DAY, FULL, NOON, SECOND, a_call, usd
from tests.store.stores import in_memory
from tests.store.test_trends import MIDNIGHT, NOW, a_month

EVER = {"since": "2020-01-01"}

FULL_VIEW = {
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
    "parent_id": "00f067aa0ba902b7",
    "name": "chat gpt-4o",
    "start_ns": NOON,
    "duration_ms": 2000,
    "service": "shop",
    "environment": "production",
    "operation": "chat",
    "provider": "openai",
    "model": "gpt-4o-2024-08-06",
    "request_model": "gpt-4o",
    "response_model": "gpt-4o-2024-08-06",
    "response_id": "chatcmpl-1",
    "finish_reasons": ["stop", "length"],
    "error_type": "openai.RateLimitError",
    "tokens": 3,
    "usage": {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_read": 3,
        "cache_write": 4,
        "reasoning": 7,
        "web_searches": 17,
        "file_searches": 18,
    },
    "ttft_ms": 250,
    "streamed": True,
    "session": "c1",
    "user": "ann",
    "feature": "search",
    "team": "growth",
    "tenant": "acme",
    "agent_name": "planner",
    "tool_name": "lookup",
    "workflow_name": "answer",
    "prompt_name": "greeting",
    "prompt_version": "3",
    "cost": {
        "total": 0.5,
        "input": 0.1,
        "output": 0.2,
        "cache_read": 0.1,
        "cache_write": 0.1,
        "tools": 0.05,
        "currency": "EUR",
        "source": "custom",
        "tier": "batch",
    },
    "reported_cost_usd": 0.75,
    "unpriced": False,
    "score_relevance": 0.11,
    "score_coherence": 0.22,
    "score_completeness": 0.33,
    "score_safety": 0.44,
    "score_format": 0.55,
    "flags": ["refusal"],
    "output_chars": 12,
    "score": 0.9,
    "sentiment": 0.5,
    "max_tokens": 256,
    "documents": [{"id": "handbook-3", "score": 0.82}, {"id": None, "score": None}],
    "content_reference": "f" * 32,
    "tags": {"tier": "gold", "a": "b"},
}


@pytest.mark.parametrize("path", ["/v1/summary", "/v1/metrics/summary"])
def test_the_summary_says_what_calls_cost_took_and_failed(
    client: httpx2.Client, store: DuckDBStore, path: str
):
    store.write(
        [
            a_call(1, ms=100, cost=usd(0.25), usage=Usage(input_tokens=9, output_tokens=1)),
            a_call(2, ms=300, flags=("refusal",), error_type="timeout", cost=usd(0.25)),
        ]
    )

    answer = client.get(path, params=EVER).json()

    stats = {
        "count": 2,
        "errors": 1,
        "error_rate": 0.5,
        "total_cost_usd": 0.5,
        "avg_cost_usd": 0.25,
        "unpriced": 0,
        "input_tokens": 9,
        "output_tokens": 1,
        "cache_read_tokens": None,
        "avg_tokens": 10,
        "latency_avg_ms": 200,
        "latency_p50_ms": 200,
        "latency_p90_ms": 280,
        "latency_p95_ms": 290,
        "latency_p99_ms": 298,
        "latency_max_ms": 300,
        "ttft_p50_ms": None,
        "ttft_p95_ms": None,
        "checked": 1,
        "flagged": 1,
        "latency_min_ms": 100,
        "total_tokens": 10,
        "min_tokens": 10,
        "max_tokens": 10,
        "min_cost_usd": 0.25,
        "max_cost_usd": 0.25,
    }
    assert answer == stats | {
        "errors_by_type": {"timeout": 1},
        "flags": {"refusal": 1},
        "quality": {
            "checked": 1,
            "flagged": 1,
            "flagged_rate": 1.0,
            "flags": {"refusal": 1},
            "scores": [],
            "parts": {},
        },
        "by_model": [stats | {"key": "gpt-4o"}],
    }


def test_the_last_24_hours_are_meant_when_no_time_is_given(
    client: httpx2.Client, store: DuckDBStore
):
    now = time.time_ns()
    store.write([a_call(1, at=now - 3_600 * SECOND), a_call(2, at=now - 25 * 3_600 * SECOND)])

    assert client.get("/v1/summary").json()["count"] == 1
    assert client.get("/v1/summary", params={"since": "2d"}).json()["count"] == 2


@pytest.mark.parametrize(
    "since",
    [
        str(NOON // SECOND),
        f"{NOON // SECOND}.0",
        datetime.fromtimestamp(NOON / 1e9, UTC).isoformat(),
        datetime.fromtimestamp(NOON / 1e9, UTC).replace(tzinfo=None).isoformat(),
        datetime.fromtimestamp(NOON / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    ],
)
def test_a_time_can_be_given_in_several_forms(
    client: httpx2.Client, store: DuckDBStore, since: str
):
    store.write([a_call(1, at=NOON - 1), a_call(2, at=NOON), a_call(3, at=NOON + SECOND)])

    answer = client.get("/v1/calls", params={"since": since, "until": str(NOON // SECOND + 1)})

    assert [call["start_ns"] for call in answer.json()["calls"]] == [NOON]


def test_a_call_is_shown_whole(client: httpx2.Client, store: DuckDBStore):
    store.write([FULL])

    assert client.get("/v1/calls", params=EVER).json() == {"calls": [FULL_VIEW], "next": None}


@pytest.mark.parametrize(
    "params",
    [
        {"model": "gpt-4o-2024-08-06"},
        {"user": "ann", "feature": "search", "team": "growth", "session": "c1"},
        {"tenant": "acme"},
        {"tag": "tier=gold"},
        {"flag": "refusal"},
        {"failed": "true"},
        {"unpriced": "false", "text": "growth-not"} | {"text": "ANN"},
        {"scored_below": "0.91"},
        {"slower_than_ms": "1999", "prompt_name": "greeting", "prompt_version": "3"},
    ],
)
def test_conditions_reach_the_store(client: httpx2.Client, store: DuckDBStore, params):
    store.write([FULL, a_call(2)])

    calls = client.get("/v1/calls", params=EVER | params).json()["calls"]

    assert [call["span_id"] for call in calls] == [FULL.span_id]


def test_pages_lead_through_all_calls(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(n) for n in range(5)])
    params, seen = EVER | {"limit": "2"}, []

    while True:
        page = client.get("/v1/calls", params=params).json()
        seen += [call["start_ns"] for call in page["calls"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]

    assert seen == [NOON + n * SECOND for n in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("by", DIMENSIONS)
def test_calls_are_summed_by_every_dimension(client: httpx2.Client, store: DuckDBStore, by: str):
    store.write([FULL])

    groups = client.get(f"/v1/breakdown/{by}", params=EVER).json()

    assert [group["count"] for group in groups] == [1] * (2 if by == "finish_reason" else 1)


def test_a_series_has_its_steps_in_order(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, at=0), a_call(2, at=119 * SECOND), a_call(3, at=7)])

    steps = client.get("/v1/series", params={"since": "0", "step_s": "60"}).json()

    assert [(step["start_s"], step["count"]) for step in steps] == [(0, 2), (60, 1)]


@pytest.mark.parametrize("path", ["/v1/series", "/v1/dashboard"])
def test_more_steps_and_groups_than_one_answer_holds_are_a_mistake_that_says_so(
    client: httpx2.Client, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, path: str
):
    monkeypatch.setattr("otel_llm.api.insights.MAX_BUCKETS", 2)
    store.write([a_call(n, at=n * 60 * SECOND, user_id=f"u{n % 2}") for n in range(3)])
    asked = {"since": "0", "by": "user"}

    many, few = (client.get(path, params={**asked, "step_s": s}) for s in ("60", "3600"))

    assert (many.status_code, few.status_code) == (422, 200)
    said = "more than 2 steps and groups: ask for longer steps, fewer groups or less time"
    assert many.json()["detail"] == said


def test_a_trace_is_shown_with_its_spans_in_order(client: httpx2.Client, store: DuckDBStore):
    trace = "a" * 32
    agent = a_call(1, ms=900, trace_id=trace, span_id="1" * 16, operation="invoke_agent")
    call = a_call(2, ms=100, trace_id=trace, span_id="2" * 16, parent_id="1" * 16, cost=usd(0.5))
    store.write([call, agent])

    answer = client.get(f"/v1/traces/{trace.upper()}").json()

    assert [(span["span_id"], span["depth"]) for span in answer["spans"]] == [
        ("1" * 16, 0),
        ("2" * 16, 1),
    ]
    del answer["spans"]
    assert answer == {
        "others": [],
        "left_out": 0,
        "trace_id": trace,
        "start_ns": agent.start_ns,
        "duration_ms": 1100,
        "calls": 1,
        "total_cost_usd": 0.5,
        "unpriced": 0,
        "tokens": None,
        "errors": 0,
        "scores": [],
    }


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/v1/traces/" + "0" * 32, {}, 404),
        ("/v1/traces/x", {}, 404),
        ("/nothing", {}, 404),
        ("/v1/calls", {"since": "yesterday"}, 422),
        ("/v1/calls", {"since": "1e3"}, 422),
        ("/v1/calls", {"since": "999999999999"}, 422),
        ("/v1/calls", {"until": "2026-13-01"}, 422),
        ("/v1/calls", {"limit": "0"}, 422),
        ("/v1/calls", {"limit": "501"}, 422),
        ("/v1/calls", {"cursor": "x"}, 422),
        ("/v1/calls", {"cursor": "99999999999999999999-a-b"}, 422),
        ("/v1/calls", {"tag": "novalue"}, 422),
        ("/v1/calls", {"slower_than_ms": "nan"}, 422),
        ("/v1/calls", {"modell": "gpt-4o"}, 422),
        ("/v1/series", {"step_s": "0"}, 422),
        ("/v1/series", {"by": "colour"}, 422),
        ("/v1/breakdown/colour", {}, 422),
    ],
)
def test_a_mistake_is_answered_with_a_problem(client: httpx2.Client, path, params, status):
    answer = client.get(path, params=params)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_problem_names_what_is_wrong(client: httpx2.Client):
    answer = client.get("/v1/calls", params={"modell": "secret", "limit": "x"}).json()

    assert answer == {
        "type": "about:blank",
        "title": HTTPStatus(422).phrase,
        "status": 422,
        "detail": "Some of the request is not as it should be",
        "errors": [
            {
                "in": "query.limit",
                "problem": "Input should be a valid integer, unable to parse string as an integer",
            },
            {"in": "query.modell", "problem": "Extra inputs are not permitted"},
        ],
    }


def test_a_store_that_does_not_answer_is_a_problem_of_ours():
    store = in_memory()
    with serving(store) as client:
        store.close()

        answer = client.get("/v1/summary")
        in_browser = client.get("/v1/summary?model=<a>", headers={"accept": "text/html,*/*;q=0.8"})

    assert (answer.status_code, answer.json()["title"]) == (503, "Service Unavailable")
    assert in_browser.status_code == 503
    assert "The store cannot answer now" in in_browser.text
    assert "<a href='/v1/summary?model=%3Ca%3E'>Try again</a>" in in_browser.text


def test_the_description_names_every_route_and_what_a_caller_needs(client: httpx2.Client):
    described = client.get("/openapi.json").json()

    known = {"/health", "/ready", "/metrics", "/v1/summary", "/v1/traces/{trace_id}"}
    assert known <= set(described["paths"])
    assert "security" not in described["paths"]["/v1/summary"]["get"]


def test_a_trace_is_explained(client: httpx2.Client, store: DuckDBStore):
    store.write([FULL])

    answer = client.get(f"/v1/traces/{FULL.trace_id}/debug").json()

    assert answer["likely_cause"] == {
        "check": "errors",
        "verdict": "wrong",
        "summary": "chat gpt-4o failed with openai.RateLimitError",
        "evidence": [
            "where it began",
            "1 of 1 calls of gpt-4o-2024-08-06 failed within the hour around",
        ],
        "span_id": FULL.span_id,
        "weight": 100,
    }
    assert answer["findings"][0] == answer["likely_cause"]
    assert client.get(f"/v1/traces/{'0' * 32}/debug").status_code == 404


def test_trends_say_what_grows_by_how_much_a_week(client: httpx2.Client, store: DuckDBStore):
    store.write([*a_month("dear", growth=0.2)])
    range_ = {"since": str((NOW - 28 * DAY) // SECOND), "until": str(NOW // SECOND)}

    found = client.get("/v1/trends", params=range_).json()
    by_model = client.get("/v1/trends", params={**range_, "by": "model"}).json()
    regression = client.get("/v1/trends", params={**range_, "method": "regression"}).json()

    cost = next(one for one in found if one["signal"] == "mean_cost")
    assert {name: cost[name] for name in ("key", "days", "direction")} == {
        "key": None,
        "days": 28,
        "direction": "rising",
    }
    assert cost["per_week"] == pytest.approx(0.2, abs=0.03)
    assert [abs(one["distance"]) for one in found] == sorted(
        (abs(one["distance"]) for one in found), reverse=True
    )
    assert {one["key"] for one in by_model} == {"dear"}
    assert {one["signal"]: one["direction"] for one in regression}["mean_cost"] == "rising"


def test_trends_of_nothing_are_none_and_of_too_much_refused(
    client: httpx2.Client, store: DuckDBStore
):
    nothing = client.get("/v1/trends")
    odd = client.get("/v1/trends", params={"method": "guess"})
    store.write([a_call(n, at=MIDNIGHT - DAY, user_id=f"u{n}") for n in range(20_001)])
    crowded = client.get(
        "/v1/trends", params={"since": str(MIDNIGHT // SECOND - 86_400 * 2), "by": "user"}
    )

    assert nothing.json() == []
    assert odd.status_code == 422
    assert (crowded.status_code, "20,000" in crowded.text) == (422, True)
