"""What is Cohere's own; the rest is the contract (``cases.py``)."""

from __future__ import annotations

import json

import cohere
import pytest

from otel_llm.instrumentation.cohere import CohereInstrumentor
from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import cohere as wire

from .both import first, got, opened, read

ERROR_400 = "cohere.errors.bad_request_error.BadRequestError"
ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}


@pytest.fixture
def cohere_provider():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture(params=["sync", "async"])
async def clients(request, cohere_provider, telemetry):
    """A client of the first and one of the second version."""
    CohereInstrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY")
    kinds = (cohere.Client, cohere.ClientV2)
    if request.param == "async":
        kinds = (cohere.AsyncClient, cohere.AsyncClientV2)
    first, second = (kind(api_key="k", base_url=cohere_provider.url) for kind in kinds)
    yield first, second
    for client in (first, second):
        http = client._client_wrapper.httpx_client.httpx_client
        await got(http.aclose() if request.param == "async" else http.close())
    CohereInstrumentor().uninstrument()


@pytest.fixture
def v1(clients):
    return clients[0]


@pytest.fixture
def v2(clients):
    return clients[1]


def usage_of(span):
    return {n.removeprefix("gen_ai.usage."): v for n, v in span.items() if ".usage." in n}


def output(telemetry):
    return json.loads(telemetry.span()["gen_ai.output.messages"])


def answered(*parts, finish="stop"):
    return [{"role": "assistant", "parts": list(parts), "finish_reason": finish}]


TEXT = {"type": "text", "content": "The answer is four."}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (wire.usage(11, 5), {"input_tokens": 11, "output_tokens": 5}),
        ({"tokens": {"input_tokens": 77.0, "output_tokens": 5.0}}, {"input": 77, "output": 5}),
        (wire.usage(11, 5, cached_tokens=7.0), {"input": 11, "output": 5, "cache_read": 7}),
        (wire.usage(11, 5, cached_tokens=70.0), {"input": 11, "output": 5}),
        ({"billed_units": {"search_units": 1.0}}, {}),
        (None, {}),
    ],
    ids=["billed", "tokens", "cached", "cached more than billed", "searches", "nothing"],
)
async def test_tokens_are_what_is_billed(v2, cohere_provider, telemetry, said, expected):
    cohere_provider.queue(json_answer(wire.chat(usage=said)))

    await got(v2.chat(**ASK))

    names = {"input": "input_tokens", "output": "output_tokens"}
    names |= {"cache_read": "cache_read.input_tokens"}
    assert usage_of(telemetry.span()) == {names.get(n, n): v for n, v in expected.items()}


async def test_parameters_have_the_names_of_the_conventions(v2, telemetry):
    given = {"p": 0.5, "k": 40, "seed": 7, "stop_sequences": ["a"], "temperature": 0}
    await got(v2.chat(**ASK, **given, response_format={"type": "json_object"}))

    span = telemetry.span()
    assert {n.removeprefix("gen_ai."): v for n, v in span.items() if ".request." in n} == {
        "request.model": "m",
        "request.top_p": 0.5,
        "request.top_k": 40,
        "request.seed": 7,
        "request.stop_sequences": ("a",),
        "request.temperature": 0.0,
    }
    assert span["gen_ai.output.type"] == "json"


CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
CALL_PART = {"type": "tool_call", "name": "add", "id": "c1", "arguments": {"a": 2}}


async def test_a_plan_and_its_tool_calls_are_parts(v2, cohere_provider, telemetry):
    message = {"role": "assistant", "tool_plan": "I will add.", "tool_calls": [CALL]}
    cohere_provider.queue(json_answer(wire.chat(finish="TOOL_CALL", message=message)))

    await got(v2.chat(**ASK))

    plan = {"type": "reasoning", "content": "I will add."}
    assert output(telemetry) == answered(plan, CALL_PART, finish="tool_call")
    assert telemetry.span()["gen_ai.response.finish_reasons"] == ("TOOL_CALL",)


async def test_a_streamed_plan_and_its_tool_calls_are_put_together(v2, cohere_provider, telemetry):
    def event(kind, index=0, **message):
        return {"type": kind, "index": index, "delta": {"message": message}}

    head, *_, last = wire.chat_events(finish="TOOL_CALL")
    start = {**CALL, "function": {"name": "add", "arguments": ""}}
    events = [
        event("tool-plan-delta", tool_plan="I will "),
        event("tool-plan-delta", tool_plan="add."),
        event("tool-call-start", tool_calls=start),
        event("tool-call-delta", tool_calls={"function": {"arguments": '{"a"'}}),
        event("tool-call-delta", tool_calls={"function": {"arguments": ": 2}"}}),
        {"type": "tool-call-end", "index": 0},
    ]
    cohere_provider.queue(wire.stream([head, *events, last]))

    await read(v2.chat_stream(**ASK))

    plan = {"type": "reasoning", "content": "I will add."}
    assert output(telemetry) == answered(plan, CALL_PART, finish="tool_call")


async def test_a_stream_that_ends_in_an_error_is_one(v2, cohere_provider, telemetry):
    *events, _ = wire.chat_events()
    broken = {"finish_reason": "ERROR", "error": "Something went wrong, sorry."}
    cohere_provider.queue(wire.stream([*events, {"type": "message-end", "delta": broken}]))

    await read(v2.chat_stream(**ASK))

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", "_OTHER")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_an_empty_stream_says_nothing(v1, v2, cohere_provider, telemetry, version):
    cohere_provider.queue(wire.stream([]))

    if version == "v1":
        await read(v1.chat_stream(model="m", message="2+2?"))
    else:
        await read(v2.chat_stream(**ASK))

    span = telemetry.span()
    assert (span["status"], usage_of(span)) == ("UNSET", {})
    assert "gen_ai.output.messages" not in span
    assert "gen_ai.response.time_to_first_chunk" not in span


async def test_a_raw_response_is_one_span(v2, telemetry):
    raw = await got(v2.with_raw_response.chat(**ASK))

    span = telemetry.span()
    assert raw.data.id == "chat_1"
    assert (span["gen_ai.response.id"], span["gen_ai.usage.input_tokens"]) == ("chat_1", 4)


@pytest.mark.filterwarnings("ignore")
async def test_the_first_version_is_traced_too(v1, telemetry, cohere_provider):
    history = [{"role": "USER", "message": "hi"}, {"role": "CHATBOT", "message": "hello"}]
    asked = {"model": "m", "message": "2+2?", "chat_history": history, "preamble": "Be brief."}

    await got(v1.chat(**asked, conversation_id="conv_1"))

    span = telemetry.span()
    assert json.loads(span.pop("gen_ai.system_instructions")) == [
        {"type": "text", "content": "Be brief."}
    ]
    assert [m["role"] for m in json.loads(span.pop("gen_ai.input.messages"))] == [
        "user",
        "assistant",
        "user",
    ]
    assert json.loads(span.pop("gen_ai.output.messages")) == answered(TEXT)
    assert span == {
        "name": "chat m",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "cohere",
        "gen_ai.request.model": "m",
        "gen_ai.conversation.id": "conv_1",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ("COMPLETE",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
        "server.port": cohere_provider.port,
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["chat_stream", "generate_stream"])
async def test_streams_of_the_first_version_are_put_together(v1, telemetry, method):
    asked = {"message": "2+2?"} if method == "chat_stream" else {"prompt": "2+2?"}

    await read(getattr(v1, method)(model="m", **asked))

    span = telemetry.span()
    assert usage_of(span) == {"input_tokens": 11, "output_tokens": 5}
    assert span["gen_ai.request.stream"] is True
    assert output(telemetry) == answered(TEXT)


@pytest.mark.filterwarnings("ignore")
async def test_generate_is_a_text_completion(v1, telemetry):
    await got(v1.generate(model="m", prompt="2+2?"))

    span = telemetry.span()
    assert (span["name"], span["gen_ai.response.id"]) == ("text_completion m", "g_1")
    assert output(telemetry) == answered(TEXT)


async def test_an_embedding_in_batches_is_one_span(v1, cohere_provider, telemetry):
    await got(v1.embed(model="e", texts=["a"] * 200, input_type="search_document"))

    assert len(cohere_provider.requests) == 3
    span = telemetry.span()
    assert (span["name"], span["gen_ai.embeddings.dimension.count"]) == ("embeddings e", 3)
    assert span["gen_ai.usage.input_tokens"] == 12


async def test_embeddings_by_type_are_one_span(v2, telemetry):
    await got(
        v2.embed(
            model="e",
            texts=["a"],
            input_type="search_query",
            embedding_types=["float"],
            output_dimension=256,
        )
    )

    span = telemetry.span()
    assert span["gen_ai.request.encoding_formats"] == ("float",)
    assert span["gen_ai.embeddings.dimension.count"] == 3
    assert usage_of(span) == {"input_tokens": 4}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"billed_units": {"input_tokens": 3.0, "image_tokens": 30.0}}, 33),
        ({"billed_units": {"image_tokens": 30.0}}, 30),
        ({"billed_units": {"image_tokens": 30}, "tokens": {"input_tokens": 33}}, 33),
        ({"billed_units": {"input_tokens": 3.0, "image_tokens": 0.0}}, 3),
    ],
    ids=["both", "pictures", "all tokens", "words"],
)
async def test_tokens_of_embedded_pictures_count(v2, cohere_provider, telemetry, said, expected):
    cohere_provider.queue(json_answer(wire.embedded(meta=said)))
    asked = {"input_type": "search_document", "embedding_types": ["float"]}

    await got(v2.embed(model="e", texts=["a"], **asked))

    assert usage_of(telemetry.span()) == {"input_tokens": expected}


RANK = {
    "model": "rerank-v3.5",
    "query": "What is two plus two?",
    "documents": ["a", "b"],
    "top_n": 2,
}
RANKED = [{"id": "1", "score": 0.9}, {"id": "0", "score": 0.5}]


@pytest.mark.parametrize("raw", [False, True], ids=["parsed", "raw"])
@pytest.mark.parametrize("version", [0, 1], ids=["v1", "v2"])
async def test_reranking_is_a_retrieval_by_a_model(
    clients, telemetry, cohere_provider, version, raw
):
    client = clients[version]

    answer = await got((client.with_raw_response if raw else client).rerank(**RANK))

    assert (answer.data if raw else answer).results[0].index == 1
    span = telemetry.span()
    assert json.loads(span.pop("gen_ai.retrieval.documents")) == RANKED
    assert span == {
        "name": "retrieval",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "cohere",
        "gen_ai.request.model": "rerank-v3.5",
        "gen_ai.retrieval.query.text": "What is two plus two?",
        "gen_ai.retrieval.top_k": 2,
        "server.address": "127.0.0.1",
        "server.port": cohere_provider.port,
    }


@pytest.mark.filterwarnings("ignore")
async def test_a_raw_generate_is_one_span(v1, telemetry):
    await got(v1.with_raw_response.generate(model="m", prompt="2+2?"))

    assert usage_of(telemetry.span()) == {"input_tokens": 11, "output_tokens": 5}


V2_USED = {"input_tokens": 4, "output_tokens": 8}
V1_USED = {"input_tokens": 11, "output_tokens": 5}
RAW_STREAMS = {
    "v2 chat": (1, "chat_stream", {"messages": ASK["messages"]}, V2_USED),
    "v1 chat": (0, "chat_stream", {"message": "2+2?"}, V1_USED),
    "v1 generate": (0, "generate_stream", {"prompt": "2+2?"}, V1_USED),
}


@pytest.fixture(params=RAW_STREAMS.values(), ids=RAW_STREAMS.keys())
def raw_stream(request, clients):
    """Makes a stream of a raw client, and what it uses."""
    version, method, asked, used = request.param
    raw = clients[version].with_raw_response
    return lambda: getattr(raw, method)(model="m", **asked), used


@pytest.mark.filterwarnings("ignore")
async def test_a_raw_stream_is_followed(raw_stream, telemetry):
    make, used = raw_stream

    async with opened(make()) as raw:
        assert (bool(raw.headers), telemetry.spans()) == (True, [])
        events = await read(raw.data)

    span = telemetry.span()
    assert len(events) > 2
    assert usage_of(span) == used
    assert (span["gen_ai.request.stream"], span["gen_ai.response.finish_reasons"]) == (
        True,
        ("COMPLETE",),
    )
    assert 0 < span["gen_ai.response.time_to_first_chunk"] < 60


@pytest.mark.filterwarnings("ignore")
async def test_a_raw_stream_that_is_left_ends_with_its_block(raw_stream, telemetry):
    make, _ = raw_stream

    async with opened(make()) as raw:
        await first(raw.data)

    span = telemetry.span()
    assert (span["status"], usage_of(span)) == ("UNSET", {})
    assert telemetry.points("otel_llm.client.stream.outcomes")[0].attributes[
        "otel_llm.stream.outcome"
    ] == ("closed_early")


@pytest.mark.filterwarnings("ignore")
async def test_a_raw_stream_that_is_refused_is_an_error(raw_stream, cohere_provider, telemetry):
    make, _ = raw_stream
    cohere_provider.queue(wire.error(400))

    with pytest.raises(cohere.BadRequestError):
        async with opened(make()):
            pytest.fail("it was not entered")

    span = telemetry.span()
    assert (span["status"], span["error.type"]) == ("ERROR", ERROR_400)


@pytest.mark.filterwarnings("ignore")
async def test_a_raw_stream_that_nobody_enters_is_no_call(raw_stream, cohere_provider, telemetry):
    make, _ = raw_stream

    manager = make()
    del manager

    assert (cohere_provider.requests, telemetry.spans()) == ([], [])


def test_a_raw_stream_as_a_decorator_is_what_it_is_without_us(cohere_provider, telemetry):
    CohereInstrumentor().instrument(**telemetry.providers)
    client = cohere.ClientV2(api_key="k", base_url=cohere_provider.url)

    @client.with_raw_response.chat_stream(**ASK)
    def decorated():
        return len(cohere_provider.requests)

    assert (decorated(), decorated()) == (1, 2)
    client._client_wrapper.httpx_client.httpx_client.close()
    CohereInstrumentor().uninstrument()


async def test_a_raw_embedding_of_the_first_version_is_one_span(v1, telemetry):
    asked = {"model": "e", "texts": ["a"], "input_type": "search_query"}

    raw = await got(v1.with_raw_response.embed(**asked))

    assert len(raw.data.embeddings) == 1
    assert usage_of(telemetry.span()) == {"input_tokens": 4}


@pytest.mark.parametrize("kind", ["Client", "ClientV2"])
def test_a_client_of_a_cloud_names_the_cloud_and_no_host(kind, cohere_provider, telemetry):
    class BedrockClient(getattr(cohere, kind)):
        """As the SDK's own, which needs boto3: its base URL is unused."""

    CohereInstrumentor().instrument(**telemetry.providers)
    client = BedrockClient(api_key="k", base_url=cohere_provider.url)

    client.embed(model="e", texts=["a"], input_type="search_query", embedding_types=["float"])

    span = telemetry.span()
    assert (span["gen_ai.provider.name"], "server.address" in span) == ("aws.bedrock", False)
    client._client_wrapper.httpx_client.httpx_client.close()
    CohereInstrumentor().uninstrument()
