"""The Groq wire format: OpenAI's, with usage of a stream under ``x_groq``."""

from __future__ import annotations

from typing import Any

from . import openai
from .echo import TEXT, count, say
from .openai import Body, completion, usage
from .provider import Answer, Received, Routes

__all__ = ["ROUTES", "completion", "completion_chunks", "usage"]


def completion_chunks(
    text: str = TEXT, *, model: str = "llama-3.3-70b-versatile", counted: Any = None
) -> list[Body]:
    """Return a whole streamed answer; its last chunk has the finish reason and the usage."""
    chunks = openai.completion_chunks(text, model=model)
    chunks[0]["x_groq"] = {"id": "req_1"}
    chunks[-1]["x_groq"] = {"id": "req_1", "usage": counted or usage()}
    return chunks


def _chat_route(received: Received) -> Answer:
    asked = received.json()
    if not asked.get("stream"):
        return openai.ROUTES[_CHAT](received)
    text = say(asked.get("messages"))
    counted = usage(count(asked.get("messages")), count(text))
    return openai.stream(completion_chunks(text, model=str(asked.get("model")), counted=counted))


_CHAT = r"^POST .*/chat/completions$"
ROUTES: Routes = {**openai.ROUTES, _CHAT: _chat_route}
