"""Qdrant (``qdrant-client``): searches, sync and async, of a server or inside the process.

Traced: ``query_points``, ``query_batch_points``, ``query_points_groups``, the ``search_matrix_*``
pair, and what older clients have for them: ``search``, ``recommend``, ``discover``, ``query`` and
their batches. A batch is one span. Not covered: reading by id or by filter (``retrieve``,
``scroll``), which searches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .core import Hook, LLMInstrumentor
from .core.retrieving import Search, retrieval
from .core.telemetry import Telemetry
from .shapes.hosts import server_at
from .shapes.values import field, integer, items, text


def _described(client: Any, arguments: Mapping[str, Any]) -> Search:
    asked = arguments.get("query")
    return Search(
        text(arguments.get("collection_name")),
        integer(arguments.get("limit")),
        _server(client),
        arguments.get("query_text") or field(asked, "text") or asked,
    )


def _server(client: Any) -> tuple[str | None, int | None]:
    url = text(field(field(client, "_client"), "rest_uri"))
    return (None, None) if url is None else server_at(url)


def _found(answer: Any) -> Iterator[tuple[Any, Any]]:
    """Give id and score of every point, in batches and groups too."""
    for one in items(answer) if isinstance(answer, list | tuple) else (answer,):
        inside = field(one, "points") or field(one, "groups") or field(one, "hits")
        if inside or isinstance(one, list):
            yield from _found(inside or one)
        elif (id := field(one, "id")) is not None:
            yield id, field(one, "score")


def _telemetry() -> Telemetry | None:
    return QdrantInstrumentor.telemetry


_POSITIONAL: Mapping[str, tuple[str, ...]] = {
    "query_points": ("collection_name", "query"),
    "query_points_groups": ("collection_name", "group_by", "query"),
    "query": ("collection_name", "query_text"),
}
_METHODS = (
    "query_points",
    "query_batch_points",
    "query_points_groups",
    "search_matrix_pairs",
    "search_matrix_offsets",
)
_OLDER = (
    *("query", "query_batch", "search", "search_batch", "search_groups"),
    *("recommend", "recommend_batch", "recommend_groups", "discover", "discover_batch"),
)
"""Gone since 1.17."""


class QdrantInstrumentor(LLMInstrumentor):
    """Traces the Qdrant client."""

    requires = ("qdrant-client >= 1.12, < 2",)
    provider = "qdrant"
    patches = ()
    hooks = tuple(
        Hook(
            f"qdrant_client.{prefix.lower()}qdrant_client",
            f"{prefix.rstrip('_')}QdrantClient.{name}",
            retrieval(
                _telemetry,
                "qdrant",
                _described,
                _found,
                _POSITIONAL.get(name, ("collection_name",)),
            ),
            optional=name in _OLDER,
        )
        for prefix in ("", "Async_")
        for name in (*_METHODS, *_OLDER)
    )
