"""A shop's nine days before the demo, so that the pages have a past to tell of.

Made up, as the shop is, but sent as OTLP spans like those of any application: cost, flags, findings
and sums are the collector's. The same every time, apart from the date:

- ``dan`` had a catalogue exported yesterday afternoon: the dearest hour by far;
- the provider answered slowly yesterday morning, and failed often in the evening;
- returns are refused more often than they used to be since yesterday noon;
- half of the answers come from version 4 of the prompt since two days, which is cut off and
  refused more often than version 3.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, Tracer, set_span_in_context

DAYS: Final = 9
BATCH: Final = 1_000
HOUR: Final = 3_600
DAY: Final = 24 * HOUR
S: Final = 10**9
USERS: Final = ("ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hana", "ivo", "jun")
SERVED: Final = {"gpt-4o-mini": "gpt-4o-mini-2024-07-18", "gpt-4o": "gpt-4o-2024-08-06"}
ANSWERS: Final = (
    "The Lumen 2 lasts eighteen hours on one charge, and charges in two.",
    "The warranty covers two years from the day of purchase, batteries included.",
    "Order 1042 left the warehouse this morning and arrives on Tuesday.",
    "Both lamps give eight hundred lumens; the Lumen 2 adds a dimmer and a second battery.",
)
REFUSAL: Final = "I'm sorry, but I can't help with that."


@dataclass(frozen=True, slots=True)
class Question:
    """One answered question: what a trace is made of."""

    at: float
    """Unix seconds."""
    user: str
    feature: str = "chat"
    team: str = "support"
    model: str = "gpt-4o-mini"
    version: str = "3"
    input_tokens: int = 900
    output_tokens: int = 160
    first_chunk_s: float = 0.5
    duration_s: float = 1.6
    finish: str = "stop"
    error: str | None = None
    text: str = ANSWERS[0]
    score: float = 0.8
    """How well the best passage fits."""


def send(endpoint: str, now: float | None = None) -> int:
    """Send the past to ``endpoint`` (OTLP over HTTP); returns how many spans it is."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "lamp-shop"}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("examples.demo.past")
    for question in questions(time.time() if now is None else now):
        trace(tracer, question)
    exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=60)
    spans = kept.get_finished_spans()
    for first in range(0, len(spans), BATCH):
        exporter.export(spans[first : first + BATCH])
    exporter.shutdown()
    return len(spans)


def questions(now: float) -> Iterator[Question]:
    """What was asked in the days before ``now``, oldest first within each hour."""
    chance = random.Random(1042)
    today = now // DAY * DAY
    first, last = int(today - DAYS * DAY), int(now - HOUR // 4)
    for hour in range(first, last, HOUR):
        for question in _hour(chance, hour, (hour - today) // HOUR):
            if question.at < last:
                yield question


def _hour(chance: random.Random, start: int, from_today: float) -> Iterator[Question]:
    """The questions of one hour; ``from_today`` counts hours from the last midnight."""
    of_day = from_today % 24
    for _ in range(chance.randint(28, 36) if 7 <= of_day < 20 else chance.randint(4, 8)):
        yield _changed(chance, _usual(chance, start + chance.random() * HOUR), from_today)
    if from_today == 14 - 24:
        for _ in range(40):
            yield _export(chance, start + chance.random() * HOUR)


def _usual(chance: random.Random, at: float) -> Question:
    first = 0.35 + chance.expovariate(6)
    large = chance.random() < 0.2
    return Question(
        at=at,
        user=chance.choice(USERS),
        feature="returns" if large else "chat",
        model="gpt-4o" if large else "gpt-4o-mini",
        input_tokens=chance.randint(600, 1_400),
        output_tokens=chance.randint(80, 260),
        first_chunk_s=first,
        duration_s=first + chance.uniform(0.6, 1.8),
        error="openai.RateLimitError" if chance.random() < 0.008 else None,
        text=chance.choice(ANSWERS),
        score=chance.uniform(0.6, 0.95),
    )


def _changed(chance: random.Random, usual: Question, from_today: float) -> Question:
    """What was different of late."""
    new, luck = from_today >= -48 and chance.random() < 0.5, chance.random()
    if new:
        usual = replace(usual, version="4", output_tokens=usual.output_tokens * 2)
    if new and luck < 0.25:
        usual = replace(usual, finish="length", output_tokens=400, text=usual.text[:30])
    elif luck < (0.4 if new or (usual.feature == "returns" and from_today >= -12) else 0.01):
        usual = replace(usual, output_tokens=12, text=REFUSAL)
    if from_today == 9 - 24:
        slow = chance.uniform(5, 9)
        usual = replace(usual, first_chunk_s=slow, duration_s=slow + 2)
    if from_today == 18 - 24 and chance.random() < 0.3:
        usual = replace(usual, error="openai.InternalServerError")
    return usual


def _export(chance: random.Random, at: float) -> Question:
    size = chance.randint(50_000, 80_000)
    catalogue = Question(at, "dan", "catalogue export", "sales", "gpt-4o", "1", size, 3_000)
    return replace(catalogue, first_chunk_s=2.0, duration_s=chance.uniform(20, 40))


def trace(tracer: Tracer, asked: Question) -> None:
    """The spans of one question: a workflow, what was looked up, and the model call."""
    start = round(asked.at * S)
    looked, end = start + S // 20, start + S // 20 + round(asked.duration_s * S)
    common = _common(asked)
    workflow = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "answer"}
    root = tracer.start_span("answer", attributes={**common, **workflow}, start_time=start)
    inside = set_span_in_context(root)
    retrieval = {"gen_ai.operation.name": "retrieval", **_documents(asked)}
    found = tracer.start_span(
        "retrieval handbook", inside, attributes={**common, **retrieval}, start_time=start
    )
    found.end(looked)
    call = tracer.start_span(
        f"chat {asked.model}",
        inside,
        SpanKind.CLIENT,
        attributes={**common, **_call(asked)},
        start_time=looked,
    )
    for span in (call, root):
        if asked.error:
            span.set_attribute("error.type", asked.error)
            span.set_status(StatusCode.ERROR)
        span.end(end)


def _common(asked: Question) -> Mapping[str, str]:
    return {
        "user.id": asked.user,
        "gen_ai.conversation.id": f"{asked.user}-{int(asked.at // HOUR)}",
        "otel_llm.feature": asked.feature,
        "otel_llm.team": asked.team,
        "gen_ai.prompt.name": asked.feature,
        "gen_ai.prompt.version": asked.version,
    }


def _documents(asked: Question) -> Mapping[str, str]:
    scores = {"handbook-3": round(asked.score, 2), "handbook-9": 0.3}
    found = [{"id": name, "score": score} for name, score in scores.items()]
    return {"gen_ai.retrieval.documents": json.dumps(found)}


def _call(asked: Question) -> Mapping[str, str | int | float | bool | list[str]]:
    known = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": asked.model,
        "gen_ai.request.max_tokens": 4_000 if asked.output_tokens > 400 else 400,
        "gen_ai.request.stream": True,
        "server.address": "api.openai.com",
    }
    if asked.error:
        return known
    return known | {
        "gen_ai.response.model": SERVED[asked.model],
        "gen_ai.response.finish_reasons": [asked.finish],
        "gen_ai.response.time_to_first_chunk": asked.first_chunk_s,
        "gen_ai.usage.input_tokens": asked.input_tokens,
        "gen_ai.usage.output_tokens": asked.output_tokens,
        "gen_ai.input.messages": _message("user", "How is it with the lamp?"),
        "gen_ai.output.messages": _message("assistant", asked.text, asked.finish),
    }


def _message(role: str, text: str, finish: str | None = None) -> str:
    message = {"role": role, "parts": [{"type": "text", "content": text}]}
    return json.dumps([message if finish is None else {**message, "finish_reason": finish}])
