"""Searches of a vector store: one span per call of the user, whatever the client does inside.

Vectors are never read. The query's text and the ids and scores of what was found are kept only
where content is captured; the documents themselves never.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from opentelemetry.context import get_current

from otel_llm import semconv

from ..shapes.rerank import ranked
from .activity import RETRIEVAL, Activity
from .guard import guarded
from .suppression import LAYERS, marked, suppressed
from .telemetry import Telemetry
from .unseen_importlib_bootstrap.around import Around, Begin, Wrapper, around


@dataclass(frozen=True, slots=True)
class Search:
    """What one call looks for, and where. What is not known is ``None``."""

    source: str | None = None
    """Collection, index or table."""
    top_k: int | None = None
    """How many the caller asked for."""
    server: tuple[str | None, int | None] = (None, None)
    """Host and port; none for a store inside the process."""
    query: Any = None
    """The text searched for, or the texts."""


Described: TypeAlias = Callable[[Any, Mapping[str, Any]], Search]
"""From the instance and the arguments by name."""
Found: TypeAlias = Callable[[Any], Iterable[tuple[Any, Any]]]
"""Gives id and score of each document of an answer, ``None`` for what is not known."""


def retrieval(
    signals: Callable[[], Telemetry | None],
    provider: str,
    described: Described,
    found: Found,
    positional: tuple[str, ...] = (),
) -> Wrapper:
    """Return the wrapper of a ``Hook`` on a function, or coroutine function, that searches.

    ``positional`` names the parameters after ``self``. A search inside a search makes no span.
    """
    return around(signals, _begin(provider, described, found), positional)


def _begin(provider: str, described: Described, found: Found) -> Begin:
    def begin(telemetry: Telemetry, instance: Any, arguments: Mapping[str, Any]) -> Around:
        if suppressed(get_current(), RETRIEVAL.operation):
            return Around()
        search = Search()
        with guarded(f"reading a search of {provider}"):
            search = described(instance, arguments)
        return _running(Activity(telemetry, RETRIEVAL, _about(provider, search)), search, found)

    return begin


def _about(provider: str, search: Search) -> dict[str, Any]:
    host, port = search.server
    return {
        semconv.PROVIDER_NAME: provider,
        semconv.DATA_SOURCE_ID: search.source,
        semconv.RETRIEVAL_TOP_K: search.top_k,
        semconv.SERVER_ADDRESS: host,
        semconv.SERVER_PORT: port if host is not None else None,
    }


def _running(activity: Activity, search: Search, found: Found) -> Around:
    if activity.captures and (said := _text(search.query)) is not None:
        activity.put_content(semconv.RETRIEVAL_QUERY_TEXT, said)
    inside = marked(activity.context, activity.span, LAYERS[RETRIEVAL.operation], activity.over)
    return Around(activity, inside, _documents(found))


def _text(query: Any) -> str | None:
    if isinstance(query, list | tuple):
        texts = [one for one in query if isinstance(one, str)]  # pyright: ignore[reportUnknownVariableType] - whatever a caller gives
        return "\n".join(texts) or None
    return query if isinstance(query, str) else None


def _documents(found: Found) -> Callable[[Activity, Any], None]:
    def keep(activity: Activity, answer: Any) -> None:
        with guarded("capturing what was found"):
            kept = [ranked(id, score) for id, score in found(answer)]
            activity.put_content(semconv.RETRIEVAL_DOCUMENTS, kept or None)

    return keep
