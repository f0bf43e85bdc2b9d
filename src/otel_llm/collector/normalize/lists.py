"""What becomes of the lists that a dialect spreads over numbered names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from otel_llm import semconv

from .json_values import as_map, dumped, maps, parsed
from .messages import as_messages
from .numbered import gathered
from .parts import text, tool_definition
from .work import Work


def gather(work: Work, lists: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Put lists together: prefix and names of each."""
    for prefix, names in lists:
        items = gathered({name: work.span.value(name) for name in names}, prefix)
        if items and _LISTS[prefix](work, items):
            for name in names:
                work.done(name)


def _messages(name: str, role: str) -> Callable[[Work, list[Any]], bool]:
    def put(work: Work, items: list[Any]) -> bool:
        # Whatever stands in such a list is a message, also where nobody says whose.
        said = [
            {"role": role, **as_map(item)} if isinstance(item, dict) else item for item in items
        ]
        return work.put_messages(name, as_messages(said, role))

    return put


def _texts(name: str, role: str, at: str) -> Callable[[Work, list[Any]], bool]:
    def put(work: Work, items: list[Any]) -> bool:
        texts = [inner.get("text") for inner in maps(item.get(at) for item in maps(items))]
        work.put(semconv.OPERATION_NAME, "text_completion")
        return work.put_messages(name, [{"role": role, "parts": [text(t)]} for t in texts if t])

    return put


def _tools(work: Work, items: list[Any]) -> bool:
    tools = maps(item.get("tool", item) for item in maps(items))
    made = [tool_definition(parsed(t.get("json_schema", t))) for t in tools]
    return work.put(semconv.TOOL_DEFINITIONS, dumped(made))


def _documents(work: Work, items: list[Any]) -> bool:
    documents = [item.get("document", item) for item in maps(items)]
    return work.put(semconv.RETRIEVAL_DOCUMENTS, dumped(documents))


_LISTS: Mapping[str, Callable[[Work, list[Any]], bool]] = {
    "gen_ai.prompt": _messages(semconv.INPUT_MESSAGES, "user"),
    "gen_ai.completion": _messages(semconv.OUTPUT_MESSAGES, "assistant"),
    "llm.input_messages": _messages(semconv.INPUT_MESSAGES, "user"),
    "llm.output_messages": _messages(semconv.OUTPUT_MESSAGES, "assistant"),
    "llm.prompts": _texts(semconv.INPUT_MESSAGES, "user", "prompt"),
    "llm.choices": _texts(semconv.OUTPUT_MESSAGES, "assistant", "completion"),
    "llm.request.functions": _tools,
    "llm.tools": _tools,
    "retrieval.documents": _documents,
}
