"""LlamaIndex's messages, answers and chunks (``llama-index-core`` 0.14).

What the provider said is in ``raw``, in the provider's own shape, which is told by its fields:
each package of models puts there what its SDK returned, whole or as a dict. Without it, or where
it counts no tokens, ``additional_kwargs`` may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Message, StreamReader
from . import chat_completions, cohere_v1, converse, messages, responses
from .generate_content import usage as gemini_usage
from .parts import (
    Part,
    assistant,
    blob_part,
    media_part,
    plain_fields,
    reasoning_part,
    text_part,
    tool_call_part,
    tool_response_part,
)
from .sampling import sampling
from .values import count, field, fields, integer, items, number, text, texts, word

_Shape: TypeAlias = tuple[Callable[[Any], Response], Callable[[], StreamReader]]

_ROLES = {"chatbot": "assistant", "model": "assistant", "developer": "system", "function": "tool"}
_EVENTS = frozenset({"contentBlockDelta", "contentBlockStart", "messageStop", "metadata"})
_MEDIA = {"image": "image", "audio": "audio", "video": "video", "document": "document"}
_BODIES = {"image": "image", "audio": "audio", "video": "video", "document": "data"}
_UNKNOWN = "unknown"
"""LlamaIndex's word for a model that has no name."""


def request(model: Any, stream: bool | None, arguments: Mapping[str, Any]) -> Request:
    """Read the call's arguments, over what the model was made with."""
    made = fields(model)
    chosen = {**made, **fields(made.get("additional_kwargs")), **arguments}
    return Request(
        model=text(chosen.get("model")) or name_of(field(field(model, "metadata"), "model_name")),
        stream=stream,
        temperature=number(chosen.get("temperature")),
        max_tokens=integer(chosen.get("max_tokens")),
        stop_sequences=texts(chosen.get("stop")),
        **sampling(chosen),
    )


def name_of(model: Any) -> str | None:
    """Return the name of a model, unless it is LlamaIndex's word for none."""
    named = text(model)
    return None if named == _UNKNOWN else named


def response(answer: Any) -> Response:
    """Read a ``ChatResponse`` or a ``CompletionResponse``."""
    raw = _raw(answer)
    found = Response() if raw is None else _shape(raw)[0](raw)
    return _counted(found, answer)


def _raw(answer: Any) -> Any:
    """Return what the provider said; Mistral's package leaves a chunk in its envelope."""
    raw = field(answer, "raw")
    inside = field(raw, "data")
    return raw if field(inside, "choices") is None else inside


def _counted(found: Response, answer: Any) -> Response:
    """Return ``found``, with the tokens that LlamaIndex noted if the provider's are not there."""
    if found.usage.input_tokens is None and found.usage.output_tokens is None:
        told = fields(field(answer, "additional_kwargs"))
        asked, wrote = count(told.get("prompt_tokens")), count(told.get("completion_tokens"))
        found.usage = replace(found.usage, input_tokens=asked, output_tokens=wrote)
    return found


def _shape(raw: Any) -> _Shape:
    """Return what reads ``raw``, whole or chunk by chunk."""
    told = fields(raw)
    kind = text(told.get("type")) or ""
    if "choices" in told:
        return chat_completions.response, chat_completions.ChatStream
    if kind.startswith("response.") or told.get("object") == "response":
        return responses.response, responses.ResponsesStream
    if "stop_reason" in told or kind.startswith(("content_block_", "message_")):
        return messages.response, messages.MessageStream
    if "generation_id" in told or "event_type" in told:
        return cohere_v1.response, cohere_v1.ChatStream
    if "stopReason" in told or not _EVENTS.isdisjoint(told):
        return converse.response, converse.ConverseStream
    return _flat, _Latest


def _flat(raw: Any) -> Response:
    """Read Ollama's answer, or a candidate of Gemini with the answer's usage in it."""
    told = fields(raw)
    reason = text(told.get("done_reason")) or word(told.get("finish_reason"))
    counted = told.get("usage_metadata")
    usage = Usage(count(told.get("prompt_eval_count")), count(told.get("eval_count")))
    return Response(
        model=text(told.get("model")),
        finish_reasons=[reason] if reason else [],
        usage=usage if counted is None else gemini_usage(counted),
    )


class _Latest:
    """Keeps the last of what every chunk says anew."""

    __slots__ = ("_answer",)

    def __init__(self) -> None:
        self._answer = Response()

    def feed(self, chunk: Any) -> None:
        answer, sooner = _flat(chunk), self._answer
        self._answer = Response(
            model=answer.model or sooner.model,
            finish_reasons=answer.finish_reasons or sooner.finish_reasons,
            usage=sooner.usage if answer.usage == Usage() else answer.usage,
        )

    def response(self) -> Response:
        return self._answer

    def output_messages(self) -> Sequence[Message]:
        return ()


class AnswerStream:
    """Collects the answers of one stream, each of which holds all that was said so far."""

    __slots__ = ("_last", "_reader")

    def __init__(self, content: bool = False) -> None:
        self._reader: StreamReader | None = None
        self._last: Any = None

    def feed(self, chunk: Any) -> None:
        """Take one answer so far."""
        self._last = chunk
        raw = _raw(chunk)
        if raw is None:
            return
        if self._reader is None:
            self._reader = _shape(raw)[1]()
        self._reader.feed(raw)

    def response(self) -> Response:
        """Return what has arrived so far."""
        found = Response() if self._reader is None else self._reader.response()
        return _counted(found, self._last)

    def output_messages(self) -> Sequence[Message]:
        """Return the last answer's message."""
        return [] if self._last is None else _said(self._last, self.response())


def output_messages(answer: Any) -> list[Message]:
    """Return the one message of an answer."""
    return _said(answer, response(answer))


def _said(answer: Any, read: Response) -> list[Message]:
    message = field(answer, "message")
    parts = text_part(field(answer, "text")) if message is None else _parts(message)
    reason = text(read.finish_reasons[0]) if read.finish_reasons else None
    return [assistant(parts, reason)]


def input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    """Return what was sent, without system messages: messages, or one prompt."""
    if (prompt := text(arguments.get("prompt"))) is not None:
        return [{"role": "user", "parts": text_part(prompt)}]
    sent = items(arguments.get("messages"))
    return [{"role": _role(one), "parts": _parts(one)} for one in sent if _role(one) != "system"]


def system_instructions(arguments: Mapping[str, Any]) -> list[Part] | None:
    """Return the texts of the system messages."""
    sent = items(arguments.get("messages"))
    return [part for one in sent if _role(one) == "system" for part in _parts(one)] or None


def _role(message: Any) -> str:
    role = field(message, "role")
    said = text(getattr(role, "value", role)) or "user"
    return _ROLES.get(said, said)


def _parts(message: Any) -> list[Part]:
    more = fields(field(message, "additional_kwargs"))
    blocks = items(field(message, "blocks"))
    parts = [part for block in blocks for part in _part(block)]
    if _role(message) == "tool":
        said = "\n".join(part["content"] for part in parts if part["type"] == "text")
        return [tool_response_part(said, more.get("tool_call_id"))]
    if any(part["type"] == "tool_call" for part in parts):
        return parts
    return [*parts, *(_older_call(call) for call in items(more.get("tool_calls")))]


def _older_call(call: Any) -> Part:
    """Read a call of a tool as OpenAI's package also keeps it."""
    function = field(call, "function")
    return tool_call_part(field(function, "name"), field(function, "arguments"), field(call, "id"))


def _part(block: Any) -> list[Part]:
    kind = text(field(block, "block_type")) or ""
    if kind == "text":
        return text_part(field(block, "text"))
    if kind == "thinking":
        return reasoning_part(field(block, "content"))
    if kind == "tool_call":
        get = fields(block).get
        return [tool_call_part(get("tool_name"), get("tool_kwargs"), get("tool_call_id"))]
    if kind in _MEDIA:
        return _media(kind, fields(block))
    return [{**plain_fields(block), "type": kind}] if kind else []


def _media(kind: str, block: Mapping[str, Any]) -> list[Part]:
    """Return media by its address or as the base64 that LlamaIndex holds; a file is left out."""
    if (url := block.get("url")) is not None:
        return [media_part(_MEDIA[kind], str(url))]
    body = block.get(_BODIES[kind])
    if not isinstance(body, bytes):
        return []
    return [blob_part(_MEDIA[kind], body.decode(errors="replace"), block.get(f"{kind}_mimetype"))]
