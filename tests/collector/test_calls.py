"""A call as its span tells it."""

from __future__ import annotations

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otel_llm.collector.calls import read_call
from otel_llm.collector.data import Batch
from otel_llm.genai import Call, Cost, Document, Usage
from tests.collector.calls import START, any_value, batch

TRACE = "00000000000000000000000000000001"


def call(**attributes: object) -> Call:
    (span,) = batch({"gen_ai.operation.name": "chat", **attributes}).genai()
    return read_call(span)


def bare(**known: object) -> Call:
    return Call(
        TRACE, "0000000000000001", None, "chat", START, START + 10**9, operation="chat", **known
    )  # type: ignore[arg-type]


def test_what_a_span_does_not_say_is_unknown():
    assert call() == bare()


def test_an_empty_name_says_nothing():
    names = ("user.id", "gen_ai.response.model", "gen_ai.conversation.id", "otel_llm.feature")

    assert call(**dict.fromkeys([*names, "error.type", "gen_ai.prompt.name"], "")) == bare()


def test_everything_a_span_says_is_read():
    said = call(
        **{
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5",
            "gen_ai.response.model": "gpt-5-2025-08-07",
            "gen_ai.response.id": "r-1",
            "gen_ai.response.finish_reasons": ["stop", "length"],
            "error.type": "timeout",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": "20",
            "gen_ai.usage.cache_read.input_tokens": 30.0,
            "gen_ai.usage.cache_creation.input_tokens": 4,
            "gen_ai.usage.reasoning.output_tokens": 5,
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gen_ai.request.stream": True,
            "gen_ai.conversation.id": "c-1",
            "user.id": "u-1",
            "otel_llm.feature": "search",
            "otel_llm.team": "core",
            "gen_ai.agent.name": "helper",
            "gen_ai.tool.name": "lookup",
            "gen_ai.workflow.name": "answer",
            "gen_ai.prompt.name": "greeting",
            "gen_ai.prompt.version": "7",
            "server.address": "api.openai.com",
            "otel_llm.content.reference": "f" * 32,
            "otel_llm.cost.total": 0.5,
            "otel_llm.cost.input": 0.125,
            "otel_llm.cost.output": 0.375,
            "otel_llm.cost.currency": "EUR",
            "otel_llm.cost.price.source": "custom",
            "otel_llm.cost.reported": 0.75,
            "otel_llm.quality.flags": ["refusal"],
            "otel_llm.output.length": 80,
            "otel_llm.tags": ["tier=gold", "beta"],
        }
    )

    assert said == bare(
        provider="openai",
        request_model="gpt-5",
        response_model="gpt-5-2025-08-07",
        response_id="r-1",
        finish_reasons=("stop", "length"),
        error_type="timeout",
        usage=Usage(100, 20, 30, 4, reasoning=5),
        time_to_first_chunk_s=0.25,
        streamed=True,
        conversation_id="c-1",
        user_id="u-1",
        feature="search",
        team="core",
        agent_name="helper",
        tool_name="lookup",
        workflow_name="answer",
        prompt_name="greeting",
        prompt_version="7",
        server_address="api.openai.com",
        cost=Cost(0.5, 0.125, 0.375, currency="EUR", source="custom"),
        reported_cost=0.75,
        flags=("refusal",),
        output_chars=80,
        content_reference="f" * 32,
        tags={"tier": "gold", "beta": ""},
    )


@pytest.mark.parametrize("cost", [1e12, 1e308, -1e308, float("inf"), float("nan")])
def test_a_cost_that_no_call_can_have_is_unknown(cost: float):
    assert call(**{"otel_llm.cost.total": cost}).cost is None
    assert call(**{"otel_llm.cost.total": 9e11}).cost == Cost(9e11)


def test_silent_checks_are_an_empty_list_and_absent_ones_unknown():
    assert call(**{"otel_llm.quality.flags": []}).flags == ()
    assert call().flags is None


def test_who_sent_it_comes_from_the_resource():
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    sent = {
        "service.name": "shop",
        "deployment.environment.name": "prod",
        "otel_llm.tenant": "acme",
    }
    for name, value in sent.items():
        group.resource.attributes.append(KeyValue(key=name, value=any_value(value)))
    span = group.scope_spans.add().spans.add()
    span.attributes.append(KeyValue(key="gen_ai.operation.name", value=any_value("chat")))

    read = read_call(Batch.open(message.SerializeToString()).genai()[0])

    assert (read.service, read.environment, read.tenant) == ("shop", "prod", "acme")


def test_values_of_the_wrong_type_are_unknown():
    odd = call(
        **{
            "gen_ai.request.model": 5,
            "gen_ai.usage.input_tokens": "many",
            "gen_ai.response.finish_reasons": 3,
            "otel_llm.cost.total": float("nan"),
            "gen_ai.request.stream": "yes",
        }
    )

    assert odd == bare()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ('[{"id": "a", "score": 0.5, "content": "secret"}]', (Document("a", 0.5),)),
        ([{"id": 7, "score": 1}, {"content": "x"}], (Document("7", 1), Document())),
        ("[]", ()),
        ("no list", None),
        ('{"id": "a"}', None),
        (17, None),
    ],
)
def test_of_retrieved_documents_only_ids_and_scores_are_read(given: object, read: object):
    found = call(**{"gen_ai.retrieval.documents": given, "gen_ai.request.max_tokens": 64})

    assert found == bare(documents=read, max_tokens=64)
