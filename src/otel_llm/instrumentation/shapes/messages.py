"""Anthropic's messages shape: spoken by its own API, Vertex AI and Bedrock's InvokeModel.

Usage as billed: the API's ``input_tokens`` leaves out what was read from or written to the cache,
and its totals leave out what a compaction of the conversation cost; both are added here. They leave
out an advisor too, another model that is asked inside of the call: its tokens have another price
and no name in the conventions, so they are not told. In a stream the input is told first and the
output, as a running total, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .arguments import asked
from .message_blocks import blocks, input_messages, output_message, tool_definitions
from .parts import text_part
from .values import cached_apart, count, field, fields, integer, items, text, total


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``, ``parse`` and ``stream``, or an InvokeModel body."""
    found = asked(arguments, _PARAMETERS)
    if (config := arguments.get("output_config")) is not None:
        found.reasoning_level = text(field(config, "effort"))
    formats = arguments.get("output_format"), field(config, "format")
    found.output_type = _output_type(*formats) if any(formats) else None
    return found


_PARAMETERS: Mapping[str, str] = {
    "stream": "stream",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "stop_sequences": "stop_sequences",
}


def _output_type(*formats: Any) -> str | None:
    """Return ``json`` when a schema, or a class to parse into, was asked for."""
    asked = any(isinstance(f, type) or field(f, "type") == "json_schema" for f in formats)
    return "json" if asked else None


def response(message: Any) -> Response:
    """Read a whole message."""
    told = fields(message)
    reason = text(told.get("stop_reason"))
    get, model = fields(told.get("usage")).get, told.get("model")
    return Response(
        told.get("id"),
        model if (rounds := get("iterations")) is None else _served(rounds) or model,
        [reason] if reason else [],
        _billed(get),
        _failure(told.get("error")) if reason is None else None,
        more=_more(told.get("content")),
        own=lambda: _priced(get),
    )


def _failure(error: Any) -> str | None:
    """Return what an ``error`` object says that came with HTTP status 200."""
    return None if error is None else text(field(error, "type")) or "error"


def measured(message: Any) -> Response:
    """Read of a whole message what metrics carry, which clean it themselves."""
    told = fields(message)
    get = fields(told.get("usage")).get
    if get("iterations") is None:
        asked = total(get("input_tokens"), get(_READ), get(_WRITTEN))
        failed = None if asked is not None else _failure(told.get("error"))
        return Response(None, told.get("model"), (), Usage(asked, get("output_tokens")), failed)
    return Response(None, _served(get("iterations")) or told.get("model"), (), _billed(get))


def _served(rounds: Any) -> str | None:
    """Return the model that took over after the one that was asked had declined."""
    fallback = (one for one in items(rounds) if field(one, "type") == "fallback_message")
    return text(field(next(fallback, None), "model"))


def _more(content: Any) -> dict[str, Any] | None:
    for block in items(content):
        if fields(block).get("type") == "compaction":
            return {semconv.CONVERSATION_COMPACTED: True}
    return None


def _priced(get: Callable[[str], Any]) -> dict[str, Any]:
    """Return what the price depends on beside the counts: a fast answer is of no other tier."""
    tier = "fast" if get("speed") == "fast" else get("service_tier")
    return {semconv.own.RESPONSE_SERVICE_TIER: tier, semconv.own.INFERENCE_GEO: get(_GEO)}


_GEO = "inference_geo"


def usage(said: Any) -> Usage:
    """Read ``usage`` of a message; what it does not say stays ``None``."""
    return _billed(fields(said).get)


def _billed(get: Callable[[str], Any]) -> Usage:
    """Return the counts with everything that is billed in them."""
    whole = _counted(get)
    if (details := get("output_tokens_details")) is not None:
        whole.reasoning = count(field(details, "thinking_tokens"))
    if (split := get("cache_creation")) is not None:
        parts = fields(split)
        five, hour = count(parts.get(_FIVE_MINUTES)), count(parts.get(_ONE_HOUR))
        if (five or 0) + (hour or 0) == whole.cache_write:
            whole.cache_write_5m, whole.cache_write_1h = five, hour
    if (ran := get("server_tool_use")) is not None:
        whole.web_searches = count(field(ran, "web_search_requests"))
    if (rounds := get("iterations")) is not None:
        whole = sum((usage(one) for one in items(rounds) if _is_compaction(one)), whole)
    return whole


def _counted(get: Callable[[str], Any]) -> Usage:
    """Return what went in and came out, with the cache in it."""
    return cached_apart(get("input_tokens"), get("output_tokens"), get(_READ), get(_WRITTEN))


_READ, _WRITTEN = "cache_read_input_tokens", "cache_creation_input_tokens"


class Counts:
    """What was told about tokens so far; later totals replace earlier ones."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}

    def tell(self, said: Any) -> None:
        """Take one ``usage`` object; fields it leaves out keep what was told before."""
        for name, value in fields(said).items():
            if value is not None and (name not in _TOTALS or count(value) is not None):
                self._told[name] = value

    def forget_output(self) -> None:
        """Drop the output told so far: at the start of a stream it is a placeholder."""
        for name in ("output_tokens", "output_tokens_details"):
            self._told.pop(name, None)

    def billed(self) -> Usage:
        """Return the counts with everything that is billed in them."""
        return _billed(self._told.get)

    def priced(self) -> dict[str, Any]:
        """Return what the price depends on beside them."""
        return _priced(self._told.get)


_TOTALS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_FIVE_MINUTES, _ONE_HOUR = "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"


def _is_compaction(iteration: Any) -> bool:
    return field(iteration, "type") == "compaction"


def output_messages(message: Any) -> list[Message]:
    """Return the one message of an answer."""
    reason = text(field(message, "stop_reason"))
    return [output_message(blocks(field(message, "content")), reason)]


class MessageStream:
    """Collects the events of one message, raw or with those a helper adds between them."""

    __slots__ = ("_answer", "_blocks", "_content", "_counts")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._answer = Response()
        self._counts = Counts()
        self._blocks: dict[int, _Block] = {}

    def feed(self, chunk: Any) -> bool | None:
        """Take one event, an SDK's object or a dict. Unknown ones are passed over."""
        kind = chunk.get("type") if isinstance(chunk, Mapping) else getattr(chunk, "type", None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any mapping
        if kind == "content_block_delta":
            if self._content:
                self._block(chunk).add(field(chunk, "delta"))
        elif kind == "content_block_start":
            self._open(chunk)
        elif kind == "message_start":
            self._begin(field(chunk, "message"))
        elif kind == "message_delta":
            self._finish(chunk)
        elif kind == "error":
            self._answer.error_type = _failure(field(chunk, "error")) or "error"
        return False if kind == "ping" else None  # the SDK keeps it to itself

    def _begin(self, message: Any) -> None:
        self._answer = response(message)
        self._counts.tell(field(message, "usage"))
        self._counts.forget_output()

    def _open(self, event: Any) -> None:
        opened = field(event, "content_block")
        self._answer.more = self._answer.more or _more([opened])
        if field(opened, "type") == "fallback":  # what follows is another model's
            self._answer.model = text(field(field(opened, "to"), "model")) or self._answer.model
        if self._content:
            self._block(event).open(opened)

    def _finish(self, event: Any) -> None:
        reason = text(field(field(event, "delta"), "stop_reason"))
        if reason:
            self._answer.finish_reasons = [reason]
        self._counts.tell(said := field(event, "usage"))
        self._answer.model = _served(field(said, "iterations")) or self._answer.model

    def _block(self, event: Any) -> _Block:
        return self._blocks.setdefault(integer(field(event, "index")) or 0, _Block())

    def response(self) -> Response:
        """Return what has arrived so far."""
        self._answer.usage = self._counts.billed()
        self._answer.own = self._counts.priced
        return self._answer

    def output_messages(self) -> Sequence[Message]:
        """Return the one message, put together from its blocks."""
        if not self._blocks:
            return []
        grown = [block.whole() for _, block in sorted(self._blocks.items())]
        reasons = self._answer.finish_reasons
        return [output_message(blocks(grown), reasons[0] if reasons else None)]


class _Block:
    """One content block of a stream, growing."""

    __slots__ = ("_fields", "_pieces")

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._pieces: dict[str, list[str]] = {}

    def open(self, block: Any) -> None:
        self._fields = {**fields(block)}

    def add(self, delta: Any) -> None:
        for name, target in _GROWN.items():
            if isinstance(piece := field(delta, name), str):
                self._pieces.setdefault(target, []).append(piece)

    def whole(self) -> dict[str, Any]:
        grown = {name: "".join(pieces) for name, pieces in self._pieces.items()}
        return {**self._fields, **{name: said for name, said in grown.items() if said}}


_GROWN = {"text": "text", "thinking": "thinking", "partial_json": "input", "content": "content"}


def _system(arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    said = arguments.get("system")
    if isinstance(said, str):
        return text_part(said) or None
    return [part for block in items(said) for part in text_part(field(block, "text"))] or None


CONTENT = Content(
    input_messages=lambda arguments: input_messages(arguments.get("messages")),
    output_messages=output_messages,
    system_instructions=_system,
    tool_definitions=lambda arguments: tool_definitions(arguments.get("tools")),
)

MESSAGES = Endpoint(
    "chat", request, response, MessageStream, CONTENT, model="model", measured=measured
)
"""Messages, whole or streamed."""
