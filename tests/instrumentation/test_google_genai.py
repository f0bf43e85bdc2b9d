"""Google's GenAI SDK over a socket: what is special to it beyond the contract of all SDKs."""

import copy
import gc
import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import wrapt
from google import genai
from google.genai import errors, types
from google.genai.models import Models
from google.oauth2.credentials import Credentials

from otel_llm.instrumentation import google_genai
from otel_llm.instrumentation.core.awaited import Awaited
from otel_llm.instrumentation.google_genai import GoogleGenAIInstrumentor
from otel_llm.instrumentation.shapes.gemini_parts import output_message
from otel_llm.testing import Captured, FakeProvider, json_answer, sse
from otel_llm.testing import gemini as wire
from otel_llm.testing.echo import words

from .spans import streamed, tokens

ASK: dict[str, Any] = {"model": wire.MODEL, "contents": "two plus two"}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
def instrument(telemetry) -> Iterator[Any]:
    def start(**settings: Any) -> Captured:
        GoogleGenAIInstrumentor().instrument(**telemetry.providers, **settings)
        return telemetry

    yield start
    GoogleGenAIInstrumentor().uninstrument()


@pytest.fixture
def spans(instrument) -> Captured:
    """Everything emitted, with the SDK instrumented as by default."""
    return instrument()


@pytest.fixture
def client(provider) -> Iterator[genai.Client]:
    with genai.Client(api_key="k", http_options={"base_url": provider.url}) as client:
        yield client


class Iterable(wrapt.ObjectProxy):
    """A stream as OpenInference hands it on: it can be looped over, and is no iterator."""

    def __iter__(self):
        yield from self.__wrapped__


def test_a_stream_that_another_vendor_made_iterable_alone_is_read_and_followed(
    client, instrument, monkeypatch
):
    whole = Models.generate_content_stream
    theirs = wrapt.FunctionWrapper(
        whole, lambda wrapped, _, args, kwargs: Iterable(wrapped(*args, **kwargs))
    )
    monkeypatch.setattr(Models, "generate_content_stream", theirs)
    spans = instrument()

    said = "".join(chunk.text for chunk in client.models.generate_content_stream(**ASK))

    assert said.startswith(wire.TEXT)
    span = spans.span()
    assert (span["status"], span["gen_ai.response.finish_reasons"]) == ("UNSET", ("STOP",))


def expected(provider: FakeProvider, **more: Any) -> dict[str, Any]:
    """A whole span of ``ASK`` answered by ``wire.response()``; ``None`` takes an attribute out."""
    whole = {
        "name": f"generate_content {wire.MODEL}",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": wire.MODEL,
        "gen_ai.response.id": "resp-1",
        "gen_ai.response.model": wire.MODEL,
        "gen_ai.response.finish_reasons": ("STOP",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    return {name: value for name, value in whole.items() if value is not None}


OPTIONS = {
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 3.0,
    "max_output_tokens": 9,
    "stop_sequences": ["END"],
    "seed": 7,
    "candidate_count": 2,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "response_mime_type": "application/json",
}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize(
    "config",
    [
        types.GenerateContentConfig(**OPTIONS),
        OPTIONS,
        {_camel(name): value for name, value in OPTIONS.items()},
    ],
    ids=["object", "dict", "camel case"],
)
def test_a_config_is_read_in_every_form_and_never_changed(client, provider, spans, config):
    provider.queue(json_answer(wire.response()))
    before = copy.deepcopy(config)

    client.models.generate_content(**ASK, config=config)

    assert config == before
    assert spans.span() == expected(provider, gen_ai__output__type="json") | {
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 3,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.seed": 7,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.presence_penalty": 0.1,
        "gen_ai.request.frequency_penalty": 0.2,
    }


@pytest.mark.parametrize(
    "config",
    [{"temperature": "hot"}, {"no_such": 1}, "config", 7],
    ids=["type", "key", "str", "int"],
)
def test_an_invalid_config_fails_as_without_us(client, instrument, config):
    def told() -> tuple[type, str]:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the SDK raises
            client.models.generate_content(**ASK, config=config)
        return type(caught.value), str(caught.value)

    plain = told()
    instrument()

    assert told() == plain


def test_no_config_at_all_is_no_attribute(client, provider, spans):
    provider.queue(json_answer(wire.response()))

    client.models.generate_content(**ASK, config=None)

    assert spans.span() == expected(provider)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("models/gemini-9", "gemini-9"),
        ("gemini-9", "gemini-9"),
        ("tunedModels/17", "tunedModels/17"),
    ],
)
def test_the_model_is_named_without_the_path_of_googles_own(client, spans, asked, named):
    client.models.generate_content(model=asked, contents="2+2")

    assert spans.span()["gen_ai.request.model"] == named


def test_billed_tokens_include_thoughts_and_what_tools_put_into_the_prompt(client, provider, spans):
    said = wire.usage(
        100,
        20,
        thoughts=30,
        toolUsePromptTokenCount=7,
        cachedContentTokenCount=40,
        promptTokensDetails=[wire.modality("TEXT", 60), wire.modality("IMAGE", 40)],
        toolUsePromptTokensDetails=[wire.modality("TEXT", 7)],
        cacheTokensDetails=[wire.modality("TEXT", 40)],
        candidatesTokensDetails=[wire.modality("TEXT", 15), wire.modality("AUDIO", 5)],
    )
    provider.queue(json_answer(wire.response(usageMetadata=said)))

    client.models.generate_content(**ASK)

    assert spans.span() == expected(provider) | {
        "gen_ai.usage.input_tokens": 107,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.text.input_tokens": 67,
        "gen_ai.usage.image.input_tokens": 40,
        "gen_ai.usage.text.cache_read.input_tokens": 40,
        "gen_ai.usage.text.output_tokens": 15,
        "gen_ai.usage.audio.output_tokens": 5,
    }


def test_thoughts_that_used_up_the_limit_are_the_whole_output(client, provider, spans):
    answer = wire.response(
        {"finishReason": "MAX_TOKENS"}, usageMetadata=wire.usage(11, 0, thoughts=9)
    )
    provider.queue(json_answer(answer))

    client.models.generate_content(**ASK)

    assert tokens(spans.span()) == (11, 9)


def test_an_answer_without_usage_has_no_tokens_rather_than_zero(client, provider, spans):
    provider.queue(json_answer(wire.response(usageMetadata=None)))

    client.models.generate_content(**ASK)

    assert spans.span() == expected(
        provider, gen_ai__usage__input_tokens=None, gen_ai__usage__output_tokens=None
    )


def test_every_candidate_has_its_finish_reason_in_order(client, provider, spans):
    reasons = ["STOP", "MAX_TOKENS", "STOP", "BRAND_NEW"]
    told = [wire.candidate(finish=reason, index=i) for i, reason in enumerate(reasons)]
    provider.queue(json_answer(wire.response(*told)))

    with pytest.warns(UserWarning, match="BRAND_NEW"):
        client.models.generate_content(**ASK)

    assert spans.span()["gen_ai.response.finish_reasons"] == tuple(reasons)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refused_prompt_ends_for_the_reason_of_the_refusal(client, provider, spans, stream):
    answer = wire.blocked("PROHIBITED_CONTENT", usageMetadata=wire.usage(11, 0))
    if stream:
        provider.queue(wire.stream([answer]))
        list(client.models.generate_content_stream(**ASK))
    else:
        provider.queue(json_answer(answer))
        client.models.generate_content(**ASK)

    span = spans.span()
    assert span["gen_ai.response.finish_reasons"] == ("PROHIBITED_CONTENT",)
    assert tokens(span) == (11, None)


@pytest.mark.parametrize("status", [400, 429, 503])
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_is_named_by_its_code_and_its_message_stays_out(
    client, provider, spans, status, stream
):
    provider.queue(*[wire.error(status, message="secret")] * 9)
    call = client.models.generate_content_stream if stream else client.models.generate_content

    with pytest.raises(errors.APIError, match="secret"):
        list(call(**ASK))

    span = spans.span()
    assert (span["status"], span["error.type"]) == ("ERROR", str(status))
    assert "secret" not in spans.finished[0].to_json()


def test_vertex_is_another_provider(provider, spans):
    with genai.Client(
        vertexai=True,
        project="p",
        location="l",
        credentials=Credentials(token="t"),
        http_options={"base_url": provider.url},
    ) as client:
        provider.queue(json_answer(wire.response()))
        client.models.generate_content(
            model=f"projects/p/locations/l/publishers/google/models/{wire.MODEL}", contents="2+2"
        )

    assert spans.span() == expected(provider, gen_ai__provider__name="gcp.vertex_ai")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("usage", "headers", "tier"),
    [
        ({"trafficType": "ON_DEMAND_FLEX"}, {}, "ON_DEMAND_FLEX"),
        ({}, {"X-Gemini-Service-Tier": "standard"}, "standard"),
        ({}, {}, None),
    ],
    ids=["usage of Vertex AI", "header of the Gemini API", "not told"],
)
def test_the_service_tier_is_told_where_another_one_was_asked_for(
    client, provider, instrument, stream, usage, headers, tier
):
    spans = instrument()
    answer = wire.response(usageMetadata=wire.usage(**usage))
    whole = wire.stream(wire.chunks(answer)) if stream else json_answer(answer)
    provider.queue(replace(whole, headers={**whole.headers, **headers}))

    models = client.models
    ask = models.generate_content_stream if stream else models.generate_content
    knows = "service_tier" in types.GenerateContentConfig.model_fields
    list(ask(**ASK, config={"service_tier": "priority"} if knows else None))

    span = spans.span()
    assert span.get("otel_llm.request.service_tier") == ("priority" if knows else None)
    assert span.get("otel_llm.response.service_tier") == tier


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("grounding", "searches"),
    [
        ({"webSearchQueries": ["weather", "weather oslo", "weather"]}, 2),
        ({"webSearchQueries": []}, None),
        ({}, None),
    ],
    ids=["searched", "not searched", "not told"],
)
def test_searches_that_are_charged_for_are_told(
    client, provider, spans, stream, grounding, searches
):
    answer = wire.response({**wire.candidate(wire.text()), "groundingMetadata": grounding})
    provider.queue(wire.stream(wire.chunks(answer)) if stream else json_answer(answer))

    models = client.models
    list((models.generate_content_stream if stream else models.generate_content)(**ASK))

    assert spans.span().get("otel_llm.usage.web_searches") == searches


# Streams


def test_the_counts_of_a_stream_are_totals_and_not_added(client, provider, spans):
    provider.queue(wire.stream(wire.chunks(wire.response(usageMetadata=wire.usage(100, 20)))))

    chunks = list(client.models.generate_content_stream(**ASK))

    assert [c.usage_metadata.candidates_token_count for c in chunks] == [1, 2, 3, 20]
    assert streamed(spans.span()) == expected(provider) | {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
    }


def test_a_last_chunk_without_counts_does_not_take_them_away(client, provider, spans):
    told = wire.chunks()
    provider.queue(wire.stream([*told, {**told[-1], "usageMetadata": None}]))

    list(client.models.generate_content_stream(**ASK))

    assert tokens(spans.span()) == (11, 5)


PARTS_OF_PROMPT = [wire.modality("TEXT", 90), wire.modality("IMAGE", 10)]
FIRST = wire.usage(
    100,
    3,
    thoughts=40,
    cachedContentTokenCount=60,
    promptTokensDetails=PARTS_OF_PROMPT,
    candidatesTokensDetails=[wire.modality("TEXT", 3)],
)
PARTIAL = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 160}
KNOWN = {
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 60,
    "gen_ai.usage.cache_read.input_tokens": 60,
    "gen_ai.usage.reasoning.output_tokens": 40,
    "gen_ai.usage.text.input_tokens": 90,
    "gen_ai.usage.image.input_tokens": 10,
}


def _usage(span: dict[str, Any]) -> dict[str, Any]:
    return {name: count for name, count in span.items() if name.startswith("gen_ai.usage.")}


@pytest.mark.parametrize("last", [PARTIAL, {"trafficType": "ON_DEMAND"} | PARTIAL], ids=len)
def test_counts_that_the_last_chunk_leaves_out_are_those_told_before(client, provider, spans, last):
    first, *_, end = wire.chunks()
    told = [{**first, "usageMetadata": FIRST}, {**end, "usageMetadata": last}]
    provider.queue(wire.stream(told))

    list(client.models.generate_content_stream(**ASK))

    # Not the three words of text: the count that they were all of has grown since.
    assert _usage(spans.span()) == KNOWN


def test_nothing_is_sent_before_a_stream_is_read(client, provider, spans):
    stream = client.models.generate_content_stream(**ASK)

    assert (provider.requests, spans.spans()) == ([], [])
    assert iter(stream) is stream


async def test_an_async_stream_that_is_closed_ends_its_span(provider, spans):
    client = genai.Client(api_key="k", http_options={"base_url": provider.url}).aio
    provider.queue(wire.stream(wire.chunks()))

    stream = await client.models.generate_content_stream(**ASK)
    await anext(stream)
    await stream.aclose()

    assert streamed(spans.span()) == expected(
        provider, gen_ai__response__finish_reasons=None, gen_ai__usage__output_tokens=1
    )
    await client.aclose()


def test_candidates_of_a_stream_are_put_together_by_their_index(client, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    told = [
        wire.response(wire.candidate(wire.text("a1"), finish=None, index=0)),
        wire.response(wire.candidate(wire.text("b1"), finish=None, index=1)),
        wire.response(wire.candidate(wire.text("a2"), finish="STOP", index=0)),
        wire.response(wire.candidate(wire.text("b2"), finish="MAX_TOKENS", index=1)),
    ]
    provider.queue(wire.stream(told))

    list(client.models.generate_content_stream(**ASK))

    span = spans.span()
    assert span["gen_ai.response.finish_reasons"] == ("STOP", "MAX_TOKENS")
    assert json.loads(span["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "a1a2"}],
            "finish_reason": "stop",
        },
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "b1b2"}],
            "finish_reason": "length",
        },
    ]


# Chats


def test_a_chat_gives_one_span_per_message(client, provider, spans):
    chat = client.chats.create(model=wire.MODEL)

    chat.send_message("two plus two")
    list(chat.send_message_stream("and three?"))

    assert [span["name"] for span in spans.spans()] == [f"generate_content {wire.MODEL}"] * 2


# Automatic function calling


def the_call(spans: Captured) -> dict[str, Any]:
    """The one span of the model call, beside those of the functions it had run."""
    (span,) = [s for s in spans.spans() if s["gen_ai.operation.name"] == "generate_content"]
    return span


def tools(spans: Captured) -> list[dict[str, Any]]:
    return [s for s in spans.spans() if s["gen_ai.operation.name"] == "execute_tool"]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def rounds(stream: bool = False) -> list[Any]:
    """Answers that call ``add`` twice and then say what it gave: 310 tokens in, 36 out."""
    call = wire.candidate(wire.function_call("add", {"a": 2, "b": 2}))
    answers = [
        wire.response(call, responseId="r1", usageMetadata=wire.usage(100, 10)),
        wire.response(call, responseId="r2", usageMetadata=wire.usage(100, 11, thoughts=2)),
        wire.response(responseId="r3", usageMetadata=wire.usage(110, 13)),
    ]
    return [wire.stream(wire.chunks(a)) if stream else json_answer(a) for a in answers]


def test_the_rounds_of_function_calling_are_one_span_with_their_sum(client, provider, spans):
    provider.queue(*rounds())
    config = types.GenerateContentConfig(tools=[add])

    answer = client.models.generate_content(**ASK, config=config)

    assert answer.usage_metadata.prompt_token_count == 110
    assert config.tools == [add]
    assert len(provider.requests) == 3
    assert the_call(spans) == expected(provider, gen_ai__response__id="r3") | {
        "gen_ai.usage.input_tokens": 310,
        "gen_ai.usage.output_tokens": 36,
        "gen_ai.usage.reasoning.output_tokens": 2,
    }


@pytest.mark.parametrize("stream", [False, True])
def test_searches_of_every_round_are_added_up(client, provider, spans, stream):
    call = wire.candidate(wire.function_call("add", {"a": 2, "b": 2}))
    asked = ({"webSearchQueries": ["a", "b"]}, {"webSearchQueries": ["a"]})
    candidates = zip((call, wire.candidate(wire.text())), asked, strict=True)
    answers = [wire.response({**said, "groundingMetadata": found}) for said, found in candidates]
    provider.queue(*[wire.stream(wire.chunks(a)) if stream else json_answer(a) for a in answers])

    models = client.models
    ask = models.generate_content_stream if stream else models.generate_content
    list(ask(**ASK, config={"tools": [add]}))

    assert the_call(spans)["otel_llm.usage.web_searches"] == 3


async def test_the_rounds_of_async_function_calling_are_added_up(provider, spans):
    client = genai.Client(api_key="k", http_options={"base_url": provider.url}).aio

    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    provider.queue(*rounds())
    await client.models.generate_content(**ASK, config={"tools": [add]})

    assert tokens(the_call(spans)) == (310, 36)
    await client.aclose()


def test_the_rounds_of_a_stream_are_added_up(client, provider, spans):
    provider.queue(*rounds(stream=True))

    list(client.models.generate_content_stream(**ASK, config={"tools": [add]}))

    span = streamed(the_call(spans))
    assert tokens(span) == (310, 36)
    assert span["gen_ai.response.id"] == "r3"
    assert span["gen_ai.response.finish_reasons"] == ("STOP",)


def test_counts_that_the_last_chunk_of_a_round_leaves_out_are_added_up_too(client, provider, spans):
    call = wire.candidate(wire.thought(), wire.function_call("add", {"a": 2, "b": 2}))
    thought, *_, called = wire.chunks(wire.response(call, responseId="r1"))
    told = [{**thought, "usageMetadata": FIRST}, {**called, "usageMetadata": PARTIAL}]
    provider.queue(wire.stream(told), wire.stream(wire.chunks()))

    list(client.models.generate_content_stream(**ASK, config={"tools": [add]}))

    assert tokens(the_call(spans)) == (100 + 11, 20 + 40 + 5)


async def test_the_rounds_of_an_async_stream_are_added_up(provider, spans):
    client = genai.Client(api_key="k", http_options={"base_url": provider.url}).aio
    provider.queue(*rounds(stream=True))

    stream = await client.models.generate_content_stream(**ASK, config={"tools": [add]})
    _ = [chunk async for chunk in stream]

    assert tokens(streamed(the_call(spans))) == (310, 36)
    await client.aclose()


def test_rounds_that_were_billed_before_an_error_are_counted(client, provider, spans):
    first, *_ = rounds()
    provider.queue(first, *[wire.error(400)] * 2)

    with pytest.raises(errors.ClientError):
        client.models.generate_content(**ASK, config={"tools": [add]})

    span = the_call(spans)
    assert (span["status"], span["error.type"], tokens(span)) == ("ERROR", "400", (100, 10))


def test_a_stream_with_rounds_that_is_dropped_counts_what_came(client, provider, spans):
    provider.queue(*rounds(stream=True))

    stream = client.models.generate_content_stream(**ASK, config={"tools": [add]})
    for chunk in stream:
        if chunk.text:
            break
    del stream, chunk
    gc.collect()

    assert tokens(the_call(spans)) == (310, 24)


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_asked_inside_a_function_has_a_span_of_its_own(client, provider, spans, stream):
    def consult() -> str:
        """Ask another model."""
        return client.models.generate_content(model="inner", contents="2+2").text

    call = wire.candidate(wire.function_call("consult"))
    asked = wire.response(call, responseId="r1", usageMetadata=wire.usage(100, 10))
    inner = json_answer(wire.response(usageMetadata=wire.usage(3, 4)))
    last = wire.response(responseId="r2", usageMetadata=wire.usage(110, 13))
    if stream:
        provider.queue(wire.stream(wire.chunks(asked)), inner, wire.stream(wire.chunks(last)))
        list(client.models.generate_content_stream(**ASK, config={"tools": [consult]}))
    else:
        provider.queue(json_answer(asked), inner, json_answer(last))
        client.models.generate_content(**ASK, config={"tools": [consult]})

    nested, function, outer = spans.finished
    inner_span, _, outer_span = spans.spans()
    assert (tokens(inner_span), tokens(outer_span)) == ((3, 4), (210, 23))
    assert nested.parent.span_id == function.context.span_id
    assert function.parent.span_id == outer.context.span_id


def test_one_config_used_three_times_calls_its_function_once_per_round(client, provider, spans):
    called: list[int] = []

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        called.append(a)
        return a + b

    config = types.GenerateContentConfig(tools=[add])
    for _ in range(3):
        provider.queue(*rounds())
        client.models.generate_content(**ASK, config=config)

    assert (len(called), len(tools(spans)), len(spans.spans())) == (6, 6, 9)


def test_an_exception_in_a_function_is_told_to_the_model_as_without_us(client, provider, spans):
    def fail() -> str:
        """Fail."""
        raise RuntimeError("out of order")

    call = wire.candidate(wire.function_call("fail"))
    provider.queue(json_answer(wire.response(call)), json_answer(wire.response()))

    client.models.generate_content(**ASK, config={"tools": [fail]})

    sent = provider.requests[1].json()["contents"][-1]["parts"][0]["functionResponse"]
    assert "out of order" in sent["response"]["error"]
    (run,) = tools(spans)
    assert (run["status"], run["error.type"]) == ("ERROR", "RuntimeError")
    assert the_call(spans)["status"] == "UNSET"


@pytest.mark.parametrize("capture", ["NO_CONTENT", "SPAN_ONLY"])
def test_each_run_of_a_function_is_a_span(client, provider, instrument, capture):
    spans = instrument(capture=capture)
    provider.queue(*rounds())

    client.models.generate_content(**ASK, config={"tools": [add]})

    content = {
        "gen_ai.tool.call.arguments": '{"a":2,"b":2}',
        "gen_ai.tool.call.result": '{"result":4}',
    }
    run = {
        "name": "execute_tool add",
        "kind": "INTERNAL",
        "status": "UNSET",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Add two numbers.",
    }
    assert tools(spans) == [run | (content if capture == "SPAN_ONLY" else {})] * 2


# Embeddings


def test_embeddings_tell_their_size_and_never_their_numbers(client, provider, spans):
    provider.queue(json_answer(wire.embeddings(2, dimensions=4)))

    client.models.embed_content(
        model="gemini-embedding-001",
        contents=["two", "plus"],
        config={"output_dimensionality": 4},
    )

    assert spans.span() == {
        "name": "embeddings gemini-embedding-001",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gemini-embedding-001",
        "gen_ai.embeddings.dimension.count": 4,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
    }


def test_embeddings_of_vertex_add_up_the_tokens_of_each_text(provider, spans):
    with genai.Client(
        vertexai=True,
        project="p",
        location="l",
        credentials=Credentials(token="t"),
        http_options={"base_url": provider.url},
    ) as client:
        provider.queue(json_answer(wire.predictions(2, tokens=4)))
        client.models.embed_content(model="text-embedding-005", contents=["two", "plus"])

    span = spans.span()
    assert span["gen_ai.usage.input_tokens"] == 8
    assert span["gen_ai.embeddings.dimension.count"] == 3


# Interactions


TURN = {
    "model": wire.MODEL,
    "input": "two plus two",
    "generation_config": {"temperature": 0.5, "max_output_tokens": 9},
    "previous_interaction_id": "int-0",
}


def turn(provider: FakeProvider) -> dict[str, Any]:
    return expected(provider, gen_ai__response__id="int-1") | {
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.previous_response.id": "int-0",
        "gen_ai.response.finish_reasons": ("completed",),
        "gen_ai.usage.input_tokens": 14,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 4,
    }


def test_an_interaction_becomes_one_whole_span(client, provider, spans):
    assert client.interactions.create(**TURN).id == "int-1"

    assert spans.span() == turn(provider)


def test_a_streamed_interaction_gives_the_same_span(client, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")

    kinds = [event.event_type for event in client.interactions.create(**TURN, stream=True)]

    assert (kinds[0], kinds[-1]) == ("interaction.created", "interaction.completed")
    span = streamed(spans.span())
    assert json.loads(span.pop("gen_ai.input.messages"))[0]["parts"][0]["content"] == TURN["input"]
    assert json.loads(span.pop("gen_ai.output.messages")) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": wire.TEXT}],
            "finish_reason": "stop",
        }
    ]
    assert span == turn(provider)


@pytest.mark.filterwarnings("ignore:Async interactions client cannot use aiohttp")
async def test_an_async_interaction_gives_the_same_span(provider, spans):
    client = genai.Client(api_key="k", http_options={"base_url": provider.url}).aio

    await client.interactions.create(**TURN)
    _ = [event async for event in await client.interactions.create(**TURN, stream=True)]

    plain, stream = spans.spans()
    assert plain == turn(provider)
    assert streamed(stream) == turn(provider)
    await client.aclose()


def test_tokens_of_an_interaction_are_told_by_modality_and_so_are_its_searches(
    client, provider, spans
):
    told = {
        "input_tokens_by_modality": [{"modality": "text", "tokens": 8}, {"modality": "audio"}],
        "tool_use_tokens_by_modality": [{"modality": "text", "tokens": 3}],
        "output_tokens_by_modality": [{"modality": "image", "tokens": 5}],
        "cached_tokens_by_modality": [
            {"modality": "text", "tokens": 4},
            {"modality": "video", "tokens": 1},
        ],
    }
    ran = [{"type": "google_search", "count": 2}, {"type": "google_maps", "count": 1}]
    told["grounding_tool_count"] = ran
    answer = wire.interaction()
    provider.queue(json_answer({**answer, "usage": {**answer["usage"], **told}}))

    client.interactions.create(**TURN)

    assert spans.span() == turn(provider) | {
        "otel_llm.usage.web_searches": 2,
        "gen_ai.usage.text.input_tokens": 11,
        "gen_ai.usage.image.output_tokens": 5,
        "gen_ai.usage.text.cache_read.input_tokens": 4,
    }


@pytest.mark.parametrize(
    ("asked", "output_type"),
    [
        ({"response_modalities": ["text", "audio"]}, "speech"),
        ({"response_format": {"type": "image"}}, "image"),
        ({"response_format": [{"type": "text", "mime_type": "application/json"}]}, "json"),
        ({"response_format": {"type": "object", "properties": {}}}, "json"),
        ({"response_mime_type": "text/plain"}, "text"),
        ({"response_modalities": ["text"]}, None),
    ],
)
def test_the_output_of_an_interaction_is_what_was_asked_for(client, spans, asked, output_type):
    client.interactions.create(**TURN, **asked)

    assert spans.span().get("gen_ai.output.type") == output_type


def updated(status: str, **fields: Any) -> dict[str, Any]:
    return {
        "event_type": "interaction.status_update",
        "interaction_id": "int-1",
        "status": status,
        **fields,
    }


def test_an_interaction_may_end_by_an_update_of_its_status(client, provider, spans):
    opened, *_, done = wire.interaction_events()
    used = {"total_input_tokens": 11, "total_output_tokens": 2}
    partly = updated("in_progress", usage={**used, "total_output_tokens": 1})
    provider.queue(
        sse([opened, partly, updated("budget_exceeded", usage=used)]),
        sse([updated("failed")]),
        sse([opened, partly, done]),
    )

    for _ in range(3):
        _ = list(client.interactions.create(**TURN, stream=True))

    stopped, failed, completed = spans.spans()
    assert stopped["gen_ai.response.finish_reasons"] == ("budget_exceeded",)
    assert tokens(stopped) == (11, 2)
    assert (failed["status"], failed["error.type"]) == ("ERROR", "failed")
    assert failed["gen_ai.response.id"] == "int-1"
    assert tokens(completed) == (14, 7)


def test_tokens_of_every_hop_count_however_it_ended(client, provider, spans):
    opened, *_, done = wire.interaction_events()
    bare = {name: said for name, said in done["interaction"].items() if name != "usage"}
    silent = {**done, "interaction": {"id": bare["id"], "status": "completed"}}
    used = {"total_input_tokens": 11, "total_output_tokens": 2}
    first = updated("requires_continuation", usage=used)
    provider.queue(sse([opened, first, opened, done]), sse([opened, first, silent]))

    for _ in range(2):
        _ = list(client.interactions.create(**TURN, stream=True))

    continued, ended = spans.spans()
    assert tokens(continued) == (11 + 14, 2 + 7)
    assert tokens(ended) == (11, 2)
    assert ended["gen_ai.response.model"] == wire.MODEL


@pytest.mark.filterwarnings("ignore:Interaction stopped before completion")
def test_an_interaction_that_is_to_be_continued_says_so(client, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    provider.queue(json_answer(wire.interaction(status="requires_continuation")))

    client.interactions.create(**TURN)

    span = spans.span()
    assert span["gen_ai.response.finish_reasons"] == ("requires_continuation",)
    (message,) = json.loads(span["gen_ai.output.messages"])
    assert message["finish_reason"] == "length"


@pytest.mark.parametrize("streamed", [False, True])
def test_an_interaction_tells_its_service_tier(client, provider, instrument, streamed):
    spans = instrument()
    served = wire.interaction(service_tier="flex")
    opened, *rest, done = wire.interaction_events(served)
    del done["interaction"]["service_tier"]
    provider.queue(sse([opened, *rest, done]) if streamed else json_answer(served))

    answer = client.interactions.create(**TURN, service_tier="flex", stream=streamed)
    _ = list(answer) if streamed else None

    span = spans.span()
    assert span["otel_llm.request.service_tier"] == "flex"
    assert span["otel_llm.response.service_tier"] == "flex"


THOUGHT = {"type": "thought", "summary": [{"type": "text", "text": "Two and two."}]}
CALLED = {"type": "function_call", "id": "c-1", "name": "add", "arguments": {"a": 2}}
SEARCHED = {"type": "google_search_call", "id": "s-1", "arguments": {"queries": ["2+2"]}}
STEPS = [
    {"type": "user_input", "content": [wire.text_block("not said by the model")]},
    THOUGHT,
    SEARCHED,
    {"type": "model_output", "content": [wire.text_block(wire.TEXT)]},
    CALLED,
]
ANSWERED = [
    {"type": "reasoning", "content": "Two and two."},
    {
        "type": "server_tool_call",
        "name": "google_search",
        "server_tool_call": {**SEARCHED},
        "id": "s-1",
    },
    {"type": "text", "content": wire.TEXT},
    {"type": "tool_call", "name": "add", "id": "c-1", "arguments": {"a": 2}},
]
PICTURE = {"type": "image", "data": "aW1n", "mime_type": "image/png"}
TOLD = [
    {"type": "user_input", "content": [wire.text_block("two plus two"), PICTURE]},
    {"type": "model_output", "content": [wire.text_block("Let me see.")]},
    CALLED,
    {"type": "function_result", "call_id": "c-1", "result": "4"},
]


@pytest.mark.parametrize("streamed", [False, True])
def test_the_steps_of_an_interaction_are_captured(client, provider, instrument, streamed):
    spans = instrument(capture="SPAN_ONLY")
    whole = wire.interaction(status="requires_action", steps=STEPS)
    provider.queue(sse(_told(whole)) if streamed else json_answer(whole))
    function = {"type": "function", "name": "add", "description": "Adds.", "parameters": {}}

    answer = client.interactions.create(
        model=wire.MODEL, input=TOLD, tools=[function], stream=streamed
    )
    _ = list(answer) if streamed else answer

    span = spans.span()
    call = {"type": "tool_call", "name": "add", "id": "c-1", "arguments": {"a": 2}}
    picture = {
        "type": "blob",
        "modality": "image",
        "content": "aW1n",
        "mime_type": "image/png",
    }
    assert json.loads(span["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "two plus two"}, picture]},
        {"role": "assistant", "parts": [{"type": "text", "content": "Let me see."}, call]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "response": "4", "id": "c-1"}]},
    ]
    assert json.loads(span["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": ANSWERED, "finish_reason": "tool_call"}
    ]
    assert json.loads(span["gen_ai.tool.definitions"]) == [function]


def _told(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of the steps that the model said, and of a second hop."""
    opened, *_, done = wire.interaction_events({**whole, "steps": []})
    thought, search, output, call = whole["steps"][1:]
    summed = [{"type": "thought_summary", "content": block} for block in thought["summary"]]
    said = [wire.text_block(word) for word in words(wire.TEXT)]
    asked = [{"type": "arguments_delta", "arguments": piece} for piece in ('{"a":', " 2}")]
    first = [
        *_step(0, {"type": "thought"}, [*summed, {"type": "thought_signature"}]),
        *_step(1, search, []),
    ]
    second = [
        *_step(0, {**output, "content": []}, said),
        *_step(1, {**call, "arguments": {}}, asked),
    ]
    return [opened, *first, updated("requires_continuation"), opened, *second, done]


def _step(index: int, step: dict[str, Any], deltas: list[Any]) -> list[dict[str, Any]]:
    return [
        {"event_type": "step.start", "index": index, "step": step},
        *({"event_type": "step.delta", "index": index, "delta": delta} for delta in deltas),
        {"event_type": "step.stop", "index": index},
    ]


def test_an_interaction_in_the_background_has_no_tokens_yet(client, provider, spans):
    begun = wire.interaction(status="in_progress", usage=None, steps=[])
    provider.queue(json_answer(begun))

    client.interactions.create(**TURN, background=True)

    span = spans.span()
    assert (tokens(span), span.get("gen_ai.response.finish_reasons")) == ((None, None), None)


@pytest.fixture
def nothing_awaited(monkeypatch):
    monkeypatch.setattr(google_genai, "_awaited", Awaited())


FETCHED = {
    "name": "fetch_response",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "fetch_response",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.response.id": "int-1",
    "gen_ai.response.model": wire.MODEL,
    "gen_ai.response.finish_reasons": ("completed",),
}


@pytest.mark.usefixtures("nothing_awaited")
def test_fetching_an_interaction_again_has_no_tokens(client, provider, spans):
    assert client.interactions.get("int-1").id == "int-1"
    _ = list(client.interactions.get("int-1", stream=True, last_event_id="e-7"))

    plain, stream = spans.spans()
    where = {"server.address": "127.0.0.1", "server.port": provider.port}
    assert plain == {**FETCHED, **where, "gen_ai.response.status": "completed"}
    assert stream == {**FETCHED, **where, "gen_ai.request.stream_cursor": "e-7"}


@pytest.mark.usefixtures("nothing_awaited")
@pytest.mark.parametrize("streamed", [False, True])
def test_the_end_of_a_background_interaction_is_counted_once(client, provider, spans, streamed):
    begun = wire.interaction(status="in_progress", usage=None, steps=[])
    provider.queue(json_answer(begun), json_answer(begun))

    client.interactions.create(**TURN, background=True)
    client.interactions.get("int-1")
    for _ in range(2):
        fetched = client.interactions.get("int-1", **({"stream": True} if streamed else {}))
        _ = list(fetched) if streamed else fetched

    counted = [(span["name"], *tokens(span)) for span in spans.spans()]
    assert counted[1:] == [
        ("fetch_response", None, None),
        ("generate_content", 14, 7),
        ("fetch_response", None, None),
    ]


@pytest.mark.usefixtures("nothing_awaited")
def test_an_interaction_left_early_is_counted_when_it_is_resumed(client, provider, spans):
    stream = client.interactions.create(**TURN, stream=True)
    next(iter(stream))
    stream.close()
    _ = list(client.interactions.get("int-1", stream=True))

    assert [tokens(span) for span in spans.spans()] == [(None, None), (14, 7)]


@pytest.mark.usefixtures("nothing_awaited")
@pytest.mark.filterwarnings("ignore:Async interactions client cannot use aiohttp")
async def test_fetching_by_an_async_client_is_the_same(provider, spans):
    client = genai.Client(api_key="k", http_options={"base_url": provider.url}).aio

    await client.interactions.get("int-1")
    _ = [event async for event in await client.interactions.get("int-1", stream=True)]

    assert [span["name"] for span in spans.spans()] == ["fetch_response"] * 2
    await client.aclose()


# Content


CONVERSATION: list[Any] = [
    "two plus two",
    types.Part.from_uri(file_uri="https://example.org/a.png", mime_type="image/png"),
    types.Content(
        role="model",
        parts=[
            types.Part(text="Use the tool.", thought=True),
            types.Part(text="A moment."),
            types.Part.from_function_call(name="add", args={"a": 2}),
        ],
    ),
    {"role": "user", "parts": [{"functionResponse": {"name": "add", "response": {"sum": 4}}}]},
    types.Content(
        role="user", parts=[types.Part.from_bytes(data=b"hi", mime_type="application/pdf")]
    ),
]
INPUT = [
    {
        "role": "user",
        "parts": [
            {"type": "text", "content": "two plus two"},
            {
                "type": "uri",
                "modality": "image",
                "uri": "https://example.org/a.png",
                "mime_type": "image/png",
            },
        ],
    },
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Use the tool."},
            {"type": "text", "content": "A moment."},
            {"type": "tool_call", "name": "add", "arguments": {"a": 2}},
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "response": {"sum": 4}}]},
    {
        "role": "user",
        "parts": [
            {
                "type": "blob",
                "modality": "document",
                "content": "aGk=",
                "mime_type": "application/pdf",
            }
        ],
    },
]
ANSWER = wire.response(
    wire.candidate(
        wire.thought(), wire.text(), wire.function_call("add", {"a": 2, "b": 2}, id="f1")
    )
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
                "id": "f1",
                "arguments": {"a": 2, "b": 2},
            },
        ],
        "finish_reason": "stop",
    }
]
DECLARED = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="add",
            description="Adds",
            parameters=types.Schema(
                type=types.Type.OBJECT, properties={"a": types.Schema(type=types.Type.NUMBER)}
            ),
        )
    ]
)


@pytest.mark.parametrize("stream", [False, True])
def test_content_is_captured_in_the_shape_of_the_conventions(client, provider, instrument, stream):
    spans = instrument(capture="SPAN_ONLY")
    config = {
        "system_instruction": "Be brief.",
        "tools": [DECLARED, {"google_search": {}}],
    }
    call = client.models.generate_content_stream if stream else client.models.generate_content
    provider.queue(wire.stream(wire.chunks(ANSWER)) if stream else json_answer(ANSWER))

    list(call(model=wire.MODEL, contents=CONVERSATION, config=config))

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
            "parameters": {"type": "OBJECT", "properties": {"a": {"type": "NUMBER"}}},
        },
        {"type": "google_search", "name": "google_search"},
    ]


def test_work_of_googles_own_tools_is_told(client, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    call = {"toolCall": {"id": "t1", "toolType": "URL_CONTEXT", "args": {"urls": ["u"]}}}
    found = {"toolResponse": {"id": "t1", "toolType": "URL_CONTEXT", "response": {"ok": True}}}
    ended = wire.candidate(call, found, wire.text(), finish="UNEXPECTED_TOOL_CALL")
    provider.queue(json_answer(wire.response(ended)))

    client.models.generate_content(**ASK)

    (message,) = json.loads(spans.span()["gen_ai.output.messages"])
    called = {"type": "URL_CONTEXT", "input": {"urls": ["u"]}}
    answered = {"type": "URL_CONTEXT", "content": {"ok": True}}
    assert message["finish_reason"] == "error"
    assert message["parts"] == [
        {
            "type": "server_tool_call",
            "name": "URL_CONTEXT",
            "id": "t1",
            "server_tool_call": called,
        },
        {
            "type": "server_tool_call_response",
            "id": "t1",
            "server_tool_call_response": answered,
        },
        {"type": "text", "content": wire.TEXT},
    ]


def test_functions_given_as_tools_are_named(client, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")
    provider.queue(json_answer(wire.response()))

    client.models.generate_content(**ASK, config={"tools": [add]})

    assert json.loads(spans.span()["gen_ai.tool.definitions"]) == [
        {"type": "function", "name": "add", "description": "Add two numbers."}
    ]


@pytest.mark.parametrize(
    ("contents", "messages"),
    [
        ("hi", [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
        (("a", "b"), None),
        (types.Part(text="hi"), [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
        ({"text": "hi"}, [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
        ([], None),
        (object(), None),
    ],
    ids=["string", "tuple", "part", "dict", "empty", "nonsense"],
)
def test_contents_in_every_form_reach_the_sdk_and_the_span(
    client, provider, instrument, contents, messages
):
    def told() -> Any:
        try:
            return client.models.generate_content(model=wire.MODEL, contents=contents).text
        except Exception as error:
            return type(error)

    provider.queue(*[json_answer(wire.response())] * 2)
    plain = told()
    spans = instrument(capture="SPAN_ONLY")

    assert told() == plain
    if messages is not None:
        assert json.loads(spans.span()["gen_ai.input.messages"]) == messages


def test_without_content_nothing_that_was_said_is_on_the_span(client, provider, spans):
    provider.queue(json_answer(ANSWER))

    client.models.generate_content(
        model=wire.MODEL, contents=CONVERSATION, config={"system_instruction": "Be brief."}
    )

    assert spans.span() == expected(provider)


def test_after_uninstrument_nothing_is_left_of_us(client, spans):
    original = genai.models.Models.generate_content.__wrapped__
    GoogleGenAIInstrumentor().uninstrument()

    client.models.generate_content(**ASK)

    assert genai.models.Models.generate_content is original
    assert spans.spans() == []


@pytest.mark.parametrize("api_client", [Mock(), SimpleNamespace(vertexai=None)])
def test_a_mock_of_the_connection_names_no_server(spans, api_client):
    answered = types.HttpResponse(headers={}, body=json.dumps(wire.response()))
    api_client.request, api_client._verify_response = Mock(return_value=answered), Mock()

    Models(api_client_=api_client).generate_content(**ASK)

    assert spans.span()["gen_ai.provider.name"] == "gcp.gemini"
    assert "server.address" not in spans.span()


def test_every_finish_reason_of_the_sdk_has_one_of_the_conventions():
    odd = {"FINISH_REASON_UNSPECIFIED", "OTHER", "IMAGE_OTHER", "NO_IMAGE"}

    left = {
        reason.value
        for reason in types.FinishReason
        if output_message([], reason.value)["finish_reason"] not in MEANINGS
    }

    assert left <= odd


MEANINGS = {"stop", "length", "content_filter", "error"}


# Decisions


ODDS: dict[str, Any] = {
    "sure": {"type": "noul", "instructions": "The sum is even."},
    "which": {
        "type": "choice",
        "instructions": "Which?",
        "criteria": {"even": "", "odd": "not even"},
    },
}
since_decisions = pytest.mark.skipif(not hasattr(genai.Client, "decisions"), reason="older SDK")


@since_decisions
def test_decisions_are_counted_and_captured(client, provider, instrument):
    spans = instrument(capture="SPAN_ONLY")

    answer = client.decisions.create(model=wire.MODEL, input="two plus two", questions=ODDS)

    assert answer.answers["which"].choice == "even"
    span = spans.span()
    assert json.loads(span.pop("gen_ai.input.messages")) == [
        {"role": "user", "parts": [{"type": "text", "content": "two plus two"}]},
        {"role": "user", "parts": named(ODDS)},
    ]
    assert json.loads(span.pop("gen_ai.output.messages")) == [
        {"role": "assistant", "parts": named(wire.decision()["answers"]), "finish_reason": "stop"}
    ]
    assert span == decided(provider)


@since_decisions
@pytest.mark.filterwarnings("ignore:Async interactions client cannot use aiohttp")
async def test_an_async_decision_gives_the_same_span(provider, spans):
    client = genai.Client(api_key="k", http_options={"base_url": provider.url}).aio

    await client.decisions.create(model=wire.MODEL, input="two plus two", questions=ODDS)

    assert spans.span() == decided(provider)
    await client.aclose()


@since_decisions
def test_a_refused_decision_ends_for_the_reason_given(client, provider, spans):
    refused = {"prompt_feedback": {"block_reason": "safety"}}
    provider.queue(json_answer(wire.decision(answers={}, **refused)))

    client.decisions.create(model=wire.MODEL, input="two plus two", questions=ODDS)

    assert spans.span()["gen_ai.response.finish_reasons"] == ("safety",)


def named(things: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **thing} for name, thing in things.items()]


def decided(provider: FakeProvider) -> dict[str, Any]:
    left_out = ("id", "model", "finish_reasons")
    return expected(provider, **{f"gen_ai__response__{name}": None for name in left_out}) | {
        "gen_ai.output.type": "json",
        "gen_ai.usage.input_tokens": 14,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 4,
    }
