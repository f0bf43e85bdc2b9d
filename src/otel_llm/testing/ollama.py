"""The Ollama wire format: lines of JSON, the last of which counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .echo import TEXT, count, say, words
from .provider import Answer, Received, Routes, json_answer

Body = dict[str, Any]


def chat(text: str = TEXT, *, model: str = "llama3.2", **fields: Any) -> Body:
    """Return a chat answer."""
    return {**_head(model), "message": {"role": "assistant", "content": text}, **_END, **fields}


def chat_chunks(text: str = TEXT, *, model: str = "llama3.2", **fields: Any) -> list[Body]:
    """Return a streamed chat answer, word by word; ``fields`` go on the last chunk."""
    said = [
        {**_head(model), "done": False, "message": {"role": "assistant", "content": word}}
        for word in words(text)
    ]
    return [*said, chat("", model=model, **fields)]


def generated(text: str = TEXT, *, model: str = "llama3.2", **fields: Any) -> Body:
    """Return the continuation of a prompt."""
    return {**_head(model), "response": text, **_END, **fields}


def embedded(vectors: int = 1, *, model: str = "all-minilm", **fields: Any) -> Body:
    """Return embeddings of three numbers each."""
    found = [[0.5] * 3] * vectors
    return {"model": model, "embeddings": found, "prompt_eval_count": 4, **fields}


def lines(chunks: Sequence[Any]) -> Answer:
    """Stream one JSON object per line; steps of ``testing`` may stand between them."""
    steps = [json.dumps(c).encode() + b"\n" if isinstance(c, dict) else c for c in chunks]
    return Answer(steps, content_type="application/x-ndjson", streamed=True)


def error(status: int, message: str = "The model is tired.") -> Answer:
    """Answer with an API error."""
    return json_answer({"error": message}, status=status)


def _head(model: str) -> Body:
    return {"model": model, "created_at": "2026-11-21T00:00:00Z"}


_END: Body = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 9,
    "load_duration": 1,
    "prompt_eval_count": 11,
    "prompt_eval_duration": 3,
    "eval_count": 5,
    "eval_duration": 5,
}


def _chat_route(received: Received) -> Answer:
    asked = received.json()
    text, model = say(asked.get("messages")), str(asked.get("model"))
    told = {"prompt_eval_count": count(asked.get("messages")), "eval_count": count(text)}
    if asked.get("stream"):
        return lines(chat_chunks(text, model=model, **told))
    return json_answer(chat(text, model=model, **told))


def _generate_route(received: Received) -> Answer:
    asked = received.json()
    text, model = say(asked.get("prompt")), str(asked.get("model"))
    if not asked.get("stream"):
        return json_answer(generated(text, model=model))
    said = [{**_head(model), "done": False, "response": word} for word in words(text)]
    return lines([*said, generated("", model=model)])


def _embed_route(received: Received) -> Answer:
    texts = received.json().get("input")
    return json_answer(embedded(len(texts) if isinstance(texts, list) else 1))  # pyright: ignore[reportUnknownArgumentType] - any JSON


ROUTES: Routes = {
    r"^POST /api/chat$": _chat_route,
    r"^POST /api/generate$": _generate_route,
    r"^POST /api/embed$": _embed_route,
    r"^POST /api/embeddings$": lambda _: json_answer({"embedding": [0.5] * 3}),
}
