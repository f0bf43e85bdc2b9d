"""The ``/images`` shape: pictures from words or from pictures, billed per token or per picture.

Reported as ``generate_content`` with output type ``image``: the conventions have no operation of
their own for pictures. The pictures are never captured, the words of the prompt are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .parts import text_part
from .values import count, field, integer, text


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``generate``, ``edit`` and ``create_variation``."""
    pictures = integer(arguments.get("n"))
    return Request(
        model=text(arguments.get("model")),
        stream=arguments.get("stream") is True or None,
        choice_count=None if pictures == 1 else pictures,
        output_type="image",
    )


def response(answer: Any) -> Response:
    """Read an answer; models billed per picture report no usage."""
    return Response(model=text(field(answer, "model")), usage=usage(field(answer, "usage")))


def usage(said: Any) -> Usage:
    """Read ``usage`` of an answer or of a stream's last event."""
    if said is None:
        return Usage()
    asked, drew = field(said, "input_tokens_details"), field(said, "output_tokens_details")
    return Usage(
        input_tokens=count(field(said, "input_tokens")),
        output_tokens=count(field(said, "output_tokens")),
        cache_read=count(field(asked, "cached_tokens")),
        text_input=count(field(asked, "text_tokens")),
        image_input=count(field(asked, "image_tokens")),
        text_output=count(field(drew, "text_tokens")),
        image_output=count(field(drew, "image_tokens")),
    )


def input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    """Return the prompt; a variation has none."""
    parts = text_part(arguments.get("prompt"))
    return [{"role": "user", "parts": parts}] if parts else []


def no_messages(_: Any = None) -> list[Message]:
    """Return nothing: pictures are no telemetry."""
    return []


class UsageStream:
    """Collects a stream of which only the usage on its last event matters."""

    __slots__ = ("_response",)

    def __init__(self, content: bool = False) -> None:
        self._response = Response()

    def feed(self, chunk: Any) -> None:
        """Take one event; partial pictures pass."""
        if (said := field(chunk, "usage")) is not None:
            self._response.usage = usage(said)

    def response(self) -> Response:
        """Return the usage, if it came."""
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return nothing: pictures are no telemetry."""
        return ()


CONTENT = Content(input_messages, no_messages)

IMAGES = Endpoint("generate_content", request, response, UsageStream, CONTENT)
"""Pictures, whole or streamed."""
