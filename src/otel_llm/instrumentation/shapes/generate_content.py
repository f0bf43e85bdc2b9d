"""Google's ``generateContent`` shape, on the Gemini API and on Vertex AI.

Usage as billed: ``candidates_token_count`` leaves out thoughts and ``prompt_token_count`` leaves
out what the provider's own tools put into the prompt; both are added. JSON leaves out a count that
is zero. The counts of a stream are running totals of one response: the last ones are taken, and
where a call has several responses (function calling, continuation), they are added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .gemini_parts import (
    contents,
    merged,
    option,
    output_message,
    system_parts,
    tool_definitions,
)
from .parts import Part
from .values import count, field, integer, items, number, text, texts


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``generate_content``; its config is an object or a dict."""
    config = arguments.get("config")
    choices = integer(option(config, "candidate_count"))
    return Request(
        model=model(arguments.get("model")),
        temperature=number(option(config, "temperature")),
        top_p=number(option(config, "top_p")),
        top_k=integer(option(config, "top_k")),
        max_tokens=integer(option(config, "max_output_tokens")),
        frequency_penalty=number(option(config, "frequency_penalty")),
        presence_penalty=number(option(config, "presence_penalty")),
        stop_sequences=texts(option(config, "stop_sequences")),
        seed=integer(option(config, "seed")),
        choice_count=None if choices == 1 else choices,
        output_type=_output_type(config),
        reasoning_level=word(option(option(config, "thinking_config"), "thinking_level")),
    )


def stream_request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``generate_content_stream``."""
    asked = request(arguments)
    asked.stream = True
    return asked


def model(asked: Any) -> str | None:
    """Return a model's name without the path of Google's own models before it."""
    name = text(asked)
    if name is None:
        return None
    _, found, short = name.rpartition("publishers/google/models/")
    return short if found else name.removeprefix("models/").removeprefix("google/")


def word(value: Any) -> str | None:
    """Return a string, or that of an enumeration."""
    return text(value.value if isinstance(value, Enum) else value)


def _output_type(config: Any) -> str | None:
    for kind in items(option(config, "response_modalities")):
        if (found := _MODALITIES.get((word(kind) or "").upper())) is not None:
            return found
    schemas = option(config, "response_schema"), option(config, "response_json_schema")
    if any(schema is not None for schema in schemas):
        return "json"
    return _MIME_TYPES.get(text(option(config, "response_mime_type")) or "")


_MODALITIES = {"AUDIO": "speech", "IMAGE": "image"}
_MIME_TYPES = {"application/json": "json", "text/plain": "text"}


def response(answer: Any) -> Response:
    """Read a whole answer; a prompt that was refused ends for the reason given for that."""
    return Response(
        id=text(field(answer, "response_id")),
        model=text(field(answer, "model_version")),
        finish_reasons=_reasons(answer),
        usage=usage(field(answer, "usage_metadata")),
    )


def _reasons(answer: Any) -> list[str]:
    found = [word(field(c, "finish_reason")) for c in items(field(answer, "candidates"))]
    if not found:
        found = [word(field(field(answer, "prompt_feedback"), "block_reason"))]
    return [reason or "error" for reason in found] if any(found) else []


def usage(said: Any) -> Usage:
    """Read ``usage_metadata``; what it does not say stays ``None``."""
    if said is None:
        return Usage()
    prompt, tools = _details(said, "prompt"), _details(said, "tool_use_prompt")
    wrote, cached = _details(said, "candidates"), _details(said, "cache")
    thoughts = count(field(said, "thoughts_token_count"))
    return Usage(
        input_tokens=_plus(said, "prompt_token_count", "tool_use_prompt_token_count"),
        output_tokens=_plus(said, "candidates_token_count", "thoughts_token_count"),
        cache_read=count(field(said, "cached_content_token_count")),
        reasoning=thoughts,
        text_input=_sum(prompt.get("TEXT"), tools.get("TEXT")),
        audio_input=_sum(prompt.get("AUDIO"), tools.get("AUDIO")),
        image_input=_sum(prompt.get("IMAGE"), tools.get("IMAGE")),
        text_output=wrote.get("TEXT"),
        audio_output=wrote.get("AUDIO"),
        image_output=wrote.get("IMAGE"),
        text_cache_read=cached.get("TEXT"),
        audio_cache_read=cached.get("AUDIO"),
        image_cache_read=cached.get("IMAGE"),
    )


def _plus(said: Any, *names: str) -> int | None:
    return _sum(*(count(field(said, name)) for name in names))


def _sum(*counts: int | None) -> int | None:
    known = [one for one in counts if one is not None]
    return sum(known) if known else None


def _details(said: Any, kind: str) -> dict[str, int]:
    """Return tokens by modality; one that is told twice is added up."""
    found: dict[str, int] = {}
    for entry in items(field(said, f"{kind}_tokens_details")):
        name, tokens = word(field(entry, "modality")), count(field(entry, "token_count"))
        if name is not None and tokens is not None:
            found[name] = found.get(name, 0) + tokens
    return found


def output_messages(answer: Any) -> list[Message]:
    """Return one message per candidate."""
    return [
        output_message(_parts(candidate), word(field(candidate, "finish_reason")))
        for candidate in items(field(answer, "candidates"))
    ]


def _parts(candidate: Any) -> list[Part]:
    return [part for message in contents(field(candidate, "content")) for part in message["parts"]]


class GenerateContentStream:
    """Collects the chunks of one call, which may be those of several responses."""

    __slots__ = ("_blocked", "_candidates", "_content", "_id", "_model", "_said")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._id: str | None = None
        self._model: str | None = None
        self._said: dict[str | None, Any] = {}
        self._candidates: dict[int, _Candidate] = {}
        self._blocked: str | None = None

    def feed(self, chunk: Any) -> None:
        """Take one chunk."""
        id = getattr(chunk, "response_id", None)
        if id is not None and id != self._id:
            self._id, self._candidates = id, {}
        if (said := getattr(chunk, "usage_metadata", None)) is not None:
            self._said[self._id] = said
        if (name := getattr(chunk, "model_version", None)) is not None:
            self._model = name
        if candidates := getattr(chunk, "candidates", None):
            for candidate in items(candidates):
                self._take(candidate)
        elif (feedback := getattr(chunk, "prompt_feedback", None)) is not None:
            self._blocked = word(field(feedback, "block_reason"))

    def _take(self, candidate: Any) -> None:
        index = integer(field(candidate, "index")) or 0
        kept = self._candidates.get(index)
        if kept is None:
            kept = self._candidates[index] = _Candidate()
        if (reason := field(candidate, "finish_reason")) is not None:
            kept.finish = word(reason)
        if self._content:
            kept.parts += _parts(candidate)

    def response(self) -> Response:
        """Return what has arrived so far."""
        reasons = [kept.finish for _, kept in sorted(self._candidates.items())]
        reasons = reasons if any(reasons) else [self._blocked]
        return Response(
            id=text(self._id),
            model=text(self._model),
            finish_reasons=[reason or "error" for reason in reasons] if any(reasons) else [],
            usage=sum(map(usage, self._said.values()), Usage()),
        )

    def output_messages(self) -> Sequence[Message]:
        """Return one message per candidate of the last response."""
        kept = [candidate for _, candidate in sorted(self._candidates.items())]
        return [output_message(merged(candidate.parts), candidate.finish) for candidate in kept]


class _Candidate:
    """One candidate of a stream, growing."""

    __slots__ = ("finish", "parts")

    def __init__(self) -> None:
        self.finish: str | None = None
        self.parts: list[Part] = []


CONTENT = Content(
    input_messages=lambda arguments: contents(arguments.get("contents")),
    output_messages=output_messages,
    system_instructions=lambda arguments: system_parts(
        option(arguments.get("config"), "system_instruction")
    ),
    tool_definitions=lambda arguments: tool_definitions(option(arguments.get("config"), "tools")),
)

GENERATE_CONTENT = Endpoint("generate_content", request, response, content=CONTENT)
"""A whole answer."""
GENERATE_CONTENT_STREAM = Endpoint(
    "generate_content", stream_request, response, GenerateContentStream, CONTENT
)
"""A streamed answer."""
