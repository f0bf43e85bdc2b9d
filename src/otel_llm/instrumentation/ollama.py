"""Ollama SDK (``ollama``): chat, generate and embeddings, sync, async and module-level.

``ollama.chat`` and its kin are methods of a client that the package makes when it is imported. If
that was before ``instrument()``, they are bound again; what the application imported by name until
then (``from ollama import chat``) is out of reach.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from .core import Content, Endpoint, LLMInstrumentor, Message, Origin, Patch
from .shapes.arguments import chosen
from .shapes.chat_messages import tool_definitions
from .shapes.hosts import Origins
from .shapes.parts import (
    Part,
    answered,
    reasoning_part,
    text_part,
    tool_call_part,
    tool_response_part,
)
from .shapes.values import count, field, fields, integer, items, text


def _request(arguments: Mapping[str, Any]) -> Request:
    get = arguments.get
    found = chosen(text(get("model")), fields(get("options")), _PARAMETERS)
    if get("stream") is True:
        found.stream = True
    if get("format"):
        found.output_type = "json"
    if (level := get("think")) is not None:
        found.reasoning_level = text(level)
    return found


_PARAMETERS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "num_predict": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop": "stop_sequences",
    "seed": "seed",
}


def _response(answer: Any) -> Response:
    get = fields(answer).get
    reason = text(get("done_reason"))
    usage = Usage(count(get("prompt_eval_count")), count(get("eval_count")))
    return Response(None, text(get("model")), [reason] if reason else [], usage)


def _embed_request(arguments: Mapping[str, Any]) -> Request:
    asked = integer(arguments.get("dimensions"))
    more = None if asked is None else {semconv.EMBEDDINGS_DIMENSION_COUNT: asked}
    return Request(model=text(arguments.get("model")), more=more)


def _embedded(answer: Any) -> Response:
    get = fields(answer).get
    vectors = get("embeddings")
    vector = next(iter(items(vectors)), None) if vectors else get("embedding")
    size = len(items(vector))
    return Response(
        model=text(get("model")),
        usage=Usage(count(get("prompt_eval_count"))),
        more={semconv.EMBEDDINGS_DIMENSION_COUNT: size} if size else None,
    )


def _input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    return [
        {"role": text(field(message, "role")) or "user", "parts": _parts(message)}
        for message in items(arguments.get("messages"))
    ]


def _prompt(arguments: Mapping[str, Any]) -> list[Message]:
    parts = [*text_part(arguments.get("prompt")), *_images(arguments.get("images"))]
    return [{"role": "user", "parts": parts}] if parts else []


def _images(given: Any) -> list[Part]:
    """Return that there are images: each may be a path, bytes or base64."""
    return [{"type": "image"} for _ in items(given)]


def _parts(message: Any) -> list[Part]:
    content = field(message, "content")
    if field(message, "role") == "tool":
        return [tool_response_part(content, field(message, "tool_call_id"))]
    return [
        *reasoning_part(field(message, "thinking")),
        *text_part(content),
        *_images(field(message, "images")),
        *(_call_part(call) for call in items(field(message, "tool_calls"))),
    ]


def _call_part(call: Any) -> Part:
    function = field(call, "function")
    return tool_call_part(field(function, "name"), field(function, "arguments"))


def _output_messages(answer: Any) -> list[Message]:
    message = field(answer, "message") or {
        "content": field(answer, "response"),
        "thinking": field(answer, "thinking"),
    }
    return _said(_parts(message), text(field(answer, "done_reason")))


def _said(parts: list[Part], reason: str | None) -> list[Message]:
    called = any(part["type"] == "tool_call" for part in parts)
    return answered(parts, "tool_call" if called and reason == "stop" else reason)


class _Stream:
    """Collects the chunks of one answer; the last one has the counts."""

    __slots__ = ("_content", "_parts", "_response")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._response = Response()
        self._parts: list[Part] = []

    def feed(self, chunk: Any) -> None:
        if field(chunk, "done"):
            self._response = _response(chunk)
        elif self._response.model is None:
            self._response.model = text(field(chunk, "model"))
        if self._content:
            for message in _output_messages(chunk):
                self._parts += message["parts"]

    def response(self) -> Response:
        return self._response

    def output_messages(self) -> Sequence[Message]:
        reasons = self._response.finish_reasons
        return _said(_joined(self._parts), reasons[0] if reasons else None)


def _joined(parts: Sequence[Part]) -> list[Part]:
    said = {kind: [p["content"] for p in parts if p["type"] == kind] for kind in _KINDS}
    texts = [{"type": kind, "content": "".join(said[kind])} for kind in _KINDS if said[kind]]
    return [*texts, *(part for part in parts if part["type"] not in _KINDS)]


_KINDS = ("reasoning", "text")


def _status(error: BaseException) -> str | None:
    """Return the HTTP status: one class of the SDK stands for all of them."""
    status = getattr(error, "status_code", None)
    return str(status) if isinstance(status, int) and status > 0 else None


_CHAT = Endpoint(
    "chat",
    _request,
    _response,
    _Stream,
    Content(
        _input_messages,
        _output_messages,
        tool_definitions=lambda arguments: tool_definitions(arguments.get("tools")),
    ),
    model="model",
    error_type=_status,
)
_GENERATE = replace(
    _CHAT,
    operation="text_completion",
    content=Content(
        _prompt,
        _output_messages,
        system_instructions=lambda arguments: text_part(arguments.get("system")) or None,
    ),
)
_EMBED = Endpoint("embeddings", _embed_request, _embedded, error_type=_status)
_METHODS = (
    ("chat", _CHAT, ("model", "messages")),
    ("generate", _GENERATE, ("model", "prompt", "suffix")),
    ("embed", _EMBED, ("model", "input", "truncate")),
    ("embeddings", _EMBED, ("model", "prompt")),
)


class OllamaInstrumentor(LLMInstrumentor):
    """Traces the Ollama Python SDK."""

    requires = ("ollama >= 0.6, < 1",)
    provider = "ollama"
    patches = tuple(
        Patch("ollama._client", f"{prefix}Client.{name}", endpoint, positional)
        for prefix in ("", "Async")
        for name, endpoint, positional in _METHODS
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the server the client speaks to."""
        return _ORIGINS.of(instance._client)

    def _instrument(self, **kwargs: Any) -> None:
        super()._instrument(**kwargs)
        _bind_again()

    def _uninstrument(self, **kwargs: Any) -> None:
        super()._uninstrument(**kwargs)
        _bind_again()


_ORIGINS = Origins(lambda client, host: "ollama")


def _bind_again() -> None:
    """Bind the module-level functions to what the class has now, if the package is imported."""
    package = sys.modules.get("ollama")
    client = getattr(package, "_client", None)
    for name, _, _ in _METHODS:
        # While the package is being imported, ``_client`` is still its module.
        if getattr(getattr(package, name, None), "__self__", None) is client is not None:
            setattr(package, name, getattr(client, name))
