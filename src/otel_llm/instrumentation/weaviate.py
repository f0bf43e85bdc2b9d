"""Weaviate (``weaviate-client`` 4): searches of a collection, sync and async.

Traced: ``near_text``, ``near_vector``, ``near_object``, ``near_image``, ``near_media``, ``bm25``,
``hybrid`` and ``fetch_objects`` of ``query`` and of ``generate``. What ``generate`` lets a model
write, the server asks for itself, so no call of a model is seen here. Reading by id searches
nothing and is not traced. Scores are known where the caller asked for them: that of a keyword or
hybrid search, else the certainty; a distance is none, since less is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .core import Hook, LLMInstrumentor
from .core.retrieving import Search, retrieval
from .core.telemetry import Telemetry
from .shapes.values import field, integer, items, text


def _described(query: Any, arguments: Mapping[str, Any]) -> Search:
    return Search(
        text(query._name),
        integer(arguments.get("limit")),
        _server(query),
        arguments.get("query"),
    )


def _server(query: Any) -> tuple[str | None, int | None]:
    """Return where searches go, which is over gRPC."""
    params = field(field(query, "_connection"), "_connection_params")
    grpc = field(params, "grpc")
    return text(field(grpc, "host")), integer(field(grpc, "port"))


def _found(answer: Any) -> Iterator[tuple[Any, Any]]:
    for one in items(field(answer, "objects")):
        told = field(one, "metadata")
        scores = (field(told, name) for name in ("score", "certainty"))
        yield field(one, "uuid"), next((score for score in scores if score is not None), None)


def _telemetry() -> Telemetry | None:
    return WeaviateInstrumentor.telemetry


_SEARCH = retrieval(_telemetry, "weaviate", _described, _found, ("query",))


def _search(
    wrapped: Callable[..., Any], query: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Trace a search; the asynchronous ones are plain functions that return what to wait for."""
    if not type(query).__name__.endswith("Async"):
        return _SEARCH(wrapped, query, args, kwargs)
    try:
        pending = wrapped(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - the client's own, of arguments it refuses
        return _SEARCH(_raising(error), query, args, kwargs)

    async def search(*_: Any, **__: Any) -> Any:
        return await pending

    return _SEARCH(search, query, args, kwargs)


def _raising(error: Exception) -> Callable[..., Any]:
    def search(*_: Any, **__: Any) -> Any:
        raise error

    return search


_METHODS = (
    *("near_text", "near_vector", "near_object", "near_image", "near_media"),
    *("bm25", "hybrid", "fetch_objects"),
)


class WeaviateInstrumentor(LLMInstrumentor):
    """Traces the Weaviate client."""

    requires = ("weaviate-client >= 4.9, < 5",)
    provider = "weaviate"
    patches = ()
    hooks = tuple(
        Hook(f"weaviate.collections.{kind}", f"_{kind.title()}Collection{suffix}.{name}", _search)
        for kind in ("query", "generate")
        for suffix in ("", "Async")
        for name in _METHODS
    )
