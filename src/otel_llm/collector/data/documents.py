"""What a retrieval found, as its span tells it: ids and scores, never a text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Final, cast

from otel_llm.genai import Document

from ..wire.values import as_number

MAX_DOCUMENTS: Final = 100
"""Of one retrieval; the first ones are kept."""
MAX_ID: Final = 200
_MAX_JSON: Final = 2**20


def read_documents(given: object) -> tuple[Document, ...] | None:
    """Read ``gen_ai.retrieval.documents``, JSON text or a list of maps; ``None`` when it is
    neither."""
    found = _parsed(given)
    if not isinstance(found, list | tuple):
        return None
    one_each = cast("Iterable[object]", found)
    return tuple(
        _document(cast("Mapping[str, object]", one)) for one in one_each if isinstance(one, Mapping)
    )[:MAX_DOCUMENTS]


def written_documents(documents: Iterable[Document]) -> str:
    """Return ``documents`` as the attribute says them, JSON text."""
    return json.dumps([_known(one) for one in documents])


def _known(document: Document) -> dict[str, object]:
    return {name: value for name, value in asdict(document).items() if value is not None}


def _parsed(given: object) -> object:
    if not isinstance(given, str) or len(given) > _MAX_JSON:
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return None


def _document(given: Mapping[str, object]) -> Document:
    name, score = given.get("id"), given.get("score")
    known = str(name)[:MAX_ID] if isinstance(name, str | int) else None
    return Document(known, as_number(score) if isinstance(score, int | float) else None)
