"""Pinecone (``pinecone`` 10): searches of an index, sync and async, over HTTP and gRPC.

Traced: ``query``, ``query_namespaces``, ``search``, ``search_records`` and ``documents.search``.
An index is known by its host only, whose first label holds its name at Pinecone's own addresses;
elsewhere (a proxy, the local emulator) the name stays unknown. A synchronous ``Index`` keeps the
methods that its class had when it was made: one made before ``instrument()`` is not traced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .core import Hook, LLMInstrumentor
from .core.retrieving import Search, retrieval
from .core.telemetry import Telemetry
from .shapes.hosts import server_at
from .shapes.values import field, integer, items, text


def _described(index: Any, arguments: Mapping[str, Any]) -> Search:
    asked = arguments.get("query")
    host, port = _server(index)
    return Search(
        _name(host or ""),
        integer(arguments.get("top_k")) or integer(field(asked, "top_k")),
        (host, port),
        field(arguments.get("inputs") or field(asked, "inputs"), "text"),
    )


def _server(index: Any) -> tuple[str | None, int | None]:
    host = text(field(index, "_host"))
    if host is None:
        return None, None
    return server_at(host if "://" in host else f"https://{host}")


def _name(host: str) -> str | None:
    """Return the index of ``{index}-{project}.svc.{region}.pinecone.io``."""
    label, _, rest = host.partition(".")
    if not rest.startswith("svc.") or not rest.endswith(".pinecone.io"):
        return None
    return label.rpartition("-")[0] or None


def _found(answer: Any) -> Iterator[tuple[Any, Any]]:
    """Give matches of a query, hits of a search of records, or documents."""
    hits = field(field(answer, "result"), "hits")
    for one in items(field(answer, "matches") or hits or field(answer, "documents")):
        scores = (field(one, name) for name in ("score", "_score"))
        id = field(one, "id") or field(one, "_id")
        yield id, next((score for score in scores if score is not None), None)


def _telemetry() -> Telemetry | None:
    return PineconeInstrumentor.telemetry


_METHODS = ("query", "query_namespaces", "search", "search_records")
_CLASSES = (
    ("pinecone.index", "Index", _METHODS),
    ("pinecone.async_client.async_index", "AsyncIndex", _METHODS),
    ("pinecone.grpc", "GrpcIndex", _METHODS),
    ("pinecone.client.documents", "Documents", ("search",)),
    ("pinecone.async_client.documents", "AsyncDocuments", ("search",)),
)


class PineconeInstrumentor(LLMInstrumentor):
    """Traces the Pinecone client."""

    requires = ("pinecone >= 10, < 11",)
    provider = "pinecone"
    patches = ()
    hooks = tuple(
        Hook(module, f"{kind}.{name}", retrieval(_telemetry, "pinecone", _described, _found))
        for module, kind, names in _CLASSES
        for name in names
    )
