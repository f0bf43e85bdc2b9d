"""What is Ollama's own; the rest is the contract (``cases.py``)."""

from __future__ import annotations

import json
import sys
from importlib import import_module

import ollama
import pytest

from otel_llm.instrumentation.ollama import OllamaInstrumentor
from otel_llm.testing import FakeProvider, json_answer
from otel_llm.testing import ollama as wire

from .both import got, read

ASK = {"model": "m", "messages": [{"role": "user", "content": "2+2?"}]}


@pytest.fixture
def server():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
def instrument(telemetry):
    def instrument(**settings):
        OllamaInstrumentor().instrument(**telemetry.providers, **settings)

    yield instrument
    OllamaInstrumentor().uninstrument()


@pytest.fixture(params=[ollama.Client, ollama.AsyncClient])
async def client(request, server, instrument):
    instrument(capture="SPAN_ONLY")
    client = request.param(host=server.url)
    yield client
    await got(client._client.close() if request.param is ollama.Client else client._client.aclose())


def messages(telemetry, name="output"):
    return json.loads(telemetry.span()[f"gen_ai.{name}.messages"])


async def test_options_are_request_parameters(client, telemetry):
    options = {
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 40,
        "num_predict": 9,
        "stop": ["a"],
        "seed": 7,
        "presence_penalty": 1,
        "frequency_penalty": 1.5,
        "num_ctx": 4096,
    }

    await got(client.chat("m", ASK["messages"], options=options, format="json", think="low"))

    span = telemetry.span()
    assert {n.removeprefix("gen_ai."): v for n, v in span.items() if ".request." in n} == {
        "request.model": "m",
        "request.temperature": 0.0,
        "request.top_p": 0.5,
        "request.top_k": 40,
        "request.max_tokens": 9,
        "request.stop_sequences": ("a",),
        "request.seed": 7,
        "request.presence_penalty": 1.0,
        "request.frequency_penalty": 1.5,
        "request.reasoning.level": "low",
    }
    assert span["gen_ai.output.type"] == "json"


async def test_counts_that_were_not_sent_are_absent(client, server, telemetry):
    answer = wire.chat()
    del answer["prompt_eval_count"], answer["eval_count"]
    server.queue(json_answer(answer))

    await got(client.chat(**ASK))

    assert not [name for name in telemetry.span() if ".usage." in name]


async def test_thoughts_and_tools_are_parts(client, server, telemetry):
    call = {"function": {"name": "add", "arguments": {"a": 2}}}
    said = {"role": "assistant", "content": "", "thinking": "Adding.", "tool_calls": [call]}
    server.queue(json_answer(wire.chat(message=said)))
    result = {"role": "tool", "content": "4", "tool_name": "add"}

    await got(client.chat("m", [*ASK["messages"], said, result]))

    add = {"type": "tool_call", "name": "add", "arguments": {"a": 2}}
    thought = {"type": "reasoning", "content": "Adding."}
    assert messages(telemetry) == [
        {"role": "assistant", "parts": [thought, add], "finish_reason": "tool_call"}
    ]
    assert messages(telemetry, "input")[1:] == [
        {"role": "assistant", "parts": [thought, add]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "response": "4"}]},
    ]


async def test_a_stream_is_put_together(client, telemetry):
    await read(await got(client.chat(**ASK, stream=True)))

    assert messages(telemetry) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "The answer is four. You wrote 4 words."}],
            "finish_reason": "stop",
        }
    ]


async def test_generate_continues_a_prompt(client, telemetry):
    await got(client.generate("m", "2+2?", system="Be brief."))

    span = telemetry.span()
    assert (span["name"], span["gen_ai.usage.input_tokens"]) == ("text_completion m", 11)
    assert messages(telemetry, "input") == [
        {"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}
    ]
    assert json.loads(span["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief."}
    ]


async def test_both_ways_to_embed_are_spans(client, telemetry):
    await got(client.embed("e", ["a", "b"]))
    await got(client.embeddings("e", "a"))

    assert [
        (s["name"], s["gen_ai.embeddings.dimension.count"], s.get("gen_ai.usage.input_tokens"))
        for s in telemetry.spans()
    ] == [("embeddings e", 3, 4), ("embeddings e", 3, None)]


async def test_an_error_line_in_a_stream_is_an_error(client, server, telemetry):
    server.queue(wire.lines([*wire.chat_chunks()[:2], {"error": "out of memory"}]))

    with pytest.raises(ollama.ResponseError):
        await read(await got(client.chat(**ASK, stream=True)))

    assert telemetry.span()["error.type"] == "ollama._types.ResponseError"


@pytest.fixture
def fresh(server, monkeypatch):
    """The package as it is when it is imported for the first time, for this server."""
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    for name in [name for name in sys.modules if name.partition(".")[0] == "ollama"]:
        monkeypatch.delitem(sys.modules, name)
    yield lambda: import_module("ollama")
    sys.modules["ollama"]._client._client.close()


@pytest.mark.parametrize("imported_first", [True, False])
def test_module_level_functions_are_traced_whenever_the_package_was_imported(
    fresh, instrument, telemetry, imported_first
):
    if imported_first:
        fresh()
    instrument()

    fresh().chat(**ASK)
    fresh().embed("e", "a")

    assert [span["name"] for span in telemetry.spans()] == ["chat m", "embeddings e"]


def test_module_level_functions_are_the_sdks_own_again_after_uninstrument(
    fresh, instrument, telemetry
):
    package = fresh()
    before = package.chat.__func__
    instrument()
    OllamaInstrumentor().uninstrument()

    package.chat(**ASK)

    assert package.chat.__func__ is before
    assert telemetry.spans() == []
