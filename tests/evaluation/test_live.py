"""A whole collector that judges what passes by: scores, events, spans, the budget."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_llm.service.assembly import Service
from otel_llm.store import Filter
from otel_llm.testing import FakeProvider, OtlpSink
from tests.collector.calls import START, request

from .world import MODEL, PATIENCE_S, asked, attributes, collector, criteria_of, judge_route, marks

TRACE = "0" * 30 + "01"


def judge(provider: FakeProvider, tmp_path: Path, **more: Any) -> dict[str, Any]:
    return {
        "judge": {
            "model": {"endpoint": provider.url + "/v1", "model": MODEL},
            "criteria": ["relevance"],
            "sample": {"rate": 1.0},
            **more,
        },
        "state_path": str(tmp_path / "evaluation.sqlite"),
    }


def said(question: str = "What is 2+2?", answer: str = "Four.", **more: Any) -> dict[str, object]:
    def message(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "resp-7",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
        "gen_ai.input.messages": message("user", question),
        "gen_ai.output.messages": message("assistant", answer),
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def receive(service: Service, *spans: dict[str, object], **more: Any) -> None:
    service.flow.consumer("otlp")("traces", request(*spans, **more))


def wait_until(holds: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_answer_is_judged_and_its_score_is_on_its_span_and_in_the_store(tmp_path: Path):
    with FakeProvider(judge_route(lambda question, answer: 10)) as provider, OtlpSink() as sink:
        exporters = {"otlphttp": {"endpoint": sink.http_endpoint}}
        with collector(tmp_path, judge(provider, tmp_path), exporters) as service:
            receive(service, said())
            wait_until(lambda: service.office.store.scores(TRACE))
            assert sink.wait(lambda s: s.records() and len(s.spans()) == 2, PATIENCE_S)
            [score] = service.office.store.scores(TRACE)

        [received] = provider.requests
        [record] = sink.records()
        [ours] = [s for s in sink.spans() if s.links]
    assert asked(received) == {"question": "What is 2+2?", "answer": "Four."}
    assert (score.name, score.value, score.source, score.rater) == (
        "relevance",
        1.0,
        "automatic",
        MODEL,
    )
    assert score.span_id == f"{1:016x}"
    assert record.event_name == "gen_ai.evaluation.result"
    assert (record.trace_id.hex(), record.span_id.hex()) == (TRACE, f"{1:016x}")
    assert attributes(record) == {
        "gen_ai.evaluation.name": "relevance",
        "gen_ai.evaluation.score.value": 1.0,
        "gen_ai.response.id": "resp-7",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "otel_llm.evaluation.evaluator": MODEL,
    }
    assert (ours.links[0].trace_id.hex(), ours.links[0].span_id.hex()) == (TRACE, f"{1:016x}")
    assert ours.trace_id.hex() != TRACE


def test_what_the_judge_costs_is_traced_and_priced(tmp_path: Path):
    with (
        FakeProvider(judge_route(lambda question, answer: 5)) as provider,
        collector(tmp_path, judge(provider, tmp_path)) as service,
    ):
        receive(service, said())
        wait_until(lambda: service.office.store.scores(TRACE))
        assert service.office.writer.flush(PATIENCE_S)
        [call] = service.office.store.calls(Filter(service="otel-llm-evaluation")).calls

    # 1000 in at $0.15 and 20 out at $0.60 per million
    assert call.cost is not None
    assert call.cost.total == pytest.approx(0.000162)
    assert (call.name, call.response_model) == ("chat gpt-4o-mini", "gpt-4o-mini-2024-07-18")


def test_calls_that_evaluate_others_are_never_judged(tmp_path: Path):
    marked = said(question="marked", otel_llm__evaluation__purpose="judge")
    with (
        FakeProvider(judge_route(lambda question, answer: 5)) as provider,
        collector(tmp_path, judge(provider, tmp_path, concurrency=1)) as service,
    ):
        receive(service, marked, said(question="last"))
        wait_until(lambda: service.office.evaluation._live.judged)

    assert [asked(r)["question"] for r in provider.requests] == ["last"]


def test_a_call_that_arrives_twice_is_judged_once(tmp_path: Path):
    with (
        FakeProvider(judge_route(lambda question, answer: 5)) as provider,
        collector(tmp_path, judge(provider, tmp_path)) as service,
    ):
        receive(service, said(), said(answer="Five."))
        receive(service, said())
        wait_until(lambda: service.office.evaluation._live.judged == 2)

    assert sorted(asked(r)["answer"] for r in provider.requests) == ["Five.", "Four."]


def test_flags_and_cost_choose_calls_that_the_rate_does_not(tmp_path: Path):
    config = judge(
        provider := FakeProvider(judge_route(lambda question, answer: 5)).start(),
        tmp_path,
        sample={"rate": 0, "flags": ["hedging"], "min_cost": 0.5},
        criteria=["relevance", "safety"],
    )
    try:
        with collector(tmp_path, config) as service:
            receive(
                service,
                said(),
                said(answer="As of my last update, I am not sure."),
                said(answer="Dear.", gen_ai__usage__input_tokens=1_000_000),
            )
            wait_until(lambda: service.office.evaluation._live.judged == 2)
    finally:
        provider.stop()

    answers = {asked(r)["answer"] for r in provider.requests}
    assert answers == {"As of my last update, I am not sure.", "Dear."}
    assert criteria_of(provider.requests[0]) == ["relevance", "safety"]


def test_calls_without_words_or_that_failed_are_not_judged(tmp_path: Path):
    tool = json.dumps([{"role": "assistant", "parts": [{"type": "tool_call", "name": "f"}]}])
    with (
        FakeProvider(judge_route(lambda question, answer: 5)) as provider,
        collector(tmp_path, judge(provider, tmp_path)) as service,
    ):
        receive(service, said(gen_ai__output__messages=tool))
        receive(service, {n: v for n, v in said().items() if "messages" not in n})
        receive(service, said(gen_ai__operation__name="invoke_agent"))
        receive(service, said(), error=True, start_ns=START)
        receive(service, {}, {}, {}, {}, said(question="last"))
        wait_until(lambda: provider.requests)

    assert [asked(r)["question"] for r in provider.requests] == ["last"]


def test_a_bad_reply_is_an_event_without_a_score_and_nothing_in_the_store(tmp_path: Path):
    with FakeProvider() as provider, OtlpSink() as sink:
        provider.queue(marks(relevance="eight"))
        exporters = {"otlphttp": {"endpoint": sink.http_endpoint}}
        with collector(tmp_path, judge(provider, tmp_path), exporters) as service:
            receive(service, said())
            assert sink.wait(OtlpSink.records, PATIENCE_S)
            [family] = [
                f for f in service.office.evaluation.measure() if f.name.endswith("failures")
            ]

            assert service.office.store.scores(TRACE) == []
        said_of_it = attributes(sink.records()[0])
    assert said_of_it["error.type"] == "invalid_answer"
    assert "gen_ai.evaluation.score.value" not in said_of_it
    assert [(s.labels, s.value) for s in family.samples] == [({"reason": "invalid_answer"}, 1)]


def test_when_the_day_is_spent_nobody_is_asked_also_after_a_restart(tmp_path: Path):
    with FakeProvider(judge_route(lambda question, answer: 5)) as provider:
        config = {**judge(provider, tmp_path), "daily_budget": 0.001}
        with collector(tmp_path, config) as service:
            receive(service, said())
            wait_until(lambda: service.office.store.scores(TRACE))
        with collector(tmp_path, {**config, "daily_budget": 0.0007}) as service:
            receive(service, said(question="again"))
            wait_until(lambda: service.office.evaluation._live.failed)
            failed = dict(service.office.evaluation._live.failed)

    assert len(provider.requests) == 1
    assert failed == {"budget": 1}
