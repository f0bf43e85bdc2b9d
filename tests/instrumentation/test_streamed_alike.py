"""What an answer says is the same whether it came whole or in pieces, and as far as it came."""

from __future__ import annotations

import json

import pytest

from otel_llm.instrumentation.shapes import chat_completions as chat
from otel_llm.instrumentation.shapes import (
    conversations,
    converse,
    messages,
    responses,
    transcription,
)
from tests.messages import content_problems


def read(stream, events):
    """Return the one message that a stream's reader makes of events, checked by the schema."""
    for event in events:
        stream.feed(event)
    said = list(stream.output_messages())
    assert list(content_problems("gen_ai.output.messages", said)) == []
    return said


def parts(stream, events):
    (message,) = read(stream, events)
    return message["parts"]


_BLOCKS = (
    {"type": "text", "text": "four"},
    {"type": "container_upload", "file_id": "file_1"},
    {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
    {"type": "mcp_tool_listing", "mcp_server_name": "s", "tools": [{"name": "t"}]},
    {"type": "web_search_tool_result", "tool_use_id": "t1", "content": [{"url": "u"}]},
    {"type": "compaction", "content": "so far"},
    {"type": "tool_use", "id": "t2", "name": "f", "input": {"a": 1}},
)


def _message_events(block):
    grown = {"text": "", "input": {}} if block["type"] in ("text", "tool_use") else {}
    deltas = {"text": {"text": block.get("text")}} if block["type"] == "text" else {}
    deltas |= {"input": {"partial_json": json.dumps(block["input"])}} if "input" in block else {}
    opened = {name: grown.get(name, value) for name, value in block.items()}
    yield {"type": "message_start", "message": {"id": "m", "content": []}}
    yield {"type": "content_block_start", "index": 0, "content_block": opened}
    for delta in deltas.values():
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": None}


@pytest.mark.parametrize("block", _BLOCKS, ids=lambda block: block["type"])
def test_a_block_of_a_message_is_as_good_streamed(block):
    whole = messages.output_messages({"content": [block], "stop_reason": "end_turn"})

    assert read(messages.MessageStream(content=True), _message_events(block)) == whole
    assert whole[0]["parts"]


_USED = {"toolUseId": "t", "name": "nova_code_interpreter", "type": "server_tool_use"}
_RESULT = {"toolUseId": "t", "type": "nova_code_interpreter_result", "status": "success"}
_TOLD = [{"json": {"stdOut": "3"}}]


@pytest.mark.parametrize(
    ("block", "start", "deltas", "expected"),
    [
        (
            {"toolUse": {**_USED, "input": {"code": "1+2"}}},
            {"toolUse": _USED},
            [{"toolUse": {"input": '{"code": '}}, {"toolUse": {"input": '"1+2"}'}}],
            {
                "type": "server_tool_call",
                "name": "nova_code_interpreter",
                "server_tool_call": {"type": "nova_code_interpreter", "input": {"code": "1+2"}},
                "id": "t",
            },
        ),
        (
            {"toolResult": {**_RESULT, "content": _TOLD}},
            {"toolResult": _RESULT},
            [{"toolResult": _TOLD}],
            {
                "type": "server_tool_call_response",
                "server_tool_call_response": {
                    "type": "nova_code_interpreter_result",
                    "content": {"stdOut": "3"},
                },
                "id": "t",
            },
        ),
        (
            {"image": {"format": "png", "source": {"bytes": b"ABC"}}},
            {"image": {"format": "png"}},
            [{"image": {"source": {"bytes": b"ABC"}}}],
            {"type": "blob", "modality": "image", "content": "QUJD", "mime_type": "image/png"},
        ),
        (
            {"toolResult": {"toolUseId": "t", "content": [{"text": "a"}, {"text": "b"}]}},
            {"toolResult": {"toolUseId": "t"}},
            [{"toolResult": [{"text": "a"}]}, {"toolResult": [{"text": "b"}]}],
            {"type": "tool_call_response", "response": ["a", "b"], "id": "t"},
        ),
    ],
    ids=["call at the server", "result at the server", "image", "result in pieces"],
)
def test_a_block_of_converse_is_as_good_streamed(block, start, deltas, expected):
    told = [{"contentBlockStart": {"start": start, "contentBlockIndex": 0}}]
    told += [{"contentBlockDelta": {"delta": d, "contentBlockIndex": 0}} for d in deltas]
    answer = {"output": {"message": {"content": [block]}}}

    assert parts(converse.ConverseStream(content=True), told) == [expected]
    assert converse.output_messages(answer)[0]["parts"] == [expected]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"document": {"format": "txt", "source": {"text": "hi"}}}, ["text"]),
        ({"document": {"source": {"content": [{"text": "a"}, {"text": "b"}]}}}, ["text", "text"]),
        ({"image": {"format": "png", "source": {}, "error": {"message": "no"}}}, []),
        ({"searchResult": {"source": "s", "title": "t", "content": []}}, ["search_result"]),
        ({"guardContent": {"image": {"format": "png", "source": {"bytes": b"A"}}}}, ["blob"]),
    ],
    ids=["document of words", "document of blocks", "failed image", "search result", "guarded"],
)
def test_what_has_no_bytes_is_no_empty_media(block, expected):
    (message,) = converse.output_messages({"output": {"message": {"content": [block]}}})

    assert [part["type"] for part in message["parts"]] == expected


_ENTRIES = [
    {"type": "tool.execution", "id": "t", "name": "web_search", "arguments": '{"q":1}', "info": {}},
    {"type": "message.output", "content": [{"type": "text", "text": "It is"}]},
    {"type": "function.call", "tool_call_id": "c", "name": "f", "arguments": '{"a":1}'},
]
_ENTRY_EVENTS = [
    (0, {"type": "tool.execution.started", "id": "t", "name": "web_search", "arguments": ""}),
    (0, {"type": "tool.execution.delta", "id": "t", "name": "web_search", "arguments": '{"q":1}'}),
    (0, {"type": "tool.execution.done", "id": "t", "name": "web_search", "info": {}}),
    (1, {"type": "message.output.delta", "content": "It "}),
    (1, {"type": "message.output.delta", "content": {"type": "text", "text": "is"}}),
    (2, {"type": "function.call.delta", "tool_call_id": "c", "name": "f", "arguments": '{"a"'}),
    (2, {"type": "function.call.delta", "tool_call_id": "c", "name": "f", "arguments": ":1}"}),
]


def test_entries_of_a_conversation_are_as_good_streamed():
    events = [{"data": {**event, "output_index": at}} for at, event in _ENTRY_EVENTS]
    whole = conversations.output_messages({"outputs": _ENTRIES})

    assert read(conversations.ConversationStream(content=True), events) == whole
    assert whole[0]["parts"][2]["arguments"] == {"a": 1}


def _calls(*calls):
    return {"choices": [{"index": 0, "delta": {"tool_calls": list(calls)}}]}


def _call(id, name, arguments, **index):
    return {"id": id, "function": {"name": name, "arguments": arguments}, **index}


@pytest.mark.parametrize("index", [{"index": 0}, {}], ids=["the same index", "no index"])
def test_calls_that_a_host_does_not_number_are_told_apart(index):
    said = parts(
        chat.ChatStream(content=True),
        [
            _calls(_call("a", "f", '{"x":', **index)),
            _calls(_call("a", "f", "1}", **index)),
            _calls(_call("b", "g", '{"y":', **index), _call(None, None, "2}", **index)),
            _calls(_call("c", None, "", **index)),  # a new id for what goes on
        ],
    )

    assert said == [
        {"type": "tool_call", "name": "f", "id": "a", "arguments": {"x": 1}},
        {"type": "tool_call", "name": "g", "id": "b", "arguments": {"y": 2}},
    ]


def _item(index, **item):
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def _delta(index, kind, said):
    return {"type": f"response.{kind}.delta", "output_index": index, "delta": said}


def test_a_response_that_breaks_off_says_what_came_of_every_item():
    said = parts(
        responses.ResponsesStream(content=True),
        [
            _item(0, type="reasoning", id="rs", summary=[]),
            _delta(0, "reasoning_summary_text", "Two "),
            _delta(0, "reasoning_summary_text", "and two."),
            _item(1, type="message", id="msg", content=[]),
            _delta(1, "output_text", "It "),
            _delta(1, "refusal", "I cannot"),
            _item(2, type="function_call", name="f", call_id="c", arguments=""),
            _delta(2, "function_call_arguments", '{"a":'),
            _item(3, type="custom_tool_call", name="py", call_id="d", input=""),
            _delta(3, "custom_tool_call_input", "print("),
        ],
    )

    assert said == [
        {"type": "reasoning", "content": "Two and two."},
        {"type": "text", "content": "It "},
        {"type": "refusal", "content": "I cannot"},
        {"type": "tool_call", "name": "f", "id": "c", "arguments": '{"a":'},
        {"type": "tool_call", "name": "py", "id": "d", "arguments": "print("},
    ]


def test_a_segment_of_a_transcript_is_not_all_of_it():
    delta = "transcript.text.delta"
    said = parts(
        transcription.TranscriptionStream(content=True),
        [
            {"type": delta, "delta": "Hello. "},
            {"type": "transcript.text.segment", "text": "Hello.", "speaker": "A"},
            {"type": delta, "delta": "Good day."},
            {"type": "transcript.text.segment", "text": "Good day.", "speaker": "B"},
        ],
    )

    assert said == [{"type": "text", "content": "Hello. Good day."}]


_RAN = {"index": 0, "type": "search", "arguments": '{"q": 1}'}


def test_a_tool_that_groq_ran_is_as_good_streamed():
    ran = {**_RAN, "output": "found"}
    message = {"role": "assistant", "content": "four", "executed_tools": [ran]}
    deltas = [{"executed_tools": [_RAN]}, {"executed_tools": [ran]}, {"content": "four"}]
    events = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    (whole,) = chat.output_messages({"choices": [{"message": message}]})

    assert parts(chat.ChatStream(content=True), events) == whole["parts"]
    told = {"type": "search", "content": "found"}
    assert whole["parts"] == [
        {
            "type": "server_tool_call",
            "name": "search",
            "server_tool_call": {"type": "search", "input": {"q": 1}},
        },
        {"type": "server_tool_call_response", "server_tool_call_response": told},
        {"type": "text", "content": "four"},
    ]
