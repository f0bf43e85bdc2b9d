"""The ``/decisions`` shape of OpenAI and Google: questions about one input, answered with odds.

LangChain's decision models ask and answer alike. Reported as ``generate_content`` with output type
``json``: the conventions have no operation of their own for it. Questions and answers are parts of
the messages by their kind (``choice``, ``score``, ``predicate``, ...), with the name that the
caller gave a question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_llm.genai import Request, Response

from ..core.patch import Content, Endpoint, Message
from . import interaction_steps, interactions, response_messages, responses
from .generate_content import model
from .parts import Part, answered, generic_part
from .values import field, fields, items, text, word


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``."""
    return Request(model=model(arguments.get("model")), output_type="json")


def response(answer: Any) -> Response:
    """Read an answer of OpenAI."""
    used = responses.usage(field(answer, "usage"))
    return Response(model=text(field(answer, "model")), usage=used)


def google_response(answer: Any) -> Response:
    """Read an answer of Google; an input that was refused ends for the reason given for that."""
    refused = _refused(answer)
    used = interactions.usage(field(answer, "usage"))
    return Response(finish_reasons=[refused] if refused else [], usage=used)


def _refused(answer: Any) -> str | None:
    return word(field(field(answer, "prompt_feedback"), "block_reason"))


def asked(messages: list[Message], questions: Any) -> list[Message]:
    """Return what was sent, with the questions as one message more."""
    parts = _named(questions)
    return [*messages, {"role": "user", "parts": parts}] if parts else messages


def _named(things: Any) -> list[Part]:
    """Return questions or answers as parts: a list, or for Google a mapping by their names."""
    if not isinstance(things, Mapping):
        return [part for thing in items(things) for part in generic_part(thing)]
    named = {str(name): generic_part(thing) for name, thing in fields(things).items()}
    return [{"name": name, **part} for name, parts in named.items() for part in parts]


def output_messages(answer: Any) -> list[Message]:
    """Return the answers as one message."""
    return answered(_named(field(answer, "answers")), _refused(answer) or "stop")


def _input(arguments: Mapping[str, Any]) -> list[Message]:
    said = response_messages.input_messages(arguments.get("input"))
    return asked(said, arguments.get("questions"))


def _google_input(arguments: Mapping[str, Any]) -> list[Message]:
    said = interaction_steps.input_messages(arguments.get("input"))
    return asked(said, arguments.get("questions"))


DECISIONS = Endpoint(
    "generate_content", request, response, content=Content(_input, output_messages)
)
"""Decisions of OpenAI."""
GOOGLE_DECISIONS = Endpoint(
    "generate_content", request, google_response, content=Content(_google_input, output_messages)
)
"""Decisions of Google."""
