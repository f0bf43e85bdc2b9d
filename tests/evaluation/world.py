"""A judge's endpoint on 127.0.0.1, and a whole collector around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.evaluation.endpoint import Endpoint, EndpointConfig
from otel_llm.evaluation.paid import PaidEndpoint
from otel_llm.service.assembly import Service
from otel_llm.service.settings import check
from otel_llm.testing import Answer, FakeProvider, Received, json_answer, openai

MODEL = "gpt-4o-mini"
PATIENCE_S = 60.0


def said(text: str, **fields: Any) -> Answer:
    """A chat completion that says ``text``: 1000 tokens in, 20 out."""
    choice = openai.choice(text, finish=fields.pop("finish", "stop"))
    usage = openai.usage(1000, 20)
    return json_answer(openai.completion(choice, **{"usage": usage, **fields}))


def marks(**scores: object) -> Answer:
    """A judge's reply with these marks."""
    return said(json.dumps(scores))


def asked(received: Received) -> dict[str, Any]:
    """What the user message of a request holds."""
    return json.loads(received.json()["messages"][-1]["content"])


def criteria_of(received: Received) -> list[str]:
    """The criteria that a judge was asked for."""
    lines = received.json()["messages"][0]["content"].splitlines()
    return [line[2:].partition(":")[0] for line in lines if line.startswith("- ")]


def config(server: FakeProvider, **more: Any) -> EndpointConfig:
    return EndpointConfig(**{"endpoint": server.url + "/v1", "model": MODEL, "retries": 0, **more})


def paid(
    provider: FakeProvider, endpoint: Mapping[str, Any] | None = None, **more: Any
) -> PaidEndpoint:
    """An endpoint without a cap, unless ``more`` says so."""
    made = Endpoint(config(provider, **(endpoint or {})), sleep=lambda _: None)
    opened.append(PaidEndpoint(made, **more))
    return opened[-1]


opened: list[PaidEndpoint] = []
"""Closed at the end of every test."""


def judge_route(score: Callable[[str, str], int]) -> dict[str, Callable[[Received], Answer]]:
    """Routes of a judge that gives each answer what ``score(question, answer)`` says."""

    def respond(received: Received) -> Answer:
        given = asked(received)
        mark = score(given["question"], given["answer"])
        return marks(**dict.fromkeys(criteria_of(received), mark))

    return {r"^POST /v1/chat/completions": respond}


def spans_in(payload: bytes) -> list[Any]:
    request = ExportTraceServiceRequest.FromString(payload)
    return [s for g in request.resource_spans for scope in g.scope_spans for s in scope.spans]


def attributes(thing: Any) -> dict[str, Any]:
    """Attributes of a span or log record, as Python values."""
    return {a.key: _plain(a.value) for a in thing.attributes}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    return getattr(value, kind)


@contextmanager
def collector(
    tmp_path: Path, evaluation: Mapping[str, Any], exporters: Mapping[str, Any] | None = None
) -> Iterator[Service]:
    """A collector in this process, without receivers: tests give it requests themselves."""
    pipeline = {"receivers": ["otlp"], "exporters": [*(exporters or {})]}
    settings = check(
        {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
            "processors": {"cost": None, "quality": None},
            "exporters": dict(exporters or {}),
            "api": None,
            "alerting": None,
            "store": {"path": str(tmp_path / "calls.duckdb"), "retain_for": 0},
            "evaluation": dict(evaluation),
            "service": {
                "pipelines": {
                    "traces": {**pipeline, "processors": ["cost", "quality"]},
                    "logs": pipeline,
                }
            },
        }
    )
    service = Service(settings)
    service.start()
    try:
        yield service
    finally:
        service.stop()
