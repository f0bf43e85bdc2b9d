"""``/v1/content/{reference}``: what was said, for those who hold a token of its own."""

from __future__ import annotations

import logging
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.security import APIKeyHeader
from pydantic import BaseModel

from otel_llm.collector.intake.tokens import TokenFile
from otel_llm.store.content import ContentError, ContentStore

from .guard import bearer
from .problems import Problem, described

TOKEN_HEADER: Final = "x-content-token"  # noqa: S105 - the header's name
"""Carries the token where ``Authorization`` already carries that of the API."""
_log = logging.getLogger(__name__)


class ContentView(BaseModel):
    """The content of one span."""

    reference: str
    content: dict[str, Any]
    """Attribute name -> value."""


def content_routes(store: ContentStore, tokens: TokenFile) -> APIRouter:
    """The routes over ``store``; ``tokens`` may read."""
    key = APIKeyHeader(name=TOKEN_HEADER, auto_error=False, description="A content token")
    routes = APIRouter(prefix="/v1/content", tags=["content"], dependencies=[Depends(key)])

    @routes.get("/{reference}", responses=described(404, 500))
    def read_content(reference: str, request: Request) -> ContentView:
        """What was taken off a span, by its ``otel_llm.content.reference``."""
        if not may_read(request, tokens):
            raise Problem(401, f"A content token is needed, as {TOKEN_HEADER} or as bearer")
        return ContentView(reference=reference, content=read(store, reference))

    return routes


def may_read(request: Request, tokens: TokenFile) -> bool:
    """Whether the request carries a content token."""
    token = request.headers.get(TOKEN_HEADER) or bearer(request.headers.get("authorization", ""))
    return token is not None and tokens.holds(token)


def read(store: ContentStore, reference: str) -> dict[str, object]:
    """Return content, and log that it was read. Raises ``Problem`` when it cannot be shown."""
    try:
        content = store.read(reference)
    except ContentError as error:
        _log.error("content cannot be shown: %s", error)
        raise Problem(500, f"The content cannot be shown: {error}") from error
    if content is None:
        raise Problem(404, "No such content, or no longer")
    _log.info("content %s was read", reference)
    return content
