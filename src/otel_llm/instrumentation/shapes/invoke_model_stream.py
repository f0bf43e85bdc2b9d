"""Streams of Bedrock's InvokeModelWithResponseStream: JSON in bytes, in each vendor's own way.

The first chunk tells the vendor. After it, a chunk with nothing but words is not even parsed where
the words are not wanted. Bedrock adds its own counts to the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from otel_llm.genai import Response, Usage

from ..core.patch import Message, StreamReader
from . import cohere_v2
from .chat_completions import ChatStream
from .converse import ConverseStream
from .invoke_model import (
    after_guardrail,
    body_of,
    counted,
    filled,
    has_intervened,
    messages_after_guardrail,
    response_of,
    said_message,
    spelled,
    texts_in,
)
from .messages import MessageStream
from .values import count, field


def _only_words(said: bytes) -> bool:
    """Return whether a chunk of Anthropic's or Amazon's models has nothing but words in it."""
    words = b'"content_block_delta"' in said or b'"contentBlockDelta"' in said
    return words and not any(name in said for name in _OF_BEDROCK)


_OF_BEDROCK = b"amazon-bedrock-invocationMetrics", b"amazon-bedrock-guardrailAction"


_COUNTS = (
    "inputTokenCount",
    "outputTokenCount",
    "cacheReadInputTokenCount",
    "cacheWriteInputTokenCount",
)


class InvokeModelStream:
    """Collects the chunks of one answer."""

    __slots__ = ("_content", "_guarded", "_metrics", "_reader")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._guarded = False
        self._reader: StreamReader | None = None
        self._metrics = Usage()

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Take one event; those without bytes are errors, which the SDK raises."""
        said = field(chunk.get("chunk"), "bytes")
        if not isinstance(said, bytes):
            return
        if self._content or self._reader is None or not _only_words(said):
            self._take(body_of(said))

    def _take(self, body: Mapping[str, Any]) -> None:
        if self._reader is None:
            self._reader = _reader_of(body)(self._content)
        self._reader.feed(body)
        self._guarded = self._guarded or has_intervened(body)
        if (told := body.get("amazon-bedrock-invocationMetrics")) is not None:
            self._metrics = counted(*(count(field(told, name)) for name in _COUNTS))

    def response(self) -> Response:
        """Return what has arrived so far."""
        read = self._reader.response() if self._reader else Response()
        read = after_guardrail(read) if self._guarded else read
        return replace(read, usage=filled(read.usage, self._metrics))

    def output_messages(self) -> Sequence[Message]:
        """Return the answer put together from its chunks."""
        said: Sequence[Message] = self._reader.output_messages() if self._reader else ()
        return messages_after_guardrail(said) if self._guarded else said


def _reader_of(body: Mapping[str, Any]) -> Callable[[bool], StreamReader]:
    if "choices" in body:
        return _ChoiceStream
    if "type" in body:  # Anthropic's have underscores: ``message_start``
        return cohere_v2.ChatStream if body["type"] == "message-start" else MessageStream
    if any(name in body for name in ("messageStart", "contentBlockDelta", "contentBlockStart")):
        return ConverseStream
    return _TextStream


class _ChoiceStream(ChatStream):
    """Collects chat completions, however they are spelled."""

    __slots__ = ()

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Take one chunk's JSON."""
        super().feed(spelled(chunk) if chunk.get("choices") else chunk)


class _TextStream:
    """Collects chunks of plain text: Titan, Llama, the older ones of Cohere and Mistral."""

    __slots__ = ("_pieces", "_response")

    def __init__(self, content: bool) -> None:
        self._pieces: list[str] | None = [] if content else None
        self._response = Response()

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Take one chunk's JSON."""
        read, before = response_of(_of_titan(chunk)), self._response
        self._response = replace(
            read,
            id=read.id or before.id,
            model=read.model or before.model,
            finish_reasons=read.finish_reasons or before.finish_reasons,
            usage=filled(read.usage, before.usage),
        )
        if self._pieces is not None:
            self._pieces += texts_in(chunk)

    def response(self) -> Response:
        """Return what has arrived so far."""
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return one message of all the text."""
        reasons = self._response.finish_reasons
        said = "".join(self._pieces or ())
        return [said_message(said, reasons[0] if reasons else None)] if said else []


def _of_titan(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return Titan's chunk in the form of its whole answer; others as they are."""
    if "totalOutputTextTokenCount" not in chunk:
        return chunk
    result = {
        "tokenCount": chunk["totalOutputTextTokenCount"],
        "completionReason": chunk.get("completionReason"),
    }
    return {"inputTextTokenCount": chunk.get("inputTextTokenCount"), "results": [result]}
