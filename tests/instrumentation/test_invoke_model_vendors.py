"""Bodies of Bedrock's InvokeModel that few vendors write: read from bytes, without an SDK."""

from __future__ import annotations

import json

import pytest

from otel_llm.instrumentation import bedrock, cohere
from otel_llm.instrumentation.shapes import invoke_model
from otel_llm.instrumentation.shapes import invoke_model_others as others
from otel_llm.instrumentation.shapes.invoke_model_stream import InvokeModelStream

_TEXT = {"type": "text", "content": "four"}


def answer(body):
    return {"body": json.dumps(body).encode()}


@pytest.mark.parametrize(
    ("body", "reason", "part"),
    [
        (
            {"completions": [{"data": {"text": "four"}, "finishReason": {"reason": "length"}}]},
            "length",
            _TEXT,
        ),
        ({"message": "four", "finishReason": "stop"}, "stop", _TEXT),
        ({"text": "four", "finish_reason": "COMPLETE", "response_id": "r"}, "COMPLETE", _TEXT),
        (
            {
                "text": "",
                "finish_reason": "COMPLETE",
                "tool_calls": [{"name": "f", "parameters": {"a": 1}}],
            },
            "COMPLETE",
            {"type": "tool_call", "name": "f", "arguments": {"a": 1}},
        ),
    ],
    ids=["AI21", "Twelve Labs", "Cohere", "Cohere's tools"],
)
def test_an_answer_of_any_vendor_is_read(body, reason, part):
    (message,) = invoke_model.output_messages(answer(body))

    assert invoke_model.response(answer(body)).finish_reasons == [reason]
    assert message["parts"] == [part]


def test_pieces_of_twelve_labs_are_put_together():
    stream = InvokeModelStream(content=True)
    for body in ({"message": "fo"}, {"message": "ur", "finishReason": "stop"}):
        stream.feed({"chunk": {"bytes": json.dumps(body).encode()}})

    (message,) = stream.output_messages()
    assert message == {"role": "assistant", "parts": [_TEXT], "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {
                "message": "And three?",
                "chat_history": [{"role": "CHATBOT", "message": "four"}],
                "preamble": "Be brief.",
            },
            (["assistant", "user"], [{"type": "text", "content": "Be brief."}]),
        ),
        ({"message": "2+2?"}, (["user"], None)),
        ({"inputPrompt": "What is in it?"}, (["user"], None)),
    ],
    ids=["Cohere's history", "Cohere", "Twelve Labs"],
)
def test_what_a_vendor_was_asked_is_read(body, expected):
    asked = {"api_params": {"body": json.dumps(body)}}
    content = bedrock._INVOKE_CONTENT

    roles = [message["role"] for message in content.input_messages(asked)]
    assert (roles, content.system_instructions(asked)) == expected


@pytest.mark.parametrize(
    ("embeddings", "size"),
    [
        ({"float": [[0.5, 0.5, 0.5]], "binary": [[1]]}, 3),
        ({"int8": [[1, 2]]}, 2),
        ({"uint8": [[1, 2]], "ubinary": [[1]]}, 2),
        ({"binary": [[1]]}, None),  # eight numbers in each
        ([[0.5, 0.5]], 2),
    ],
    ids=["floats", "int8", "uint8", "packed", "first version"],
)
def test_the_size_of_a_vector_is_told_where_its_numbers_are_apart(embeddings, size):
    body = {"embeddings": embeddings}
    name = "gen_ai.embeddings.dimension.count"

    found = [others.embed_response(answer(body)), cohere._embedded(body)]
    assert [(read.more or {}).get(name) for read in found] == [size, size]
