"""Which attributes say what was said: prompts, answers, arguments, results, documents.

Of the conventions and of every dialect that ``normalize`` knows, so that it does not matter which
processor comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, cast

from otel_llm import semconv
from otel_llm.semconv import own

from .data.items import Item
from .normalize.table import DIALECTS, NUMBERED, RENAMES, Rename

_CURRENT: Final = frozenset(
    {
        semconv.INPUT_MESSAGES,
        semconv.OUTPUT_MESSAGES,
        semconv.SYSTEM_INSTRUCTIONS,
        semconv.TOOL_DEFINITIONS,
        semconv.TOOL_CALL_ARGUMENTS,
        semconv.TOOL_CALL_RESULT,
        semconv.RETRIEVAL_DOCUMENTS,
        semconv.RETRIEVAL_QUERY_TEXT,
        "gen_ai.memory.query.text",
        "gen_ai.memory.records",
        "gen_ai.evaluation.explanation",
        own.OUTPUT_PREVIEW,
    }
)
_FOREIGN: Final = frozenset(
    {
        *("input.value", "output.value", "traceloop.entity.input", "traceloop.entity.output"),
        *("traceloop.prompt.template", "traceloop.prompt.template_variables"),
        *("llm.prompt_template.template", "llm.prompt_template.variables"),
        *("langfuse.trace.input", "langfuse.trace.output"),
        *("gen_ai.response.tool_calls", "gen_ai.event.content", "model_request_parameters"),
        *("ai.value", "ai.values", "ai.embedding", "ai.embeddings", "ai.result.text"),
        *("ai.response.text", "ai.response.object", "ai.response.reasoning"),
        *("ai.response.toolCalls", "ai.response.files", "ai.result.object", "ai.result.toolCalls"),
        *("prompt", "response", "arguments", "input", "output", "tool_input", "tool_parameters"),
        *("user_prompt", "new_context", "response.model_output", "function_args"),
        *("request_text", "response_text", "task_description", "task_expected_output"),
        *("gcp.vertex.agent.data", "gen_ai.content.prompt", "gen_ai.content.completion"),
        *("lk.instructions", "lk.function_tools", "lk.response.function_calls"),
    }
)
_BESIDE: Final = frozenset(
    {
        *("content", "message", "tool_calls", "arguments", "input", "output", "prompt"),
        *("completion", "text", "body"),
        *("exception.message", "exception.stacktrace", "status.message"),
    }
)
"""Names in events and bodies, and where a provider's error quotes what was sent to it."""
_PREFIXES: Final = (
    *("gen_ai.prompt.variable.", "embedding.embeddings.", "lk.pii."),
    *("reranker.input_documents.", "reranker.output_documents."),
)
_LISTS: Final = tuple(f"{prefix}." for prefix in NUMBERED)
_STRUCTURE: Final = ("role", "index", "finish_reason", "id", "type", "name")
"""What may stay of the body of an event."""


def _dialects() -> Iterable[tuple[str, Rename]]:
    yield from RENAMES.items()
    for dialect in DIALECTS:
        yield from dialect.own.items()


NAMES: Final = (
    _CURRENT
    | _FOREIGN
    | {old for old, rename in _dialects() if rename.new in _CURRENT or rename.how == "events"}
)


def is_content(name: str) -> bool:
    """Whether an attribute of this name on a GenAI span or event says what was said."""
    return name in NAMES or name.startswith(_PREFIXES) or _is_numbered(name)


def _is_numbered(name: str) -> bool:
    """``gen_ai.prompt.0.content``, and not ``gen_ai.prompt.name``."""
    if not name.startswith(_LISTS):
        return False
    prefix = next(prefix for prefix in _LISTS if name.startswith(prefix))
    return name[len(prefix) :].partition(".")[0].isdigit()


def take_content(item: Item, keep: Iterable[str] = ()) -> dict[str, object]:
    """Take content off a span or event and return it by name; names in ``keep`` stay."""
    taken: dict[str, object] = {}
    for name in [name for name in item.names() if is_content(name) and name not in keep]:
        taken[name] = item.value(name)
        item.remove(name)

    times = Counter[str]()

    def beside(name: str, value: object) -> object | None:
        if name in keep or not (name in _BESIDE or is_content(name)):
            return value
        taken[_free(taken, name, times)] = value
        return _structure(value) if name == "body" else None

    item.rewrite_rest(beside)
    return taken


def _free(taken: Mapping[str, object], name: str, times: Counter[str]) -> str:
    """Return a name that is not taken: several events may carry the same."""
    times[name] += 1
    free = name if times[name] == 1 else f"{name}#{times[name]}"
    while free in taken:
        times[name] += 1
        free = f"{name}#{times[name]}"
    return free


def _structure(body: object) -> object | None:
    if not isinstance(body, Mapping):
        return None
    given = cast("Mapping[str, object]", body)
    return {key: given[key] for key in _STRUCTURE if isinstance(given.get(key), str | int)} or None
