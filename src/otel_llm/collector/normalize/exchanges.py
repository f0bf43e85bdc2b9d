"""Whole requests and answers, of a provider or in the shape of a framework, which some senders put
into one attribute: model, parameters, tools and messages; answer and usage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from otel_llm import semconv
from otel_llm.genai.call import BILLED_OPERATIONS

from .counts import counts_of
from .json_values import as_map, dumped, first, parsed
from .messages import as_messages, says_no_more
from .parameters import put_parameters
from .parts import tool_definitions
from .work import Work

_MODELS: Final = ("model", "model_name", "model_version", "modelVersion")
_USAGES: Final = ("usage", "usage_metadata", "usageMetadata", "token_usage")
_TOOL: Final = {"user": semconv.TOOL_CALL_ARGUMENTS, "assistant": semconv.TOOL_CALL_RESULT}
_RETRIEVAL: Final = {
    "user": semconv.RETRIEVAL_QUERY_TEXT,
    "assistant": semconv.RETRIEVAL_DOCUMENTS,
}
_INSTEAD: Final = {"execute_tool": _TOOL, "retrieval": _RETRIEVAL}
"""What goes in and out is something else on the span of a tool or a retrieval."""


def request(work: Work, old: str, new: str) -> bool:
    """Read what was asked (see ``conversions.HOW``)."""
    return _exchange(work, old, new, "user")


def response(work: Work, old: str, new: str) -> bool:
    """Read what was answered (see ``conversions.HOW``)."""
    return _exchange(work, old, new, "assistant")


def _exchange(work: Work, old: str, new: str, role: str) -> bool:
    value = work.span.value(old)
    given = parsed(value)
    if given in (None, "", {}, []):
        return True
    operation = work.span.text(semconv.OPERATION_NAME) or ""
    if operation in _INSTEAD:
        given = _found(given, role) if operation == "retrieval" else given
        said = given if isinstance(given, str) else dumped(given)
        return work.put(_INSTEAD[operation][role], said)
    told, understood = as_map(given), frozenset[str]()
    if operation in BILLED_OPERATIONS:
        understood = (_asked if role == "user" else answered)(work, told)
    return work.put_messages(new, as_messages(given, role)) and says_no_more(given, understood)


def _found(given: Any, role: str) -> Any:
    """Return the query, or the documents, of a retriever that wraps them."""
    keys = ("query", "input", "question") if role == "user" else ("documents", "output")
    return next((as_map(given)[key] for key in keys if key in as_map(given)), given)


def _asked(work: Work, told: Mapping[str, Any]) -> frozenset[str]:
    """Return what was understood of it."""
    model, config = told.get("model"), as_map(told.get("config"))
    work.put(semconv.REQUEST_MODEL, model if isinstance(model, str) else None)
    understood = put_parameters(work, told)
    inside = put_parameters(work, config) | {"system_instruction"}
    tools = tool_definitions(told.get("tools") or config.get("tools"))
    if work.put(semconv.TOOL_DEFINITIONS, tools):
        understood, inside = understood | {"tools"}, inside | {"tools"}
    return understood | {"config"} if config.keys() <= inside else understood


def answered(work: Work, told: Mapping[str, Any]) -> frozenset[str]:
    """Write what an answer tells beside its messages; return what was understood of it."""
    told = {**_generated(told), **told}
    for name, keys in ((semconv.RESPONSE_MODEL, _MODELS), (semconv.RESPONSE_ID, ("id",))):
        said = next((told[key] for key in keys if isinstance(told.get(key), str)), None)
        work.put(name, said)
    for key in _USAGES:
        _used(work, counts_of(as_map(told.get(key))))
    reason = told.get("finishReason", told.get("finish_reason"))
    work.put(semconv.RESPONSE_FINISH_REASONS, [reason] if isinstance(reason, str) else None)
    return frozenset()


def _generated(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what LangChain tells of an answer further inside."""
    inside = told.get("generations")
    while isinstance(inside, list):
        inside = next(iter(cast("list[Any]", inside)), None)
    message = as_map(as_map(inside).get("message"))
    said = as_map(first(message, "kwargs", "data")) or message
    return {**as_map(said.get("response_metadata")), **as_map(told.get("llm_output"))}


def _used(work: Work, counts: Mapping[str, int]) -> None:
    """The span may have taken the output alone for all of it."""
    thought = counts.get(semconv.USAGE_REASONING_OUTPUT_TOKENS, 0)
    whole = counts.get(semconv.USAGE_OUTPUT_TOKENS, 0)
    if thought and work.span.integer(semconv.USAGE_OUTPUT_TOKENS) == whole - thought:
        work.span.set(semconv.USAGE_OUTPUT_TOKENS, whole)
    for name, count in counts.items():
        work.put(name, count)
