"""LangChain's messages and answers, in the shapes that its packages of models give them."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from otel_llm.instrumentation.shapes import langchain as shape

pytest.importorskip("langchain_core")

from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessageChunk,
    HumanMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatResult, Generation, LLMResult


def answered(about, llm_output=None, info=None, **message):
    said = AIMessage("four", response_metadata=about, **message)
    return ChatResult(
        generations=[ChatGeneration(message=said, generation_info=info)], llm_output=llm_output
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (answered({"finish_reason": "stop", "model_name": "m", "id": "r"}), ("stop", "m", "r")),
        (answered({"stop_reason": "end_turn", "model": "m", "id": "r"}), ("end_turn", "m", "r")),
        (answered({"stopReason": "end_turn", "model_id": "m"}), ("end_turn", "m", None)),
        (answered({"done_reason": "stop", "model": "m"}), ("stop", "m", None)),
        (answered({"finish_reason": "STOP", "model_name": "m"}), ("STOP", "m", None)),
        (answered({}, info={"finish_reason": "length"}), ("length", None, None)),
        (answered({}, {"model_name": "m", "id": "r"}), (None, "m", "r")),
        (answered({"finish_reason": None, "model_name": 7, "id": None}), (None, None, None)),
        (answered({}, id="lc_run--1"), (None, None, None)),
        (answered({}, id="run-1"), (None, None, None)),
        (answered({}, id="chatcmpl-1"), (None, None, "chatcmpl-1")),
    ],
)
def test_reason_model_and_id_are_found_wherever_a_package_puts_them(result, expected):
    found = shape.response(result)

    reason = found.finish_reasons[0] if found.finish_reasons else None
    assert (reason, found.model, found.id) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}, (11, 5, None, None, None)),
        (
            {
                "input_tokens": 11,
                "output_tokens": 5,
                "total_tokens": 16,
                "input_token_details": {"cache_read": 4, "cache_creation": 3},
                "output_token_details": {"reasoning": 2},
            },
            (11, 5, 4, 3, 2),
        ),
        (
            {
                "input_tokens": 11,
                "output_tokens": 5,
                "total_tokens": 16,
                "input_token_details": {
                    "cache_creation": 0,
                    "ephemeral_5m_input_tokens": 2,
                    "ephemeral_1h_input_tokens": 1,
                },
            },
            (11, 5, None, 3, None),
        ),
        ({"input_tokens": 11, "output_tokens": 0, "total_tokens": 11}, (11, 0, None, None, None)),
        ({"input_tokens": 0, "output_tokens": 5, "total_tokens": 5}, (None, 5, None, None, None)),
        ({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, (None,) * 5),
    ],
    ids=["plain", "details", "anthropic's times", "no answer", "input unknown", "all unknown"],
)
def test_tokens_are_those_that_were_billed(told, expected):
    usage = shape.response(answered({}, usage_metadata=told)).usage

    found = (usage.input_tokens, usage.output_tokens, usage.cache_read, usage.cache_write)
    assert (*found, usage.reasoning) == expected


def test_an_older_package_tells_the_tokens_beside_the_answer():
    said = {"token_usage": {"prompt_tokens": 11, "completion_tokens": 5}}

    usage = shape.response(
        LLMResult(generations=[[Generation(text="four")]], llm_output=said)
    ).usage

    assert (usage.input_tokens, usage.output_tokens) == (11, 5)


def test_choices_repeat_the_usage_and_it_counts_once():
    told = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}
    choices = [
        ChatGeneration(message=AIMessage(word, usage_metadata=told)) for word in ("four", "4")
    ]

    result = shape.response(ChatResult(generations=choices))

    assert (result.usage.input_tokens, result.usage.output_tokens) == (11, 5)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
            {"type": "uri", "modality": "image", "uri": "https://x.test/a.png"},
        ),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"},
            },
            {"type": "blob", "modality": "image", "content": "QUJD", "mime_type": "image/png"},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"type": "blob", "modality": "audio", "content": "QUJD", "mime_type": "audio/wav"},
        ),
        (
            {"image": {"format": "png", "source": {"bytes": b"ABC"}}},
            {"type": "blob", "modality": "image", "content": "QUJD", "mime_type": "image/png"},
        ),
        (
            {"type": "media", "mime_type": "video/mp4", "data": "QUJD"},
            {"type": "blob", "modality": "video", "content": "QUJD", "mime_type": "video/mp4"},
        ),
        (
            {"type": "media", "mime_type": "application/pdf", "file_uri": "gs://x/a.pdf"},
            {"type": "uri", "modality": "document", "uri": "gs://x/a.pdf"},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD"}},
            {
                "type": "blob",
                "modality": "document",
                "content": "QUJD",
                "mime_type": "application/pdf",
            },
        ),
        (
            {"type": "own", "value": 7},
            {"type": "own", "value": 7},
        ),
    ],
    ids=["openai", "anthropic", "audio", "bedrock", "google", "google's file", "pdf", "other"],
)
def test_media_of_every_vendor_become_parts_of_the_conventions(block, expected):
    (message,) = shape.input_messages({"messages": [HumanMessage([block])]})

    assert message["parts"] == [expected]


def test_calls_of_tools_and_what_they_gave_are_parts():
    call = {"name": "add", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}
    legacy = {"function_call": {"name": "add", "arguments": '{"a": 1}'}}
    sent = [
        AIMessage("", tool_calls=[call]),
        AIMessage("", additional_kwargs=legacy),
        ToolMessage("2", tool_call_id="call_1"),
    ]

    asked, before, told = shape.input_messages({"messages": sent})

    part = {"type": "tool_call", "name": "add", "arguments": {"a": 1}}
    assert asked["parts"] == [{**part, "id": "call_1"}]
    assert before["parts"] == [part]
    assert told == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "response": "2", "id": "call_1"}],
    }


CALL = {"name": "add", "args": {}, "id": "c", "type": "tool_call"}
BESIDE = {"additional_kwargs": {"refusal": "No."}}


@pytest.mark.parametrize(
    "said",
    [
        {"content": "", **BESIDE},
        {"content": "", "tool_calls": [CALL], **BESIDE},
        {"content": [{"type": "refusal", "refusal": "No."}]},
    ],
    ids=["beside", "beside, with a call", "block"],
)
def test_a_refusal_is_a_part_wherever_it_stands(said):
    refused = AIMessage(**said, response_metadata={"model_provider": "openai"})

    (message,) = shape.input_messages({"messages": [refused]})

    calls = [part for part in message["parts"] if part["type"] == "tool_call"]
    assert len(calls) == len(said.get("tool_calls", ()))
    assert [part for part in message["parts"] if part not in calls] == [
        {"type": "refusal", "content": "No."}
    ]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (Document("x", id="d1", metadata={"score": 0.5}), {"id": "d1", "score": 0.5}),
        (Document("x", metadata={"score": 0}), {"score": 0.0}),
        (Document("x", metadata={"relevance_score": 0.25}), {"score": 0.25}),
        (Document("x", metadata={"score": math.nan}), {}),
        (Document("x", metadata={"score": math.inf}), {}),
        (Document("x", metadata={"score": "best"}), {}),
        (SimpleNamespace(id="d2", metadata={"score": 1}), {"id": "d2", "score": 1.0}),
        (SimpleNamespace(page_content="x"), {}),
        (None, {}),
    ],
)
def test_a_document_is_its_id_and_a_score_that_is_a_number(document, expected):
    assert shape.documents([document]) == [expected]


def test_the_mark_at_the_end_of_a_stream_is_no_chunk_of_it():
    stream = shape.ChunkStream()
    told = {"input_tokens": 11, "output_tokens": 5, "total_tokens": 16}

    assert stream.feed(AIMessageChunk("four")) is None
    assert stream.feed(AIMessageChunk("", usage_metadata=told, chunk_position="last")) is None
    assert stream.feed(AIMessageChunk("", chunk_position="last")) is False
    assert stream.response().usage.input_tokens == 11


def test_the_chunks_of_a_long_answer_are_added_up_at_once():
    sums = []

    class Counted(AIMessageChunk):
        def __add__(self, other: Any) -> Any:
            sums.append(other)
            return super().__add__(other)

    def piece(said: str) -> Any:
        called = {"name": None, "args": said, "id": None, "index": 0}
        return Counted(content=said, id="run-1", tool_call_chunks=[called])

    stream = shape.ChunkStream(content=True)
    for said in ["a", "b", "c"] * 100:
        stream.feed(piece(said))

    [message] = stream.output_messages()
    assert (len(sums), message["parts"][0]["content"]) == (1, "abc" * 100)


@pytest.mark.parametrize(
    "chunks",
    [
        ["a", "b", "c"],
        [ChatMessageChunk(role="poet", content=said) for said in "abc"],
        [AIMessageChunk("a"), ChatMessageChunk(role="poet", content="b"), AIMessageChunk("c")],
    ],
)
def test_chunks_that_cannot_be_added_up_at_once_are_added_one_by_one(chunks: list[Any]):
    stream = shape.ChunkStream(content=True)
    for chunk in chunks:
        stream.feed(chunk)

    [message] = stream.output_messages()
    assert message["parts"][0]["content"] == "abc"
