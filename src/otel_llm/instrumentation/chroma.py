"""Chroma (``chromadb``): ``query`` and ``search`` of collections, sync and async.

For clients inside the process and over HTTP. ``get`` reads by id or filter and is no search.
Embeddings that a collection has made for a query's texts are calls of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .core import Hook, LLMInstrumentor
from .core.retrieving import Search, retrieval
from .core.telemetry import Telemetry
from .shapes.hosts import server_at
from .shapes.values import field, integer, items, text


def _described(collection: Any, arguments: Mapping[str, Any]) -> Search:
    limit = field(field(arguments.get("searches"), "_limit"), "limit")
    return Search(
        text(collection.name),
        integer(arguments.get("n_results")) or integer(limit),
        _server(collection),
        arguments.get("query_texts"),
    )


def _server(collection: Any) -> tuple[str | None, int | None]:
    url = text(field(field(collection, "_client"), "_api_url"))
    return (None, None) if url is None else server_at(url)


def _found(answer: Any) -> Iterator[tuple[Any, Any]]:
    """Give the ids, one list of them per query. Distances are no scores: less is better."""
    ids, scores = items(field(answer, "ids")), items(field(answer, "scores"))
    for index, found in enumerate(ids):
        scored = items(scores[index]) if index < len(scores) else ()
        for place, id in enumerate(items(found)):
            yield id, scored[place] if place < len(scored) else None


def _telemetry() -> Telemetry | None:
    return ChromaInstrumentor.telemetry


_QUERY = (
    *("query_embeddings", "query_texts", "query_images", "query_uris"),
    *("ids", "n_results"),
)


class ChromaInstrumentor(LLMInstrumentor):
    """Traces the Chroma client."""

    requires = ("chromadb >= 1, < 2",)
    provider = "chroma"
    patches = ()
    hooks = tuple(
        Hook(
            f"chromadb.api.models.{kind}",
            f"{kind}.{name}",
            retrieval(_telemetry, "chroma", _described, _found, positional),
            optional=name == "search",
        )
        for kind in ("Collection", "AsyncCollection")
        for name, positional in (("query", _QUERY), ("search", ("searches",)))
    )
