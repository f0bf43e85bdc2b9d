"""The ``/audio/transcriptions`` shape: speech in, text out, billed per token or per second.

Reported as ``generate_content`` with output type ``text``. Seconds of audio are no tokens: such a
call has no usage. The audio is never captured; the transcript is, with content on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .parts import answered, text_part
from .values import count, field, number, text


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``."""
    return Request(
        model=text(arguments.get("model")),
        stream=arguments.get("stream") is True or None,
        temperature=number(arguments.get("temperature")),
        output_type="text",
    )


def response(answer: Any) -> Response:
    """Read an answer: an object, or plain text for the formats ``text``, ``srt`` and ``vtt``."""
    return Response(usage=usage(field(answer, "usage")))


def usage(said: Any) -> Usage:
    """Read ``usage`` where it counts tokens."""
    if said is None:
        return Usage()
    heard = field(said, "input_token_details")
    return Usage(
        input_tokens=count(field(said, "input_tokens")),
        output_tokens=count(field(said, "output_tokens")),
        text_input=count(field(heard, "text_tokens")),
        audio_input=count(field(heard, "audio_tokens")),
    )


def input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    """Return the hint that goes with the audio, if there is one."""
    parts = text_part(arguments.get("prompt"))
    return [{"role": "user", "parts": parts}] if parts else []


def output_messages(answer: Any) -> list[Message]:
    """Return the transcript."""
    said = answer if isinstance(answer, str) else field(answer, "text")
    return answered(text_part(said), "stop")


class TranscriptionStream:
    """Collects the events of one transcription; the last one has it whole."""

    __slots__ = ("_content", "_done", "_pieces", "_response")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._response = Response()
        self._pieces: list[str] = []
        self._done: str | None = None

    def feed(self, chunk: Any) -> None:
        """Take one event."""
        if (said := field(chunk, "usage")) is not None:
            self._response.usage = usage(said)
        if self._content:
            if field(chunk, "type") != "transcript.text.segment":  # what one speaker said
                self._done = text(field(chunk, "text")) or self._done
            self._pieces.append(text(field(chunk, "delta")) or "")

    def response(self) -> Response:
        """Return the usage, if it came."""
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return what was heard so far."""
        return output_messages(self._done or "".join(self._pieces))


CONTENT = Content(input_messages, output_messages)

TRANSCRIPTION = Endpoint("generate_content", request, response, TranscriptionStream, CONTENT)
"""Transcriptions, whole or streamed."""
