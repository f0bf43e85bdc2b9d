"""The ``/chat/completions`` shape, spoken by OpenAI and everyone compatible with it.

Hosts differ in small things, all read here: usage on the last chunk, on every chunk (the last one
counts) or under ``x_groq``; reasoning text as ``reasoning_content`` or ``reasoning``; cached
tokens as ``prompt_tokens_details.cached_tokens``, ``prompt_cache_hit_tokens`` (DeepSeek),
``cached_tokens`` (Moonshot) or ``cache_read_input_tokens`` (LiteLLM).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .arguments import asked
from .charged import charged
from .chat_deltas import Choice
from .chat_messages import assistant_message, input_messages, tool_definitions
from .values import count, field, fields, integer, items, text


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``, ``parse`` and their kin."""
    if isinstance(body := arguments.get("extra_body"), dict):  # what the SDK has no name for
        arguments = {**arguments, **body}  # pyright: ignore[reportUnknownArgumentType] - any JSON
    found = asked(arguments, _PARAMETERS)
    if "max_completion_tokens" in arguments:
        found.max_tokens = integer(arguments["max_completion_tokens"]) or found.max_tokens
    if "response_format" in arguments or "modalities" in arguments:
        get = arguments.get
        found.output_type = _output_type(get("response_format"), get("modalities"))
    return found


_PARAMETERS: Mapping[str, str] = {
    "stream": "stream",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop": "stop_sequences",
    "seed": "seed",
    "n": "choice_count",
    "reasoning_effort": "reasoning_level",
}


def output_type(format: Any) -> str | None:
    """Return what a response format asks for; a class given to ``parse`` asks for JSON."""
    if format is None:
        return None
    if isinstance(format, type):
        return "json"
    kind = field(format, "type")
    return {"text": "text", "json_object": "json", "json_schema": "json"}.get(text(kind) or "")


def _output_type(format: Any, modalities: Any) -> str | None:
    return "speech" if "audio" in items(modalities) else output_type(format)


def response(completion: Any) -> Response:
    """Read a whole answer."""
    return answered(fields(completion))


def answered(told: Mapping[str, Any]) -> Response:
    """Read the fields of a whole answer; strings as they stand, they are cleaned where written."""
    get = told.get
    choices = items(get("choices"))
    return Response(
        get("id"),
        get("model"),
        _reasons([fields(choice).get("finish_reason") for choice in choices]),
        usage(get("usage")),
        _failure(get("error"), choices),
        own=lambda: charged(get("usage")),
    )


def _failure(error: Any, choices: Sequence[Any]) -> str | None:
    """Return how an answer with HTTP status 200 failed: as a whole, or its first choice."""
    if not error and choices and (told := fields(choices[0])).get("finish_reason") == "error":
        error = told.get("error") or "error"  # OpenRouter says it of a choice
    return (error_type(error) or "_OTHER") if error else None


def measured(completion: Any) -> Response:
    """Read of a whole answer what metrics carry, which clean it themselves."""
    try:
        usage = completion.usage.__dict__
        if completion.choices[0].finish_reason == "error" or completion.__pydantic_extra__:
            return measured_fields(fields(completion))
        model, asked, wrote = completion.model, usage["prompt_tokens"], usage["completion_tokens"]
    except (AttributeError, LookupError, TypeError):  # no object of the SDK's, or half of one
        return measured_fields(fields(completion))
    if (details := usage.get("completion_tokens_details")) is not None:
        wrote = _output(usage, count(field(details, "reasoning_tokens")))
    return Response(None, model, (), Usage(asked, wrote))


def measured_fields(told: Mapping[str, Any]) -> Response:
    """Read of a whole answer's fields what metrics carry, which clean it themselves."""
    usage = fields(told.get("usage"))
    wrote = usage.get("completion_tokens")
    if (details := usage.get("completion_tokens_details")) is not None:
        wrote = _output(usage, count(field(details, "reasoning_tokens")))
    found = Response(None, told.get("model"), (), Usage(usage.get("prompt_tokens"), wrote))
    found.error_type = _failure(told.get("error"), items(told.get("choices")))
    return found


def error_type(error: Any) -> str | None:
    """Return the code of an ``error`` object inside an answer with HTTP status 200."""
    if error is None:
        return None
    code = field(error, "code")
    named = text(code) or (str(code) if integer(code) else None) or text(field(error, "type"))
    # A sentence is no type, and may quote the prompt.
    return "_OTHER" if named is not None and " " in named else named


def _reasons(reasons: Sequence[str | None]) -> list[str]:
    """Keep one per choice: head of the conventions fills a missing one with ``error``."""
    if None in reasons and any(reasons):
        return [reason or "error" for reason in reasons]
    return list(filter(None, reasons))


def usage(said: Any) -> Usage:
    """Read ``usage``; what the host did not say stays ``None``."""
    if said is None:
        return Usage()
    told = fields(said)
    found = Usage(count(told.get("prompt_tokens")), count(told.get("completion_tokens")))
    if (details := told.get("prompt_tokens_details")) is not None:
        _fill(found, fields(details), _ASKED)
    if (details := told.get("completion_tokens_details")) is not None:
        _fill(found, fields(details), _WROTE)
    if found.reasoning:
        found.output_tokens = _output(told, found.reasoning)
    if not _CACHED.isdisjoint(told):
        if found.cache_read is None:
            found.cache_read = _first(_CACHE_READ, told)
        if found.cache_write is None:
            found.cache_write = _first(_CACHE_WRITE, told)
    if (searched := told.get("num_search_queries")) is not None:  # Perplexity
        found.web_searches = count(searched)
    return found


_CACHE_READ = ("cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens")
_CACHE_WRITE = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
_CACHED = frozenset(_CACHE_READ + _CACHE_WRITE)
_ASKED = {
    **dict.fromkeys(_CACHE_READ, "cache_read"),
    **dict.fromkeys(_CACHE_WRITE, "cache_write"),
    "text_tokens": "text_input",
    "audio_tokens": "audio_input",
    "image_tokens": "image_input",
}
_WROTE = {
    "reasoning_tokens": "reasoning",
    "text_tokens": "text_output",
    "audio_tokens": "audio_output",
    "image_tokens": "image_output",
}


def _fill(usage: Usage, details: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Take what the details say; of several spellings of one count the first."""
    known = vars(usage)
    for name, said in details.items():
        if said is None or name not in names or names[name] in known:
            continue
        if (counted := count(said)) is not None:
            known[names[name]] = counted


def _first(names: Sequence[str], told: Mapping[str, Any]) -> int | None:
    counts = (count(told.get(name)) for name in names if name in told)
    return next((found for found in counts if found is not None), None)


def _output(told: Mapping[str, Any], reasoning: int | None) -> int | None:
    """Return the billed output; xAI leaves reasoning out of it, and its own total shows that."""
    wrote = count(told.get("completion_tokens"))
    if wrote is None or not reasoning:
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
        self._usage = Usage()
        self._choices: dict[int, Choice] = {}

    def feed(self, chunk: Any) -> None:
        """Take one chunk; also a dict, as a caller's own chunk type may be one."""
        get = fields(chunk).get
        if self._response.id is None:
            self._head(chunk)
        choices = get("choices")
        ended = not choices
        for choice in items(choices):
            told = fields(choice)
            try:
                begins = told.get("index") not in self._choices
            except TypeError:  # a list, say
                told, begins = {**told, "index": None}, True
            # Most say nothing but their piece of the answer, which is content.
            if begins or told.get("finish_reason") or self._content:
                ended = self._take(told) or ended
        if ended and (failed := _failure(get("error"), items(choices))):  # read by hand
            self._response.error_type = failed
        # Also with choices: some hosts count along on every chunk, and the last one is right.
        if (said := get("usage")) is not None:
            self._count(said)
            self._extra(chunk)
        elif ended:
            self._late(chunk)

    _read_usage = staticmethod(usage)

    def _late(self, chunk: Any) -> None:
        """Read the usage of a chunk that ends a choice, from where hosts hide it."""
        if counted := field(field(chunk, "x_groq"), "usage"):
            self._count(counted)

    def _count(self, said: Any) -> None:
        """Take a later count; an empty one says nothing and takes nothing away."""
        told = self._read_usage(said)
        if told.input_tokens is not None or told.output_tokens is not None:
            self._usage = told
            self._response.own = lambda: charged(said)

    def _head(self, chunk: Any) -> None:
        """Read what every chunk repeats; Azure's first one has it empty."""
        self._response.id = text(field(chunk, "id"))
        self._response.model = text(field(chunk, "model")) or self._response.model
        self._extra(chunk)

    def _extra(self, chunk: Any) -> None:
        """Read what one provider alone says; called for the first chunk and those with usage."""

    def _take(self, choice: Mapping[str, Any]) -> bool:
        """Take one choice of a chunk and return whether it is its last."""
        get = choice.get
        kept = self._choices.get(get("index", 0))
        if kept is None:
            kept = self._choices.setdefault(integer(get("index")) or 0, Choice())
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
        self._response.usage = self._usage
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return one message per choice, put together from its deltas."""
        return [choice.message() for _, choice in sorted(self._choices.items())]


CONTENT = Content(
    input_messages=lambda arguments: input_messages(arguments.get("messages")),
    output_messages=output_messages,
    tool_definitions=lambda arguments: tool_definitions(arguments.get("tools")),
)

CHAT = Endpoint("chat", request, response, ChatStream, CONTENT, model="model", measured=measured)
"""Chat completions as any compatible host speaks them, without attributes of OpenAI alone."""
