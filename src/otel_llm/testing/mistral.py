"""The Mistral wire format: OpenAI's for chat, conversations of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import openai
from .echo import TEXT, words
from .openai import Body, completion, completion_chunks, stream, usage
from .provider import Answer, Received, Routes, json_answer, sse

__all__ = [
    "ROUTES",
    "completion",
    "completion_chunks",
    "conversation",
    "conversation_events",
    "error",
    "stream",
    "usage",
]


def conversation(text: str = TEXT, **fields: Any) -> Body:
    """Return the answer to a turn of a conversation."""
    entry = {
        "object": "entry",
        "type": "message.output",
        "id": "msg_1",
        "role": "assistant",
        "model": "mistral-medium-2508",
        "content": text,
    }
    return {
        "object": "conversation.response",
        "conversation_id": "conv_1",
        "outputs": [entry],
        "usage": {**usage(), "connector_tokens": 3},
        **fields,
    }


def conversation_events(text: str = TEXT) -> Sequence[Body]:
    """Return the events that stream ``conversation(text)``."""
    said: Body = {"id": "msg_1", "role": "assistant", "model": "mistral-medium-2508"}
    kind = "message.output.delta"
    done = {"type": "conversation.response.done", "usage": conversation()["usage"]}
    return [
        {"type": "conversation.response.started", "conversation_id": "conv_1"},
        *({"type": kind, "content": word, **said} for word in words(text)),
        done,
    ]


def error(status: int, message: str = "The model is tired.") -> Answer:
    """Answer with an API error."""
    return json_answer({"object": "error", "message": message, "type": "fake"}, status=status)


def _conversation_route(received: Received) -> Answer:
    if received.json().get("stream"):
        return sse(conversation_events(), named=True, done=False)
    return json_answer(conversation())


_CHAT = openai.ROUTES[r"^POST .*/chat/completions$"]
ROUTES: Routes = {
    r"^POST .*/(chat|fim|agents)/completions$": _CHAT,
    r"^POST .*/conversations": _conversation_route,
    r"^POST .*/embeddings$": lambda _: json_answer({"id": "emb_1", **openai.embeddings()}),
}
