"""Calls as columns: one list of values per column of the table, which costs a fraction of rows."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

from otel_llm.genai import Call, Cost, Document
from otel_llm.genai.call import BILLED_OPERATIONS

from .schema import CALL_COLUMNS, COLUMNS, COST_COLUMNS, DERIVED, MEASURE_COLUMNS, USAGE_COLUMNS

INT64_MAX: Final = 2**63 - 1
LONGEST_NAME: Final = 1_000
"""Characters of a span's name that are kept; it is the one text that comes uncut."""

Values = list[Any]
Columns = dict[str, Values]
"""Name of the column -> one value for each call; lists may be shared between columns."""

_MANY: Final = 1_000
_PAUSE_S: Final = 1e-4

_Item = TypeVar("_Item")


def paced(items: Iterable[_Item], calls: int) -> Iterator[_Item]:
    """``items``, with a pause behind each when there are many calls. What is done with an item
    holds the interpreter's lock; who receives data would wait for it several milliseconds."""
    for item in items:
        yield item
        if calls > _MANY:
            time.sleep(_PAUSE_S)


def columns(calls: Sequence[Call], *, clean: bool = False) -> Columns:
    """The columns of ``calls``. ``clean``: without what no table can hold, for which every value
    is looked at: text that is no Unicode gets a mark, a negative count, a number too big or an
    amount that is not finite is unknown."""
    if not clean:
        return _derived(_read(calls))
    found = _derived(_clean(_read(calls)))
    return found | {"tokens": list(map(_count, found["tokens"]))}


def storable(call: Call) -> bool:
    """Whether a table can hold the call's times (OTLP allows 64 unsigned bits, we have 63)."""
    return 0 <= call.start_ns <= INT64_MAX and 0 <= call.end_ns <= INT64_MAX


# Reading

_OF_CALL: Final = {
    column.name: attrgetter(column.source)
    for column in CALL_COLUMNS + MEASURE_COLUMNS
    if column.name not in DERIVED
}
_OF_USAGE: Final = {column.name: column.source for column in USAGE_COLUMNS}
_OF_COST: Final = {column.name: attrgetter(column.source) for column in COST_COLUMNS}
_NO_COST: Final = Cost(cast("Any", None), currency=cast("Any", None))


def _read(calls: Sequence[Call]) -> Columns:
    count = len(calls)
    found = {name: list(map(read, calls)) for name, read in paced(_OF_CALL.items(), count)}
    found["name"] = [name[:LONGEST_NAME] for name in found["name"]]
    found["max_tokens"] = [call.max_tokens for call in calls]
    found["documents"] = [call.documents for call in calls]
    return found | _usage(calls) | _cost(calls)


def _usage(calls: Sequence[Call]) -> Columns:
    usages = [call.usage for call in calls]
    said = set[str]().union(*map(vars, usages))
    unknown: Values = [None] * len(calls)
    return {
        name: list(map(attrgetter(source), usages)) if source in said else unknown
        for name, source in _OF_USAGE.items()
    }


def _cost(calls: Sequence[Call]) -> Columns:
    costs = [call.cost or _NO_COST for call in calls]
    return {name: list(map(read, costs)) for name, read in paced(_OF_COST.items(), len(calls))}


# What follows from it


def _derived(found: Columns) -> Columns:
    """``found`` with what a ``Call`` computes from its fields, and the documents as text."""
    asked, served = found["request_model"], found["response_model"]
    found["model"] = _either(served, asked)
    found["tokens"] = _sums(found["usage_input_tokens"], found["usage_output_tokens"])
    found["billed"] = [operation in BILLED_OPERATIONS for operation in found["operation"]]
    found["unpriced"] = _unpriced(found)
    found["duration_ms"] = [
        (end - start) / 1e6 if end >= start else None
        for start, end in zip(found["start_ns"], found["end_ns"], strict=True)
    ]
    found["cost_usd"] = _dollars(found["cost_total"], found["cost_currency"])
    found["documents"] = _texts_of(found["documents"])
    return {column.name: found[column.name] for column in COLUMNS}


def _either(some: Values, others: Values) -> Values:
    if all(some):
        return some
    return [one or other for one, other in zip(some, others, strict=True)]


def _sums(some: Values, others: Values) -> Values:
    return [
        (one or 0) + (other or 0) if one is not None or other is not None else None
        for one, other in zip(some, others, strict=True)
    ]


def _unpriced(found: Columns) -> Values:
    costs = found["cost_total"]
    if None not in costs:
        return [False] * len(costs)
    ran = zip(found["billed"], costs, found["error_type"], found["tokens"], strict=True)
    return [
        billed and cost is None and (error is None or tokens is not None)
        for billed, cost, error, tokens in ran
    ]


def _dollars(totals: Values, currencies: Values) -> Values:
    if currencies.count("USD") == len(currencies):
        return totals
    pairs = zip(totals, currencies, strict=True)
    return [total if currency == "USD" else None for total, currency in pairs]


def _texts_of(documents: Values) -> Values:
    unknown = documents.count(None) == len(documents)
    return documents if unknown else list(map(_text_of, documents))


def _text_of(documents: Sequence[Document] | None) -> str | None:
    if documents is None:
        return None
    return json.dumps([[one.id, one.score] for one in documents])


# What no table can hold

_TYPES: Final = {column.name: column.type.removesuffix(" NOT NULL") for column in COLUMNS}


def _clean(found: Columns) -> Columns:
    cleaned = {
        name: list(map(_CLEANERS.get(_TYPES[name], _anything), values))
        for name, values in paced(found.items(), len(found["start_ns"]))
        if name != "documents"
    }
    kept = [total is not None for total in cleaned["cost_total"]]
    for name in _OF_COST:  # without its total the rest says nothing
        pairs = zip(cleaned[name], kept, strict=True)
        cleaned[name] = [value if keep else None for value, keep in pairs]
    return cleaned | {"documents": found["documents"]}


def text(value: str | None) -> str | None:
    """``value`` with a mark for what is no Unicode."""
    return None if value is None else value.encode("utf-8", "replace").decode("utf-8")


def _count(value: int | None) -> int | None:
    return value if value is None or 0 <= value <= INT64_MAX else None


def _amount(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


def _list(values: Sequence[str] | None) -> list[str | None] | None:
    return None if values is None else list(map(text, values))


def _map(values: Mapping[str, str] | None) -> dict[str | None, str | None]:
    return {text(key): text(value) for key, value in (values or {}).items()}


def _anything(value: Any) -> Any:
    return value


_CLEANERS: Final[dict[str, Callable[[Any], Any]]] = {
    "VARCHAR": text,
    "BIGINT": _count,
    "DOUBLE": _amount,
    "VARCHAR[]": _list,
    "MAP(VARCHAR, VARCHAR)": _map,
}
