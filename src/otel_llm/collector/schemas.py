"""Which JSON schema the answer of a call must fit: the operator's, else the captured request's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from otel_llm import semconv
from otel_llm.evaluation.schemas import check_schema
from otel_llm.quality.schema import Schema, unknown_keywords

from .data.facts import AT, OUTPUT_TYPE, REQUEST_MODEL, RESPONSE_MODEL

if TYPE_CHECKING:
    from .data import SpanView
    from .data.facts import Facts

_PROMPT = AT[semconv.PROMPT_NAME]
_LONGEST = 65_536
"""Characters of an attribute that may hold a schema."""
_OBJECT_IN_TEXT = b'"{\\'
"""A JSON object that is text in JSON, as the answer is in captured messages."""
_TEXT = b"\n"
"""How an attribute that is text begins: tag 1 of ``AnyValue``."""
_FORMATS = (
    ("response_format", "json_schema", "schema"),
    ("response_format", "schema"),
    ("text", "format", "schema"),
    ("output_format", "schema"),
    ("output_config", "format", "schema"),
    ("response_json_schema",),
    ("response_schema",),
)
"""Where the APIs of OpenAI (chat, responses), Mistral, Anthropic and Google take it."""
_PLACES: Mapping[str, Sequence[Sequence[str]]] = {
    "gen_ai.request.structured_output_schema": ((),),
    "ai.schema": ((),),
    "llm.invocation_parameters": _FORMATS,
    "model_request_parameters": (("output_object", "json_schema"),),
    "request_data": _FORMATS,
}
"""Attributes that hold it: OpenLLMetry's, the Vercel AI SDK's, OpenInference's, Pydantic AI's and
Logfire's, with the way to it inside."""


@dataclass(frozen=True, slots=True)
class SchemaConfig:
    """A JSON schema that the answers to a prompt, or of a model, must fit."""

    schema: dict[str, Any] | None = None
    """The schema."""
    file: str | None = None
    """A file that holds it, in place of ``schema``."""
    prompt: str | None = None
    """Only answers to the prompt of this name (``gen_ai.prompt.name``); ``*`` is any text."""
    model: str | None = None
    """Only answers of this model, asked for or served; ``*`` is any text."""

    def __post_init__(self) -> None:
        if (self.schema is None) == (self.file is None):
            raise ValueError("give schema or file, one of them")
        if self.prompt is None and self.model is None:
            raise ValueError("give prompt or model: whose answers must fit")
        schema = self.read()
        check_schema(schema)
        if unknown := unknown_keywords(schema):
            raise ValueError(f"schema: no answer can be judged by {', '.join(sorted(unknown))}")

    def read(self) -> Mapping[str, Any]:
        """Return the schema. Raises ``ValueError`` for a file that holds none."""
        if self.file is None:
            return self.schema or {}
        try:
            found: object = json.loads(Path(self.file).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"file: {self.file} holds no JSON: {error}") from None
        if not isinstance(found, dict):
            raise ValueError(f"file: {self.file} holds no schema")
        return cast("dict[str, Any]", found)

    def fits(self, prompt: str | None, models: Sequence[str | None]) -> bool:
        """Return whether the schema is for this call."""
        if self.prompt is not None and not fnmatchcase(prompt or "", self.prompt):
            return False
        return self.model is None or any(fnmatchcase(name or "", self.model) for name in models)


class Schemas:
    """The schemas that are known. Thread-safe."""

    def __init__(self, configured: Sequence[SchemaConfig] = ()) -> None:
        """The first of ``configured`` that is for a call goes before that of its request."""
        self._configured = [(one, Schema(one.read())) for one in configured]

    def of(self, span: SpanView, facts: Facts, output: bytes) -> Schema | None:
        """Return what the answer in ``output``, encoded messages, must fit; ``None``: unknown."""
        models = facts[REQUEST_MODEL], facts[RESPONSE_MODEL]
        for one, schema in self._configured:
            if one.fits(facts[_PROMPT], models):
                return schema
        asked = facts[OUTPUT_TYPE]
        if asked == "json" or (asked is None and _may_be_json(output)):
            return _asked(span)
        return None


def _may_be_json(output: bytes) -> bool:
    """Look for an object in messages that are JSON text; of structured ones it is not told."""
    return _OBJECT_IN_TEXT in output or not output.startswith(_TEXT)


def _asked(span: SpanView) -> Schema | None:
    for name in _PLACES:
        text = span.text(name)
        if text is not None and len(text) <= _LONGEST and (schema := _read(name, text)):
            return schema
    return None


@lru_cache(maxsize=256)
def _read(name: str, text: str) -> Schema | None:
    """Return the schema in the attribute ``name``: the same one comes with every request."""
    try:
        given: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = (_at(given, way) for way in _PLACES[name])
    return next((Schema(schema) for schema in found if schema), None)


def _at(given: object, way: Sequence[str]) -> Mapping[str, Any] | None:
    for step in way:
        given = cast("dict[str, object]", given).get(step) if isinstance(given, dict) else None
    return cast("dict[str, Any]", given) if isinstance(given, dict) else None
