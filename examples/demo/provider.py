"""The demo's model: a fake provider that speaks OpenAI's wire format and reads from a script.

It needs no key and no network. The calls, tokens on the wire, spans and prices are real; only the
words come from here. A word counts as one token and a third.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.testing import Answer, Pause, Received, json_answer, openai, sse

Body = dict[str, Any]

_ANSWERS = {
    "summary": "Asked about battery life; told eighteen hours.",
    "battery": "The Lumen 2 lasts eighteen hours on one charge. Charging to full takes two hours "
    "with the cable in the box.",
    "warranty": "The warranty covers two years from the day of purchase, batteries included, and "
    "needs no registration.",
    "compare": "Both lamps give eight hundred lumens. The Lumen 2 adds a second battery, a dimmer "
    "that remembers its last setting, and a stand that folds flat; the Lumen 1",
    "track": "Order 1042 left the warehouse this morning and arrives on Tuesday.",
    "lock": "I'm sorry, but I can't help with that.",
}


def answer_chat(received: Received) -> Answer:
    """Answer ``POST /chat/completions`` as the question asks for."""
    asked: Body = received.json()
    messages: list[Body] = asked.get("messages") or []
    topic = _topic(messages)
    if topic == "outage":
        return openai.error(503, "The model is overloaded.")
    if topic == "track" and messages[-1].get("role") != "tool":
        return json_answer(_wants_tool(asked, messages))
    text = _ANSWERS.get(topic, "I do not know.")
    finish = {"compare": "length", "lock": "content_filter"}.get(topic, "stop")
    counted = _usage(messages, text)
    if asked.get("stream"):
        return _streamed(asked, text, finish, counted)
    return json_answer(
        openai.completion(openai.choice(text, finish), model=_served(asked), usage=counted)
    )


def _topic(messages: list[Body]) -> str:
    question = next((str(m["content"]) for m in reversed(messages) if m["role"] == "user"), "")
    return next((t for t in (*_ANSWERS, "outage") if t in question.lower()), "")


def _wants_tool(asked: Body, messages: list[Body]) -> Body:
    call = openai.tool_call("track_order", '{"order": "1042"}')
    choice = openai.choice(None, "tool_calls", tool_calls=[call])
    return openai.completion(
        choice, model=_served(asked), usage=_usage(messages, "track_order 1042")
    )


def _streamed(asked: Body, text: str, finish: str, counted: Mapping[str, Any]) -> Answer:
    chunks = openai.completion_chunks(
        text, model=_served(asked), finish=finish, include_usage=counted
    )
    paced: list[object] = [Pause(0.12)]
    for chunk in chunks:
        paced += [chunk, Pause(0.004)]
    return sse(paced)


def _served(asked: Body) -> str:
    """Name the dated snapshot that serves an alias, as providers do."""
    model = str(asked.get("model"))
    return {"gpt-4o-mini": "gpt-4o-mini-2024-07-18", "gpt-4o": "gpt-4o-2024-08-06"}.get(
        model, model
    )


def _usage(messages: list[Body], text: str) -> Body:
    prompt = _tokens(" ".join(str(m.get("content")) for m in messages))
    cached = prompt // 2 if prompt > 80 else 0
    return openai.usage(prompt, _tokens(text), prompt_tokens_details={"cached_tokens": cached})


def _tokens(text: str) -> int:
    return len(text.split()) * 4 // 3


ROUTES = {**openai.ROUTES, r"^POST .*/chat/completions$": answer_chat}
