"""Bedrock through botocore and aiobotocore over a socket: what is special to it."""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.config import Config
from botocore.eventstream import EventStream
from botocore.exceptions import ClientError, EventStreamError, ParamValidationError
from botocore.response import StreamingBody

from otel_llm.instrumentation.bedrock import BedrockInstrumentor
from otel_llm.testing import CUT, Captured, FakeProvider, cohere, json_answer
from otel_llm.testing import anthropic as messages
from otel_llm.testing import bedrock as wire
from otel_llm.testing import openai as completions

from .spans import streamed, tokens

ASK: dict[str, Any] = {
    "modelId": wire.MODEL,
    "messages": [{"role": "user", "content": [{"text": "two plus two"}]}],
}
CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "two plus two"}],
}
OPTIONS = {
    "region_name": "eu-north-1",
    "aws_access_key_id": "a",
    "aws_secret_access_key": "b",
}


VERSION = tuple(map(int, botocore.__version__.split(".")[:2]))
since_1_40 = pytest.mark.skipif(VERSION < (1, 40), reason="older botocore does not know of it")
since_1_41 = pytest.mark.skipif(VERSION < (1, 41), reason="older botocore has no service tiers")


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
def instrument(telemetry) -> Iterator[Any]:
    def start(**settings: Any) -> Captured:
        BedrockInstrumentor().instrument(**telemetry.providers, **settings)
        return telemetry

    yield start
    BedrockInstrumentor().uninstrument()


@pytest.fixture
def spans(instrument) -> Captured:
    """Everything emitted, with botocore instrumented as by default."""
    return instrument()


def make_client(provider: FakeProvider, service: str = "bedrock-runtime") -> Any:
    session = botocore.session.get_session()
    config = Config(retries={"total_max_attempts": 1})
    return session.create_client(service, endpoint_url=provider.url, config=config, **OPTIONS)


@pytest.fixture
def client(provider) -> Iterator[Any]:
    with closing(make_client(provider)) as client:
        yield client


@pytest.fixture
def agents(provider) -> Iterator[Any]:
    with closing(make_client(provider, "bedrock-agent-runtime")) as client:
        yield client


@asynccontextmanager
async def async_client(provider: FakeProvider) -> Any:
    session = pytest.importorskip("aiobotocore.session").get_session()
    async with session.create_client(
        "bedrock-runtime", endpoint_url=provider.url, **OPTIONS
    ) as client:
        yield client


def expected(provider: FakeProvider, **more: Any) -> dict[str, Any]:
    """A whole span of ``ASK`` answered by ``wire.conversed()``; ``None`` takes one out."""
    whole = {
        "name": f"chat {wire.MODEL}",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": wire.MODEL,
        "gen_ai.response.finish_reasons": ("end_turn",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    return {name: value for name, value in whole.items() if value is not None}


# Converse


def test_converse_becomes_one_whole_span(client, provider, spans):
    provider.queue(json_answer(wire.conversed()))

    answer = client.converse(
        **ASK,
        inferenceConfig={"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
        additionalModelRequestFields={"top_k": 3},
        guardrailConfig={"guardrailIdentifier": "g1", "guardrailVersion": "1"},
    )

    assert answer["output"]["message"]["content"] == [{"text": wire.TEXT}]
    assert spans.span() == expected(provider) | {
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 3,
        "gen_ai.request.stop_sequences": ("END",),
        "aws.bedrock.guardrail.id": "g1",
    }


@since_1_40
@pytest.mark.parametrize("stream", [False, True])
def test_input_tokens_include_what_the_cache_read_and_wrote(client, provider, instrument, stream):
    spans = instrument()
    said = wire.usage(10, 5, cacheReadInputTokens=100, cacheWriteInputTokens=50)
    said["cacheDetails"] = [{"ttl": "5m", "inputTokens": 20}, {"ttl": "1h", "inputTokens": 30}]
    answer = wire.conversed(usage=said)
    if stream:
        provider.queue(wire.stream(wire.converse_events(answer)))
        list(client.converse_stream(**ASK)["stream"])
    else:
        provider.queue(json_answer(answer))
        client.converse(**ASK)

    span = spans.span()
    assert {name: value for name, value in span.items() if "usage" in name} == {
        "gen_ai.usage.input_tokens": 160,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_write.input_tokens": 50,
        "otel_llm.usage.cache_write_5m.input_tokens": 20,
        "otel_llm.usage.cache_write_1h.input_tokens": 30,
    }


@since_1_41
@pytest.mark.parametrize("stream", [False, True])
def test_the_service_tier_is_told_where_another_one_was_asked_for(
    client, provider, instrument, stream
):
    spans = instrument()
    answer = wire.conversed(serviceTier={"type": "default"})
    if stream:
        events = wire.converse_events(answer)
        events[-1][1]["serviceTier"] = {"type": "default"}
        provider.queue(wire.stream(events))
        list(client.converse_stream(**ASK, serviceTier={"type": "flex"})["stream"])
    else:
        provider.queue(json_answer(answer))
        client.converse(**ASK, serviceTier={"type": "flex"})

    span = spans.span()
    assert span["otel_llm.request.service_tier"] == "flex"
    assert span["otel_llm.response.service_tier"] == "default"


@since_1_41
def test_the_service_tier_of_invoke_model_is_told_where_it_is_not_the_usual_one(
    client, provider, spans
):
    provider.queue(wire.invoked(messages.message(), **{"X-Amzn-Bedrock-Service-Tier": "flex"}))

    client.invoke_model(modelId=wire.MODEL, body=b"{}", serviceTier="flex")["body"].read()

    span = spans.span()
    assert span["otel_llm.request.service_tier"] == "flex"
    assert span["otel_llm.response.service_tier"] == "flex"


@pytest.mark.parametrize(
    "reason", ["tool_use", "max_tokens", "guardrail_intervened", "content_filtered", "brand_new"]
)
def test_the_stop_reason_keeps_the_spelling_of_the_provider(client, provider, spans, reason):
    provider.queue(json_answer(wire.conversed(stop=reason)))

    client.converse(**ASK)

    assert spans.span()["gen_ai.response.finish_reasons"] == (reason,)


@since_1_40
def test_the_model_that_a_router_chose_is_the_one_that_served(client, provider, spans):
    trace = {"promptRouter": {"invokedModelId": "anthropic.claude-haiku"}}
    provider.queue(json_answer(wire.conversed(trace=trace)))

    client.converse(**ASK)

    assert spans.span()["gen_ai.response.model"] == "anthropic.claude-haiku"


def test_an_answer_without_output_or_usage_has_no_tokens(client, provider, spans):
    provider.queue(json_answer({"stopReason": "end_turn"}))

    client.converse(**ASK)

    assert spans.span() == expected(
        provider, gen_ai__usage__input_tokens=None, gen_ai__usage__output_tokens=None
    )


def test_an_error_is_named_by_its_code_and_its_message_stays_out(client, provider, spans):
    provider.queue(wire.error(429, message="secret"))

    with pytest.raises(ClientError, match="secret"):
        client.converse(**ASK)

    span = spans.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "ThrottlingException")
    assert "secret" not in spans.finished[0].to_json()


def test_a_malformed_request_reaches_the_validation_of_botocore(client, provider, spans):
    with pytest.raises(ParamValidationError):
        client.converse(modelId=wire.MODEL, messages="two plus two")

    assert provider.requests == []
    assert spans.span()["error.type"] == "botocore.exceptions.ParamValidationError"


# Event streams


def test_a_stream_stays_what_botocore_returns(client, provider, spans):
    provider.queue(wire.stream(wire.converse_events()))

    stream = client.converse_stream(**ASK)["stream"]
    assert isinstance(stream, EventStream)
    kinds = [next(iter(event)) for event in stream]

    assert (kinds[0], kinds[-1]) == ("messageStart", "metadata")
    assert streamed(spans.span()) == expected(provider)


def test_an_error_event_fails_the_span_and_reaches_the_caller(client, provider, spans):
    provider.queue(wire.stream([*wire.converse_events()[:3], wire.error_event(message="secret")]))

    stream = client.converse_stream(**ASK)["stream"]
    with pytest.raises(EventStreamError, match="secret"):
        list(stream)
    stream.close()

    assert streamed(spans.span()) == expected(
        provider,
        status="ERROR",
        error__type="throttlingException",
        gen_ai__response__finish_reasons=None,
        gen_ai__usage__input_tokens=None,
        gen_ai__usage__output_tokens=None,
    )


def test_a_stream_closed_before_it_was_read_is_no_error(client, spans):
    client.converse_stream(**ASK)["stream"].close()

    span = spans.span()
    assert (span["status"], tokens(span)) == ("UNSET", (None, None))


def test_a_stream_read_in_two_loops_is_one_call(client, provider, spans):
    provider.queue(wire.stream(wire.converse_events()))
    stream = client.converse_stream(**ASK)["stream"]

    for _ in stream:
        break
    assert spans.spans() == []
    list(stream)

    assert streamed(spans.span()) == expected(provider)


# InvokeModel


def invoke(client: Any, body: Any, model: str = wire.MODEL, **more: Any) -> Any:
    raw = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.invoke_model(modelId=model, body=raw, **more)["body"]


READ = {
    "read": lambda body: body.read(),
    "read in pieces": lambda body: b"".join(iter(lambda: body.read(7), b"")),
    "exactly its length": lambda body: body.read(int(body._content_length)),
    "iter_chunks": lambda body: b"".join(body.iter_chunks(11)),
    "iterated": lambda body: b"".join(body),
    "iter_lines": lambda body: b"".join(body.iter_lines()),
    "readlines": lambda body: b"".join(body.readlines()),
    "readinto": lambda body: _read_into(body),
    "with": lambda body: _read_inside(body),
    "json": lambda body: json.dumps(json.load(body)).encode(),
}


def _read_into(body: Any) -> bytes:
    buffer, told = bytearray(16), b""
    while size := body.readinto(buffer):
        told += bytes(buffer[:size])
    return told


def _read_inside(body: Any) -> bytes:
    with body as inside:
        return inside.read()


@pytest.mark.parametrize("read", READ)
def test_a_body_is_recorded_however_it_is_read(client, provider, spans, read):
    if read == "readinto" and VERSION < (1, 40):
        pytest.skip("older botocore has none")
    answer = messages.message(model="claude", usage=messages.usage(7, 5, **messages.cache(4)))
    provider.queue(wire.invoked(answer, 7, 5))

    body = invoke(client, CLAUDE)
    assert isinstance(body, StreamingBody)
    assert spans.spans() == []

    assert json.loads(READ[read](body)) == answer
    assert spans.span() == expected(provider) | {
        "gen_ai.request.max_tokens": 9,
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.model": "claude",
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 0,
    }


def test_reading_nothing_does_not_end_the_span(client, spans):
    body = invoke(client, CLAUDE)

    assert body.read(0) == b""
    assert spans.spans() == []
    body.read()

    assert len(spans.spans()) == 1


@pytest.mark.parametrize("leave", ["closed", "dropped", "half read"])
def test_a_body_that_is_not_read_leaves_what_the_headers_said(client, provider, spans, leave):
    cached = {"x-amzn-bedrock-cache-read-input-token-count": "4"}
    provider.queue(wire.invoked(messages.message(), 7, 5, **cached))

    body = invoke(client, CLAUDE)
    if leave == "half read":
        body.read(10)
    if leave != "dropped":
        body.close()
    del body
    gc.collect()

    assert spans.span() == expected(provider, gen_ai__response__finish_reasons=None) | {
        "gen_ai.request.max_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 4,
    }


def test_a_body_that_breaks_off_is_an_error(client, provider, spans):
    told = json.dumps(messages.message()).encode()
    provider.queue(wire.Answer((told[:50], CUT, b""), streamed=True))

    with pytest.raises(Exception, match=r"(?i)connection|incomplete|chunk"):
        invoke(client, CLAUDE).read()

    span = spans.span()
    assert span["status"] == "ERROR"
    assert "Error" in span["error.type"]


NOVA = {
    "schemaVersion": "messages-v1",
    "messages": [{"role": "user", "content": [{"text": "two plus two"}]}],
    "inferenceConfig": {"maxTokens": 9, "topK": 3},
}
PROFILE = "arn:aws:bedrock:eu-north-1:123456789012:application-inference-profile/abc"
VENDORS = {
    "anthropic, old": (
        "anthropic.claude-v2",
        {"prompt": "Human: 2+2", "max_tokens_to_sample": 9},
        {"completion": "four", "stop_reason": "stop_sequence"},
        ("text_completion", 9, ("stop_sequence",), (11, 5)),
    ),
    "nova": (
        "amazon.nova-pro-v1:0",
        NOVA,
        wire.conversed(usage=wire.usage(7, 3, cacheReadInputTokens=2)),
        ("chat", 9, ("end_turn",), (9, 3)),
    ),
    "titan": (
        "amazon.titan-text-express-v1",
        {"inputText": "2+2", "textGenerationConfig": {"maxTokenCount": 9, "topP": 0.5}},
        {
            "inputTextTokenCount": 7,
            "results": [{"tokenCount": 3, "outputText": "four", "completionReason": "FINISH"}],
        },
        ("text_completion", 9, ("FINISH",), (7, 3)),
    ),
    "llama": (
        "meta.llama3-8b-instruct-v1:0",
        {"prompt": "2+2", "max_gen_len": 9},
        {
            "generation": "four",
            "prompt_token_count": 7,
            "generation_token_count": 3,
            "stop_reason": "stop",
        },
        ("text_completion", 9, ("stop",), (7, 3)),
    ),
    "mistral": (
        "mistral.mistral-7b-instruct-v0:2",
        {"prompt": "2+2", "max_tokens": 9},
        {"outputs": [{"text": "four", "stop_reason": "stop"}]},
        ("text_completion", 9, ("stop",), (11, 5)),
    ),
    "mistral, chat": (
        "mistral.mistral-large-2407-v1:0",
        {"messages": [{"role": "user", "content": "2+2"}], "max_tokens": 9},
        {"choices": [{"index": 0, "message": {"content": "four"}, "stop_reason": "stop"}]},
        ("chat", 9, ("stop",), (11, 5)),
    ),
    "deepseek": (
        "deepseek.r1-v1:0",
        {"prompt": "2+2", "max_tokens": 9},
        {"choices": [{"text": "four", "stop_reason": "length"}]},
        ("text_completion", 9, ("length",), (11, 5)),
    ),
    "cohere": (
        "cohere.command-r-v1:0",
        {"message": "2+2", "max_tokens": 9, "p": 0.5, "k": 3},
        {"generation_id": "g1", "text": "four", "finish_reason": "COMPLETE"},
        ("chat", 9, ("COMPLETE",), (11, 5)),
    ),
    "cohere, v2": (
        "cohere.command-a-03-2025-v1:0",
        {"messages": [{"role": "user", "content": "2+2"}], "max_tokens": 9, "p": 0.5, "k": 3},
        cohere.chat("four", finish="MAX_TOKENS", usage=cohere.usage(7, 3)),
        ("chat", 9, ("MAX_TOKENS",), (7, 3)),
    ),
    "cohere, old": (
        "cohere.command-text-v14",
        {"prompt": "2+2", "max_tokens": 9},
        {"id": "g1", "generations": [{"text": "four", "finish_reason": "MAX_TOKENS"}]},
        ("text_completion", 9, ("MAX_TOKENS",), (11, 5)),
    ),
    "open weights": (
        "openai.gpt-oss-120b-1:0",
        {"messages": [{"role": "user", "content": "2+2"}], "max_completion_tokens": 9},
        completions.completion(model="gpt-oss", usage=completions.usage(7, 3)),
        ("chat", 9, ("stop",), (7, 3)),
    ),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_body_of_each_vendor_is_read(client, provider, spans, vendor):
    model, asked, answer, (operation, limit, reasons, counts) = VENDORS[vendor]
    provider.queue(wire.invoked(answer))

    assert json.loads(invoke(client, asked, model).read()) == answer

    span = spans.span()
    assert (span["name"], span["gen_ai.operation.name"]) == (f"{operation} {model}", operation)
    assert span["gen_ai.request.max_tokens"] == limit
    assert span["gen_ai.response.finish_reasons"] == reasons
    assert tokens(span) == counts


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_what_each_vendors_model_says_is_captured(client, provider, instrument, vendor):
    spans = instrument(capture="SPAN_ONLY")
    model, asked, answer, _ = VENDORS[vendor]
    provider.queue(wire.invoked(answer))

    invoke(client, asked, model).read()

    (message,) = json.loads(spans.span()["gen_ai.output.messages"])
    said = wire.TEXT if wire.TEXT in json.dumps(answer) else "four"
    assert (message["role"], message["parts"]) == (
        "assistant",
        [{"type": "text", "content": said}],
    )


def test_a_cohere_call_of_a_tool_is_captured_with_what_was_offered(client, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    function = {"name": "add", "arguments": '{"a": 2}'}
    message = {
        "role": "assistant",
        "tool_plan": "I will add.",
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    offered = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}
    asked = {
        "messages": [{"role": "user", "content": "2+2"}],
        "tools": [{"type": "function", "function": offered}],
    }
    provider.queue(wire.invoked(cohere.chat(finish="TOOL_CALL", message=message)))

    invoke(client, asked, "cohere.command-a-03-2025-v1:0").read()

    span = spans.span()
    assert json.loads(span["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "I will add."},
                {"type": "tool_call", "name": "add", "arguments": {"a": 2}, "id": "c1"},
            ],
            "finish_reason": "tool_call",
        }
    ]
    assert json.loads(span["gen_ai.tool.definitions"]) == [{"type": "function", **offered}]


def test_the_vendor_behind_an_arn_is_known_by_its_body(client, provider, spans):
    provider.queue(wire.invoked(VENDORS["llama"][2]))

    invoke(client, VENDORS["llama"][1], PROFILE).read()

    assert tokens(spans.span()) == (7, 3)


CHUNKS = {
    "anthropic": (
        [*messages.events()[:-1], {"type": "message_stop", **wire.metrics()}],
        (("end_turn",), (11, 5)),
    ),
    "nova": (
        [{kind: body} for kind, body in wire.converse_events()],
        (("end_turn",), (11, 5)),
    ),
    "titan": (
        [
            {
                "outputText": "four",
                "index": 0,
                "totalOutputTextTokenCount": 3,
                "completionReason": "FINISH",
                "inputTextTokenCount": 7,
                **wire.metrics(7, 3),
            }
        ],
        (("FINISH",), (7, 3)),
    ),
    "llama": (
        [
            {"generation": "fo", "prompt_token_count": 7, "generation_token_count": 1},
            {"generation": "ur", "prompt_token_count": None, "generation_token_count": 2},
            {
                "generation": "",
                "prompt_token_count": None,
                "generation_token_count": 3,
                "stop_reason": "stop",
                **wire.metrics(7, 3),
            },
        ],
        (("stop",), (7, 3)),
    ),
    "mistral": (
        [
            {"outputs": [{"text": "fo", "stop_reason": None}]},
            {"outputs": [{"text": "ur", "stop_reason": "length"}], **wire.metrics()},
        ],
        (("length",), (11, 5)),
    ),
    "mistral, chat": (
        [
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": "fo"}}]},
            {"choices": [{"index": 0, "message": {"content": "ur"}, "stop_reason": None}]},
            {
                "choices": [{"index": 0, "message": {"content": ""}, "stop_reason": "length"}],
                **wire.metrics(),
            },
        ],
        (("length",), (11, 5)),
    ),
    "deepseek": (
        [
            {"choices": [{"text": "fo", "stop_reason": None}]},
            {"choices": [{"text": "ur", "stop_reason": "stop"}], **wire.metrics()},
        ],
        (("stop",), (11, 5)),
    ),
    "cohere": (
        [
            {"is_finished": False, "event_type": "text-generation", "text": "four"},
            {
                "is_finished": True,
                "event_type": "stream-end",
                "finish_reason": "COMPLETE",
                **wire.metrics(),
            },
        ],
        (("COMPLETE",), (11, 5)),
    ),
    "cohere, v2": (
        [*cohere.chat_events("four")[:-1], {**cohere.chat_events()[-1], **wire.metrics()}],
        (("COMPLETE",), (11, 5)),
    ),
    "open weights": (
        [*completions.completion_chunks("four"), wire.metrics()],
        (("stop",), (11, 5)),
    ),
}


@pytest.mark.parametrize("vendor", CHUNKS)
@pytest.mark.parametrize("capture", ["NO_CONTENT", "SPAN_ONLY"])
def test_the_stream_of_each_vendor_is_read(client, provider, instrument, vendor, capture):
    spans = instrument(capture=capture)
    bodies, (reasons, counts) = CHUNKS[vendor]
    provider.queue(wire.stream([wire.chunk(body) for body in bodies]))

    events = client.invoke_model_with_response_stream(modelId="m", body=json.dumps(CLAUDE))["body"]
    told = [json.loads(event["chunk"]["bytes"]) for event in events]

    assert told == bodies
    span = spans.span()
    assert (span["gen_ai.response.finish_reasons"], tokens(span)) == (reasons, counts)
    if capture == "SPAN_ONLY":
        (message,) = json.loads(span["gen_ai.output.messages"])
        said = wire.TEXT if vendor in ("anthropic", "nova") else "four"
        assert message["parts"] == [{"type": "text", "content": said}]


def test_a_file_as_a_body_is_not_read_by_us(client, provider, spans):
    asked = io.BytesIO(json.dumps(CLAUDE).encode())

    client.invoke_model(modelId=wire.MODEL, body=asked)["body"].read()

    assert provider.requests[0].json() == CLAUDE
    assert spans.span()["gen_ai.response.finish_reasons"] == ("end_turn",)


@pytest.mark.parametrize("answer", [b"", b"no json", b"[1]", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_reaches_the_caller_untouched(
    client, provider, spans, answer
):
    provider.queue(wire.Answer((answer,)))

    assert invoke(client, CLAUDE).read() == answer
    assert spans.span()["status"] == "UNSET"


def test_the_cache_of_nova_is_counted_however_it_is_spelled(client, provider, spans):
    used = {"cacheReadInputTokenCount": 5, "cacheWriteInputTokenCount": 2}
    answer = wire.conversed(usage={"inputTokens": 10, "outputTokens": 20, **used})
    provider.queue(wire.invoked(answer))

    invoke(client, NOVA, "amazon.nova-pro-v1:0").read()

    span = spans.span()
    assert span["gen_ai.usage.input_tokens"] == 10 + 5 + 2
    assert span["gen_ai.usage.cache_read.input_tokens"] == 5
    assert span["gen_ai.usage.cache_write.input_tokens"] == 2


@pytest.mark.parametrize(
    ("model", "asked", "answer", "counts"),
    [
        (
            "amazon.titan-embed-text-v2:0",
            {"inputText": "2+2", "dimensions": 4},
            {"embedding": [0.5] * 4, "inputTextTokenCount": 3},
            3,
        ),
        (
            "cohere.embed-english-v3",
            {"texts": ["2+2"], "input_type": "search_query"},
            {"id": "e", "embeddings": [[0.5] * 4], "response_type": "embeddings_floats"},
            11,
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"embeddingDimension": 4}},
            {"embeddings": [{"embeddingType": "TEXT", "embedding": [0.5] * 4}]},
            11,
        ),
    ],
    ids=["titan", "cohere", "nova"],
)
def test_embeddings_tell_their_size_and_never_their_numbers(
    client, provider, spans, model, asked, answer, counts
):
    provider.queue(wire.invoked(answer, output=None))

    invoke(client, asked, model).read()

    assert spans.span() == {
        "name": f"embeddings {model}",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": model,
        "gen_ai.embeddings.dimension.count": 4,
        "gen_ai.usage.input_tokens": counts,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
    }


@pytest.mark.parametrize("model", ["cohere.rerank-v3-5:0", PROFILE])
def test_reranking_by_invoke_model_is_a_retrieval(client, provider, instrument, model):
    spans = instrument(capture="SPAN_ONLY")
    asked = {"query": "2+2?", "documents": ["a", "b"], "top_n": 2, "api_version": 2}
    found = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.5}]
    provider.queue(wire.invoked({"results": found}, None, None))

    invoke(client, asked, model).read()

    span = spans.span()
    assert json.loads(span.pop("gen_ai.retrieval.documents")) == [
        {"id": "1", "score": 0.9},
        {"id": "0", "score": 0.5},
    ]
    assert span == {
        "name": "retrieval",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": model,
        "gen_ai.retrieval.query.text": "2+2?",
        "gen_ai.retrieval.top_k": 2,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
    }


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (
            "amazon.nova-canvas-v1:0",
            {
                "taskType": "TEXT_IMAGE",
                "textToImageParams": {"text": "a cat"},
                "imageGenerationConfig": {"seed": 7, "numberOfImages": 1},
            },
        ),
        ("stability.sd3-5-large-v1:0", {"prompt": "a cat", "seed": 7}),
        (PROFILE, {"text_prompts": [{"text": "a cat"}], "seed": 7}),
    ],
)
def test_a_picture_by_invoke_model_is_generated_content(client, provider, instrument, model, asked):
    spans = instrument(capture="SPAN_ONLY")
    provider.queue(wire.invoked({"images": ["aW1n"], "finish_reasons": [None]}, None, None))

    invoke(client, asked, model).read()

    span = spans.span()
    assert json.loads(span.pop("gen_ai.input.messages")) == [
        {"role": "user", "parts": [{"type": "text", "content": "a cat"}]}
    ]
    assert span == {
        "name": f"generate_content {model}",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": model,
        "gen_ai.request.seed": 7,
        "gen_ai.output.type": "image",
        "server.address": "127.0.0.1",
        "server.port": provider.port,
    }


@pytest.mark.parametrize(
    "asked",
    [
        {"texts": ["2+2"], "input_type": "search_query"},
        {"inputText": "2+2", "normalize": True},
    ],
)
def test_embeddings_behind_an_arn_are_known_by_their_body(client, provider, spans, asked):
    provider.queue(wire.invoked({"embedding": [0.5] * 4, "inputTextTokenCount": 3}, output=None))

    invoke(client, asked, PROFILE).read()

    span = spans.span()
    assert (span["name"], span["gen_ai.usage.input_tokens"]) == (f"embeddings {PROFILE}", 3)


def test_a_guardrail_of_invoke_model_is_named(client, spans):
    invoke(client, CLAUDE, guardrailIdentifier="g1", guardrailVersion="1").read()

    assert spans.span()["aws.bedrock.guardrail.id"] == "g1"


GUARDED = {"amazon-bedrock-guardrailAction": "INTERVENED"}
TITAN = {"inputText": "2+2"}


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (CLAUDE, {"type": "message", "content": [{"type": "text", "text": "no"}]}),
        (CLAUDE, {"type": "message", "content": [], "stop_reason": "end_turn"}),
        (NOVA, wire.conversed()),
        (TITAN, {"results": [{"outputText": "no", "completionReason": "FINISH"}]}),
        (TITAN, {"results": [{"outputText": "no"}]}),
    ],
)
def test_an_answer_that_a_guardrail_changed_ended_so_as_it_does_with_converse(
    client, provider, spans, asked, answer
):
    provider.queue(wire.invoked({**answer, **GUARDED}))

    invoke(client, asked).read()

    span = spans.span()
    assert span["gen_ai.response.finish_reasons"] == ("guardrail_intervened",)
    said = json.loads(span.get("gen_ai.output.messages", "[]"))
    assert {message["finish_reason"] for message in said} <= {"content_filter"}


def test_a_guardrail_that_let_all_pass_changes_nothing(client, provider, spans):
    passed = {"amazon-bedrock-guardrailAction": "NONE"}
    provider.queue(wire.invoked({**wire.conversed(), **passed}))

    invoke(client, NOVA).read()

    assert spans.span()["gen_ai.response.finish_reasons"] == ("end_turn",)


@pytest.mark.parametrize(
    "bodies",
    [
        [
            {"outputText": "no", "index": 0, "inputTextTokenCount": 7, **GUARDED},
            {"outputText": ".", "totalOutputTextTokenCount": 3, "inputTextTokenCount": 7},
        ],
        [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"delta": {"text": "no"}, "contentBlockIndex": 0}, **GUARDED},
            {"messageStop": {"stopReason": "end_turn"}},
        ],
    ],
    ids=["titan", "nova"],
)
def test_a_stream_that_a_guardrail_changed_ended_so(client, provider, spans, bodies):
    provider.queue(wire.stream([wire.chunk(body) for body in bodies]))

    answer = client.invoke_model_with_response_stream(modelId="amazon.x", body=json.dumps(TITAN))
    list(answer["body"])

    span = spans.span()
    assert span["gen_ai.response.finish_reasons"] == ("guardrail_intervened",)
    said = json.loads(span.get("gen_ai.output.messages", "[]"))
    assert {message["finish_reason"] for message in said} <= {"content_filter"}


# aiobotocore


ASYNC_READ = {
    "read": lambda body: body.read(),
    "read(-1)": lambda body: _read_all(body),
    "read in pieces": lambda body: _read_pieces(body),
    "iter_chunks": lambda body: _join(body.iter_chunks(11)),
    "iterated": lambda body: _join(body),
    "iter_lines": lambda body: _join(body.iter_lines()),
    "readinto": lambda body: _read_into_async(body),
    "with": lambda body: _read_inside_async(body),
}


async def _read_all(body: Any) -> bytes:
    return await body.read(-1)


async def _read_pieces(body: Any) -> bytes:
    told = b""
    while piece := await body.read(7):
        told += piece
    return told


async def _join(pieces: Any) -> bytes:
    return b"".join([piece async for piece in pieces])


async def _read_into_async(body: Any) -> bytes:
    buffer, told = bytearray(16), b""
    while size := await body.readinto(buffer):
        told += bytes(buffer[:size])
    return told


async def _read_inside_async(body: Any) -> bytes:
    async with body as inside:
        return await inside.read()


@pytest.mark.parametrize("read", ASYNC_READ)
async def test_an_async_body_is_recorded_however_it_is_read(provider, spans, read):
    if read == "readinto" and VERSION < (1, 40):
        pytest.skip("older aiobotocore has none")
    answer = messages.message(model="claude")
    async with async_client(provider) as client:
        provider.queue(wire.invoked(answer))
        got = await client.invoke_model(modelId=wire.MODEL, body=json.dumps(CLAUDE))
        assert spans.spans() == []
        assert json.loads(await ASYNC_READ[read](got["body"])) == answer

    assert spans.span() == expected(provider) | {
        "gen_ai.request.max_tokens": 9,
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.model": "claude",
    }


@since_1_40
async def test_an_async_body_left_half_read_leaves_what_the_headers_said(provider, spans):
    async with async_client(provider) as client:
        provider.queue(wire.invoked(messages.message(), 7, 5))
        got = await client.invoke_model(modelId=wire.MODEL, body=json.dumps(CLAUDE))
        async with got["body"] as body:
            assert len(await body.read(10)) == 10

    assert tokens(spans.span()) == (7, 5)


async def test_an_async_stream_of_a_model_is_read(provider, spans):
    async with async_client(provider) as client:
        got = await client.invoke_model_with_response_stream(
            modelId=wire.MODEL, body=json.dumps(CLAUDE)
        )
        _ = [event async for event in got["body"]]

    assert streamed(spans.span())["gen_ai.response.finish_reasons"] == ("end_turn",)


# Agents and knowledge bases


def test_an_agents_usage_is_the_sum_of_its_traces(agents, provider, spans):
    rounds = [{"inputTokens": 10, "outputTokens": 3}, {"inputTokens": 20, "outputTokens": 4}]
    provider.queue(wire.stream(wire.agent_events("four", *rounds)))

    got = agents.invoke_agent(
        agentId="AG", agentAliasId="AL", sessionId="s1", inputText="2+2", enableTrace=True
    )
    assert [next(iter(event)) for event in got["completion"]] == ["trace", "trace", "chunk"]

    assert spans.span() == {
        "name": "invoke_agent",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.agent.id": "AG",
        "gen_ai.conversation.id": "s1",
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 7,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
    }


def test_an_agent_without_trace_tells_no_usage(agents, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    provider.queue(wire.stream(wire.agent_events("four")))

    got = agents.invoke_agent(agentId="AG", agentAliasId="AL", sessionId="s1", inputText="2+2")
    list(got["completion"])

    span = spans.span()
    assert tokens(span) == (None, None)
    assert json.loads(span["gen_ai.input.messages"])[0]["parts"][0]["content"] == "2+2"
    assert json.loads(span["gen_ai.output.messages"])[0]["parts"][0]["content"] == "four"


def test_a_knowledge_base_is_a_retrieval(agents, provider, spans):
    agents.retrieve(
        knowledgeBaseId="KB12345678",
        retrievalQuery={"text": "secret"},
        retrievalConfiguration={"vectorSearchConfiguration": {"numberOfResults": 3}},
    )

    assert spans.span() == {
        "name": "retrieval KB12345678",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.data_source.id": "KB12345678",
        "gen_ai.retrieval.top_k": 3,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
    }


def test_a_knowledge_base_that_generates_is_a_chat_without_tokens(agents, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    agents.retrieve_and_generate(
        input={"text": "2+2"},
        retrieveAndGenerateConfiguration={
            "type": "KNOWLEDGE_BASE",
            "knowledgeBaseConfiguration": {"knowledgeBaseId": "KB1", "modelArn": wire.MODEL},
        },
    )

    span = spans.span()
    assert span["aws.bedrock.knowledge_base.id"] == "KB1"
    assert span["gen_ai.conversation.id"] == "s1"
    assert (span["name"], tokens(span)) == (f"chat {wire.MODEL}", (None, None))
    assert json.loads(span["gen_ai.output.messages"])[0]["parts"][0]["content"] == wire.TEXT


def test_what_a_knowledge_base_found_is_content(agents, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    agents.retrieve(knowledgeBaseId="KB12345678", retrievalQuery={"text": "two plus two"})

    span = spans.span()
    assert span["gen_ai.retrieval.query.text"] == "two plus two"
    assert json.loads(span["gen_ai.retrieval.documents"]) == [
        {"id": "s3://bucket/0.md", "score": 0.9},
        {"id": "s3://bucket/1.md", "score": 0.5},
    ]
    assert "Passage" not in str(span)


def test_reranking_is_a_retrieval_by_a_model(agents, provider, instrument):
    if not hasattr(agents, "rerank"):
        pytest.skip("this version has none")
    spans = instrument(capture="SPAN_ONLY")
    model = "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"
    source = {"type": "TEXT", "textDocument": {"text": "secret"}}
    agents.rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": "two plus two"}}],
        sources=[{"type": "INLINE", "inlineDocumentSource": source}] * 2,
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "modelConfiguration": {"modelArn": model},
                "numberOfResults": 2,
            },
        },
    )

    span = spans.span()
    assert json.loads(span.pop("gen_ai.retrieval.documents")) == [
        {"id": "1", "score": 0.9},
        {"id": "0", "score": 0.5},
    ]
    assert span == {
        "name": "retrieval",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": model,
        "gen_ai.retrieval.query.text": "two plus two",
        "gen_ai.retrieval.top_k": 2,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
    }


def test_a_flow_is_an_agent_that_somebody_else_runs(agents, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    asked = {"content": {"document": "2+2"}, "nodeName": "In", "nodeOutputName": "document"}
    got = agents.invoke_flow(flowIdentifier="FL12345678", flowAliasIdentifier="AL", inputs=[asked])
    assert len(list(got["responseStream"])) == 2

    span = spans.span()
    assert json.loads(span.pop("gen_ai.input.messages"))[0]["parts"][0]["content"] == "2+2"
    assert json.loads(span.pop("gen_ai.output.messages"))[0]["parts"][0]["content"] == wire.TEXT
    assert span == {
        "name": "invoke_agent",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.agent.id": "FL12345678",
        "gen_ai.response.finish_reasons": ("SUCCESS",),
        "server.address": "127.0.0.1",
        "server.port": provider.port,
    }


def test_an_agentic_retrieval_is_one_retrieval(agents, provider, instrument):
    if not hasattr(agents, "agentic_retrieve_stream"):
        pytest.skip("this version has none")
    spans = instrument(capture="SPAN_ONLY")
    base = {"knowledgeBase": {"knowledgeBaseId": "KB12345678"}}
    got = agents.agentic_retrieve_stream(
        messages=[{"role": "user", "content": {"text": "two plus two"}}],
        retrievers=[{"configuration": base}],
        agenticRetrieveConfiguration={},
    )
    list(got["stream"])

    span = spans.span()
    assert (span["name"], span["gen_ai.retrieval.query.text"]) == (
        "retrieval KB12345678",
        "two plus two",
    )
    assert json.loads(span["gen_ai.retrieval.documents"]) == [{"id": "s3://bucket/0.md"}]


def test_applying_a_guardrail_is_no_call_of_a_model(client, provider, spans):
    provider.queue(json_answer({"action": "NONE", "outputs": [], "assessments": [], "usage": {}}))

    client.apply_guardrail(
        guardrailIdentifier="g1",
        guardrailVersion="1",
        source="INPUT",
        content=[{"text": {"text": "hi"}}],
    )

    assert spans.spans() == []


# Others of the same call, and others than ours


def test_the_genai_span_of_the_botocore_instrumentation_is_left_out(
    provider, telemetry, instrument
):
    module = pytest.importorskip("opentelemetry.instrumentation.botocore")
    other = module.BotocoreInstrumentor()
    other.instrument(tracer_provider=telemetry.tracer_provider)
    try:
        spans = instrument()
        with closing(make_client(provider)) as client:
            client.converse(**ASK)
            BedrockInstrumentor().uninstrument()
            client.converse(**ASK)
    finally:
        other.uninstrument()

    named = [(s["name"], s.get("gen_ai.usage.input_tokens")) for s in spans.spans()]
    chat = (f"chat {wire.MODEL}", 7)
    assert sorted(named, key=str) == sorted(
        [chat, ("Bedrock Runtime.Converse", None), chat], key=str
    )


@since_1_40
def test_other_services_and_operations_pass_untouched(provider, spans):
    provider.queue(json_answer({"Item": {}}), json_answer({"inputTokens": 3}))

    with closing(make_client(provider, "dynamodb")) as dynamo:
        dynamo.get_item(TableName="t", Key={"k": {"S": "v"}})
    with closing(make_client(provider)) as client:
        client.count_tokens(modelId="m", input={"converse": {"messages": ASK["messages"]}})

    assert len(provider.requests) == 2
    assert spans.spans() == []


# Content


CONVERSATION = [
    {"role": "user", "content": [{"text": "two plus two"}, {"cachePoint": {"type": "default"}}]},
    {
        "role": "assistant",
        "content": [
            wire.reasoning("Use the tool."),
            {"text": "A moment."},
            wire.tool_use("add", {"a": 2}, "t1"),
        ],
    },
    {
        "role": "user",
        "content": [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"sum": 4}}]}}],
    },
    {
        "role": "user",
        "content": [
            {"image": {"format": "png", "source": {"bytes": b"hi"}}},
            {
                "document": {
                    "format": "pdf",
                    "name": "d",
                    "source": {"s3Location": {"uri": "s3://b/d.pdf"}},
                }
            },
        ],
    },
]
INPUT = [
    {"role": "user", "parts": [{"type": "text", "content": "two plus two"}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Use the tool."},
            {"type": "text", "content": "A moment."},
            {"type": "tool_call", "name": "add", "id": "t1", "arguments": {"a": 2}},
        ],
    },
    {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "response": {"sum": 4}, "id": "t1"}],
    },
    {
        "role": "user",
        "parts": [
            {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": "image/png"},
            {
                "type": "uri",
                "modality": "document",
                "uri": "s3://b/d.pdf",
                "mime_type": "application/pdf",
            },
        ],
    },
]
ANSWER = wire.conversed(
    wire.reasoning(), wire.text(), wire.tool_use("add", {"a": 2, "b": 2}), stop="tool_use"
)
OUTPUT = [
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Two and two."},
            {"type": "text", "content": wire.TEXT},
            {
                "type": "tool_call",
                "name": "add",
                "id": "tool_1",
                "arguments": {"a": 2, "b": 2},
            },
        ],
        "finish_reason": "tool_call",
    }
]
TOOL = {"name": "add", "description": "Adds", "inputSchema": {"json": {"type": "object"}}}


@since_1_40
@pytest.mark.parametrize("stream", [False, True])
def test_content_is_captured_in_the_shape_of_the_conventions(client, provider, instrument, stream):
    spans = instrument(capture="SPAN_ONLY")
    asked = {
        "modelId": wire.MODEL,
        "messages": CONVERSATION,
        "system": [{"text": "Be brief."}],
        "toolConfig": {"tools": [{"toolSpec": TOOL}]},
    }
    if stream:
        provider.queue(wire.stream(wire.converse_events(ANSWER)))
        list(client.converse_stream(**asked)["stream"])
    else:
        provider.queue(json_answer(ANSWER))
        client.converse(**asked)

    span = spans.span()
    assert json.loads(span["gen_ai.input.messages"]) == INPUT
    assert json.loads(span["gen_ai.output.messages"]) == OUTPUT
    assert json.loads(span["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief."}
    ]
    assert json.loads(span["gen_ai.tool.definitions"]) == [
        {
            "type": "function",
            "name": "add",
            "description": "Adds",
            "parameters": {"type": "object"},
        }
    ]


@pytest.mark.parametrize("vendor", VENDORS)
def test_content_of_each_vendor_is_captured(client, provider, instrument, vendor):
    spans = instrument(capture="SPAN_ONLY")
    model, asked, answer, _ = VENDORS[vendor]
    provider.queue(wire.invoked(answer))

    invoke(client, asked, model).read()

    span = spans.span()
    (said,) = json.loads(span["gen_ai.input.messages"])
    (heard,) = json.loads(span["gen_ai.output.messages"])
    assert "2+2" in said["parts"][0]["content"] or said["parts"][0]["content"] == "two plus two"
    assert heard["parts"][0]["content"] in ("four", wire.TEXT)


@since_1_40
def test_without_content_nothing_that_was_said_is_on_the_span(client, provider, spans):
    provider.queue(json_answer(ANSWER))

    client.converse(modelId=wire.MODEL, messages=CONVERSATION, system=[{"text": "Be brief."}])

    assert spans.span() == expected(provider) | {"gen_ai.response.finish_reasons": ("tool_use",)}
