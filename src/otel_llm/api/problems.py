"""Errors as ``application/problem+json`` (RFC 9457): what is wrong, never what was stored."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from otel_llm.config import ConfigError
from otel_llm.store import StoreError

_log = logging.getLogger(__name__)


MEDIA: Final = "application/problem+json"


_PAGE: Final = (
    "<!doctype html><html lang=en><head><meta charset=utf-8><title>{title} · otel-llm</title>"
    "<meta name=viewport content='width=device-width'><meta name=color-scheme content='light dark'>"
    "<link rel=stylesheet href={root}/static/style.css></head><body><main>"
    "<h1>{text}</h1>"
    "<p><a href='{href}'>{link}</a></p></main></body></html>"
)
"""For a reader in a browser."""


class ProblemView(BaseModel):
    """How every error looks."""

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[dict[str, str]] | None = None
    """Part of the request and what is wrong with it, as ``in`` and ``problem``."""


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These errors for the description of the API."""
    content = {MEDIA: {"schema": ProblemView.model_json_schema()}}
    return {n: {"description": HTTPStatus(n).phrase, "content": content} for n in statuses}


class Problem(Exception):
    """Ends a request with ``status``. ``detail`` is shown to the caller."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def problem(
    status: int,
    detail: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """The response for an error. What it quotes may be no Unicode: it is written as ASCII."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        content["detail"] = detail
    text = json.dumps(content | more, separators=(",", ":"))
    return Response(text, status, dict(headers or {}), media_type=MEDIA)


def add_problems(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem."""
    app.add_exception_handler(Problem, _told)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ConfigError, _mistaken)
    app.add_exception_handler(StoreError, _store)
    app.add_exception_handler(Exception, _unexpected)


def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem(error.status, error.detail)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and _in_browser(request):
        href = request.scope["root_path"] + "/"
        return _page(request, 404, "Not found", "There is no such page", href, "To the overview")
    return problem(error.status_code, headers=error.headers)


def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"in": ".".join(map(str, one["loc"])), "problem": str(one["msg"])} for one in error.errors()
    ]
    return problem(422, "Some of the request is not as it should be", errors=errors)


def _mistaken(_: Request, error: Exception) -> Response:
    assert isinstance(error, ConfigError)
    errors = [{"in": one.path, "problem": one.text} for one in error.problems]
    return problem(422, "What was written cannot be used", errors=errors)


def _store(request: Request, error: Exception) -> Response:
    _log.error("the store did not answer: %s", error)
    text = "The store cannot answer now"
    if _in_browser(request):
        href = f"{request.url.path}?{request.url.query}"
        return _page(request, 503, "No answer", text, href, "Try again")
    return problem(503, text)


def _in_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _page(request: Request, status: int, title: str, text: str, href: str, link: str) -> Response:
    root = escape(request.scope["root_path"])
    page = _PAGE.format(root=root, title=title, text=text, href=escape(href), link=link)
    return HTMLResponse(page, status)


def _unexpected(_: Request, error: Exception) -> Response:
    return problem(500)  # the server logs the error itself
