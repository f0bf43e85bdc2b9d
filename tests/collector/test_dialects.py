"""Every name of the table of dialects becomes what the table says, or is known not to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.data import Batch
from otel_llm.collector.processors.normalize import NormalizeProcessor
from tests.collector.calls import attributes, batch, request
from tests.collector.records import pairs
from tests.collector.test_normalize import messages, normalized, said, text

TABLE = json.loads((Path(__file__).parents[1] / "data" / "dialects.json").read_text("utf-8"))
NAME = re.compile(r"[a-z_A-Z:]+(?:[.:][a-zA-Z_0-9:]+)*")
COST = "otel_llm.cost.reported"
SCOPES = {"pydantic-ai/logfire": "pydantic-ai", "anthropic-sdk-native": "com.anthropic.sdk.python"}
MARKERS = {
    "openinference": {"openinference.span.kind": "LLM"},
    "langfuse": {"langfuse.observation.type": "generation"},
    "vercel-ai": {"ai.operationId": "ai.generateText.doGenerate"},
}
KINDS = {
    "traceloop.entity.name": {"traceloop.span.kind": "tool"},
    "traceloop.entity.input": {"traceloop.span.kind": "tool"},
    "traceloop.entity.output": {"traceloop.span.kind": "tool"},
}
VALUES = {
    "llm.request.type": "chat",
    "llm.is_streaming": True,
    "gen_ai.is_streaming": True,
    "gen_ai.openai.request.response_format": "json_object",
    "langfuse.observation.model.parameters": '{"temperature": 0.5}',
    "langfuse.observation.usage_details": '{"input": 3}',
    "langfuse.observation.cost_details": '{"total": 0.5}',
    "langfuse.observation.completion_start_time": "2026-11-20T12:00:01+00:00",
    "llm.prompt_template.variables": '{"city": "Oslo"}',
    "traceloop.prompt.template_variables": '{"city": "Oslo"}',
    "all_messages_events": '[{"event.name": "gen_ai.user.message", "content": "x"}]',
    "events": '[{"event.name": "gen_ai.user.message", "content": "x"}]',
    "ai.response.toolCalls": '[{"toolCallId": "1", "toolName": "n", "args": "{}"}]',
    "gen_ai.response.tool_calls": '[{"id": "1", "function": {"name": "n"}}]',
    "pydantic_ai.all_messages": '[{"role": "user", "content": "x"}]',
}
EXPECTED = {
    "traceloop.entity.name": "gen_ai.tool.name",
    "traceloop.prompt.template_variables": "gen_ai.prompt.variable.city",
    "llm.prompt_template.variables": "gen_ai.prompt.variable.city",
    "langfuse.observation.model.parameters": "gen_ai.request.temperature",
    "langfuse.observation.usage_details": "gen_ai.usage.input_tokens",
    "gen_ai.aggregated_usage.*": "gen_ai.usage.input_tokens",
    "gen_ai.usage.details.*": "gen_ai.usage.reasoning.output_tokens",
    "events": "gen_ai.input.messages",
    "llm.cost.total": COST,
    "llm.cost.prompt": COST,
    "llm.cost.completion": COST,
    "operation.cost": COST,
    "langfuse.observation.cost_details": COST,
    "gen_ai.usage.cost": COST,
}
STARRED = {
    "gen_ai.aggregated_usage.*": "gen_ai.aggregated_usage.input_tokens",
    "gen_ai.usage.details.*": "gen_ai.usage.details.reasoning_tokens",
}
BESIDE = {
    "llm.cost.prompt": {"llm.cost.completion": 0.25},
    "llm.cost.completion": {"llm.cost.prompt": 0.25},
}
BOTH = {"llm.request.type", "gen_ai.request.structured_output_schema", "traceloop.entity.name"}
"""What says more than the new name does."""
STAYS = {
    "gen_ai.openai.api_type",  # its own; not openai.api.type
    "gen_ai.agent.call.id",
    "model_request_parameters",
    "logfire.msg",
    "langfuse.trace.name",
    "user.id",  # it is called so already
}


def rows() -> list[dict[str, str]]:
    """Rows that say of one attribute what it becomes."""
    return [
        row
        for row in TABLE
        if row["transform"] in ("rename", "parse")
        and ".N." not in row["old"]
        and (NAME.fullmatch(row["old"]) or row["old"] in STARRED)
    ]


def test_the_table_is_looked_at():
    assert len(TABLE) == 193
    assert len(rows()) > 130


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['dialect']}-{row['old']}")
def test_a_name_becomes_what_the_table_says(row):
    old = STARRED.get(row["old"], row["old"])
    if old in STAYS:
        return
    wanted = EXPECTED.get(row["old"]) or re.split(r"[ =\[]", row["new"])[0]
    dropped = row["new"].startswith("(drop")
    value = VALUES.get(
        old, 3 if re.search("oken|cost|_k|max_|ms|time|\\.n$|\\.seed$", old) else "x"
    )
    marker = KINDS.get(old) or MARKERS.get(row["dialect"], {"gen_ai.request.model": "m"})

    got = normalized(
        {
            **(marker if wanted not in marker else {"gen_ai.x": "y"}),
            old: value,
            **BESIDE.get(old, {}),
        },
        SCOPES.get(row["dialect"], ""),
    )

    assert dropped or wanted in got
    assert old not in got or wanted == COST or old in BOTH


@pytest.mark.parametrize("place", ["gen_ai.input.messages", "gen_ai.output.messages"])
@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("gen_ai.content.{}", {"gen_ai.{}": '[{"role": "r", "content": "hello"}]'}),
        ("gen_ai.{}.message", {"content": "hello", "role": "r"}),
        ("gen_ai.{}.message", {"gen_ai.event.content": '{"role": "r", "content": "hello"}'}),
    ],
)
def test_messages_in_events_of_the_span_become_attributes(place, name, sent):
    asked = "input" in place
    words = ("prompt" if asked else "completion") if "content." in name else "user"
    event = name.format(words) if asked or "content." in name else "gen_ai.choice"
    message = ExportTraceServiceRequest.FromString(request({"gen_ai.request.model": "m"}))
    span = message.resource_spans[0].scope_spans[0].spans[0]
    given = {key.format(words): value for key, value in sent.items()}
    span.events.add(name=event).attributes.extend(pairs({**given, "gen_ai.system": "openai"}))
    span.events.add(name="retry").attributes.extend(pairs({"why": "429"}))
    opened = Batch.open(message.SerializeToString())

    NormalizeProcessor().process(opened)

    (after,) = Batch.open(opened.to_bytes()).genai()
    assert after.value(place) == messages(said("r", text("hello")))
    left = {key: value for key, value in given.items() if key == "role"}
    assert list(after.events()) == [
        (event, {**left, "gen_ai.system": "openai"}),
        ("retry", {"why": "429"}),
    ]


def test_how_an_answer_ended_is_taken_from_its_messages_where_nothing_else_says_it():
    answer = messages(said("assistant", text("a"), finish_reason="end_turn"))

    got = normalized({"gen_ai.operation.name": "chat", "gen_ai.output.messages": answer})

    assert got["gen_ai.response.finish_reasons"] == ["stop"]
    assert got["gen_ai.output.messages"] == answer


def test_spans_of_pydantic_ai_are_known_by_their_names_and_those_of_anthropic_get_another():
    def processed(name: str, scope: str, sent: dict[str, object]):
        message = ExportTraceServiceRequest.FromString(request(sent))
        message.resource_spans[0].scope_spans[0].scope.name = scope
        message.resource_spans[0].scope_spans[0].spans[0].name = name
        opened = Batch.open(message.SerializeToString())
        NormalizeProcessor().process(opened)
        (span,) = Batch.open(opened.to_bytes()).genai()
        return span

    ran = processed("agent run", "pydantic-ai", {"gen_ai.request.model": "m"})
    native = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude"}
    asked = processed("anthropic.messages.create", "com.anthropic.sdk.python", native)

    assert ran.text("gen_ai.operation.name") == "invoke_agent"
    assert asked.name == "chat claude"


TOKENS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
}


def below(outer: dict[str, object], inner: dict[str, object]) -> list[bytes]:
    """A span and one below it, in two requests, the inner first: it ends first."""
    message = ExportTraceServiceRequest.FromString(request(outer, inner))
    spans = message.resource_spans[0].scope_spans[0].spans
    spans[1].parent_span_id = spans[0].span_id
    both = [ExportTraceServiceRequest(), ExportTraceServiceRequest()]
    for one, span in zip(both, reversed(spans), strict=True):
        one.resource_spans.add().scope_spans.add().spans.append(span)
    return [one.SerializeToString() for one in both]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("outer", "inner", "marked"),
    [
        (TOKENS, TOKENS, True),
        (TOKENS, {**TOKENS, "gen_ai.response.id": "r"}, True),
        ({**TOKENS, "gen_ai.response.id": "q"}, {**TOKENS, "gen_ai.response.id": "r"}, False),
        (TOKENS, {**TOKENS, "gen_ai.usage.output_tokens": 6}, False),
        ({"gen_ai.operation.name": "chat"}, {"gen_ai.operation.name": "chat"}, False),
        ({**TOKENS, "gen_ai.operation.name": "invoke_agent"}, TOKENS, False),
    ],
)
def test_a_call_right_above_another_with_the_same_tokens_is_the_same(
    outer, inner, marked, together
):
    processor = NormalizeProcessor()
    payloads = below(outer, inner)
    opened = [Batch.open(b"".join(payloads))] if together else [*map(Batch.open, payloads)]

    for one in opened:
        processor.process(one)

    spans = [span for one in opened for span in one.genai()]
    marks = [span.text("otel_llm.duplicate_of") for span in spans]
    assert marks == [None, spans[0].span_id if marked else None]


def test_of_one_call_seen_twice_one_span_always_counts():
    """The response id makes the outer one count; then the inner one must not do away with it."""
    same = {**TOKENS, "gen_ai.response.id": "r"}
    payload = b"".join(below({**same, "more": "x", "and": "y"}, same))
    opened = Batch.open(payload)

    NormalizeProcessor().process(opened)

    assert [span.has("otel_llm.duplicate_of") for span in opened.genai()].count(False) == 1


def test_the_older_name_of_cache_writes_can_be_left_alone():
    sent = {"gen_ai.operation.name": "chat", "gen_ai.usage.cache_creation.input_tokens": 7}
    payload = request(sent)

    assert normalized(sent, cache_write="as_sent") == sent
    opened = Batch.open(payload)
    NormalizeProcessor().process(opened)
    assert attributes(batch(sent).genai()[0]) == sent
