"""What several processes know together: waiting traces, calls seen twice, one judge, one store."""

from __future__ import annotations

import itertools
import json
import os
import signal
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.calls.recount import calls_in, recount
from otel_llm.testing import FakeProvider, OtlpSink
from tests.collector.calls import request
from tests.collector.records import event, logs
from tests.evaluation.world import MODEL, attributes, judge_route

from .running import collector
from .test_store_kill import SPANS, killed_under_load
from .test_workers import CHAT, TWO, numbered, post, total, workers

LONG_AGO = "2020-01-01"


def of_trace(trace: int, span: int, *, error: bool = False, **more: object) -> bytes:
    """A request with one call."""
    message = ExportTraceServiceRequest.FromString(request({**CHAT, **more}, error=error))
    only = message.resource_spans[0].scope_spans[0].spans[0]
    only.trace_id, only.span_id = trace.to_bytes(16), span.to_bytes(8)
    return message.SerializeToString()


def pipelines(*processors: str, to: str = "otlphttp") -> dict:
    pipeline = {"receivers": ["otlp"], "exporters": [to]}
    return {
        "pipelines": {"traces": {**pipeline, "processors": [*processors]}, "logs": pipeline},
        "drain_timeout": "1s" if to.endswith("nobody") else "60s",
    }


@pytest.mark.parametrize("journaled", [False, True])
def test_a_trace_whose_spans_arrive_at_several_workers_is_kept_whole(tmp_path: Path, journaled):
    more = {"journal": {"directory": str(tmp_path / "journal")}} if journaled else {}
    with (
        OtlpSink() as sink,
        collector(
            tmp_path,
            {"otlphttp": {"endpoint": sink.http_endpoint}},
            TWO,
            processors={"sample": {"rate": 0.0, "decision_wait": "2s"}},
            service=pipelines("sample"),
            **more,
        ) as running,
    ):
        assert post(running, of_trace(1, 100, error=True))  # one of the workers knows of it
        for number in range(20):  # over connections of their own: to either worker
            assert post(running, of_trace(1, 1 + number))
            assert post(running, of_trace(2, 1001 + number))
        arrived = sink.wait(lambda s: len(s.spans()) == 21, 90)
        decided = running.wait_for(
            lambda r: (
                total(r, "otel_llm_sample_spans_total") == 41
                and total(r, "otel_llm_sample_traces_total")
            )
        )

    assert arrived
    assert {int.from_bytes(span.trace_id) for span in sink.spans()} == {1}
    assert decided == 2


def test_a_call_that_two_workers_saw_counts_once(tmp_path: Path):
    with (
        OtlpSink() as sink,
        collector(
            tmp_path,
            {"otlphttp": {"endpoint": sink.http_endpoint}},
            TWO,
            processors={"normalize": None, "cost": None},
            service=pipelines("normalize", "cost"),
        ) as running,
    ):
        for trace in range(1, 21):
            for span in (1, 2):
                said = {"gen_ai.response.id": f"resp-{trace}"}
                assert post(running, of_trace(trace, span, **said))
        arrived = sink.wait(lambda s: len(s.spans()) == 40, 90)
        counted = running.wait_for(
            lambda r: (
                total(r, "otelcol_receiver_accepted_spans_total") == 40
                and total(r, "otel_llm_calls_total")
            )
        )
        stored = running.wait_for(
            lambda r: (n := r.get("/v1/summary", since=LONG_AGO)["count"]) >= 20 and n
        )

    marks = [attributes(span).get("otel_llm.duplicate_of") for span in sink.spans()]
    assert arrived
    assert sorted(filter(None, marks)) == ["0000000000000001"] * 20
    assert (counted, stored) == (20, 20)


def test_messages_that_came_to_one_worker_are_put_on_spans_that_come_to_another(tmp_path: Path):
    together = pipelines("normalize")
    together["pipelines"]["logs"]["processors"] = ["normalize"]
    asked = event("gen_ai.user.message", {}, {"content": "And in Oslo?"})
    with (
        OtlpSink() as sink,
        collector(
            tmp_path,
            {"otlphttp": {"endpoint": sink.http_endpoint}},
            TWO,
            processors={"normalize": None},
            service=together,
        ) as running,
    ):
        for number in range(1, 31):  # over connections of their own: to either worker
            message = ExportLogsServiceRequest.FromString(logs(asked))
            record = message.resource_logs[0].scope_logs[0].log_records[0]
            record.trace_id, record.span_id = number.to_bytes(16), number.to_bytes(8)
            assert post(running, message.SerializeToString(), "logs")
        for number in range(1, 31):
            assert post(running, of_trace(number, number))
        arrived = sink.wait(lambda s: len(s.spans()) == 30, 90)

    said = [attributes(span).get("gen_ai.input.messages") for span in sink.spans()]
    assert arrived
    assert ["And in Oslo?" in (one or "") for one in said] == 30 * [True]


@pytest.mark.parametrize("durability", ["os", "fsync"])
def test_after_kill_9_of_the_owner_the_store_and_the_alerts_have_all_that_was_acknowledged(
    tmp_path: Path, durability
):
    numbers = itertools.count(1)
    settings = {
        "exporters": {"otlphttp/nobody": {"endpoint": "http://127.0.0.1:1"}},
        "store": {"path": str(tmp_path / "calls.duckdb"), "retain_for": 0},
        "journal": {"directory": str(tmp_path / "journal"), "durability": durability},
        "alerting": {"budgets": [{"name": "all", "limit": 1000.0, "period": "month"}]},
        "service": pipelines("cost", to="otlphttp/nobody"),
    }
    acknowledged: set[int] = set()
    for _ in range(2):
        with collector(tmp_path, arguments=TWO, **settings) as running:
            acknowledged |= set(killed_under_load(running, numbers))

    with collector(tmp_path, arguments=TWO, **settings) as running:
        shown = running.get("/v1/summary", since=LONG_AGO)
        journals = sorted(tmp_path.glob("journal/worker-*/traces"))
        sums = recount(calls_in(journals))
        kept = {int(call.trace_id, 16) for call in calls_in(journals)}

    assert len(journals) == 2
    assert acknowledged <= kept
    assert sums.calls == len(kept) * SPANS
    assert (shown["count"], shown["unpriced"]) == (sums.calls, sums.unpriced)
    assert shown["total_cost_usd"] == pytest.approx(sums.cost_usd, rel=1e-12)


def test_budgets_go_on_after_kill_9_of_the_owner(tmp_path: Path):
    settings = {
        "exporters": {"otlphttp/nobody": {"endpoint": "http://127.0.0.1:1"}},
        "store": {"path": str(tmp_path / "calls.duckdb"), "retain_for": 0},
        "journal": {"directory": str(tmp_path / "journal")},
        "alerting": {"budgets": [{"name": "all", "limit": 1000.0, "period": "month"}]},
        "service": pipelines("cost", to="otlphttp/nobody"),
    }
    for first, count in ((1, 50), (101, 100)):
        with collector(tmp_path, arguments=TWO, **settings) as running:
            for number in range(10):
                assert post(running, numbered(first + number * 5))
            spent = running.wait_for(
                lambda r, count=count: (
                    (s := r.get("/v1/budgets")[0]["spent"]) and round(s, 6) == count * 0.15 and s
                )
            )
            os.kill(running.process.pid, signal.SIGKILL)
            running.process.wait(120)

    assert round(spent, 6) == 15.0


def test_one_judge_judges_what_any_worker_received_within_one_budget(tmp_path: Path):
    def said(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    content = {
        "gen_ai.input.messages": said("user", "What is 2+2?"),
        "gen_ai.output.messages": said("assistant", "Four."),
    }
    with OtlpSink() as sink, FakeProvider(judge_route(lambda question, answer: 10)) as judge:
        model = {"endpoint": judge.url + "/v1", "model": MODEL}
        evaluation = {
            "judge": {"model": model, "criteria": ["relevance"], "sample": {"rate": 1.0}},
            "state_path": str(tmp_path / "evaluation.sqlite"),
        }
        with collector(
            tmp_path,
            {"otlphttp": {"endpoint": sink.http_endpoint}},
            TWO,
            evaluation=evaluation,
            service=pipelines("cost"),
        ) as running:
            for number in range(12):
                assert post(running, of_trace(1 + number, 1, **content))
            running.wait_for(lambda r: total(r, "otel_llm_evaluation_scores_total") == 12, 120)
            running.wait_for(lambda r: r.get("/v1/summary", since=LONG_AGO)["count"] == 24)
            judged = total(running, "otel_llm_evaluation_judged_calls_total")
            spent = total(running, "otel_llm_evaluation_spent_usd")
            scores = [running.get(f"/v1/traces/{n:032x}")["scores"] for n in range(1, 13)]
            own_calls = running.wait_for(
                lambda r: (
                    len(found := r.get("/v1/calls", service="otel-llm-evaluation")["calls"]) == 12
                    and found
                )
            )
            told = sink.wait(lambda s: len(s.records()) == 12, 90)

    assert judged == len(judge.requests) == 12
    assert [[score["value"] for score in of] for of in scores] == [[1.0]] * 12
    assert spent == pytest.approx(12 * (1000 * 0.15 + 20 * 0.6) / 1e6)
    assert told
    assert len(own_calls) == 12
    assert len({log.trace_id for log in sink.records()}) == 12


def test_status_shows_the_pipelines_of_the_workers(tmp_path: Path):
    with collector(tmp_path, {"debug": None}, TWO) as running:
        first = workers(running)
        shown = running.get("/status")

    assert len(first) == 2
    assert "traces" in json.dumps(shown)
