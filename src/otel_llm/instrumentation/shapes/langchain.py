"""LangChain's messages, results and chunks (``langchain-core`` 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Response, Usage

from ..core.json_text import to_json
from ..core.patch import Message
from .parts import (
    Part,
    assistant,
    blob_part,
    file_part,
    generic_part,
    media_part,
    plain,
    reasoning_part,
    refusal_part,
    server_call_part,
    server_response_part,
    text_part,
    tool_call_part,
    tool_response_part,
)
from .values import count, field, fields, items, known, real, text

_FINISH = ("finish_reason", "stop_reason", "done_reason", "stopReason", "finishReason")
_MODEL = ("model_name", "model", "model_id")
_ROLES = {
    "human": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "HumanMessageChunk": "user",
}
_MEDIA = {"image": "image", "audio": "audio", "video": "video", "file": "document"}


def response(result: Any) -> Response:
    """Read a ``ChatResult`` or an ``LLMResult``: one generation per choice."""
    found = list(_generations(result))
    messages = [field(one, "message") for one in found]
    told = [fields(field(message, "response_metadata")) for message in messages]
    said = fields(field(result, "llm_output"))
    reasons = [_reason(one, about) for one, about in zip(found, told, strict=True)]
    return Response(
        id=_id(messages, [*told, said]),
        model=_first(_MODEL, [*told, said]),
        finish_reasons=[reason or "error" for reason in reasons] if any(reasons) else [],
        usage=_usage_of(messages, said),
        more=_tier([*told, said]),
    )


def _tier(places: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the service tier as the conventions name OpenAI's; they have no name for others'."""
    tier = _first(("service_tier",), places)
    if tier is None or _first(("model_provider",), places) != "openai":
        return None
    return {semconv.OPENAI_RESPONSE_SERVICE_TIER: tier}


def _generations(result: Any) -> Iterator[Any]:
    """Yield the choices; ``LLMResult`` has a list of them for each prompt."""
    for one in items(field(result, "generations")):
        yield from one if isinstance(one, list) else (one,)


def _reason(generation: Any, about: Mapping[str, Any]) -> str | None:
    return _first(_FINISH, [fields(field(generation, "generation_info")), about])


def _first(names: Sequence[str], places: Sequence[Mapping[str, Any]]) -> str | None:
    values = (text(place.get(name)) for place in places for name in names)
    return next((value for value in values if value is not None), None)


def _id(messages: Sequence[Any], places: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the provider's id; LangChain gives messages ids of its own where there is none."""
    own = (text(field(message, "id")) for message in messages)
    given = (id for id in own if id and not id.startswith(("lc_", "run-")))
    return _first(("id",), places) or next(given, None)


def _usage_of(messages: Sequence[Any], said: Mapping[str, Any]) -> Usage:
    """Read the usage that every choice repeats, or what the provider's package says of it."""
    found = (field(message, "usage_metadata") for message in messages)
    counted = next((one for one in found if one), None)
    return _told(said) if counted is None else usage(counted)


def _told(said: Mapping[str, Any]) -> Usage:
    """Read what a package says of usage in its own words."""
    places = (fields(said.get(name)) for name in ("token_usage", "usage", "token_count"))
    told = next((place for place in places if place), fields(None))
    return Usage(
        input_tokens=count(told.get("prompt_tokens")) or count(told.get("input_tokens")),
        output_tokens=count(told.get("completion_tokens")) or count(told.get("output_tokens")),
    )


def usage(metadata: Any) -> Usage:
    """Read ``usage_metadata``: input includes cached tokens, output includes reasoning.

    Its numbers have to be there: where nothing went in, the package does not know how much did.

    An answer out of LangChain's own cache, which has a ``total_cost`` of 0, was billed nothing.
    """
    told = fields(metadata)
    if told.get("total_cost") == 0:
        return Usage()
    asked, wrote = fields(told.get("input_token_details")), fields(told.get("output_token_details"))
    input, output = count(told.get("input_tokens")) or None, count(told.get("output_tokens"))
    five, hour = (_detail(asked, f"ephemeral_{time}_input_tokens") for time in ("5m", "1h"))
    written = (five or 0) + (hour or 0)
    return Usage(
        input_tokens=input,
        output_tokens=None if input is None and output == 0 else output,
        cache_read=_detail(asked, "cache_read"),
        cache_write=written or _detail(asked, "cache_creation"),
        cache_write_5m=five if written else None,
        cache_write_1h=hour if written else None,
        reasoning=_detail(wrote, "reasoning"),
        audio_input=count(asked.get("audio")),
        audio_output=count(wrote.get("audio")),
    )


def _detail(details: Mapping[str, Any], name: str) -> int | None:
    """Return a count, which ``langchain-openai`` keeps under the service tier if that has one."""
    told = (details.get(key) for key in (name, f"flex_{name}", f"priority_{name}"))
    return count(next((one for one in told if one is not None), None))


class ChunkStream:
    """Collects the message chunks of one answer, or the texts of a plain language model."""

    __slots__ = ("_chunks", "_content", "_finish", "_id", "_model", "_more", "_said", "_usage")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._chunks: list[Any] = []
        self._usage = Usage()
        self._id: str | None = None
        self._model: str | None = None
        self._finish: str | None = None
        self._said = Usage()
        self._more: dict[str, Any] | None = None

    def feed(self, chunk: Any) -> bool | None:
        """Take one chunk. LangChain marks the end of a stream by an empty one of its own."""
        if self._content:
            self._chunks.append(chunk)
        if counted := field(chunk, "usage_metadata"):
            _add(self._usage, usage(counted))
        if about := fields(field(chunk, "response_metadata")):
            self._finish = _first(_FINISH, [about]) or self._finish
            self._model = _first(_MODEL, [about]) or self._model
            self._id = text(about.get("id")) or self._id
            self._more = _tier([about]) or self._more
            self._said = _told(about) if self._said == Usage() else self._said
        if self._id is None:
            self._id = _id([chunk], [])
        return False if _is_mark(chunk) else None

    def response(self) -> Response:
        """Return what has arrived so far."""
        reasons = [self._finish] if self._finish else []
        usage = self._said if self._usage == Usage() else self._usage
        return Response(self._id, self._model, reasons, usage, more=self._more)

    def output_messages(self) -> Sequence[Message]:
        """Return the one message that the chunks add up to."""
        if not self._chunks:
            return []
        return [_answer(_sum(self._chunks), self._finish)]


def _sum(chunks: Sequence[Any]) -> Any:
    """Add up all at once, as message chunks can: one by one takes time by the square of them."""
    first, *rest = chunks
    try:
        return first + rest if rest else first
    except (TypeError, ValueError):  # texts cannot, and one kind of messages
        return reduce(add, chunks)


def _is_mark(chunk: Any) -> bool:
    said = field(chunk, "content") or field(chunk, "usage_metadata")
    ended = _first(_FINISH, [fields(field(chunk, "response_metadata"))])
    return field(chunk, "chunk_position") == "last" and not said and ended is None


def _add(total: Usage, more: Usage) -> None:
    """Add up as LangChain does: what a chunk counts, no other chunk counts again."""
    for name in Usage.__dataclass_fields__:
        counted = getattr(more, name)
        if counted is not None:
            setattr(total, name, (getattr(total, name) or 0) + counted)


def input_messages(arguments: Mapping[str, Any]) -> list[Message]:
    """Return what was sent, without system messages: messages, prompts, or one of either."""
    return [_message(one) for one in _sent(arguments) if _role(one) != "system"]


def system_instructions(arguments: Mapping[str, Any]) -> list[Part] | None:
    """Return the texts of the system messages."""
    said = [_parts(one) for one in _sent(arguments) if _role(one) == "system"]
    return [part for parts in said for part in parts] or None


def _sent(arguments: Mapping[str, Any]) -> Sequence[Any]:
    for name in ("messages", "prompts", "input"):
        if (given := arguments.get(name)) is not None:
            if (to_messages := getattr(given, "to_messages", None)) is not None:
                return items(to_messages())
            return items(given) or (given,)
    return ()


def state_messages(state: Any) -> list[Message]:
    """Return what a decision is about: words, messages, media or other JSON."""
    return [_of_state(one) for one in items(state) or (state,) if one is not None]


def _of_state(one: Any) -> Message:
    if isinstance(one, str) or hasattr(one, "content_blocks"):
        return _message(one)
    parts = _part(one) if isinstance(one, Mapping) else []
    return {"role": "user", "parts": parts or text_part(to_json(plain(one)))}


def _role(message: Any) -> str:
    if isinstance(message, tuple):
        return _ROLES.get(str(message[0]), str(message[0]))  # pyright: ignore[reportUnknownArgumentType] - (role, text)
    kind = text(field(message, "role")) or text(field(message, "type")) or "user"
    return _ROLES.get(kind, kind)


def _message(message: Any) -> Message:
    return {"role": _role(message), "parts": _parts(message)}


def _parts(message: Any) -> list[Part]:
    if isinstance(message, str):
        return text_part(message)
    if isinstance(message, tuple):
        return text_part(message[1])
    if field(message, "type") == "tool":
        return [tool_response_part(field(message, "content"), field(message, "tool_call_id"))]
    content = field(message, "content")
    if isinstance(content, str) and not field(message, "tool_calls"):
        return [
            *text_part(content),
            *_refusal(message),
            *_odd_calls(message),
            *_legacy_call(message),
        ]
    blocks = getattr(message, "content_blocks", None)
    said = [part for block in items(content if blocks is None else blocks) for part in _part(block)]
    refused = any(part["type"] == "refusal" for part in said)  # a block since langchain-core 1.7.5
    return [*said, *(() if refused else _refusal(message)), *_odd_calls(message)]


def _refusal(message: Any) -> list[Part]:
    """Read the refusal that OpenAI has beside the content."""
    return refusal_part(fields(field(message, "additional_kwargs")).get("refusal"))


def _odd_calls(message: Any) -> list[Part]:
    """Read the calls whose arguments LangChain could not: there are no blocks for them."""
    return [
        tool_call_part(field(call, "name"), field(call, "args"), field(call, "id"))
        for call in items(field(message, "invalid_tool_calls"))
    ]


def _legacy_call(message: Any) -> list[Part]:
    """Read the call of a function as OpenAI had it before tools."""
    call = fields(field(message, "additional_kwargs")).get("function_call")
    return [] if call is None else [tool_call_part(field(call, "name"), field(call, "arguments"))]


def _part(block: Any) -> list[Part]:
    """Read one of LangChain's standard content blocks."""
    get = fields(block).get
    kind = text(get("type")) or ""
    if kind in _MEDIA:
        return [_media(_MEDIA[kind], get)]
    if kind == "non_standard":
        return _of_vendor(get("value"))
    readers = {
        "text": lambda: text_part(get("text")),
        "reasoning": lambda: reasoning_part(get("reasoning")),
        "refusal": lambda: refusal_part(get("refusal")),
        "tool_call": lambda: [tool_call_part(get("name"), get("args"), get("id"))],
        "server_tool_call": lambda: _server_call(get),
        "server_tool_result": lambda: _server_result(get),
    }
    return readers.get(kind, lambda: generic_part(block))()


def _server_call(get: Any) -> list[Part]:
    """Read the call of a tool that runs at the provider."""
    name = text(get("name")) or ""
    call = {"type": name, **known(input=plain(get("args")))}
    return [server_call_part(name, call, get("id"))]


def _server_result(get: Any) -> list[Part]:
    """Read what such a tool answered; the block around it says which one, if any does."""
    kind = text(fields(get("extras")).get("block_type")) or ""
    name = kind.removesuffix("_tool_result") or "server_tool"
    result = {"type": name, **known(content=plain(get("output")))}
    return [server_response_part(result, get("tool_call_id"))]


def _of_vendor(block: Any) -> list[Part]:
    """Read what LangChain has no block for: ``media`` of Google's packages, and others as are."""
    get = fields(block).get
    if get("type") == "refusal":
        return refusal_part(get("refusal"))
    if get("type") != "media":
        return generic_part(block)
    mime = text(get("mime_type"))
    modality = (mime or "").partition("/")[0]
    modality = modality if modality in ("image", "audio", "video") else "document"
    if (uri := text(get("file_uri"))) is not None:
        return [media_part(modality, uri)]
    return [blob_part(modality, get("data"), mime)]


def _media(modality: str, get: Any) -> Part:
    if (url := text(get("url"))) is not None:
        return media_part(modality, url)
    if (body := text(get("base64"))) is not None:
        return blob_part(modality, body, text(get("mime_type")))
    return file_part(modality, get("file_id"))


def output_messages(result: Any) -> list[Message]:
    """Return one message per choice."""
    return [_of_generation(one) for one in _generations(result)]


def _of_generation(generation: Any) -> Message:
    message = field(generation, "message")
    reason = _reason(generation, fields(field(message, "response_metadata")))
    return _answer(text(field(generation, "text")) or "" if message is None else message, reason)


def _answer(message: Any, reason: str | None) -> Message:
    return assistant(_parts(message), reason)


def documents(found: Any) -> list[dict[str, Any]]:
    """Return the ids and scores of documents, which is what the conventions keep of them."""
    return [_document(one) for one in items(found)]


def _document(document: Any) -> dict[str, Any]:
    about = fields(field(document, "metadata"))
    score = about.get("score", about.get("relevance_score"))
    return known(id=text(field(document, "id")), score=real(score))
