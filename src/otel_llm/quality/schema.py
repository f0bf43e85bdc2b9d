"""Whether a JSON answer fits the schema that it was asked for by.

Schemas come with requests, so from anybody, and every answer is looked at: hence not the
``jsonschema`` package, which fetches references, runs any regular expression, and quotes the answer
at each step. This knows what providers take in a schema (JSON Schema 2020-12 and OpenAPI's
``nullable``) in a bounded number of steps; a schema with anything else in it is not judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from .schema_keywords import KEYWORDS, ODD, Judge, Value, says_nothing

_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_SCHEMAS = frozenset(
    {
        *("items", "prefixItems", "additionalProperties", "propertyNames"),
        *("allOf", "anyOf", "oneOf", "not", "if", "then", "else"),
    }
)
"""Keywords with schemas in them, by name or otherwise."""


class Schema:
    """One schema. Thread-safe; the last answer is remembered, as several checks ask for it."""

    __slots__ = ("_last", "_root")

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._root = schema
        self._last: tuple[str | None, bool | None] = None, None

    def fits(self, answer: str) -> bool | None:
        """Return whether ``answer`` is JSON that the schema describes; ``None`` when that cannot
        be told: it is no JSON, the schema is none that is known, or there is too much of it."""
        asked, known = self._last
        if asked != answer:
            known = self._judged(answer)
            self._last = answer, known
        return known

    def _judged(self, answer: str) -> bool | None:
        try:
            return Judge(self._root).fits(self._root, json.loads(answer))
        except ODD:
            return None


def unknown_keywords(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the keywords in ``schema`` for which no answer would be judged by it."""
    return frozenset(_unknown(schema))


def _unknown(schema: Value) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for name, said in cast("dict[str, Value]", schema).items():
        if name not in KEYWORDS and not says_nothing(name) and name != "$id":
            yield name
        for inner in _inside(name, said):
            yield from _unknown(inner)


def _inside(name: str, said: Value) -> Iterable[Value]:
    if name in _OF_SCHEMAS and isinstance(said, dict):
        return cast("dict[str, Value]", said).values()
    if name in _SCHEMAS:
        return cast("list[Value]", said) if isinstance(said, list) else (said,)
    return ()
