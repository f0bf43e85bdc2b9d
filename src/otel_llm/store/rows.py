"""A ``Call`` as a row of the table, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, cast

from otel_llm.genai import Call, Cost, Document, Usage

from .schema import CALL_COLUMNS, COLUMNS, COST_COLUMNS, DERIVED, MEASURE_COLUMNS, USAGE_COLUMNS

INT64_MAX: Final = 2**63 - 1

_call = attrgetter(*(column.source for column in CALL_COLUMNS))
_measures = attrgetter(*(column.source for column in MEASURE_COLUMNS))
_usage = attrgetter(*(column.source for column in USAGE_COLUMNS))
_cost = attrgetter(*(column.source for column in COST_COLUMNS))
_NO_COST: Final = (None,) * len(COST_COLUMNS)
_PLAIN: Final = tuple(
    column.name for column in CALL_COLUMNS + MEASURE_COLUMNS if column.name not in DERIVED
)


def to_row(call: Call) -> tuple[object, ...]:
    """One value per column of ``schema.COLUMNS``. Numbers that cannot be are left out: a negative
    count, an amount or a time that is not finite, a duration below zero."""
    return (
        *_call(call),
        *map(_finite, _measures(call)),
        *map(_count, _usage(call.usage)),
        *_cost_row(call.cost),
        _duration_ms(call.end_ns - call.start_ns),
        _usd(call.cost),
        _count(call.max_tokens),
        _document_text(call.documents),
    )


def storable(call: Call) -> bool:
    """Whether the table can hold the call's times (OTLP allows 64 unsigned bits, we have 63)."""
    return 0 <= call.start_ns <= INT64_MAX and 0 <= call.end_ns <= INT64_MAX


def cleaned(row: Sequence[object]) -> tuple[object, ...]:
    """The row without what the engine refuses: text that is no Unicode, numbers too big."""
    return tuple(_clean(value) for value in row)


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


def _document_text(documents: Sequence[Document] | None) -> str | None:
    if documents is None:
        return None
    return json.dumps([[one.id, one.score] for one in documents])


def _read_documents(text: str | None) -> tuple[Document, ...] | None:
    return None if text is None else tuple(Document(*pair) for pair in json.loads(text))


def _read_cost(values: dict[str, Any]) -> Cost | None:
    if values["cost_total"] is None:
        return None
    return Cost(**{column.source: values[column.name] for column in COST_COLUMNS})


def _cost_row(cost: Cost | None) -> tuple[object, ...]:
    if cost is None or not math.isfinite(cost.total):
        return _NO_COST
    return tuple(_finite(value) for value in _cost(cost))


def _usd(cost: Cost | None) -> float | None:
    if cost is None or cost.currency != "USD":
        return None
    return _finite(cost.total)


def _duration_ms(duration_ns: int) -> float | None:
    """Milliseconds, or ``None`` for a span that ends before it starts."""
    return duration_ns / 1e6 if duration_ns >= 0 else None


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _count(value: int | None) -> int | None:
    return value if value is None or 0 <= value <= INT64_MAX else None


def _clean(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case int() if abs(value) > INT64_MAX:
            return None
        case tuple() | list():
            return [_clean(item) for item in cast("list[Any]", value)]
        case dict():
            pairs = cast("dict[Any, Any]", value).items()
            return {_clean(key): _clean(item) for key, item in pairs}
        case _:
            return value
