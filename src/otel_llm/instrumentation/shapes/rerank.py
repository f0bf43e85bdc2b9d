"""Reranking as Cohere speaks it, and LiteLLM after it: documents in, their places and scores out.

The conventions have no operation for it; it is the second half of a retrieval, by a model. It bills
searches and no tokens. Documents are never read, only the places they had in the caller's list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response

from ..core.patch import Content, Endpoint, Message
from .values import field, integer, items, real, text


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``rerank``."""
    wanted = integer(arguments.get("top_n"))
    return Request(
        model=text(arguments.get("model")),
        more=None if wanted is None else {semconv.RETRIEVAL_TOP_K: wanted},
    )


def response(_: Any) -> Response:
    """Return nothing: what there is to know are the documents."""
    return Response()


def documents(answer: Any) -> Sequence[Message]:
    """Return what was ranked, best first: place in the caller's list and score."""
    return [
        ranked(field(found, "index"), field(found, "relevance_score"))
        for found in items(field(answer, "results"))
    ]


def ranked(id: Any, score: Any) -> dict[str, Any]:
    """Return one document that was found, with as much as is known of it."""
    known = {} if id is None else {"id": str(id)}
    scored = real(score)
    return known if scored is None else {**known, "score": scored}


def nothing(_: Any) -> Sequence[Message]:
    """Return the messages of a request that has none."""
    return ()


CONTENT = Content(nothing, documents, query=lambda arguments: text(arguments.get("query")))
RERANK = Endpoint("retrieval", request, response, content=CONTENT, subject=semconv.DATA_SOURCE_ID)
"""A reranking."""
