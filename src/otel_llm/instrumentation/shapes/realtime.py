"""The Realtime shape: text and audio in both directions over one websocket.

A response is what a call is elsewhere. What is asked for is the session's, unless the response has
its own; it names no model in what it answers. Input includes what was cached. Audio is counted and
never kept, its transcript is what was said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .chat_completions import error_type
from .chat_messages import tool_definitions
from .parts import Part, answered, text_part
from .response_messages import input_messages, output_parts
from .values import count, field, fields, integer, items, number, text

CREATED, DONE = "response.created", "response.done"


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the session's parameters with those of the response over them."""
    get = arguments.get
    limit = get("max_output_tokens")
    return Request(
        model=text(get("model")),
        stream=True,
        temperature=number(get("temperature")),
        max_tokens=integer(get("max_response_output_tokens") if limit is None else limit),
        output_type=_output_type(items(get("output_modalities") or get("modalities"))),
        reasoning_level=text(field(get("reasoning"), "effort")),
        conversation_id=text(get("conversation_id")),
    )


def _output_type(modalities: Sequence[Any]) -> str | None:
    if not modalities:
        return None
    return "speech" if "audio" in modalities else "text"


def response(answer: Any) -> Response:
    """Read a response as ``response.done`` has it, or as it stands before."""
    get = fields(answer).get
    status, details = text(get("status")), get("status_details")
    reason = _finish_reason(status, text(field(details, "reason")))
    return Response(
        id=text(get("id")),
        finish_reasons=[reason] if reason else [],
        usage=usage(get("usage")),
        error_type=_failure(details) if status == "failed" else None,
        conversation_id=text(get("conversation_id")),
    )


def _finish_reason(status: str | None, why: str | None) -> str | None:
    """Return why it ended: for what was cut short, why that was."""
    if status in ("incomplete", "cancelled"):
        return _WHY.get(why or status, why or status)
    return {"completed": "stop", "failed": "error"}.get(status or "")


_WHY = {"max_output_tokens": "length"}


def _failure(details: Any) -> str:
    return error_type(field(details, "error")) or "failed"


def outcome(answer: Any) -> str:
    """Return how the stream of a response ended that is done; ``Reading`` tells a failure itself.

    Somebody spoke in between, or cancelled it: the provider did what it was told to.
    """
    return "closed_early" if field(answer, "status") == "cancelled" else "completed"


def usage(said: Any) -> Usage:
    """Read ``usage``."""
    if said is None:
        return Usage()
    heard, spoke = field(said, "input_token_details"), field(said, "output_token_details")
    cached = field(heard, "cached_tokens_details")
    return Usage(
        input_tokens=count(field(said, "input_tokens")),
        output_tokens=count(field(said, "output_tokens")),
        cache_read=count(field(heard, "cached_tokens")),
        text_input=count(field(heard, "text_tokens")),
        audio_input=count(field(heard, "audio_tokens")),
        image_input=count(field(heard, "image_tokens")),
        text_output=count(field(spoke, "text_tokens")),
        audio_output=count(field(spoke, "audio_tokens")),
        text_cache_read=count(field(cached, "text_tokens")),
        audio_cache_read=count(field(cached, "audio_tokens")),
        image_cache_read=count(field(cached, "image_tokens")),
    )


class ResponseStream:
    """Collects the events of one response; only pieces of it are timed."""

    __slots__ = ("_answer", "_content", "_parts", "_pieces", "_whole")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._answer = Response()
        self._whole: Sequence[Part] = ()
        self._parts: dict[int, list[Part]] = {}
        self._pieces: dict[int, list[str]] = {}

    def feed(self, chunk: Any) -> bool:
        """Take one event."""
        kind = field(chunk, "type")
        if kind in (CREATED, DONE):
            self._carry(field(chunk, "response"))
        elif self._content:
            self._collect(kind, chunk)
        return kind.endswith(".delta")

    def _carry(self, answer: Any) -> None:
        self._answer = response(answer)
        if self._content:
            said = items(field(answer, "output"))
            self._whole = [part for item in said for part in output_parts(item)]

    def _collect(self, kind: Any, event: Any) -> None:
        index = integer(field(event, "output_index")) or 0
        if kind == "response.output_item.done":
            self._parts[index] = output_parts(field(event, "item"))
        elif kind in _WORDS and (piece := text(field(event, "delta"))):
            self._pieces.setdefault(index, []).append(piece)

    def response(self) -> Response:
        """Return what has arrived so far."""
        return self._answer

    def output_messages(self) -> Sequence[Message]:
        """Return the one message of the response."""
        begun = {index: text_part("".join(said)) for index, said in self._pieces.items()}
        found = [part for _, parts in sorted({**begun, **self._parts}.items()) for part in parts]
        parts = list(self._whole) or found
        return answered(parts, self._ended_by(parts))

    def _ended_by(self, parts: Sequence[Part]) -> str | None:
        reason = next(iter(self._answer.finish_reasons), None)
        called = any(part["type"] == "tool_call" for part in parts)
        return "tool_call" if called and reason == "stop" else reason


_WORDS = frozenset(
    f"response.{kind}.delta"
    for kind in ("output_text", "output_audio_transcript", "text", "audio_transcript")
)
"""The latter two are the beta's."""


def heard(transcript: Any) -> Mapping[str, Any]:
    """Return the item of what the user was heard to say."""
    said = {"type": "input_text", "text": text(transcript) or ""}
    return {"type": "message", "role": "user", "content": [said]}


CONTENT = Content(
    input_messages=lambda arguments: input_messages(arguments.get("items")),
    output_messages=lambda _: (),
    system_instructions=lambda arguments: text_part(arguments.get("instructions")) or None,
    tool_definitions=lambda arguments: tool_definitions(arguments.get("tools")),
)

REALTIME = Endpoint("chat", request, response, ResponseStream, CONTENT, model="model")
"""One response; ``items`` of its arguments are the conversation so far."""
