"""The OpenAI wire format: bodies, streams and the routes that answer with them.

Bodies are plain dicts, complete enough for the SDK to validate: change them freely before they
are queued. The routes echo the model that was asked for and count a word as a token, so that
answers differ from call to call; nothing else about them is meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .provider import Answer, Received, Routes, json_answer, sse

Body = dict[str, Any]

TEXT = "The answer is four."


def usage(prompt: int = 11, completion: int = 5, **details: Mapping[str, int]) -> Body:
    """Return chat usage; ``details``: ``prompt_tokens_details``, ``completion_tokens_details``."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **details,
    }


def choice(text: str | None = TEXT, finish: str = "stop", index: int = 0, **message: Any) -> Body:
    """Return one choice of a chat completion; ``message`` adds fields such as ``tool_calls``."""
    return {
        "index": index,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": text, **message},
    }


def tool_call(name: str, arguments: str = "{}", id: str = "call_1") -> Body:
    """Return one function call of a chat message; ``arguments`` is the raw JSON text."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def completion(*choices: Body, model: str = "gpt-4o-mini-2024-07-18", **fields: Any) -> Body:
    """Return a chat completion; without choices it has one that says ``TEXT``."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": list(choices) or [choice()],
        "usage": usage(),
        **fields,
    }


def chunk(*choices: Body, model: str = "gpt-4o-mini-2024-07-18", **fields: Any) -> Body:
    """Return one chunk of a streamed chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "choices": list(choices),
        **fields,
    }


def delta(text: str | None = None, finish: str | None = None, index: int = 0, **more: Any) -> Body:
    """Return one choice of a chunk; ``more`` goes into its delta."""
    content = {} if text is None else {"content": text}
    return {"index": index, "delta": {**content, **more}, "finish_reason": finish}


def completion_chunks(
    text: str = TEXT,
    *,
    model: str = "gpt-4o-mini-2024-07-18",
    finish: str = "stop",
    include_usage: Mapping[str, Any] | None = None,
    **fields: Any,
) -> list[Body]:
    """Return a whole streamed answer, word by word; ``include_usage`` becomes the last chunk."""
    words = [chunk(delta(word), model=model, **fields) for word in _words(text)]
    first = chunk(delta("", role="assistant"), model=model, **fields)
    last = [chunk(delta(finish=finish), model=model, **fields)]
    if include_usage is not None:
        last.append(chunk(model=model, usage=include_usage, **fields))
    return [first, *words, *last]


def response_usage(
    input: int = 11, output: int = 5, *, cached: int = 0, cache_write: int = 0, reasoning: int = 0
) -> Body:
    """Return usage of the Responses API; input includes cached, output includes reasoning."""
    return {
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": cache_write},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input + output,
    }


def output_message(*content: Body, id: str = "msg_1") -> Body:
    """Return one message item of a response; without content it says ``TEXT``."""
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": list(content) or [output_text()],
    }


def output_text(text: str = TEXT) -> Body:
    """Return one text part of an output message."""
    return {"type": "output_text", "text": text, "annotations": []}


def function_call(name: str, arguments: str = "{}", id: str = "call_1") -> Body:
    """Return one function call item of a response."""
    return {
        "id": "fc_1",
        "type": "function_call",
        "call_id": id,
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def response(*output: Body, model: str = "gpt-4o-mini-2024-07-18", **fields: Any) -> Body:
    """Return a Responses API answer; without output it has one message that says ``TEXT``."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": model,
        "output": list(output) or [output_message()],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": response_usage(),
        **fields,
    }


def unfinished(answer: Body, status: str = "in_progress") -> Body:
    """Return the same response as it looks before anything was generated."""
    return {**answer, "status": status, "output": [], "usage": None}


def response_events(answer: Body | None = None) -> list[Body]:
    """Return the events that stream ``answer``: created, its text word by word, its end."""
    whole = answer or response()
    started = unfinished(whole)
    events: list[Body] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    for index, item in enumerate(whole["output"]):
        events += _item_events(index, item)
    events.append({"type": f"response.{whole['status']}", "response": whole})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def embeddings(
    count: int = 1, *, dimensions: int = 3, model: str = "text-embedding-3-small", tokens: int = 4
) -> Body:
    """Return an embeddings answer with ``count`` vectors."""
    vector = [0.5] * dimensions
    return {
        "object": "list",
        "model": model,
        "data": [{"object": "embedding", "index": i, "embedding": vector} for i in range(count)],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def text_completion(text: str = TEXT, **fields: Any) -> Body:
    """Return an answer of the legacy completions API; also serves as one of its chunks."""
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [{"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}],
        "usage": usage(),
        **fields,
    }


def decision(**fields: Any) -> Body:
    """Return the answers to three questions, one of them refused."""
    odds = [{"value": "even", "probability": 0.9}, {"value": "odd", "probability": 0.1}]
    return {
        "answers": [
            {"type": "predicate", "name": "even", "probability": 0.9},
            {"type": "choice", "choice": "even", "confidence": 0.9, "probabilities": odds},
            {"type": "refusal", "name": None},
        ],
        "model": "gpt-6-luna-2026-10-01",
        "usage": response_usage(),
        **fields,
    }


def images(**fields: Any) -> Body:
    """Return an images answer: one picture, billed per token."""
    return {"created": 1, "data": [{"b64_json": "aGk="}], "usage": image_usage(), **fields}


def image_usage() -> Body:
    """Return usage of the images API."""
    return {
        "input_tokens": 50,
        "input_tokens_details": {"image_tokens": 40, "text_tokens": 10},
        "output_tokens": 100,
        "output_tokens_details": {"image_tokens": 100, "text_tokens": 0},
        "total_tokens": 150,
    }


def image_events() -> list[Body]:
    """Return the events of a streamed picture."""
    common = {
        "b64_json": "aGk=",
        "background": "auto",
        "created_at": 1,
        "output_format": "png",
        "quality": "low",
        "size": "auto",
    }
    return [
        {"type": "image_generation.partial_image", "partial_image_index": 0, **common},
        {"type": "image_generation.completed", "usage": image_usage(), **common},
    ]


def transcription(text: str = TEXT, **fields: Any) -> Body:
    """Return a transcription billed per token."""
    return {"text": text, "usage": transcription_usage(), **fields}


def transcription_usage() -> Body:
    """Return usage of a transcription."""
    return {
        "type": "tokens",
        "input_tokens": 14,
        "input_token_details": {"audio_tokens": 12, "text_tokens": 2},
        "output_tokens": 5,
        "total_tokens": 19,
    }


def transcription_events(text: str = TEXT) -> list[Body]:
    """Return the events of a streamed transcription."""
    words = [{"type": "transcript.text.delta", "delta": word} for word in _words(text)]
    return [
        *words,
        {"type": "transcript.text.done", "text": text, "usage": transcription_usage()},
    ]


SPEECH = b"ID3\x04\xff\xfb"
"""The beginning of a file of speech, which is no text in any encoding."""


def speech_events() -> list[Body]:
    """Return the events of streamed speech."""
    used = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}
    return [
        {"type": "speech.audio.delta", "audio": "AAAA"},
        {"type": "speech.audio.done", "usage": used},
    ]


def compaction(**fields: Any) -> Body:
    """Return a compacted conversation."""
    return {
        "id": "resp_c1",
        "object": "response.compaction",
        "created_at": 1,
        "output": [{"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAA"}],
        "usage": response_usage(120, 30),
        **fields,
    }


def error(
    status: int, message: str = "The model is tired.", *, code: str | None = None, **headers: str
) -> Answer:
    """Answer with an API error; header names take ``_`` for ``-`` (``retry_after="0"``)."""
    body = {"error": {"message": message, "type": "fake_error", "param": None, "code": code}}
    return json_answer(
        body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def stream(events: Sequence[Any]) -> Answer:
    """Stream chat, legacy completion chunks: ``data:`` lines and a final ``[DONE]``."""
    return sse(events)


def event_stream(events: Sequence[Any]) -> Answer:
    """Stream the events of the Responses, images and transcriptions APIs, with their names."""
    return sse(events, named=True, done=False)


def _chat_route(received: Received) -> Answer:
    asked = received.json()
    model, text = str(asked.get("model")), _say(asked.get("messages"))
    counted = usage(_count(asked.get("messages")), _count(text))
    if not asked.get("stream"):
        choices = [choice(text, index=i) for i in range(asked.get("n") or 1)]
        return json_answer(completion(*choices, model=model, usage=counted))
    options: Body = asked.get("stream_options") or {}
    wants = options.get("include_usage")
    return stream(completion_chunks(text, model=model, include_usage=counted if wants else None))


def _responses_route(received: Received) -> Answer:
    asked = received.json()
    text = _say(asked.get("input"))
    counted = response_usage(_count(asked.get("input")), _count(text))
    whole = response(
        output_message(output_text(text)), model=str(asked.get("model")), usage=counted
    )
    if asked.get("stream"):
        return event_stream(response_events(whole))
    if asked.get("background"):
        return json_answer({**unfinished(whole, "queued"), "background": True})
    return json_answer(whole)


def _retrieve_route(received: Received) -> Answer:
    whole = response(id=received.path.rsplit("/", 1)[-1])
    if received.query.get("stream") != "true":
        return json_answer(whole)
    after = int(received.query.get("starting_after", -1))
    return event_stream([e for e in response_events(whole) if e["sequence_number"] > after])


def _embeddings_route(received: Received) -> Answer:
    asked = received.json()
    texts = asked.get("input")
    count = len(texts) if isinstance(texts, list) else 1  # pyright: ignore[reportUnknownArgumentType] - any JSON
    size = asked.get("dimensions") or 3
    model = str(asked.get("model"))
    return json_answer(embeddings(count, dimensions=size, model=model, tokens=_count(texts)))


def _completions_route(received: Received) -> Answer:
    if not received.json().get("stream"):
        return json_answer(text_completion())
    return stream([text_completion(word, usage=None) for word in _words(TEXT)])


def _images_route(received: Received) -> Answer:
    if received.json().get("stream"):
        return event_stream(image_events())
    return json_answer(images())


def _transcription_route(received: Received) -> Answer:
    if b'name="stream"\r\n\r\ntrue' in received.body:
        return event_stream(transcription_events())
    return json_answer(transcription())


def _speech_route(received: Received) -> Answer:
    if received.json().get("stream_format") == "sse":
        return event_stream(speech_events())
    return Answer((SPEECH[:3], SPEECH[3:]), content_type="audio/mpeg")


def _models_route(_: Received) -> Answer:
    one = {"id": "gpt-4o-mini", "object": "model", "created": 1, "owned_by": "fake"}
    return json_answer({"object": "list", "data": [one]})


ROUTES: Routes = {
    r"^POST .*/chat/completions$": _chat_route,
    r"^POST .*/responses/compact$": lambda _: json_answer(compaction()),
    r"^POST .*/responses$": _responses_route,
    r"^GET .*/responses/[^/]+$": _retrieve_route,
    r"^POST .*/embeddings$": _embeddings_route,
    r"^POST .*/completions$": _completions_route,
    r"^POST .*/decisions$": lambda _: json_answer(decision()),
    r"^POST .*/images/(generations|edits|variations)$": _images_route,
    r"^POST .*/audio/transcriptions$": _transcription_route,
    r"^POST .*/audio/speech$": _speech_route,
    r"^GET .*/models$": _models_route,
}


def _item_events(index: int, item: Body) -> list[Body]:
    at: Body = {"output_index": index}
    events: list[Body] = [{"type": "response.output_item.added", "item": _opened(item), **at}]
    if item["type"] == "function_call":
        where = {**at, "item_id": item["id"]}
        said = item["arguments"]
        kind = "response.function_call_arguments"
        events.append({"type": f"{kind}.delta", "delta": said, **where})
        events.append({"type": f"{kind}.done", "arguments": said, "name": item["name"], **where})
    for number, part in enumerate(item.get("content") or ()):
        events += _part_events({**at, "item_id": item["id"], "content_index": number}, part)
    return [*events, {"type": "response.output_item.done", "item": item, **at}]


def _opened(item: Body) -> Body:
    empty: Body = {"content": []} if "content" in item else {}
    empty |= {"arguments": ""} if "arguments" in item else {}
    return {**item, **empty, "status": "in_progress"}


def _part_events(where: Body, part: Body) -> list[Body]:
    field = "refusal" if part["type"] == "refusal" else "text"
    kind, said = f"response.{part['type']}", part[field]
    logprobs: Body = {"logprobs": []} if field == "text" else {}
    added = {"type": "response.content_part.added", "part": {**part, field: ""}, **where}
    words = [{"type": f"{kind}.delta", "delta": word, **logprobs, **where} for word in _words(said)]
    done = {"type": f"{kind}.done", field: said, **logprobs, **where}
    return [added, *words, done, {"type": "response.content_part.done", "part": part, **where}]


def _words(text: str) -> list[str]:
    return [word + " " for word in text.split(" ")[:-1]] + text.split(" ")[-1:]


def _say(asked: Any) -> str:
    return f"{TEXT} You wrote {_count(asked)} words."


def _count(value: Any) -> int:
    return len((value if isinstance(value, str) else json.dumps(value or "")).split())
