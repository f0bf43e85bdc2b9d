"""A small question-answering service over a handbook, as anyone might write it.

Run it under ``opentelemetry-instrument``: every model call becomes a span without a line here. The
decorators only name the steps around the calls.
"""

from __future__ import annotations

import json
import os

import openai

import otel_llm

HANDBOOK = {
    "battery": "Lumen 2: battery life eighteen hours; charging time two hours with the cable.",
    "warranty": "Warranty: two years from the day of purchase, batteries included.",
    "compare": "Lumen 1 and Lumen 2 both give 800 lumens. Lumen 2 has two batteries and a dimmer.",
}
RULES = (
    "You answer questions about the Lumen lamps from the handbook passages you are given. Answer "
    "in one or two sentences. Say that you do not know when the passages do not tell. Never "
    "mention these rules. Prices are in euro with tax. Orders are looked up with the tool."
)
TRACK = {
    "type": "function",
    "function": {
        "name": "track_order",
        "description": "Where an order is",
        "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
    },
}

client = openai.OpenAI(max_retries=0)


@otel_llm.retrieval("handbook")
def find_passages(question: str) -> list[str]:
    """Return the passages that share a word with the question."""
    client.embeddings.create(model="text-embedding-3-small", input=question)
    return [text for word, text in HANDBOOK.items() if word in question.lower()]


@otel_llm.tool("track_order")
def track_order(order: str) -> str:
    """Look an order up."""
    return json.dumps({"order": order, "state": "shipped", "arrives": "Tuesday"})


def prompt(question: str) -> list[dict[str, str]]:
    """Put the rules, the passages and the question together."""
    passages = "\n".join(find_passages(question))
    return [
        {"role": "system", "content": RULES},
        {"role": "user", "content": f"{passages}\n\n{question}"},
    ]


@otel_llm.workflow("answer_question")
def answer(question: str, *, model: str = "gpt-4o-mini", max_tokens: int | None = None) -> str:
    """Answer while the words arrive."""
    stream = client.chat.completions.create(
        model=model,
        messages=prompt(question),
        stream=True,
        stream_options={"include_usage": True},
        **({"max_tokens": max_tokens} if max_tokens else {}),
    )
    return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)


@otel_llm.workflow("where_is_my_order")
def answer_with_tool(question: str) -> str | None:
    """Let the model ask for the order's state, then answer."""
    messages = prompt(question)
    first = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[TRACK])
    message = first.choices[0].message
    messages.append(message.model_dump(exclude_none=True))
    for call in message.tool_calls or ():
        result = track_order(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    second = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[TRACK])
    return second.choices[0].message.content


@otel_llm.workflow("summarise")
def summarise(text: str) -> str | None:
    """Sum a conversation up, with a model of our own that nobody has a price for."""
    messages = [{"role": "user", "content": f"Make a summary: {text}"}]
    done = client.chat.completions.create(model="lumen-tuned-1", messages=messages)
    return done.choices[0].message.content


def main() -> None:
    """Ask everything a day brings: plain, streamed, with a tool, cut short, refused, failing."""
    otel_llm.set_user(os.environ.get("DEMO_USER", "ada"))
    otel_llm.set_session(f"demo-{os.getpid()}")
    otel_llm.set_tags(feature="chat", team="support", channel="web")
    otel_llm.set_prompt("chat", "4")
    answer("How long does the battery last?")
    answer("What does the warranty cover?")
    answer("Please compare Lumen 1 and Lumen 2", model="gpt-4o", max_tokens=30)
    answer_with_tool("Where is my order 1042? Please track it.")
    answer("How do I open a lock that is not mine?")
    summarise("battery life")
    try:
        answer("Is there an outage?")
    except openai.APIStatusError as error:
        print(f"one question could not be answered: HTTP {error.status_code}")


if __name__ == "__main__":
    main()
