"""Readers of the wire shapes: dicts, models and namespaces alike, and nothing harms them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.responses import Response as OpenAIResponse

from otel_llm.genai import Response, Usage
from otel_llm.instrumentation.shapes import chat_completions as chat
from otel_llm.instrumentation.shapes import (
    completions,
    decisions,
    embeddings,
    images,
    responses,
    speech,
    transcription,
)
from otel_llm.instrumentation.shapes.values import total
from otel_llm.testing import openai as wire
from tests.messages import content_problems

SHAPES = [chat.CHAT, responses.RESPONSES, embeddings.EMBEDDINGS, completions.COMPLETIONS]
SHAPES += [images.IMAGES, transcription.TRANSCRIPTION, speech.SPEECH]
SHAPES += [decisions.DECISIONS, decisions.GOOGLE_DECISIONS]
NAMES = ["chat", "responses", "embeddings", "completions", "images", "transcription", "speech"]
NAMES += ["decisions", "google_decisions"]
quickly = settings(max_examples=50)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=NAMES)


def namespace(value):
    """Return JSON as namespaces, the way a raw body reaches a reader."""
    return json.loads(json.dumps(value), object_hook=lambda fields: SimpleNamespace(**fields))


def checked(name, value):
    """Return content after checking it against the conventions' schema."""
    assert list(content_problems(f"gen_ai.{name}", value)) == []
    return value


@pytest.mark.parametrize(
    "form", [dict, namespace, ChatCompletion.model_validate], ids=["dict", "namespace", "model"]
)
def test_a_chat_completion_reads_the_same_in_every_form(form):
    answer = form(wire.completion(wire.choice("four", "length")))

    assert chat.response(answer) == Response(
        "chatcmpl-1", "gpt-4o-mini-2024-07-18", ["length"], Usage(11, 5)
    )
    assert chat.output_messages(answer) == [said("assistant", "four", finish_reason="length")]


@pytest.mark.parametrize(
    "form", [dict, namespace, OpenAIResponse.model_validate], ids=["dict", "namespace", "model"]
)
def test_a_response_reads_the_same_in_every_form(form):
    answer = form(wire.response(wire.output_message(wire.output_text("four"))))

    assert responses.response(answer).usage == Usage(11, 5, 0, 0, reasoning=0)
    assert responses.output_messages(answer) == [said("assistant", "four", finish_reason="stop")]


def said(role, text, **more):
    return {"role": role, "parts": [{"type": "text", "content": text}], **more}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage()),
        ({}, Usage()),
        ({"prompt_tokens": 3}, Usage(3)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(0, 0)),
        ({"prompt_tokens": 3.0, "completion_tokens": 2.5}, Usage(3)),
        ({"prompt_tokens": True, "completion_tokens": "7"}, Usage()),
        ({"prompt_tokens": -1, "completion_tokens": -9}, Usage()),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, Usage(9, cache_read=4)),
        ({"prompt_tokens": 9, "cached_tokens": 4}, Usage(9, cache_read=4)),
        (
            {
                "prompt_tokens": 15,
                "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 2,
            },
            Usage(15, cache_read=3, cache_write=2),
        ),
    ],
    ids=str,
)
def test_usage_is_what_the_host_said_and_nothing_else(usage, expected):
    assert chat.usage(usage) == expected


@pytest.mark.parametrize(
    ("whole", "apart", "sum"),
    [
        (3, (4, None), 7),
        (3.0, (4.0, 0), 7),
        (0, (), 0),
        (None, (4,), None),
        ("3", ("4",), None),
        (-9, (10,), None),
        (2.5, (0.5,), None),
        (True, (1,), None),
        (3, (-1, True, "4", 2.5, [4], {}), 3),
    ],
    ids=str,
)
def test_only_counts_are_added_up(whole, apart, sum):
    assert total(whole, *apart) == sum


def test_adding_up_changes_nothing_that_was_given():
    odd = [1]

    assert total(odd, [2]) is None
    assert odd == [1]


@pytest.mark.parametrize(("whole", "output"), [(135, 103), (41, 9)])
def test_reasoning_that_a_host_counts_apart_is_part_of_the_output(whole, output):
    usage = {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": whole}
    usage["completion_tokens_details"] = {"reasoning_tokens": 94}

    assert chat.usage(usage).output_tokens == output


def test_groq_tells_usage_under_a_name_of_its_own():
    stream = chat.ChatStream()
    stream.feed(namespace(wire.chunk(wire.delta("hi"))))
    stream.feed(namespace(wire.chunk(x_groq={"id": "r", "usage": wire.usage(3, 2)})))

    assert stream.response().usage == Usage(3, 2)


def test_a_host_that_counts_along_is_right_at_the_end():
    stream = chat.ChatStream()
    for tokens in (1, 2, 3):
        stream.feed(namespace(wire.chunk(wire.delta("x"), usage=wire.usage(7, tokens))))

    assert stream.response().usage == Usage(7, 3)


@pytest.mark.parametrize("arguments", ["", None, "{", '{"a": 1}', {"a": 1}, 5], ids=repr)
def test_a_tool_call_of_any_arguments_is_a_part(arguments):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}

    (read,) = checked("input.messages", chat.CONTENT.input_messages({"messages": [message]}))

    (part,) = read["parts"]
    decoded = {"a": 1} if arguments == '{"a": 1}' else arguments
    assert part.get("arguments") == decoded


PNG = "data:image/png;base64,aGk="
MESSAGES = [
    {"role": "developer", "content": "Be brief."},
    {
        "role": "user",
        "name": "ann",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "https://e.org/a.png"}},
            {"type": "image_url", "image_url": {"url": PNG}},
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk="}},
            {"type": "hologram", "x": 1, "y": None},
        ],
    },
    {"role": "assistant", "content": None, "audio": {"id": "audio_1"}},
    ChatCompletionMessage(
        role="assistant", content="hm", tool_calls=[wire.tool_call("f", '{"a": 1}')]
    ),
    {"role": "tool", "tool_call_id": "call_1", "content": "4"},
    {"role": "assistant", "reasoning_content": "think", "content": "four"},
    {"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}},
]
READ = [
    said("developer", "Be brief."),
    {
        "role": "user",
        "name": "ann",
        "parts": [
            {"type": "text", "content": "What is this?"},
            {"type": "uri", "modality": "image", "uri": "https://e.org/a.png"},
            {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": "image/png"},
            {"type": "blob", "modality": "audio", "content": "aGk=", "mime_type": "audio/wav"},
            {"type": "file", "modality": "document", "file_id": "file_1"},
            {
                "type": "blob",
                "modality": "document",
                "content": "aGk=",
                "mime_type": "application/pdf",
            },
            {"type": "hologram", "x": 1},
        ],
    },
    {
        "role": "assistant",
        "parts": [{"type": "file", "modality": "audio", "file_id": "audio_1"}],
    },
    {
        "role": "assistant",
        "parts": [
            {"type": "text", "content": "hm"},
            {"type": "tool_call", "name": "f", "id": "call_1", "arguments": {"a": 1}},
        ],
    },
    {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "response": "4", "id": "call_1"}],
    },
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "think"},
            {"type": "text", "content": "four"},
        ],
    },
    {"role": "assistant", "parts": [{"type": "tool_call", "name": "old", "arguments": {}}]},
]


def test_every_kind_of_chat_message_is_read():
    assert checked("input.messages", chat.CONTENT.input_messages({"messages": MESSAGES})) == READ


def test_audio_of_an_answer_is_media_with_its_words():
    audio = {"id": "audio_1", "data": "aGk=", "transcript": "four", "expires_at": 1}
    answer = namespace(wire.completion(wire.choice(None, audio=audio)))

    (message,) = checked("output.messages", chat.output_messages(answer))

    assert message["parts"] == [
        {"type": "blob", "modality": "audio", "content": "aGk="},
        {"type": "text", "content": "four"},
    ]


ITEMS = [
    {"role": "user", "content": "hello"},
    {
        "type": "message",
        "role": "user",
        "content": [
            {"type": "input_text", "text": "hi"},
            {"type": "input_image", "image_url": PNG},
            {"type": "input_image", "file_id": "file_1"},
            {"type": "input_file", "file_url": "https://e.org/a.pdf"},
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        ],
    },
    {"type": "custom_tool_call", "name": "sh", "input": "ls", "call_id": "c1"},
    {"type": "custom_tool_call_output", "call_id": "c1", "output": "a.txt"},
    {"type": "computer_call", "call_id": "c2", "id": "cu_1", "action": {"type": "click"}},
    {"type": "computer_call_output", "call_id": "c2", "output": {"type": "x"}},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"},
    {"type": "item_reference", "id": "msg_1"},
    {
        "type": "function_call_output",
        "call_id": "c4",
        "output": [
            {"type": "input_text", "text": "hi"},
            {"type": "input_image", "image_url": PNG},
        ],
    },
    {"type": "computer_call_output", "call_id": "c3", "output": {"image_url": PNG}},
    {"type": "image_generation_call", "id": "ig_1", "result": "aGk=", "output_format": "png"},
    {"type": "image_generation_call", "id": "ig_2", "status": "failed", "result": None},
]
ITEM_PARTS = [
    [{"type": "text", "content": "hello"}],
    [
        {"type": "text", "content": "hi"},
        {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": "image/png"},
        {"type": "file", "modality": "image", "file_id": "file_1"},
        {"type": "uri", "modality": "document", "uri": "https://e.org/a.pdf"},
        {"type": "blob", "modality": "audio", "content": "aGk=", "mime_type": "audio/mp3"},
    ],
    [{"type": "tool_call", "name": "sh", "id": "c1", "arguments": "ls"}],
    [{"type": "tool_call_response", "response": "a.txt", "id": "c1"}],
    [{"type": "server_tool_call", "name": "computer", "id": "c2", "server_tool_call": ITEMS[4]}],
    [{"type": "server_tool_call_response", "id": "c2", "server_tool_call_response": ITEMS[5]}],
    [
        {
            "type": "server_tool_call",
            "name": "web_search",
            "id": "ws_1",
            "server_tool_call": ITEMS[6],
        }
    ],
    [],
    [{"type": "compaction", "id": "cmp_1"}],
    [{"type": "item_reference", "id": "msg_1"}],
    [
        {
            "type": "tool_call_response",
            "id": "c4",
            "response": [
                {"type": "text", "content": "hi"},
                {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": "image/png"},
            ],
        }
    ],
    [
        {
            "type": "server_tool_call_response",
            "id": "c3",
            "server_tool_call_response": {"type": "computer_call_output", "call_id": "c3"},
        },
        {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": "image/png"},
    ],
    [
        {
            "type": "server_tool_call",
            "name": "image_generation",
            "id": "ig_1",
            "server_tool_call": {
                "type": "image_generation_call",
                "id": "ig_1",
                "output_format": "png",
            },
        },
        {"type": "blob", "modality": "image", "content": "aGk=", "mime_type": "image/png"},
    ],
    [
        {
            "type": "server_tool_call",
            "name": "image_generation",
            "id": "ig_2",
            "server_tool_call": {
                "type": "image_generation_call",
                "id": "ig_2",
                "status": "failed",
            },
        }
    ],
]
ROLES = ["user", "user", "assistant", "tool", "assistant", "tool"] + ["assistant"] * 4
ROLES += ["tool", "tool", "assistant", "assistant"]


def test_every_kind_of_response_item_is_read():
    read = checked("input.messages", responses.CONTENT.input_messages({"input": ITEMS}))

    assert [message["parts"] for message in read] == ITEM_PARTS
    assert [message["role"] for message in read] == ROLES


def test_reading_changes_nothing_that_was_given():
    before = json.dumps([MESSAGES[:3], ITEMS])

    chat.CONTENT.input_messages({"messages": MESSAGES[:3]})[1]["parts"].clear()
    for message in responses.CONTENT.input_messages({"input": ITEMS}):
        for part in message["parts"]:
            part.clear()

    assert json.dumps([MESSAGES[:3], ITEMS]) == before


@pytest.mark.parametrize("shape", SHAPES, ids=NAMES)
def test_a_generator_is_never_consumed(shape):
    given = {name: (part for part in "ab") for name in ("messages", "input", "prompt", "stop")}

    shape.request(given)
    if shape.content:
        shape.content.input_messages(given)

    assert all(next(generator) == "a" for generator in given.values())


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
NAMES_OF_FIELDS = """
id model choices finish_reason message content delta index role name usage prompt_tokens
completion_tokens_details input_tokens input_tokens_details tool_calls function arguments type
text output status error code data embedding response audio url image_url
"""
FIELDS = st.sampled_from(NAMES_OF_FIELDS.split())
ODD = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=20,
)


@each_shape
@quickly
@given(odd=ODD)
def test_no_answer_however_odd_makes_a_reader_raise(shape, odd):
    for answer in (odd, json.loads(json.dumps(odd), object_hook=lambda f: SimpleNamespace(**f))):
        shape.response(answer)
        for message in shape.content.output_messages(answer) if shape.content else ():
            assert list(content_problems("gen_ai.output.messages", [message])) == []


@each_shape
@quickly
@given(odd=st.dictionaries(FIELDS | st.sampled_from(["messages", "input", "tools"]), ODD))
def test_no_arguments_however_odd_make_a_reader_raise(shape, odd):
    shape.request(odd)
    if shape.content:
        for message in shape.content.input_messages(odd):
            assert list(content_problems("gen_ai.input.messages", [message])) == []
        for tool in (shape.content.tool_definitions or (lambda _: None))(odd) or ():
            assert list(content_problems("gen_ai.tool.definitions", [tool])) == []


@each_shape
@quickly
@given(chunks=st.lists(ODD, max_size=4))
def test_no_stream_however_odd_makes_a_reader_raise(shape, chunks):
    if shape.stream is None:
        return
    stream = shape.stream(True)
    for chunk in chunks:
        stream.feed(chunk)
        stream.feed(json.loads(json.dumps(chunk), object_hook=lambda f: SimpleNamespace(**f)))

    assert isinstance(stream.response(), Response)
    for message in stream.output_messages():
        assert list(content_problems("gen_ai.output.messages", [message])) == []
