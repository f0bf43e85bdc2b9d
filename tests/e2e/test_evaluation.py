"""A collector as a process that judges: what an operator sees of it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

from otel_llm.cli import main
from otel_llm.testing import FakeProvider
from tests.evaluation.world import MODEL, judge_route

from .running import collector
from .test_collector import send

PATIENCE_S = 90.0


def said(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def test_scores_of_judge_and_people_are_beside_the_call(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "sk-never-shown")
    with FakeProvider(judge_route(lambda question, answer: 10)) as judge:
        evaluation = {
            "judge": {
                "model": {
                    "endpoint": judge.url + "/v1",
                    "model": MODEL,
                    "api_key_env": "JUDGE_KEY",
                },
                "criteria": ["relevance"],
                "sample": {"rate": 1.0},
            },
            "state_path": str(tmp_path / "evaluation.sqlite"),
        }
        with collector(tmp_path, evaluation=evaluation) as running:
            trace = send(
                HttpExporter(running.http_endpoint + "/v1/traces", timeout=PATIENCE_S),
                **{
                    "gen_ai.input.messages": said("user", "What is 2+2?"),
                    "gen_ai.output.messages": said("assistant", "Four."),
                    "gen_ai.response.id": "chatcmpl-9",
                },
            )
            url = running.api_url + "/v1/feedback"
            feedback = {"response_id": "chatcmpl-9", "rating": "up", "user": "ann"}
            answer = running.wait_for(
                lambda _: (
                    (a := httpx2.post(url, json=feedback, timeout=PATIENCE_S)).is_success and a
                ),
                PATIENCE_S,
            )
            scores = running.wait_for(
                lambda r: len(found := r.get(f"/v1/traces/{trace}")["scores"]) == 2 and found,
                PATIENCE_S,
            )
            ours = running.wait_for(
                lambda r: r.get("/v1/calls", service="otel-llm-evaluation")["calls"], PATIENCE_S
            )
            metrics = running.text("/metrics")
            code = main(["prices", "unpriced", "--url", running.api_url])
        log = running.log.read_text()

    assert answer.json()["trace_id"] == trace
    assert {(s["name"], s["source"], s["value"]) for s in scores} == {
        ("relevance", "automatic", 1.0),
        ("rating", "human", 1.0),
    }
    assert [(call["model"], call["unpriced"]) for call in ours] == [
        ("gpt-4o-mini-2024-07-18", False)
    ]
    assert "otel_llm_evaluation_judged_calls_total 1" in metrics
    assert code == 0
    assert judge.requests[0].headers["authorization"] == "Bearer sk-never-shown"
    assert "sk-never-shown" not in log + metrics
    assert "2+2" not in log
