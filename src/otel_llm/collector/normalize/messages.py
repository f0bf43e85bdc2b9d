"""Messages of every dialect in the shape of the conventions: role, parts, finish reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias, cast

from .json_values import Json, as_map, first, maps, parsed
from .parts import parts, reasoning, text, tool_calls, tool_result
from .table import FINISH_REASONS

Message: TypeAlias = dict[str, Any]
_INSIDE = ("messages", "contents", "input", "choices", "candidates", "generations", "message",
           "output", "completion", "content", "inputs", "outputs", "update")  # fmt: skip
"""Where a map keeps its messages."""
_KINDS = {"function_call": "assistant", "reasoning": "assistant", "function_call_output": "tool"}
"""What is a message of its own in the Responses API, and whose."""


def as_messages(given: Json, role: str) -> list[Message]:
    """Return messages; those that name no role get ``role``."""
    given = parsed(given)
    if isinstance(given, Mapping):
        return _of_map(cast("Mapping[str, Json]", given), role)
    if isinstance(given, Sequence) and not isinstance(given, str):
        items = cast("Sequence[Json]", given)
        if len(items) == 1 and as_map(items[0]).get("object") == "response":
            return as_messages(items[0], role)
        if any(_is_message(item) for item in items):
            return [message for item in items for message in _of_item(item, role)]
        return [{"role": role, "parts": parts(items)}] if items else []
    return [] if given is None or given == "" else [{"role": role, "parts": parts(given)}]


def _is_message(given: Json) -> bool:
    if isinstance(given, list):  # of a batch of one, as LangChain sends it
        return all(_is_message(item) for item in cast("list[Json]", given))
    told = as_map(given)
    inside = as_map(told.get("content")).keys()
    return bool({"role", "parts"} & (told.keys() | inside)) or "message" in told or _is_dumped(told)


def _of_item(given: Json, role: str) -> list[Message]:
    if isinstance(given, Mapping) and _is_message(given):
        return [_message(cast("Mapping[str, Json]", given), role)]
    kind = as_map(given).get("type")
    return as_messages(given if isinstance(given, list) else [given], _KINDS.get(str(kind), role))


def _of_map(given: Mapping[str, Json], role: str) -> list[Message]:
    if not given:
        return []
    asks = first(given, "system", "instructions", "systemInstruction")
    asks = first(as_map(given.get("config")), "system_instruction") if asks is None else asks
    system = as_messages(asks, "system") if asks else []
    inside = next((key for key in _INSIDE if isinstance(given.get(key), list | dict)), None)
    if _is_message(given) and inside in (None, "content", "contents", "message"):
        return [*system, _message(given, role)]
    if inside and (inside != "content" or as_map(given["content"])):
        return system + as_messages(given[inside], role)
    if "content" in given:
        return [*system, _message(given, role)]
    text = first(given, *_TEXTS)
    return [*system, *as_messages([given] if text is None else text, role)]


_TEXTS = ("prompt", "text", "combined_chunk_content", "input", "output", "question", "query")


def says_no_more(given: Json, understood: Collection[str] = ()) -> bool:
    """Whether messages, and what else was ``understood`` of a map, say all that ``given`` does."""
    known = as_map(parsed(given))
    left = {key for key, value in known.items() if value not in (None, {}, [])} - set(understood)
    return left <= _SAID or (len(known) == 1 and not understood)


_SAID = frozenset({"role", "name", "content", "parts", "tool_calls", "tool_call_id", "type",
                   "finish_reason", "finishReason", "messages", "contents", "system"})  # fmt: skip


def _is_dumped(given: Json) -> bool:
    """Whether it is a message as LangChain writes one down, in any of its ways."""
    told = as_map(given)
    is_typed = told.keys() == {"type", "data"} and "content" in as_map(told["data"])
    is_typed = is_typed or told.keys() >= {"type", "content", "additional_kwargs"}
    return is_typed or (told.get("lc") == 1 and "kwargs" in told)


def _undumped(given: Mapping[str, Json]) -> Mapping[str, Json]:
    kwargs = as_map(first(given, "kwargs", "data")) or given
    path = given.get("id")  # of its class
    classes = cast("list[Json]", path) if isinstance(path, list) else []
    kind = str(kwargs.get("type") or next(reversed(classes), ""))
    kind = kind.removesuffix("Chunk").removesuffix("Message").lower()
    return {**kwargs, "role": kwargs.get("role", kind)}


def _message(given: Mapping[str, Json], role: str) -> Message:
    for key in ("message", "content"):
        inner = given.get(key)
        if isinstance(inner, Mapping) and (key == "message" or {"role", "parts"} & inner.keys()):
            given = {**given, **cast("Mapping[str, Json]", inner)}
    if _is_dumped(given):
        given = {**given, **_undumped(given)}
    message: Message = {"role": _role(given.get("role"), role)}
    if given.get("name"):
        message["name"] = given["name"]
    message["parts"] = _parts_of(given)
    details = as_map(first(given, "generation_info", "response_metadata"))
    finish = first(given, "finish_reason", "finishReason", "stop_reason")
    finish = first(details, "finish_reason", "stop_reason") if finish is None else finish
    if isinstance(finish, str):
        message["finish_reason"] = FINISH_REASONS.get(finish, finish)
    return message


def _role(given: Json, otherwise: str) -> str:
    roles = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool",
             "developer": "system"}  # fmt: skip
    return roles.get(given, given) if isinstance(given, str) else otherwise


def _parts_of(given: Mapping[str, Json]) -> list[Json]:
    content = next((given[k] for k in ("parts", "content", "contents") if given.get(k)), None)
    if given.get("tool_call_id") and not isinstance(content, list):
        return [tool_result(given["tool_call_id"], content)]
    thought = first(given, "reasoning_content", "reasoning")
    before = [reasoning({"text": thought})] if isinstance(thought, str) and thought else []
    refused = given.get("refusal")
    after = [text(refused)] if isinstance(refused, str) and refused else []
    calls = tool_calls(given.get("tool_calls")) + tool_calls([given.get("function_call")])
    said = [part for part in parts(content) if not (calls and _is_nameless(part))]
    known = {repr(part.get("id")) for part in maps(said) if part.get("type") == "tool_call"}
    return [*before, *said, *after, *(c for c in calls if repr(c.get("id")) not in known)]


def _is_nameless(part: Json) -> bool:
    """Whether a tool call only tells where it stood: OpenInference names it beside the content."""
    call = as_map(part)
    return call.get("type") == "tool_call" and not (call.get("id") and call.get("name"))
