"""The ``/chat/completions`` shape, spoken by OpenAI and everyone compatible with it.

Hosts differ in small things, all read here: usage on the last chunk, on every chunk (the last one
counts) or under ``x_groq``; reasoning text as ``reasoning_content`` or ``reasoning``; cached
tokens as ``prompt_tokens_details.cached_tokens``, ``prompt_cache_hit_tokens`` (DeepSeek),
``cached_tokens`` (Moonshot) or ``cache_read_input_tokens`` (LiteLLM).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .chat_messages import assistant_message, input_messages, tool_definitions
from .values import count, field, fields, integer, items, number, text, texts


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``, ``parse`` and their kin."""
    get = arguments.get
    choices = integer(get("n"))
    return Request(
        model=text(get("model")),
        stream=get("stream") is True or None,
        temperature=number(get("temperature")),
        top_p=number(get("top_p")),
        max_tokens=integer(get("max_completion_tokens")) or integer(get("max_tokens")),
        frequency_penalty=number(get("frequency_penalty")),
        presence_penalty=number(get("presence_penalty")),
        stop_sequences=texts(get("stop")),
        seed=integer(get("seed")),
        choice_count=None if choices == 1 else choices,
        output_type=_output_type(get("response_format"), get("modalities")),
        reasoning_level=text(get("reasoning_effort")),
    )


def output_type(format: Any) -> str | None:
    """Return what a response format asks for; a class given to ``parse`` asks for JSON."""
    if isinstance(format, type):
        return "json"
    kind = field(format, "type")
    return {"text": "text", "json_object": "json", "json_schema": "json"}.get(text(kind) or "")


def _output_type(format: Any, modalities: Any) -> str | None:
    return "speech" if "audio" in items(modalities) else output_type(format)


def response(completion: Any) -> Response:
    """Read a whole answer."""
    get = fields(completion).get
    return Response(
        id=text(get("id")),
        model=text(get("model")),
        finish_reasons=_reasons([text(field(c, "finish_reason")) for c in items(get("choices"))]),
        usage=usage(get("usage")),
        error_type=error_type(get("error")),
    )


def error_type(error: Any) -> str | None:
    """Return the code of an ``error`` object inside an answer with HTTP status 200."""
    if error is None:
        return None
    code = field(error, "code")
    return text(code) or (str(code) if integer(code) else None) or text(field(error, "type"))


def _reasons(reasons: Sequence[str | None]) -> list[str]:
    """Keep one per choice: head of the conventions fills a missing one with ``error``."""
    return [reason or "error" for reason in reasons] if any(reasons) else []


def usage(said: Any) -> Usage:
    """Read ``usage``; what the host did not say stays ``None``."""
    if said is None:
        return Usage()
    told = fields(said)
    asked, wrote = fields(told.get(_ASKED)).get, fields(told.get(_WROTE)).get
    reasoning = count(wrote("reasoning_tokens"))
    return Usage(
        input_tokens=count(told.get("prompt_tokens")),
        output_tokens=_output(told, reasoning),
        cache_read=_first(_CACHE_READ, asked, told.get),
        cache_write=_first(_CACHE_WRITE, asked, told.get),
        reasoning=reasoning,
        text_input=count(asked("text_tokens")),
        audio_input=count(asked("audio_tokens")),
        image_input=count(asked("image_tokens")),
        text_output=count(wrote("text_tokens")),
        audio_output=count(wrote("audio_tokens")),
        image_output=count(wrote("image_tokens")),
    )


_ASKED, _WROTE = "prompt_tokens_details", "completion_tokens_details"
_CACHE_READ = ("cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens")
_CACHE_WRITE = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")


def _first(names: Sequence[str], *places: Callable[[str], Any]) -> int | None:
    for get in places:
        for name in names:
            if (found := count(get(name))) is not None:
                return found
    return None


def _output(told: Mapping[str, Any], reasoning: int | None) -> int | None:
    """Return the billed output; xAI leaves reasoning out of it, and its own total shows that."""
    wrote = count(told.get("completion_tokens"))
    if not reasoning or wrote is None:
        return wrote
    asked, total = count(told.get("prompt_tokens")), count(told.get("total_tokens"))
    apart = asked is not None and total == asked + wrote + reasoning
    return wrote + reasoning if apart else wrote


def output_messages(completion: Any) -> list[Message]:
    """Return one message per choice."""
    return [
        assistant_message(field(choice, "message"), text(field(choice, "finish_reason")))
        for choice in items(field(completion, "choices"))
    ]


class ChatStream:
    """Collects the chunks of one answer. Anything that is not a chunk is passed over."""

    __slots__ = ("_choices", "_content", "_response", "_usage")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._response = Response()
        self._usage: Any = None
        self._choices: dict[int, _Choice] = {}

    def feed(self, chunk: Any) -> None:
        """Take one chunk; also a dict, as a caller's own chunk type may be one."""
        get = fields(chunk).get
        if self._response.id is None:
            self._head(chunk)
        choices = items(get("choices"))
        ended = not choices
        for choice in choices:
            ended = self._take(choice) or ended
        # Also with choices: some hosts count along on every chunk, and the last one is right.
        if (said := get("usage")) is not None:
            self._usage = usage(said)
            self._extra(chunk)
        elif ended and (counted := field(get("x_groq"), "usage")):
            self._usage = usage(counted)

    def _head(self, chunk: Any) -> None:
        """Read what every chunk repeats; Azure's first one has it empty."""
        self._response.id = text(field(chunk, "id"))
        self._response.model = text(field(chunk, "model")) or self._response.model
        self._extra(chunk)

    def _extra(self, chunk: Any) -> None:
        """Read what one provider alone says; called for the first chunk and those with usage."""

    def _take(self, choice: Any) -> bool:
        """Take one choice of a chunk and return whether it is its last."""
        get = fields(choice).get
        kept = self._choices.get(get("index", 0))
        if kept is None:
            kept = self._choices.setdefault(integer(get("index")) or 0, _Choice())
        reason = get("finish_reason")
        if reason:
            kept.finish = text(reason)
        if self._content:
            kept.add(get("delta"))
        return bool(reason)

    def response(self) -> Response:
        """Return what has arrived so far."""
        kept = [choice for _, choice in sorted(self._choices.items())]
        self._response.finish_reasons = _reasons([choice.finish for choice in kept])
        self._response.usage = self._usage or Usage()
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return one message per choice, put together from its deltas."""
        return [choice.message() for _, choice in sorted(self._choices.items())]


class _Choice:
    """One choice of a stream, growing."""

    __slots__ = ("audio", "fields", "finish", "function", "role", "tools")

    def __init__(self) -> None:
        self.finish: str | None = None
        self.role: str | None = None
        self.fields: dict[str, list[str]] = {}
        self.function: _Tool | None = None
        self.tools: dict[int, _Tool] = {}
        self.audio: dict[str, list[str]] = {}

    def add(self, delta: Any) -> None:
        self.role = self.role or text(field(delta, "role"))
        for name in _TEXTS:
            _append(self.fields, name, field(delta, name))
        for name in ("data", "transcript"):
            _append(self.audio, name, field(field(delta, "audio"), name))
        for call in items(field(delta, "tool_calls")):
            index = integer(field(call, "index")) or 0
            self.tools.setdefault(index, _Tool()).add(call)
        if (function := field(delta, "function_call")) is not None:
            self.function = self.function or _Tool()
            self.function.add({"function": function})

    def message(self) -> Message:
        """Return the message in the conventions' JSON."""
        whole: dict[str, Any] = {name: "".join(said) for name, said in self.fields.items()}
        if self.role:
            whole["role"] = self.role
        if self.audio:
            whole["audio"] = {name: "".join(said) for name, said in self.audio.items()}
        tools = [tool for _, tool in sorted(self.tools.items())]
        whole["tool_calls"] = [
            tool.call() for tool in [*tools, *([self.function] if self.function else [])]
        ]
        return assistant_message(whole, self.finish)


_TEXTS = ("reasoning_content", "reasoning", "content", "refusal")


class _Tool:
    """One tool call of a stream; its name comes first, its arguments in pieces or never."""

    __slots__ = ("_arguments", "_id", "_name")

    def __init__(self) -> None:
        self._id: str | None = None
        self._name: str | None = None
        self._arguments: list[str] = []

    def add(self, delta: Any) -> None:
        function = field(delta, "function") or field(delta, "custom")
        self._id = self._id or text(field(delta, "id"))
        self._name = self._name or text(field(function, "name"))
        said = field(function, "arguments") or field(function, "input")
        if isinstance(said, str):
            self._arguments.append(said)

    def call(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "function": {"name": self._name, "arguments": "".join(self._arguments) or None},
        }


def _append(pieces: dict[str, list[str]], name: str, piece: Any) -> None:
    if isinstance(piece, str) and piece:
        pieces.setdefault(name, []).append(piece)


CONTENT = Content(
    input_messages=lambda arguments: input_messages(arguments.get("messages")),
    output_messages=output_messages,
    tool_definitions=lambda arguments: tool_definitions(arguments.get("tools")),
)

CHAT = Endpoint("chat", request, response, ChatStream, CONTENT)
"""Chat completions as any compatible host speaks them, without attributes of OpenAI alone."""
