"""Messages of version 1.36 and older, which came as log records, on their spans."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.data import Batch
from otel_llm.collector.data.records import Records
from otel_llm.collector.pipeline import RecordPipeline, TracePipeline
from otel_llm.collector.processors.normalize import NormalizeConfig, NormalizeProcessor
from otel_llm.collector.processors.quality import QualityProcessor
from tests.collector.calls import request
from tests.collector.records import event, logs

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai"}
CALL = {"name": "weather", "arguments": '{"city": "Oslo"}'}
ASKED = [
    event("gen_ai.system.message", {"gen_ai.system": "openai"}, {"content": "Be brief."}),
    event("gen_ai.user.message", {}, {"content": "And in Oslo?"}),
    event(
        "gen_ai.assistant.message",
        {},
        {"tool_calls": [{"id": "c1", "type": "function", "function": CALL}]},
    ),
    event("gen_ai.tool.message", {}, {"id": "c1", "content": "rain"}),
]
ANSWERED = event(
    "gen_ai.choice",
    {},
    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Rain."}},
)
INPUT = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [{"type": "text", "content": "And in Oslo?"}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Oslo"}}
        ],
    },
    {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain"}],
    },
]
OUTPUT = [
    {
        "role": "assistant",
        "parts": [{"type": "text", "content": "Rain."}],
        "finish_reason": "stop",
    }
]


def span(number: int = 2, **more: object) -> Batch:
    """The span that the records of ``logs`` name, or another one of its trace."""
    message = ExportTraceServiceRequest.FromString(request({**CHAT, **more}))
    only = message.resource_spans[0].scope_spans[0].spans[0]
    only.trace_id, only.span_id = bytes(15) + b"\1", number.to_bytes(8)
    return Batch.open(message.SerializeToString())


def said_on(batch: Batch) -> tuple[object, object]:
    (view,) = batch.genai()
    texts = [view.text(f"gen_ai.{side}.messages") for side in ("input", "output")]
    return tuple(None if text is None else json.loads(text) for text in texts)


def joined(processor: NormalizeProcessor) -> float:
    return next(iter(processor.measure())).samples[0].value


def test_messages_in_log_records_are_put_on_the_span_that_comes_after_them():
    processor, opened = NormalizeProcessor(), span()
    first, second = logs(*ASKED[:2]), logs(*ASKED[2:], ANSWERED)

    for sent in (first, second, first):  # a request that comes again says nothing new
        records = Records("logs", sent)
        processor.process(records)
        assert records.to_bytes() == sent
    processor.process(opened)

    assert said_on(opened) == (INPUT, OUTPUT)
    assert opened.genai()[0].texts("gen_ai.response.finish_reasons") == ("stop",)
    assert joined(processor) == 1


def test_the_records_of_a_request_stand_in_the_order_of_their_time():
    message = ExportLogsServiceRequest.FromString(logs(*reversed(ASKED)))
    for nth, record in enumerate(message.resource_logs[0].scope_logs[0].log_records):
        record.observed_time_unix_nano = 100 - nth
    processor, opened = NormalizeProcessor(), span()

    processor.process(Records("logs", message.SerializeToString()))
    processor.process(opened)

    assert said_on(opened) == (INPUT, None)


def test_a_span_that_comes_again_is_given_them_again():
    processor = NormalizeProcessor()
    processor.process(Records("logs", logs(ASKED[1])))

    for opened in (span(), span()):
        processor.process(opened)
        assert said_on(opened) == (INPUT[1:2], None)


@pytest.mark.parametrize(
    ("given", "opened"),
    [
        (ASKED[1], span(3)),
        (event("gen_ai.user.message", {}, None), span()),
        (event("gen_ai.choice", {}, {"index": 0, "finish_reason": "stop"}), span()),
        (event("gen_ai.evaluation.result", {"content": "x"}, {"content": "x"}), span()),
    ],
    ids=["another span", "no content", "no answer", "another event"],
)
def test_what_is_not_for_it_or_says_nothing_leaves_a_span_alone(given, opened):
    processor = NormalizeProcessor()

    processor.process(Records("logs", logs(given)))
    processor.process(opened)

    assert said_on(opened) == (None, None)
    assert joined(processor) == 0


def test_what_the_span_says_itself_stays():
    own = [{"role": "user", "parts": [{"type": "text", "content": "own"}]}]
    processor, opened = NormalizeProcessor(), span(**{"gen_ai.input.messages": json.dumps(own)})

    processor.process(Records("logs", logs(*ASKED, ANSWERED)))
    processor.process(opened)

    assert said_on(opened) == (own, OUTPUT)


@pytest.mark.parametrize(("memory", "there"), [(0, []), (2_000, [39]), (2**20, list(range(40)))])
def test_as_much_is_remembered_as_is_configured(memory, there):
    processor = NormalizeProcessor(NormalizeConfig(event_memory=memory))
    for number in range(40):
        message = ExportLogsServiceRequest.FromString(logs(ASKED[1]))
        record = message.resource_logs[0].scope_logs[0].log_records[0]
        record.span_id = (number + 1).to_bytes(8)
        processor.process(Records("logs", message.SerializeToString()))

    found = []
    for number in range(40):
        opened = span(number + 1)
        processor.process(opened)
        found += [number] if said_on(opened) != (None, None) else []

    assert found[-1:] == there[-1:]
    assert len(found) <= len(there) + 2


def test_what_was_said_apart_has_its_quality_looked_at():
    normalize, sent = NormalizeProcessor(), list[bytes]()
    answered = event(
        "gen_ai.choice",
        {},
        {"finish_reason": "length", "message": {"content": "I'm sorry, I can't help with that."}},
    )
    told = RecordPipeline("logs", {"normalize": normalize}, lambda *_: None)
    spans = TracePipeline(
        {"normalize": normalize, "quality": QualityProcessor()},
        {},
        lambda _, payload: sent.append(payload),
    )

    told.consume(logs(*ASKED, answered))
    spans.consume(span().to_bytes())

    flags = Batch.open(sent[0]).genai()[0].texts("otel_llm.quality.flags")
    assert flags
    assert "refusal" in flags


def test_a_record_too_odd_to_be_read_costs_other_spans_of_the_batch_nothing():
    deep = '{"messages":' * 500 + "1" + "}" * 500
    message = ExportLogsServiceRequest.FromString(
        logs(event("gen_ai.user.message", {"gen_ai.event.content": deep}), *ASKED)
    )
    message.resource_logs[0].scope_logs[0].log_records[0].span_id = bytes(7) + b"\1"
    processor, opened = NormalizeProcessor(), Batch.open(request(CHAT, CHAT))

    processor.process(Records("logs", message.SerializeToString()))
    processor.process(opened)

    odd, sound = opened.genai()
    assert not odd.has("gen_ai.input.messages")
    assert json.loads(sound.text("gen_ai.input.messages") or "") == INPUT
