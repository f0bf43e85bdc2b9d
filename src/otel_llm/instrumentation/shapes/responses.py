"""The Responses API shape: ``/responses``, its compaction and its stored results.

Finish reasons are derived from the status, as the conventions' OpenAI page does: ``completed`` is
``stop``, ``incomplete`` is why (``length`` for ``max_output_tokens``), ``failed`` and ``cancelled``
are ``error``; a response that is not done has none.

Searches that OpenAI ran are charged each: those of the web are told, where a host does not tell
them they are counted by their items, as those of files always are; to open a page is no search.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .charged import charged
from .chat_completions import error_type, output_type
from .chat_messages import tool_definitions
from .parts import Part, answered, reasoning_part, refusal_part, text_part, tool_call_part
from .response_messages import input_messages, output_messages, output_parts
from .values import count, field, integer, items, number, text


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``, ``parse`` and ``compact``."""
    get = arguments.get
    return Request(
        model=text(get("model")),
        stream=get("stream") is True or None,
        temperature=number(get("temperature")),
        top_p=number(get("top_p")),
        max_tokens=integer(get("max_output_tokens")),
        output_type=output_type(get("text_format")) or output_type(field(get("text"), "format")),
        reasoning_level=text(field(get("reasoning"), "effort")),
        conversation_id=_conversation(get("conversation")),
        previous_response_id=text(get("previous_response_id")),
        more=_prompt(get("prompt")),
    )


def _conversation(conversation: Any) -> str | None:
    return text(conversation) or text(field(conversation, "id"))


def _prompt(prompt: Any) -> dict[str, Any] | None:
    """Read the stored prompt template that is used, if one is."""
    id, version = text(field(prompt, "id")), text(field(prompt, "version"))
    if id is None:
        return None
    named = {semconv.PROMPT_NAME: id}
    return named if version is None else {**named, semconv.PROMPT_VERSION: version}


def response(answer: Any) -> Response:
    """Read a whole answer."""
    status = text(field(answer, "status"))
    reason = finish_reason(status, answer)
    ran = items(field(answer, "output"))
    kinds = [field(item, "type") for item in ran]
    used = usage(field(answer, "usage"))
    used.web_searches = _web_searches(field(answer, "tool_usage"), ran, kinds)
    used.file_searches = kinds.count(_FILES) or None
    return Response(
        id=text(field(answer, "id")),
        model=text(field(answer, "model")),
        finish_reasons=[reason] if reason else [],
        usage=used,
        own=lambda: charged(field(answer, "usage")),
        error_type=_failure(answer) if status == "failed" else None,
        conversation_id=_conversation(field(answer, "conversation")),
        more={semconv.CONVERSATION_COMPACTED: True} if "compaction" in kinds else None,
    )


_WEB, _FILES = "web_search_call", "file_search_call"


def _web_searches(told: Any, ran: Sequence[Any], kinds: Sequence[Any]) -> int | None:
    if (searched := count(field(field(told, "web_search"), "num_requests"))) is not None:
        return searched
    found = [item for item, kind in zip(ran, kinds, strict=True) if kind == _WEB]
    return sum(_is_search(field(item, "action")) for item in found) or None


def _is_search(action: Any) -> bool:
    """Return whether it is one; what came before there were others has no action."""
    return action is None or field(action, "type") == "search"


def finish_reason(status: str | None, answer: Any) -> str | None:
    """Return why generation ended; ``None`` while it has not."""
    if status == "incomplete":
        reason = text(field(field(answer, "incomplete_details"), "reason"))
        return _INCOMPLETE.get(reason or status, reason)
    return {"completed": "stop", "failed": "error", "cancelled": "error"}.get(status or "")


_INCOMPLETE = {"max_output_tokens": "length", "incomplete": "incomplete"}


def _failure(answer: Any) -> str:
    return error_type(field(answer, "error")) or "failed"


def reason_of(error: Any) -> str | None:
    """Return the type that an ``error`` event tells, over a websocket one level further down."""
    return error_type(field(error, "error")) or error_type(error)


def usage(said: Any) -> Usage:
    """Read ``usage``; input includes cached tokens, output includes reasoning."""
    if said is None:
        return Usage()
    asked = field(said, "input_tokens_details")
    wrote = field(said, "output_tokens_details")
    return Usage(
        input_tokens=count(field(said, "input_tokens")),
        output_tokens=count(field(said, "output_tokens")),
        cache_read=count(field(asked, "cached_tokens")),
        cache_write=count(field(asked, "cache_write_tokens")),
        reasoning=count(field(wrote, "reasoning_tokens")),
        text_input=count(field(asked, "text_tokens")),
        audio_input=count(field(asked, "audio_tokens")),
        image_input=count(field(asked, "image_tokens")),
        text_output=count(field(wrote, "text_tokens")),
        audio_output=count(field(wrote, "audio_tokens")),
        image_output=count(field(wrote, "image_tokens")),
    )


class ResponsesStream:
    """Collects the events of one response. Unknown events are passed over.

    Six kinds of event carry the whole response as it stands; the last one seen is what is
    reported. Messages come from it too, and from finished items and text deltas when it never came.
    """

    __slots__ = ("_answer", "_begun", "_content", "_error", "_parts", "_pieces", "_whole")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._answer = Response()
        self._error: str | None = None
        self._whole: Sequence[Message] = ()
        self._parts: dict[int, list[Part]] = {}
        self._begun: dict[int, Any] = {}
        self._pieces: dict[int, dict[str, list[str]]] = {}

    def feed(self, chunk: Any) -> None:
        """Take one event, an SDK's object or a dict."""
        kind = chunk.get("type") if isinstance(chunk, dict) else getattr(chunk, "type", None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any mapping
        if not isinstance(kind, str):
            return
        if kind in CARRIERS:
            self._carry(field(chunk, "response"))
        elif kind == "error":
            self._error = reason_of(chunk)
        elif self._content:
            self._collect(kind, chunk)

    _read = staticmethod(response)

    def _carry(self, answer: Any) -> None:
        self._answer = self._read(answer)
        if self._content:
            self._whole = output_messages(answer)

    def _collect(self, kind: Any, event: Any) -> None:
        index = integer(field(event, "output_index")) or 0
        if kind == "response.output_item.done":
            self._parts[index] = output_parts(field(event, "item"))
        elif kind == "response.output_item.added":
            self._begun[index] = field(event, "item")
        elif kind in _GROWN and (piece := text(field(event, "delta"))):
            self._pieces.setdefault(index, {}).setdefault(_GROWN[kind], []).append(piece)

    def response(self) -> Response:
        """Return what has arrived so far."""
        self._answer.error_type = self._error or self._answer.error_type
        return self._answer

    def output_messages(self) -> Sequence[Message]:
        """Return the one message of the response."""
        begun = {index: self._grown(index, said) for index, said in self._pieces.items()}
        parts = [part for _, found in sorted({**begun, **self._parts}.items()) for part in found]
        reason = next(iter(self._answer.finish_reasons), None)
        return self._whole or answered(parts, reason)

    def _grown(self, index: int, said: Mapping[str, list[str]]) -> list[Part]:
        """Return the parts of an item whose end has not come."""
        item = self._begun.get(index)
        return [part for kind, told in said.items() for part in _BEGUN[kind]("".join(told), item)]


def _called(arguments: str, item: Any) -> list[Part]:
    return [tool_call_part(field(item, "name"), arguments, field(item, "call_id"))]


_BEGUN: Mapping[str, Callable[[str, Any], list[Part]]] = {
    "text": lambda said, _: text_part(said),
    "refusal": lambda said, _: refusal_part(said),
    "reasoning": lambda said, _: reasoning_part(said),
    "call": _called,
}
_GROWN = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "call",
    "response.custom_tool_call_input.delta": "call",
}
"""Events that bring a piece of an item, to what it is a piece of."""

ENDS = frozenset(f"response.{state}" for state in ("completed", "incomplete", "failed"))
"""Events after which nothing comes of a response."""

CARRIERS = ENDS | {f"response.{state}" for state in ("created", "queued", "in_progress")}
"""Events that carry the whole response as it stands."""

CONTENT = Content(
    input_messages=lambda arguments: input_messages(arguments.get("input")),
    output_messages=output_messages,
    system_instructions=lambda arguments: text_part(arguments.get("instructions")) or None,
    tool_definitions=lambda arguments: tool_definitions(arguments.get("tools")),
)

FETCHED = Content(lambda _: (), output_messages)
"""What a stored response says; the request for it has no messages."""

RESPONSES = Endpoint("chat", request, response, ResponsesStream, CONTENT)
"""Responses as any compatible host speaks them, without attributes of OpenAI alone."""
