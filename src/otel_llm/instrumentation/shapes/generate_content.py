"""Google's ``generateContent`` shape, on the Gemini API and on Vertex AI.

Usage as billed: ``candidates_token_count`` leaves out thoughts and ``prompt_token_count`` leaves
out what the provider's own tools put into the prompt; both are added. JSON leaves out a count that
is zero. The counts of a stream are running totals of one response: the last ones are taken, and
where a call has several responses (function calling, continuation), they are added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .arguments import chosen
from .gemini_parts import (
    contents,
    given,
    merged,
    option,
    output_message,
    parts_of,
    system_parts,
    tool_definitions,
)
from .parts import Part
from .values import count, field, fields, integer, items, text, total, word


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``generate_content``; its config is an object or a dict."""
    config = given(arguments.get("config"))
    found = chosen(asked_model(arguments), config, _PARAMETERS)
    if not _FORMATS.isdisjoint(config):
        found.output_type = _output_type(config)
    if "thinking_config" in config or "thinkingConfig" in config:
        thinking = option(config, "thinking_config")
        found.reasoning_level = word(option(thinking, "thinking_level"))
    return found


_PARAMETERS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "topP": "top_p",
    "top_k": "top_k",
    "topK": "top_k",
    "max_output_tokens": "max_tokens",
    "maxOutputTokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "frequencyPenalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "presencePenalty": "presence_penalty",
    "stop_sequences": "stop_sequences",
    "stopSequences": "stop_sequences",
    "seed": "seed",
    "candidate_count": "choice_count",
    "candidateCount": "choice_count",
    "service_tier": "service_tier",
    "serviceTier": "service_tier",
}
_FORMATS = frozenset(
    {
        *("response_modalities", "responseModalities", "response_schema", "responseSchema"),
        *("response_json_schema", "responseJsonSchema", "response_mime_type", "responseMimeType"),
    }
)


def asked_model(arguments: Mapping[str, Any]) -> str | None:
    """Return the model that is asked for."""
    return model(arguments.get("model"))


def stream_request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``generate_content_stream``."""
    asked = request(arguments)
    asked.stream = True
    return asked


def model(asked: Any) -> str | None:
    """Return a model's name without the path of Google's own models before it."""
    name = text(asked)
    return None if name is None else _short(name)


@lru_cache(256)
def _short(name: str) -> str:
    _, found, short = name.rpartition("publishers/google/models/")
    return short if found else name.removeprefix("models/").removeprefix("google/")


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
    told = fields(answer)
    get = told.get
    used = usage(get("usage_metadata"))
    if (ran := searches(get("candidates"))) is not None:
        used.web_searches = ran
    return Response(
        get("response_id"),
        get("model_version"),
        _reasons(told),
        used,
        own=lambda: _served_in(get("usage_metadata"), get("sdk_http_response")),
    )


def _served_in(said: Any, http: Any) -> dict[str, Any]:
    """Return the service tier, which Vertex AI tells with the usage and the Gemini API in a header
    of its answer: not always that of the request."""
    if (traffic := fields(said).get("traffic_type")) is not None:
        return {semconv.own.RESPONSE_SERVICE_TIER: word(traffic)}
    headers: Any = fields(http).get("headers") or {}
    tier = headers.get(_TIER_HEADER) or headers.get(_CAPITALIZED)
    return {} if tier is None else {semconv.own.RESPONSE_SERVICE_TIER: tier}


_TIER_HEADER, _CAPITALIZED = "x-gemini-service-tier", "X-Gemini-Service-Tier"
"""As HTTP clients spell it."""


def searches(candidates: Any) -> int | None:
    """Return how many queries Google Search was asked for these answers."""
    ran = 0
    for candidate in items(candidates):
        if (grounding := fields(candidate).get("grounding_metadata")) is not None:
            ran += len({*queries(grounding)})
    return ran or None


def queries(grounding: Any) -> list[str]:
    """Return what Google Search was asked for one answer."""
    told = map(text, items(field(grounding, "web_search_queries")))
    return [query for query in told if query]


def measured(answer: Any) -> Response:
    """Read of a whole answer what metrics carry, which clean it themselves."""
    get = fields(answer).get
    return Response(None, get("model_version"), (), _counted(fields(get("usage_metadata"))))


def _reasons(told: Mapping[str, Any]) -> list[str]:
    found = [word(fields(c).get("finish_reason")) for c in items(told.get("candidates"))]
    if not found:
        found = [word(field(told.get("prompt_feedback"), "block_reason"))]
    if None not in found:
        return found  # pyright: ignore[reportReturnType] - as was just asked
    return [reason or "error" for reason in found] if any(found) else []


def usage(said: Any) -> Usage:
    """Read ``usage_metadata``; what it does not say stays ``None``."""
    if said is None:
        return Usage()
    told = fields(said)
    found = _counted(told)
    if (cached := told.get("cached_content_token_count")) is not None:
        found.cache_read = count(cached)
    if (thoughts := told.get(_THOUGHTS)) is not None:
        found.reasoning = count(thoughts)
    for name in filter(told.get, _DETAILS):
        _, side = _DETAILS[name]
        _add_details(found, told[name], side)
    return found


def _counted(told: Mapping[str, Any]) -> Usage:
    """Return what went in and came out."""
    get = told.get
    return Usage(
        _both(get("prompt_token_count"), get("tool_use_prompt_token_count")),
        _both(get("candidates_token_count"), get(_THOUGHTS)),
    )


_THOUGHTS = "thoughts_token_count"


def _both(one: Any, other: Any) -> int | None:
    if other is None:
        return count(one)
    return count(other) if one is None else total(one, other)


_DETAILS = {
    "prompt_tokens_details": ("prompt_token_count", "input"),
    "tool_use_prompt_tokens_details": ("tool_use_prompt_token_count", "input"),
    "candidates_tokens_details": ("candidates_token_count", "output"),
    "cache_tokens_details": ("cached_content_token_count", "cache_read"),
}
"""What the modalities add up to, and what they are part of."""


def latest(before: Any, said: Any) -> Any:
    """Return the running totals of a stream after one more chunk: what it leaves out is as before.

    The modalities of a count that has grown since are not.
    """
    try:
        if said.__pydantic_fields_set__ >= before.__pydantic_fields_set__:
            return said
    except AttributeError:  # nothing before, or put together here
        pass
    told = {name: value for name, value in fields(said).items() if value is not None}
    kept = {name: value for name, value in fields(before).items() if value is not None}
    for details, (whole, _) in _DETAILS.items():
        if whole in told and told[whole] != kept.get(whole):
            kept.pop(details, None)
    return {**kept, **told}


def _add_details(usage: Usage, details: Any, side: str) -> None:
    """Add tokens by modality; one that is told twice is added up."""
    known = vars(usage)
    for entry in items(details):
        modality, tokens = word(field(entry, "modality")), count(field(entry, "token_count"))
        if modality in ("TEXT", "AUDIO", "IMAGE") and tokens is not None:
            name = f"{modality.lower()}_{side}"
            known[name] = known.get(name, 0) + tokens


def output_messages(answer: Any) -> list[Message]:
    """Return one message per candidate."""
    return [
        output_message(_parts(candidate), word(field(candidate, "finish_reason")))
        for candidate in items(field(answer, "candidates"))
    ]


def _parts(candidate: Any) -> list[Part]:
    return parts_of(field(candidate, "content"))


class GenerateContentStream:
    """Collects the chunks of one call, which may be those of several responses."""

    __slots__ = (
        "_blocked",
        "_candidates",
        "_content",
        "_http",
        "_id",
        "_model",
        "_queries",
        "_said",
    )

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._id: str | None = None
        self._model: str | None = None
        self._said: dict[str | None, Any] = {}
        self._candidates: dict[int, _Candidate] = {}
        self._blocked: str | None = None
        self._http: Any = None
        self._queries: dict[str | None, set[str]] = {}

    def feed(self, chunk: Any) -> None:
        """Take one chunk."""
        id = getattr(chunk, "response_id", None)
        if id is not None and id != self._id:
            self._id, self._candidates = id, {}
        if self._http is None:
            self._http = getattr(chunk, "sdk_http_response", None)
        if (said := getattr(chunk, "usage_metadata", None)) is not None:
            self._said[self._id] = latest(self._said.get(self._id), said)
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
        if (grounding := field(candidate, "grounding_metadata")) is not None:
            self._queries.setdefault(self._id, set()).update(queries(grounding))
        if self._content:
            kept.parts += _parts(candidate)

    def response(self) -> Response:
        """Return what has arrived so far."""
        reasons = [kept.finish for _, kept in sorted(self._candidates.items())]
        reasons = reasons if any(reasons) else [self._blocked]
        used = sum(map(usage, self._said.values()), Usage())
        if self._queries:
            used.web_searches = sum(map(len, self._queries.values())) or None
        return Response(
            id=text(self._id),
            model=text(self._model),
            finish_reasons=[reason or "error" for reason in reasons] if any(reasons) else [],
            usage=used,
            own=lambda: _served_in(self._said.get(self._id), self._http),
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

GENERATE_CONTENT = Endpoint(
    "generate_content", request, response, content=CONTENT, model=asked_model, measured=measured
)
"""A whole answer."""
GENERATE_CONTENT_STREAM = Endpoint(
    "generate_content", stream_request, response, GenerateContentStream, CONTENT, model=asked_model
)
"""A streamed answer."""
