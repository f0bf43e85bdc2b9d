"""What is called how in which dialect: ``semconv/dialects.json``, ready for look-up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple


class Rename(NamedTuple):
    """What an old name becomes."""

    new: str | None
    """The current name; ``None`` when ``how`` decides."""
    how: str
    """How the value changes; see ``translate.HOW``."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to know a dialect, and the names that mean something only there."""

    marker: str | None
    scopes: tuple[str, ...]
    own: Mapping[str, Rename]


def _load() -> Any:
    file = resources.files("otel_llm.semconv") / "dialects.json"
    return json.loads(file.read_text(encoding="utf-8"))


def _renames(of: Mapping[str, Any], part: str) -> dict[str, Rename]:
    return {old: Rename(*entry) for old, entry in of.get(part, {}).items()}


_data = _load()
_dialects: Mapping[str, Any] = _data["dialects"]

DIALECTS: Final = [
    Dialect(of.get("marker"), tuple(of.get("scopes", ())), _renames(of, "own"))
    for of in _dialects.values()
]
RENAMES: Final = {
    old: new for of in _dialects.values() for old, new in _renames(of, "renames").items()
}
"""Names that mean the same wherever they are found."""
PROVIDERS: Final[Mapping[str, str]] = _data["providers"]
FINISH_REASONS: Final[Mapping[str, str]] = _data["finish_reasons"]
_operations: Mapping[str, Mapping[str, str]] = _data["operations"]
OPERATIONS: Final = {**_operations, "operation.name": _operations["ai.operationId"]}
"""Attribute -> its value -> ``gen_ai.operation.name``. The first AI SDK with telemetry has an id in
the name alone, with the function behind it."""
OPERATION_NAMES: Final[Mapping[str, str]] = _data["operation_names"]
"""What senders call operations -> what the conventions do."""
SCOPED_OPERATIONS: Final[Mapping[str, Mapping[str, str]]] = _data["scoped_operations"]
"""Scope -> what it says of the kind of a span, or the span's name -> operation."""
OVERRULES: Final = frozenset({"langsmith.span.kind", "_dd.llmobs.span_kind"})
"""Attributes of ``OPERATIONS`` that know better than the operation beside them."""
OUTPUTS: Final = {
    dialect: {new: Rename(*entry) for new, entry in names.items()}
    for dialect, names in _data["outputs"].items()
}
"""Dialect -> current name -> what it says instead, and how (see ``speak``)."""
OUTPUT_PROVIDERS: Final[Mapping[str, Mapping[str, str]]] = _data["output_providers"]
OUTPUT_OPERATIONS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = _data["output_operations"]
"""Dialect -> operation -> the attribute that says it, and its value."""
NUMBERED: Final = (
    "gen_ai.prompt",
    "gen_ai.completion",
    "llm.input_messages",
    "llm.output_messages",
    "llm.prompts",
    "llm.choices",
    "llm.request.functions",
    "llm.tools",
    "retrieval.documents",
)
"""Prefixes of attributes that hold one list, spread over many names."""
ANSWERS: Final = ("ai.response.text", "ai.response.object", "ai.response.reasoning",
                  "ai.response.toolCalls", "gen_ai.response.tool_calls")  # fmt: skip
"""Parts of one answer."""
ENTITIES: Final = (
    "traceloop.entity.name",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "input.value",
    "output.value",
)
"""Name, input and output of something; what they are depends on the kind of the span."""
_SCOPES: Final = tuple(scope for dialect in DIALECTS for scope in dialect.scopes)


@lru_cache(maxsize=1024)
def dialect_scope(scope: str) -> str | None:
    """Return what a dialect calls ``scope``: itself, or the beginning that it shares with others
    (``com.anthropic.sdk.*``); ``""`` for one whose messages have the shape of the conventions,
    ``None`` for one that nothing is known of."""
    if scope.startswith(_CURRENT) and scope not in _SCOPES:
        return ""
    return next((known for known in _SCOPES if fnmatchcase(scope, known)), None)


_CURRENT: Final = ("otel_llm", "opentelemetry.instrumentation.")
