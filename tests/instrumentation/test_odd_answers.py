"""Answers that are none: what they do not say is not on the span, and what failed is an error."""

from __future__ import annotations

from types import SimpleNamespace

import anthropic
import pytest
from langchain_core.messages import AIMessage

from otel_llm.genai import Request
from otel_llm.instrumentation import mistral, ollama
from otel_llm.instrumentation.anthropic import AnthropicInstrumentor
from otel_llm.instrumentation.core.attributes import add_request, add_response
from otel_llm.instrumentation.qdrant import _found
from otel_llm.instrumentation.shapes import (
    chat_completions,
    chat_messages,
    invoke_model,
    langchain,
    messages,
    rerank,
)
from otel_llm.instrumentation.shapes.rerank import ranked
from otel_llm.testing import Answer, FakeProvider, captured, json_answer
from tests.messages import content_problems

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "2+2?"}]}
_FAILED = {"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}


@pytest.mark.parametrize("capture", ["SPAN_ONLY", "NO_CONTENT"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer((b"<html>Sorry</html>",), content_type="text/html"), {"status": "UNSET"}),
        (json_answer({}), {"status": "UNSET"}),
        (json_answer(_FAILED), {"status": "ERROR", "error.type": "overloaded_error"}),
    ],
    ids=["a page of a proxy", "nothing", "an error with status 200"],
)
def test_an_answer_that_is_none_has_no_message(answer, expected, capture):
    with FakeProvider() as provider, captured() as telemetry:
        provider.queue(answer)
        AnthropicInstrumentor().instrument(**telemetry.providers, capture=capture)
        try:
            with anthropic.Anthropic(base_url=provider.url, api_key="k", max_retries=0) as client:
                client.messages.create(**ASK)
        finally:
            AnthropicInstrumentor().uninstrument()

        told = {k: v for k, v in telemetry.span().items() if not k.startswith(("server.", "name"))}
        asked = {"gen_ai.request.model": "m", "gen_ai.request.max_tokens": 9, "kind": "CLIENT"}
        known = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic"}
        told.pop("gen_ai.input.messages", None)
        assert told == {**asked, **known, **expected}
        duration = telemetry.points("gen_ai.client.operation.duration")[0].attributes
        assert duration.get("error.type") == expected.get("error.type")


def test_an_error_with_status_200_is_one_where_only_metrics_are_looked_at():
    assert messages.measured(_FAILED).error_type == "overloaded_error"
    assert messages.measured({"usage": {"input_tokens": 1}}).error_type is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SimpleNamespace(status_code=429), "429"),
        (SimpleNamespace(status_code=200), None),  # no JSON where some was due
        (SimpleNamespace(status_code=None), None),
    ],
    ids=["refused", "no JSON", "no answer"],
)
def test_a_status_of_success_is_no_name_of_an_error(error, expected):
    assert mistral._status(error) == expected


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        ("QUJD", {"type": "blob", "modality": "audio", "content": "QUJD"}),
        ("https://x/a.wav", {"type": "uri", "modality": "audio", "uri": "https://x/a.wav"}),
        (
            "data:audio/wav;base64,QUJD",
            {"type": "blob", "modality": "audio", "content": "QUJD", "mime_type": "audio/wav"},
        ),
        (
            {"data": "QUJD", "format": "wav"},
            {"type": "blob", "modality": "audio", "content": "QUJD", "mime_type": "audio/wav"},
        ),
    ],
    ids=["base64", "address", "data", "OpenAI's"],
)
def test_sound_is_media_however_a_host_writes_it(sound, expected):
    assert chat_messages.content_parts([{"type": "input_audio", "input_audio": sound}]) == [
        expected
    ]


_SEARCHED = [{"type": "web_search_result", "url": "u", "title": "t"}]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            AIMessage(
                [
                    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
                    {"type": "web_search_tool_result", "tool_use_id": "s", "content": _SEARCHED},
                ],
                response_metadata={"model_provider": "anthropic"},
            ),
            [
                {
                    "type": "server_tool_call",
                    "name": "web_search",
                    "server_tool_call": {"type": "web_search", "input": {"q": 1}},
                    "id": "s",
                },
                {
                    "type": "server_tool_call_response",
                    "server_tool_call_response": {"type": "web_search", "content": _SEARCHED},
                    "id": "s",
                },
            ],
        ),
        (
            AIMessage(
                "", invalid_tool_calls=[{"name": "f", "args": "{no", "id": "c", "error": "x"}]
            ),
            [{"type": "tool_call", "name": "f", "arguments": "{no", "id": "c"}],
        ),
    ],
    ids=["tools of the provider", "arguments that are no JSON"],
)
def test_calls_of_every_kind_are_parts_of_the_conventions(message, expected):
    (said,) = langchain.input_messages({"messages": [message]})

    assert said["parts"] == expected
    assert list(content_problems("gen_ai.input.messages", [said])) == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 1}, (3, 2, 1)),
        ({"cache_creation": 0, "ephemeral_5m_input_tokens": 2}, (2, 2, None)),
        (
            {
                "cache_creation": 7,
                "ephemeral_5m_input_tokens": 0,
                "ephemeral_1h_input_tokens": 0,
            },
            (7, None, None),
        ),
        ({"cache_creation": 7}, (7, None, None)),
    ],
    ids=["both times", "one time", "times that say nothing", "no times"],
)
def test_what_was_written_to_the_cache_is_told_by_how_long_it_stays(told, expected):
    usage = langchain.usage({"input_tokens": 11, "output_tokens": 5, "input_token_details": told})

    assert (usage.cache_write, usage.cache_write_5m, usage.cache_write_1h) == expected


def test_an_image_beside_a_prompt_is_said_to_be_there():
    (asked,) = ollama._prompt({"prompt": "What is it?", "images": [b"PNG", "/tmp/b.png"]})

    image = {"type": "image"}
    assert asked["parts"] == [{"type": "text", "content": "What is it?"}, image, image]


COUNTED = {"prompt_tokens": 5, "completion_tokens": 7}
TOKENS = {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 7}
HUGE = 10**400
"""JSON may say it, and no double holds it."""
STUCK = "[" * 100_000
"""What a model says that cannot stop."""


@pytest.mark.parametrize("content", [False, True])
@pytest.mark.parametrize("index", [[], {}, [1]])
def test_an_index_that_is_none_costs_a_stream_neither_tokens_nor_words(index, content):
    stream = chat_completions.ChatStream(content)

    for said, reason in (("4", None), ("2", "stop")):
        choice = {"index": index, "delta": {"content": said}, "finish_reason": reason}
        stream.feed({"id": "a", "choices": [choice], "usage": COUNTED})

    found = {}
    add_response(found, stream.response())
    assert found == {
        "gen_ai.response.id": "a",
        "gen_ai.response.finish_reasons": ("stop",),
        **TOKENS,
    }
    words = [{"type": "text", "content": "42"}] if content else []
    assert [message["parts"] for message in stream.output_messages()] == [words]


@pytest.mark.parametrize(
    "said", [{"cost": HUGE}, {"cost": {"total_cost": HUGE}}, {"cost_in_usd_ticks": HUGE}]
)
def test_a_cost_beyond_all_numbers_is_none_and_costs_no_tokens(said):
    found = {}

    add_response(found, chat_completions.response({"usage": {**COUNTED, **said}}))

    assert found == TOKENS


def test_a_parameter_beyond_all_numbers_is_left_out_alone():
    found = {}

    add_request(found, Request(temperature=HUGE, top_p=0.5))

    assert found == {"gen_ai.request.top_p": 0.5}


def test_a_score_beyond_all_numbers_leaves_its_document_and_the_others():
    answer = {"results": [{"index": 0, "relevance_score": HUGE}, {"index": 1}]}

    assert rerank.documents(answer) == [{"id": "0"}, {"id": "1"}]
    found = [SimpleNamespace(id="a", metadata={"score": HUGE}), SimpleNamespace(id="b")]
    assert langchain.documents(found) == [{"id": "a"}, {"id": "b"}]
    assert ranked("a", HUGE) == {"id": "a"}


@pytest.mark.parametrize("answer", [[], [[]], (), [[], [SimpleNamespace(id=1, score=0.5)]]])
def test_a_search_of_qdrant_that_found_nothing_ends(answer):
    assert list(_found(answer)) == ([(1, 0.5)] if len(answer) > 1 else [])


def test_arguments_of_a_model_that_is_stuck_stay_text():
    call = {"id": "1", "function": {"name": "f", "arguments": STUCK}}

    told = chat_messages.assistant_message({"tool_calls": [call]}, "length")

    assert told["parts"] == [{"type": "tool_call", "name": "f", "id": "1", "arguments": STUCK}]
    assert invoke_model.body_of(STUCK) == {}
