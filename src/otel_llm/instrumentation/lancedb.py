"""LanceDB (``lancedb``): vector, full-text and hybrid searches, sync and async.

A search is traced when it is run (``to_list``, ``to_pandas``, ``to_arrow``, ``to_batches`` and
their like), not when it is built. The batches of ``to_batches`` are read later, outside the span,
and their rows not at all. A row's id is its ``id`` column, if the table has one, else ``_rowid``;
its score that of words or of a reranker. A distance is none, since less is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from .core import Hook, LLMInstrumentor
from .core.executor import CarryingThreadPoolExecutor
from .core.retrieving import Search, retrieval
from .core.telemetry import Telemetry
from .shapes.values import field, integer, text


def _described(search: Any, _: Mapping[str, Any]) -> Search:
    return Search(text(search._table.name), integer(search._limit), query=_text(search))


def _described_async(search: Any, _: Mapping[str, Any]) -> Search:
    return Search(text(field(search._table, "name")))


def _described_vector(search: Any, _: Mapping[str, Any]) -> Search:
    """Read the limit too; the native part panics when it is asked this of a full-text search."""
    asked = search._inner.to_query_request()
    return Search(text(field(search._table, "name")), integer(asked.limit))


def _text(search: Any) -> str | None:
    return text(field(search, "_text")) or text(field(search, "_query"))


def _found(rows: Any) -> Iterator[tuple[Any, Any]]:
    """Read two columns of a table, never the vectors."""
    ids = _column(rows, "id", "_rowid")
    yield from zip_longest(ids, _column(rows, "_relevance_score", "_score"))


def _column(rows: Any, *names: str) -> list[Any]:
    there = getattr(rows, "column_names", ())
    named = next((name for name in names if name in there), None)
    return [] if named is None else rows.column(named).to_pylist()


def _telemetry() -> Telemetry | None:
    return LanceDBInstrumentor.telemetry


def _carrying(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Make the threads in which a hybrid search runs its two halves part of the search."""
    return CarryingThreadPoolExecutor(*args, **kwargs)


_KINDS = (
    ("LanceVectorQueryBuilder", _described),
    ("LanceFtsQueryBuilder", _described),
    ("LanceHybridQueryBuilder", _described),
    ("AsyncVectorQuery", _described_vector),
    ("AsyncFTSQuery", _described_async),
    ("AsyncHybridQuery", _described_async),
)


class LanceDBInstrumentor(LLMInstrumentor):
    """Traces LanceDB."""

    requires = ("lancedb >= 0.40, < 1",)
    provider = "lancedb"
    patches = ()
    hooks = (
        Hook("lancedb.query", "ThreadPoolExecutor", _carrying, optional=True),
        *(
            Hook("lancedb.query", f"{kind}.{name}", retrieval(_telemetry, "lancedb", read, _found))
            for kind, read in _KINDS
            for name in ("to_arrow", "to_batches")
        ),
    )
