"""JSON schemas, by the ``jsonschema`` package: nothing is ever fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` for what is no schema."""
    library: Any = import_module("jsonschema")  # comes without types
    try:
        library.validators.validator_for(schema).check_schema(schema)
    except library.SchemaError as error:
        raise ValueError(f"json_schema: {error.message}") from None


def mismatch(answer: str, schema: Mapping[str, Any]) -> str | None:
    """Return where and how ``answer`` is not what ``schema`` describes; ``None`` when it is."""
    library: Any = import_module("jsonschema")
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return "the answer is no JSON"
    # A registry of its own, without which a remote $ref would be fetched.
    registry: Any = import_module("jsonschema_specifications").REGISTRY
    validator = library.validators.validator_for(schema)(schema, registry=registry)
    try:
        error = next(iter(validator.iter_errors(value)), None)
    except import_module("referencing.exceptions").Unresolvable as unresolved:
        return f"the schema refers to {unresolved.ref!r}, which it does not hold"
    except (RecursionError, ArithmeticError):
        return "neither the schema nor the answer comes to an end, or a number is too large"
    return None if error is None else f"{error.json_path}: not as {_rule(error)} says"


def _rule(error: Any) -> str:
    """Return the schema's keyword that does not hold; the message may quote the whole answer."""
    return f"{error.validator!s} ({json.dumps(error.validator_value)[:80]})"
