"""The ``Call`` that a row of the table was made of (see ``columns`` for the way there)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from otel_llm.genai import Call, Cost, Document, Usage

from .schema import CALL_COLUMNS, COLUMNS, COST_COLUMNS, DERIVED, MEASURE_COLUMNS, USAGE_COLUMNS

_PLAIN: Final = tuple(
    column.name for column in CALL_COLUMNS + MEASURE_COLUMNS if column.name not in DERIVED
)


def to_call(row: Sequence[Any]) -> Call:
    """The call a row was made of."""
    values = dict(zip((column.name for column in COLUMNS), row, strict=True))
    fields = {name: values[name] for name in _PLAIN}
    fields["finish_reasons"] = tuple(values["finish_reasons"] or ())
    fields["flags"] = None if values["flags"] is None else tuple(values["flags"])
    fields["tags"] = dict(values["tags"] or {})
    usage = Usage(**{column.source: values[column.name] for column in USAGE_COLUMNS})
    fields["max_tokens"] = values["max_tokens"]
    fields["documents"] = _read_documents(values["documents"])
    return Call(**fields, usage=usage, cost=_read_cost(values))


def _read_documents(text: str | None) -> tuple[Document, ...] | None:
    return None if text is None else tuple(Document(*pair) for pair in json.loads(text))


def _read_cost(values: dict[str, Any]) -> Cost | None:
    if values["cost_total"] is None:
        return None
    return Cost(**{column.source: values[column.name] for column in COST_COLUMNS})
