"""The Anthropic wire format: messages, their streams and the routes that answer with them.

Bodies are plain dicts, complete enough for the SDK to validate: change them freely before they
are queued. The routes also serve Vertex AI, which carries the same bodies under other paths.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .echo import TEXT, count, say, words
from .provider import Answer, Received, Routes, json_answer, sse

Body = dict[str, Any]

MODEL = "claude-sonnet-4-6"


def usage(input: int = 11, output: int = 5, **fields: Any) -> Body:
    """Return usage; ``input`` excludes what ``fields`` say about the cache."""
    return {"input_tokens": input, "output_tokens": output, **fields}


def cache(read: int = 0, write_5m: int = 0, write_1h: int = 0) -> Body:
    """Return the fields of usage that tell what the prompt cache did."""
    return {
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": write_5m,
            "ephemeral_1h_input_tokens": write_1h,
        },
    }


def text(said: str = TEXT) -> Body:
    """Return one text block."""
    return {"type": "text", "text": said}


def thinking(said: str = "Two and two.") -> Body:
    """Return one block of what the model thought."""
    return {"type": "thinking", "thinking": said, "signature": "c2ln"}


def tool_use(name: str, input: Body | None = None, id: str = "toolu_1") -> Body:
    """Return one tool call."""
    return {"type": "tool_use", "id": id, "name": name, "input": input or {}}


def message(*content: Body, model: str = MODEL, **fields: Any) -> Body:
    """Return a message; without content it has one text block that says ``TEXT``."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(content) or [text()],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage(),
        **fields,
    }


def events(answer: Body | None = None) -> list[Body]:
    """Return the events that stream ``answer``, word by word, with a ping as the real API sends.

    Input and cache are told at the start, beside a placeholder for the output, which is told at
    the end.
    """
    whole = answer or message()
    opened: Body = {**whole, "content": [], "stop_reason": None}
    if whole.get("usage") is not None:
        opened["usage"] = {**whole["usage"], "output_tokens": 1}
    told: list[Body] = [{"type": "message_start", "message": opened}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        told += _block_events(index, block)
    return [*told, delta(whole), {"type": "message_stop"}]


def delta(whole: Body) -> Body:
    """Return the event that tells how the message ended and what it cost."""
    said: Body = whole.get("usage") or {}
    final: Body = {k: v for k, v in said.items() if k in _FINAL}
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    return {"type": "message_delta", "delta": ended, "usage": final}


_FINAL = ("output_tokens", "output_tokens_details", "iterations")


def _block_events(index: int, block: Body) -> list[Body]:
    kind, field = _DELTAS.get(block["type"], (None, None))
    opened: Body = {**block, field: {} if kind == "input_json_delta" else ""} if field else block
    told: list[Body] = [{"type": "content_block_start", "index": index, "content_block": opened}]
    for piece in _pieces(block, field):
        said = {"type": kind, "partial_json" if kind == "input_json_delta" else field: piece}
        told.append({"type": "content_block_delta", "index": index, "delta": said})
    return [*told, {"type": "content_block_stop", "index": index}]


_DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "input"),
    "server_tool_use": ("input_json_delta", "input"),
}


def _pieces(block: Body, field: str | None) -> list[str]:
    if field is None:
        return []
    said = block[field]
    return words(said if isinstance(said, str) else json.dumps(said))


def error(status: int, kind: str = "api_error", message: str = "The model is tired.") -> Answer:
    """Answer with an API error."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return json_answer(body, status=status)


def error_event(kind: str = "overloaded_error", message: str = "The model is tired.") -> Body:
    """Return the event that ends a stream whose HTTP status was 200."""
    return {"type": "error", "error": {"type": kind, "message": message}}


def stream(told: Sequence[Any]) -> Answer:
    """Stream events with their names."""
    return sse(told, named=True, done=False)


def _messages_route(received: Received) -> Answer:
    asked = received.json()
    said = say(asked.get("messages"))
    whole = message(
        text(said),
        model=str(asked.get("model") or _model_in(received.path)),
        usage=usage(count(asked.get("messages")), count(said)),
    )
    return stream(events(whole)) if _streams(received) else json_answer(whole)


def _streams(received: Received) -> bool:
    return bool(received.json().get("stream")) or received.path.endswith(":streamRawPredict")


def _model_in(path: str) -> str:
    return path.rsplit("/", 1)[-1].partition(":")[0]


def _count_route(received: Received) -> Answer:
    return json_answer({"input_tokens": count(received.json().get("messages"))})


ROUTES: Routes = {
    r"^POST .*/messages/count_tokens$": _count_route,
    r"^POST .*/messages$": _messages_route,
    r"^POST .*:(raw|streamRaw)Predict$": _messages_route,
}
