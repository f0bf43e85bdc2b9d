"""The Gemini wire format, on Google's Gemini API and on Vertex AI, and its routes.

Bodies are plain dicts, complete enough for the SDK to validate: change them freely before they
are queued. A zero is left out, as the real API does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .echo import TEXT, count, say, words
from .provider import Answer, Received, Routes, json_answer, sse

Body = dict[str, Any]

MODEL = "gemini-3.1-flash"


def usage(prompt: int = 11, candidates: int = 5, *, thoughts: int = 0, **fields: Any) -> Body:
    """Return usage metadata; ``candidates`` excludes ``thoughts``.

    ``fields``: ``cachedContentTokenCount``, ``toolUsePromptTokenCount``, details by modality.
    """
    total = prompt + candidates + thoughts + fields.get("toolUsePromptTokenCount", 0)
    counts = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": total,
    }
    return {**{name: value for name, value in counts.items() if value}, **fields}


def modality(kind: str, tokens: int) -> Body:
    """Return one entry of the details by modality (``promptTokensDetails`` and others)."""
    return {"modality": kind, "tokenCount": tokens}


def text(said: str = TEXT) -> Body:
    """Return one text part."""
    return {"text": said}


def thought(said: str = "Two and two.") -> Body:
    """Return one part of what the model thought."""
    return {"text": said, "thought": True}


def function_call(name: str, args: Body | None = None, **fields: Any) -> Body:
    """Return one function call."""
    return {"functionCall": {"name": name, "args": args or {}, **fields}}


def candidate(*parts: Body, finish: str | None = "STOP", index: int | None = None) -> Body:
    """Return one candidate; without parts it says ``TEXT``."""
    told: Body = {"content": {"role": "model", "parts": list(parts) or [text()]}}
    if finish is not None:
        told["finishReason"] = finish
    return told if index is None else {**told, "index": index}


def response(*candidates: Body, model: str = MODEL, **fields: Any) -> Body:
    """Return an answer; without candidates it has one that says ``TEXT``."""
    return {
        "responseId": "resp-1",
        "modelVersion": model,
        "candidates": list(candidates) or [candidate()],
        "usageMetadata": usage(),
        **fields,
    }


def blocked(reason: str = "SAFETY", **fields: Any) -> Body:
    """Return an answer to a prompt that was refused: no candidates, only the reason."""
    answer = response(promptFeedback={"blockReason": reason}, **fields)
    return {name: value for name, value in answer.items() if name != "candidates"}


def chunks(answer: Body | None = None) -> list[Body]:
    """Return the chunks that stream ``answer``: word by word, counting along.

    Every chunk tells the totals so far, as the real API does; the reason to stop is on the last.
    """
    whole = answer or response()
    first, *others = whole["candidates"]
    told = [piece for part in first["content"]["parts"] for piece in _pieces(part)]
    last = len(told) - 1
    return [
        {
            **whole,
            "candidates": [_part_of(first, piece, number == last), *(others * (number == last))],
            "usageMetadata": whole["usageMetadata"] if number == last else _so_far(whole, number),
        }
        for number, piece in enumerate(told)
    ]


def _pieces(part: Body) -> list[Body]:
    return [{**part, "text": word} for word in words(part["text"])] if "text" in part else [part]


def _part_of(one: Body, part: Body, last: bool) -> Body:
    """Return candidate ``one`` with ``part`` alone, and its end if it is the last."""
    told = {**one, "content": {**one["content"], "parts": [part]}}
    return told if last else {k: v for k, v in told.items() if k != "finishReason"}


def _so_far(whole: Body, number: int) -> Body:
    prompt = whole["usageMetadata"].get("promptTokenCount", 0)
    return usage(prompt, number + 1)


def embeddings(count: int = 1, *, dimensions: int = 3, **fields: Any) -> Body:
    """Return the answer of ``batchEmbedContents``."""
    return {"embeddings": [{"values": [0.5] * dimensions} for _ in range(count)], **fields}


def predictions(count: int = 1, *, dimensions: int = 3, tokens: int = 4) -> Body:
    """Return the answer of Vertex AI's ``predict`` for embeddings."""
    vector = {"values": [0.5] * dimensions}
    told = {"truncated": False, "token_count": tokens}
    return {"predictions": [{"embeddings": {**vector, "statistics": told}}] * count}


def interaction(said: str = TEXT, **fields: Any) -> Body:
    """Return one interaction with a model."""
    return {
        "id": "int-1",
        "model": MODEL,
        "status": "completed",
        "usage": {
            "total_input_tokens": 11,
            "total_output_tokens": 5,
            "total_thought_tokens": 2,
            "total_tool_use_tokens": 3,
            "total_cached_tokens": 4,
            "total_tokens": 21,
        },
        "steps": [{"type": "model_output", "content": [text_block(said)]}],
        **fields,
    }


def text_block(said: str) -> Body:
    """Return one text of an interaction's step."""
    return {"type": "text", "text": said}


def decision(**fields: Any) -> Body:
    """Return the answers to two questions."""
    odds = {"even": 0.9, "odd": 0.1}
    return {
        "answers": {
            "sure": {"type": "noul", "noul": 0.9, "confidence": 0.9},
            "which": {"type": "choice", "choice": "even", "confidence": 0.9, "probabilities": odds},
        },
        "usage": interaction()["usage"],
        **fields,
    }


def interaction_events(whole: Body | None = None) -> list[Body]:
    """Return the events that stream an interaction, word by word."""
    done = whole or interaction()
    said = "".join(block["text"] for step in done["steps"] for block in step["content"])
    bare = {name: value for name, value in done.items() if name not in ("steps", "usage")}
    opened = {**bare, "status": "in_progress"}
    return [
        {"event_type": "interaction.created", "interaction": opened},
        {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
        *(
            {"event_type": "step.delta", "index": 0, "delta": text_block(word)}
            for word in words(said)
        ),
        {"event_type": "step.stop", "index": 0},
        {
            "event_type": "interaction.completed",
            "interaction": {**bare, "usage": done["usage"]},
        },
    ]


def error(
    status: int, reason: str = "RESOURCE_EXHAUSTED", message: str = "The model is tired."
) -> Answer:
    """Answer with an API error."""
    body = {"error": {"code": status, "message": message, "status": reason}}
    return json_answer(body, status=status)


def stream(told: Sequence[Any]) -> Answer:
    """Stream chunks."""
    return sse(told, done=False)


def _answer(received: Received) -> Body:
    asked = received.json().get("contents")
    said = say(asked)
    model = received.path.rsplit("/", 1)[-1].partition(":")[0]
    return response(
        candidate(text(said)), model=model, usageMetadata=usage(count(asked), count(said))
    )


def _embed(received: Received) -> Answer:
    return json_answer(embeddings(len(received.json().get("requests") or ())))


def _predict(received: Received) -> Answer:
    return json_answer(predictions(len(received.json().get("instances") or ())))


def _interact(received: Received) -> Answer:
    if received.json().get("stream"):
        return sse(interaction_events())
    return json_answer(interaction())


def _fetch_interaction(received: Received) -> Answer:
    asked = received.query.get("stream") == "true"
    if asked or "event-stream" in received.headers.get("accept", ""):
        return sse(interaction_events())
    return json_answer(interaction())


ROUTES: Routes = {
    r"^POST .*/interactions$": _interact,
    r"^GET .*/interactions/.*$": _fetch_interaction,
    r"^POST .*/decisions$": lambda _: json_answer(decision()),
    r"^POST .*:generateContent$": lambda received: json_answer(_answer(received)),
    r"^POST .*:streamGenerateContent$": lambda received: stream(chunks(_answer(received))),
    r"^POST .*:countTokens$": lambda received: json_answer({"totalTokens": count(received.json())}),
    r"^POST .*:batchEmbedContents$": _embed,
    r"^POST .*:predict$": _predict,
}
