"""Values that nobody sends on purpose, on one span of a request: the request is taken, and the
spans beside it are as they would be without."""

from __future__ import annotations

import json
from time import process_time

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.calls import read_call
from otel_llm.collector.data import Batch
from otel_llm.collector.normalize.json_values import parsed
from otel_llm.collector.observers.totals import Totals
from otel_llm.collector.pipeline import TracePipeline
from otel_llm.collector.processors.cost import CostProcessor
from otel_llm.collector.processors.normalize import NormalizeProcessor
from otel_llm.collector.processors.quality import QualityProcessor
from otel_llm.collector.processors.redact import RedactProcessor
from otel_llm.genai import Document, Usage
from tests.collector.calls import attributes, request

SOUND = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.prompt_tokens": 1000,
    "gen_ai.usage.completion_tokens": 100,
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": "I think so."}]}]
    ),
}
DIGITS = "9" * 400
CUT = r'[{"role": "assistant", "parts": [{"type": "text", "content": "well \ud83d"}]}]'
ODD = {
    "a count that no number of a machine is": {"gen_ai.usage.input_tokens": DIGITS},
    "a count beyond 64 bits": {"gen_ai.usage.output_tokens": "9" * 20},
    "a count as a huge double": {"gen_ai.usage.output_tokens": 1e300},
    "a measured time without end": {"gen_ai.response.time_to_first_chunk": DIGITS},
    "a number in a name that is longer than Python reads": {
        f"gen_ai.prompt.{'0' * 5000}1.content": "hi"
    },
    "half an emoji in an answer": {"gen_ai.output.messages": CUT},
    "half an emoji in a name": {"traceloop.prompt.template_variables": r'{"\ud83d": "x"}'},
    "messages in messages": {"gen_ai.prompt": '{"messages":' * 400 + "1" + "}" * 400},
    "lists in lists": {"gen_ai.completion": "[" * 900 + "]" * 900},
    "systems in systems": {"llm.prompts": "x", "input.value": '{"system":' * 330 + "1" + "}" * 330},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_one_odd_span_costs_neither_its_request_nor_its_neighbours(odd):
    sent: list[bytes] = []
    processors = {
        "normalize": NormalizeProcessor(),
        "cost": CostProcessor(),
        "quality": QualityProcessor(),
        "redact": RedactProcessor(),
    }
    totals = Totals()
    pipeline = TracePipeline(
        processors, {"totals": totals}, lambda signal, payload: sent.append(payload)
    )
    alone = TracePipeline(processors, {}, lambda signal, payload: sent.append(payload))

    alone.consume(request(SOUND))
    pipeline.consume(request(SOUND, {"gen_ai.operation.name": "chat", **odd}, SOUND))

    expected, (first, _, last) = [
        [attributes(span) for span in Batch.open(payload).genai()] for payload in sent
    ]
    assert [first, last] == expected * 2
    assert first["otel_llm.cost.total"] == 0.0035
    failed = [
        pipeline.counters.get(f"otel_llm_{kind}_failures") for kind in ("processor", "observer")
    ]
    assert failed == [0, 0]


@pytest.mark.parametrize("name", ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"])
def test_a_count_that_cannot_be_is_unknown(name):
    sent = {"gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": 3, name: DIGITS}
    batch = Batch.open(request(sent))

    NormalizeProcessor().process(batch)

    (span,) = batch.genai()
    assert read_call(span).usage == Usage(None, 3)


def test_a_list_with_no_place_for_its_items_stays_as_it_came():
    name = "gen_ai.prompt.99999999999.content"
    batch = Batch.open(request({"gen_ai.operation.name": "chat", name: "hi"}))

    NormalizeProcessor().process(batch)

    (span,) = batch.genai()
    assert (span.text(name), span.has("gen_ai.input.messages")) == ("hi", False)


@pytest.mark.parametrize(
    ("spelled", "read"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\uDE00!", "\ufffd!"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\ufffd"),
    ],
)
def test_half_an_emoji_in_json_is_no_half_text(spelled, read):
    assert parsed(f'["{spelled}"]') == [read]


def test_what_is_beside_half_an_emoji_is_redacted_and_the_rest_stays():
    batch = Batch.open(request({"gen_ai.output.messages": CUT.replace("well", "jane@doe.org")}))

    RedactProcessor().process(batch)

    (span,) = batch.genai()
    said = json.loads(span.text("gen_ai.output.messages") or "")
    assert said[0]["parts"][0]["content"] == "[email] ?"


DUMPED = json.dumps(
    [{"type": "human", "content": "hi", "additional_kwargs": {}, "id": 5, "response_metadata": {}}]
)


@pytest.mark.parametrize(
    "odd",
    [
        {"gen_ai.usage.input_token_details": "{[]: 1}"},
        {"langfuse.observation.cost_details": f'{{"total": {DIGITS}}}'},
        {"mlflow.llm.cost": f'{{"input_cost": {DIGITS}, "output_cost": NaN}}'},
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.completion_start_time": "0001-01-01T00:00:00",
        },
        {"gen_ai.input.messages": DUMPED},
    ],
    ids=["a list for a key", "a cost", "parts of a cost", "the first day", "a number for an id"],
)
def test_what_cannot_be_read_of_a_span_costs_it_nothing_else(
    odd: dict[str, object], caplog: pytest.LogCaptureFixture
):
    batch = Batch.open(request({**SOUND, **odd}))

    NormalizeProcessor().process(batch)

    (span,) = batch.genai()
    assert caplog.messages == []
    assert read_call(span).usage == Usage(1000, 100)
    assert not span.has("otel_llm.cost.reported")


def test_a_score_that_no_number_of_a_machine_is_costs_a_retrieval_nothing_else():
    found = f'[{{"id": "a", "score": {DIGITS}}}, {{"id": "b", "score": 0.5}}]'
    sent = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": found}
    (span,) = Batch.open(request(sent)).genai()

    assert read_call(span).documents == (Document("a", None), Document("b", 0.5))


ASKED = {"event.name": "gen_ai.user.message", "content": "hi"}
EVENTS = {
    "questions": [ASKED] * 20_000,
    "both": [
        {"event.name": name, "content": str(n)}
        for n in range(10_000)
        for name in ("gen_ai.user.message", "gen_ai.choice")
    ],
    "calls of tools": [
        {
            "event.name": "gen_ai.assistant.message",
            "content": [{"type": "tool_use", "id": f"a{n}", "name": "f"} for n in range(20_000)],
            "tool_calls": [{"id": f"b{n}", "function": {"name": "f"}} for n in range(20_000)],
        }
    ],
}


@pytest.mark.parametrize("events", EVENTS.values(), ids=EVENTS)
def test_long_lists_of_events_take_no_more_than_their_share_of_time(
    events: list[dict[str, object]],
):
    message = ExportTraceServiceRequest.FromString(
        request({"gen_ai.operation.name": "chat", "events": json.dumps([ASKED, *events])})
    )
    message.resource_spans[0].scope_spans[0].scope.name = "pydantic-ai"
    batch = Batch.open(message.SerializeToString())
    started = process_time()

    NormalizeProcessor().process(batch)

    assert process_time() - started < 1.5  # looking at all the others for each took several times
    (span,) = batch.genai()
    assert (span.has("gen_ai.input.messages"), span.has("events")) == (True, False)
