"""Model calls in the words of another dialect: the way back of ``normalize``."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.data import Batch
from otel_llm.collector.errors import Malformed
from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.collector.exporters.otlphttp import OtlpHttpExporter, OtlpHttpExporterConfig
from otel_llm.collector.normalize.table import (
    DIALECTS,
    OPERATIONS,
    OUTPUT_OPERATIONS,
    OUTPUT_PROVIDERS,
    OUTPUTS,
    PROVIDERS,
    RENAMES,
)
from otel_llm.collector.outgoing import Outgoing
from otel_llm.collector.processors.normalize import NormalizeProcessor
from otel_llm.collector.speak.speaker import Speaker
from otel_llm.testing import OtlpSink
from tests.collector.calls import attributes, batch, chat, request
from tests.collector.records import event, events, logs
from tests.collector.test_senders import SENDERS

ALL = [*OUTPUTS, "cost-proposal"]
FINISHED = ', "finish_reason": "stop"'
MARKERS = {*OPERATIONS, "traceloop.entity.name"}
MESSAGES = [
    {"role": "user", "parts": [{"type": "text", "content": "How warm is it?"}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "text", "content": "I ask."},
            {"type": "tool_call", "id": "c1", "name": "temp", "arguments": {"city": "Oslo"}},
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "response": {"c": 4}, "id": "c1"}]},
    {
        "role": "user",
        "parts": [
            {"type": "text", "content": "[and] this?"},
            {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
        ],
    },
]
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "4 degrees."}]}]
CALL = chat(
    gen_ai__provider__name="azure.ai.openai",
    gen_ai__usage__cache_read__input_tokens=40,
    gen_ai__usage__cache_write__input_tokens=7,
    gen_ai__usage__reasoning__output_tokens=3,
    gen_ai__usage__audio__output_tokens=2,
    gen_ai__usage__audio__input_tokens=1,
    gen_ai__request__temperature=0.5,
    gen_ai__request__max_tokens=100,
    gen_ai__request__top_k=5,
    gen_ai__request__seed=11,
    gen_ai__request__frequency_penalty=0.25,
    gen_ai__request__stop_sequences=["END"],
    gen_ai__request__stream=True,
    gen_ai__request__choice__count=2,
    gen_ai__request__reasoning__level="high",
    gen_ai__response__id="r-1",
    gen_ai__response__finish_reasons=["stop"],
    gen_ai__response__time_to_first_chunk=0.25,
    gen_ai__conversation__id="c-1",
    gen_ai__prompt__name="weather",
    gen_ai__prompt__version="3",
    gen_ai__prompt__variable__city="Oslo",
    gen_ai__output__type="json",
    gen_ai__input__messages=json.dumps(MESSAGES),
    gen_ai__output__messages=json.dumps(ANSWER),
    gen_ai__tool__definitions=json.dumps(
        [{"type": "function", "name": "temp", "parameters": {"type": "object"}}]
    ),
    openai__response__service_tier="default",
    user__id="u-1",
    of__mine="x",
)
TOOL = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "temp",
    "gen_ai.tool.description": "of a city",
    "gen_ai.tool.call.id": "c1",
    "gen_ai.tool.call.arguments": '{"city": "Oslo"}',
    "gen_ai.tool.call.result": '{"c": 4}',
}
RETRIEVAL = {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.retrieval.query.text": "warm cities",
    "gen_ai.retrieval.documents": '[{"id": "d7", "score": 0.81, "content": "Rome"}]',
}
AGENT = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "guide",
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.input.messages": json.dumps(ANSWER),
    "gen_ai.output.messages": json.dumps(ANSWER),
}
EMBEDDINGS = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "cohere",
    "gen_ai.request.model": "embed-4",
    "gen_ai.usage.input_tokens": 3,
}
SPANS = {
    "call": CALL,
    "tool": TOOL,
    "retrieval": RETRIEVAL,
    "agent": AGENT,
    "embeddings": EMBEDDINGS,
}


def spoken(dialect: str, sent: dict[str, object]) -> dict[str, object]:
    opened = batch(sent)
    for span in opened.genai():
        Speaker(dialect).speak(span)
    (span,) = Batch.open(opened.to_bytes()).spans()
    return attributes(span)


@pytest.mark.parametrize("dialect", OUTPUTS)
@pytest.mark.parametrize(
    "odd",
    [
        {"gen_ai.provider.name": ["openai", 1]},
        {"gen_ai.output.type": [["json"]]},
        {"gen_ai.response.id": [["a"], ["b"]]},
        {"gen_ai.response.finish_reasons": [["stop"]]},
        {"gen_ai.response.time_to_first_chunk": 1e300},
        {"gen_ai.input.messages": '[{"role": "user", "parts": [{"a": 1}, {"type": []}]}]'},
        {"gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": {}}]}]'},
        {"gen_ai.input.messages": '[{"role": ["user"], "name": null, "parts": []}]'},
        {"gen_ai.output.messages": '[{"parts": [{"type": "tool_call", "id": [1], "name": {}}]}]'},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_what_has_another_type_than_it_should_costs_a_span_nothing_else(
    dialect: str, odd: dict[str, object]
):
    sent = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5, "user.id": "u"}

    plain = spoken(dialect, sent)

    assert plain.items() <= spoken(dialect, {**sent, **odd}).items()


def back(sent: dict[str, object], scope: str) -> dict[str, object]:
    message = ExportTraceServiceRequest.FromString(request(sent))
    message.resource_spans[0].scope_spans[0].scope.name = scope
    opened = Batch.open(message.SerializeToString())
    NormalizeProcessor().process(opened)
    (span,) = Batch.open(opened.to_bytes()).spans()
    return attributes(span)


@pytest.mark.parametrize("kind", SPANS)
@pytest.mark.parametrize("dialect", ALL)
def test_what_was_said_in_a_dialect_is_read_back_as_it_was(dialect, kind):
    scope = "pydantic-ai" if dialect == "logfire" else ""

    again = back(spoken(dialect, SPANS[kind]), scope)

    left = {name: value for name, value in again.items() if name not in MARKERS}
    assert _read(left) == _read(SPANS[kind])


def _read(given: dict[str, object]) -> dict[str, object]:
    """JSON text by what it says; how an answer ended is on the span."""
    given = {k: v.replace(FINISHED, "") if isinstance(v, str) else v for k, v in given.items()}
    return {
        name: json.loads(value) if isinstance(value, str) and value[:2] in ("[{", '{"') else value
        for name, value in given.items()
    }


@pytest.mark.parametrize("dialect", OUTPUTS)
def test_every_word_of_an_output_is_understood_by_normalize(dialect):
    known = {**RENAMES, **{k: v for d in DIALECTS for k, v in d.own.items()}}
    messages = {"gen_ai.input.messages", "gen_ai.tool.call.arguments"}
    answers = {"gen_ai.output.messages", "gen_ai.tool.call.result"}

    for new, (old, _) in OUTPUTS[dialect].items():
        understood = known[old].new
        assert new == understood or any({new, understood} <= g for g in (messages, answers)), old
    for new, old in OUTPUT_PROVIDERS.get(dialect, {}).items():
        assert PROVIDERS[old] == new
    for operation, (marker, said) in OUTPUT_OPERATIONS.get(dialect, {}).items():
        alike = {"generate_content", "text_completion", "create_agent", "plan"}
        assert OPERATIONS[marker][said] == operation or operation in alike


COSTS = {
    **chat(),
    "otel_llm.cost.total": 0.875,
    "otel_llm.cost.input": 0.5,
    "otel_llm.cost.output": 0.25,
    "otel_llm.cost.tools": 0.125,
    "otel_llm.cost.currency": "USD",
    "gen_ai.usage.cost": 0.875,
}


def test_each_is_told_the_cost_where_it_looks_for_it():
    told = {
        dialect: {k: v for k, v in spoken(dialect, COSTS).items() if k not in COSTS and "cost" in k}
        for dialect in ALL
    }

    assert told == {
        **{dialect: {} for dialect in ALL},
        "openinference": {
            "llm.cost.total": 0.875,
            "llm.cost.prompt": 0.5,
            "llm.cost.completion": 0.25,
        },
        "logfire": {"operation.cost": 0.875},
        "langfuse": {
            "langfuse.observation.cost_details": '{"total": 0.875, "input": 0.5, "output": 0.25,'
            ' "tools": 0.125}'
        },
        "cost-proposal": {
            "gen_ai.usage.cost.amount": 0.875,
            "gen_ai.usage.cost.currency": "USD",
            "gen_ai.usage.cost.source": "local",
        },
    }
    assert "gen_ai.usage.cost" not in spoken("cost-proposal", COSTS)
    assert "gen_ai.usage.cost" in spoken("langfuse", COSTS)


def test_a_cost_in_another_currency_is_not_told_as_dollars():
    euros = {**COSTS, "otel_llm.cost.currency": "EUR"}

    assert "llm.cost.total" not in spoken("openinference", euros)
    assert spoken("cost-proposal", euros)["gen_ai.usage.cost.currency"] == "EUR"


def test_openinference_as_phoenix_reads_it():
    system = {**CALL, "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]'}

    told = spoken("openinference", system)

    assert {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o-2024-08-06",
        "llm.provider": "azure",
        "llm.token_count.prompt": 1000,
        "llm.token_count.total": 1100,
        "llm.token_count.prompt_details.cache_read": 40,
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be brief.",
        "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": (
            '{"city": "Oslo"}'
        ),
        "llm.input_messages.4.message.contents.1.message_content.image.image.url": (
            "https://example.org/a.png"
        ),
        "llm.output_messages.0.message.content": "4 degrees.",
        "input.mime_type": "application/json",
        "session.id": "c-1",
    }.items() <= told.items()
    assert "gen_ai.input.messages" not in told


def test_langfuse_gets_the_cache_names_it_subtracts():
    told = spoken("langfuse", CALL)

    assert told["gen_ai.usage.cache_creation.input_tokens"] == 7
    assert "gen_ai.usage.cache_write.input_tokens" not in told
    assert told["langfuse.observation.type"] == "generation"
    assert told["langfuse.observation.completion_start_time"] == "2026-11-20T12:00:00.250000+00:00"


def test_what_the_application_said_in_those_words_is_not_overwritten():
    told = spoken("langfuse", {**CALL, "langfuse.user.id": "theirs"})

    assert (told["langfuse.user.id"], told["user.id"]) == ("theirs", "u-1")


@pytest.mark.parametrize(
    "odd",
    [
        {"gen_ai.input.messages": "no JSON"},
        {"gen_ai.input.messages": '[{"role": "user"}]'},
        {"gen_ai.output.messages": '[1, {"parts": 2}]'},
        {"gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text"}]}]},
        {"gen_ai.tool.definitions": '{"a": 1}'},
        {"gen_ai.response.finish_reasons": ["stop", "length"]},
        {"gen_ai.response.finish_reasons": []},
        {"gen_ai.response.time_to_first_chunk": "soon"},
        {"gen_ai.system_instructions": '["x"]'},
        {"gen_ai.usage.input_tokens": {"a": 1}},
    ],
)
@pytest.mark.parametrize("dialect", ALL)
def test_odd_values_raise_nothing_and_lose_nothing(dialect, odd):
    told = spoken(dialect, {**chat(), **odd})

    assert told


class Settings:
    def __init__(self, dialect: str = "current", drop_content: bool = False) -> None:
        self.dialect, self.drop_content = dialect, drop_content


def test_a_destination_that_wants_nothing_special_gets_the_very_bytes():
    payload = request(CALL)

    assert Outgoing(Settings())("traces", payload) is payload
    assert Outgoing(Settings("openinference"))("traces", request({"a": 1})) == request({"a": 1})
    assert Outgoing(Settings("openinference"))("logs", b"any") == b"any"


def test_content_can_be_kept_from_one_destination():
    outgoing = Outgoing(Settings("openinference", drop_content=True))
    details = "gen_ai.client.inference.operation.details"

    (span,) = Batch.open(outgoing("traces", request({**CALL, "input.value": "x"}))).spans()
    (record,) = events(outgoing("logs", logs(event(details, CALL, "said"))))

    told = attributes(span)
    assert told["llm.token_count.prompt"] == 1000
    assert not [n for n in told if n.startswith(("llm.input_messages", "input.", "gen_ai.input"))]
    assert "gen_ai.input.messages" not in record["attributes"]
    assert record["body"] is None


def test_what_cannot_be_looked_into_is_not_sent_to_where_no_content_may_go():
    outgoing = Outgoing(Settings(drop_content=True))

    with pytest.raises(Malformed):
        outgoing("logs", b"\xff gen_ai.")


def test_a_mistake_of_ours_leaves_the_span_in_the_words_it_came_in(monkeypatch, caplog):
    def broken(self: Speaker, span: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Speaker, "speak", broken)
    payload = request(CALL, CALL)

    assert Outgoing(Settings("langfuse"))("traces", payload) is payload
    assert [record.message for record in caplog.records] == [
        "a span stays in the words it came in: RuntimeError"
    ]


@pytest.mark.parametrize("over", ["grpc", "http"])
def test_both_exporters_speak_the_dialect_of_their_destination(over):
    with OtlpSink() as sink:
        exporter = (
            OtlpExporter(OtlpExporterConfig(sink.grpc_endpoint, dialect="openinference"))
            if over == "grpc"
            else OtlpHttpExporter(OtlpHttpExporterConfig(sink.http_endpoint, dialect="langfuse"))
        )
        exporter.export("traces", request(CALL))
        exporter.close()

        (span,) = sink.spans()
        names = {pair.key for pair in span.attributes}

    assert ("llm.model_name" if over == "grpc" else "langfuse.session.id") in names


MOVED = {
    # Instructions become a message of the system's, and an agent's name needs an agent.
    *("LiteLLM 1, acompletion", "Gemini CLI, a call", "Gemini CLI, a prompt"),
    *("Microsoft Agent Framework 1", "OpenLLMetry 0.62, Bedrock"),
    "Strands 1 with the latest conventions",  # how it ended is spelled anew
}
"""What comes back in another place."""


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize("name", sorted(SENDERS.keys() - MOVED))
def test_what_other_senders_said_is_read_back_as_it_was_too(dialect, name):
    said = SENDERS[name]["normalized"]

    again = back(spoken(dialect, said), "pydantic-ai" if dialect == "logfire" else "")

    wanted = {key: value for key, value in said.items() if key not in MARKERS}
    assert _read({key: again.get(key) for key in wanted}) == _read(wanted)


def test_parameters_that_nobody_else_has_a_word_for_stay_beside_the_others():
    sent = {**CALL, "llm.invocation_parameters": '{"logit_bias": {}}'}

    said = spoken("openinference", sent)

    assert json.loads(said["llm.invocation_parameters"])["logit_bias"] == {}
    assert (
        json.loads(said["llm.invocation_parameters"])["max_tokens"]
        == CALL["gen_ai.request.max_tokens"]
    )
