"""The ``/audio/speech`` shape: text in, speech out, billed per token or per character.

Reported as ``generate_content`` with output type ``speech``. The audio is never looked at; the text
that is spoken is captured, with content on. Tokens are told only where the speech comes as events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.genai import Request, Response

from ..core.body import events_in
from ..core.patch import Content, Endpoint, Message
from .images import UsageStream, no_messages
from .parts import text_part
from .values import field, text


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``."""
    streamed = arguments.get("stream_format") == "sse" or arguments.get("stream") is True
    return Request(
        model=text(arguments.get("model")), stream=streamed or None, output_type="speech"
    )


def response(answer: Any) -> Response:
    """Read an answer: audio says nothing, events that were read whole say what was used."""
    http, reader = field(answer, "response"), UsageStream()
    if "event-stream" in _kind(http):
        for event in events_in(http.content):
            reader.feed(event)
    return reader.response()


def _kind(http: Any) -> str:
    headers: Any = getattr(http, "headers", None)
    return text(headers.get("content-type")) or "" if isinstance(headers, Mapping) else ""  # pyright: ignore[reportUnknownMemberType] - any mapping


def input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    """Return what is to be said."""
    parts = text_part(arguments.get("input"))
    return [{"role": "user", "parts": parts}] if parts else []


CONTENT = Content(
    input_messages,
    no_messages,
    system_instructions=lambda arguments: text_part(arguments.get("instructions")) or None,
)

SPEECH = Endpoint("generate_content", request, response, UsageStream, CONTENT)
"""Speech, whole or as events."""
