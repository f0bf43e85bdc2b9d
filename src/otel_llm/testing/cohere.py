"""The Cohere wire format: v1 and v2 chat, generate, embeddings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .echo import TEXT, count, say, words
from .provider import Answer, Received, Routes, json_answer, sse

Body = dict[str, Any]


def usage(input: float = 11, output: float = 5, **more: Any) -> Body:
    """Return usage of v2, ``meta`` of v1; Cohere counts in floats."""
    units = {"input_tokens": float(input), "output_tokens": float(output)}
    return {"billed_units": units, "tokens": {**units, "input_tokens": input + 66.0}, **more}


def chat(text: str = TEXT, *, finish: str = "COMPLETE", **fields: Any) -> Body:
    """Return an answer of v2."""
    message = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    return {
        "id": "chat_1",
        "finish_reason": finish,
        "message": message,
        "usage": usage(),
        **fields,
    }


def chat_events(text: str = TEXT, *, finish: str = "COMPLETE", counted: Any = None) -> list[Body]:
    """Return the events that stream ``chat(text)``."""
    block: Body = {"index": 0}
    started: Body = {"message": {"role": "assistant", "content": [], "tool_calls": []}}
    opened = {"message": {"content": {"type": "text", "text": ""}}}
    said = [{"message": {"content": {"text": word}}} for word in words(text)]
    ended = {"finish_reason": finish, "usage": counted or usage()}
    return [
        {"type": "message-start", "id": "chat_1", "delta": started},
        {"type": "content-start", **block, "delta": opened},
        *({"type": "content-delta", **block, "delta": delta} for delta in said),
        {"type": "content-end", **block},
        {"type": "message-end", "delta": ended},
    ]


def stream(events: Sequence[Any]) -> Answer:
    """Stream the events of v2."""
    return sse(events, named=True, done=False)


def chat_v1(text: str = TEXT, **fields: Any) -> Body:
    """Return an answer of v1."""
    return {
        "response_id": "resp_1",
        "generation_id": "gen_1",
        "text": text,
        "finish_reason": "COMPLETE",
        "meta": usage(),
        **fields,
    }


def lines_v1(text: str = TEXT, answer: Body | None = None) -> Answer:
    """Stream ``chat_v1(text)``, or another answer of v1, in lines of JSON."""
    whole = answer or chat_v1(text)
    events = [
        {"event_type": "stream-start", "generation_id": "gen_1", "is_finished": False},
        *({"event_type": "text-generation", "text": w, "is_finished": False} for w in words(text)),
        {
            "event_type": "stream-end",
            "finish_reason": "COMPLETE",
            "response": whole,
            "is_finished": True,
        },
    ]
    steps = [json.dumps(event).encode() + b"\n" for event in events]
    return Answer(steps, content_type="application/stream+json", streamed=True)


def generated(text: str = TEXT, **fields: Any) -> Body:
    """Return an answer of ``generate``."""
    one = {"id": "gen_1", "text": text, "finish_reason": "COMPLETE"}
    return {"id": "g_1", "prompt": "p", "generations": [one], "meta": usage(), **fields}


def embedded(texts: int = 1, **fields: Any) -> Body:
    """Return embeddings of three numbers each, by type as v2 has them."""
    return {
        "id": "emb_1",
        "response_type": "embeddings_by_type",
        "embeddings": {"float": [[0.5] * 3] * texts},
        "texts": ["a"] * texts,
        "meta": usage(4, 0),
        **fields,
    }


def error(status: int, message: str = "The model is tired.") -> Answer:
    """Answer with an API error."""
    return json_answer({"message": message, "id": "err_1"}, status=status)


def _chat_route(received: Received) -> Answer:
    asked = received.json()
    text = say(asked.get("messages"))
    counted = usage(count(asked.get("messages")), count(text))
    if asked.get("stream"):
        return stream(chat_events(text, counted=counted))
    return json_answer(chat(text, usage=counted))


def _chat_v1_route(received: Received) -> Answer:
    return lines_v1() if received.json().get("stream") else json_answer(chat_v1())


def _generate_route(received: Received) -> Answer:
    if received.json().get("stream"):
        return lines_v1(answer=generated())
    return json_answer(generated())


def _embed_route(received: Received) -> Answer:
    texts = received.json().get("texts") or ()
    answer = embedded(len(texts))
    if received.path.endswith("/v1/embed"):
        answer |= {"response_type": "embeddings_floats", "embeddings": [[0.5] * 3] * len(texts)}
    return json_answer(answer)


def reranked(*scores: float, **fields: Any) -> Body:
    """Return an answer of ``rerank``: the last document first."""
    places = range(len(scores) - 1, -1, -1)
    found = [
        {"index": at, "relevance_score": score} for at, score in zip(places, scores, strict=True)
    ]
    return {"id": "r_1", "results": found, "meta": {"billed_units": {"search_units": 1}}, **fields}


ROUTES: Routes = {
    r"^POST .*/v\d/rerank$": lambda _: json_answer(reranked(0.9, 0.5)),
    r"^POST .*/v2/chat$": _chat_route,
    r"^POST .*/v1/chat$": _chat_v1_route,
    r"^POST .*/v1/generate$": _generate_route,
    r"^POST .*/v\d/embed$": _embed_route,
}
