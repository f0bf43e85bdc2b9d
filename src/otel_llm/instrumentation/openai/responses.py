"""Responses: created, compacted, and fetched again.

Background responses: ``create(background=True)`` answers before there is anything to count, so the
usage first appears when the result is fetched. The fetch that brings the end of a background
response is therefore reported as the inference itself (``chat``, with usage), once per response and
process; every other fetch is a ``fetch_response`` span, which by the conventions has no tokens. A
background response that was streamed to its end by ``create`` was counted there. Where several
processes fetch one result, both spans carry the same ``gen_ai.response.id``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core import Endpoint
from ..shapes import openai_alone, responses
from ..shapes.values import field, integer, text


def _responses_response(answer: Any) -> Response:
    response = openai_alone.responses_response(answer)
    if _ended_in_background(answer):
        _counted.first(response.id)
    return response


def _fetch_request(arguments: Mapping[str, Any]) -> Request:
    cursor = integer(arguments.get("starting_after"))
    asked = {
        semconv.OPENAI_API_TYPE: "responses",
        semconv.RESPONSE_ID: text(arguments.get("response_id")),
        semconv.REQUEST_STREAM_CURSOR: None if cursor is None else str(cursor),
    }
    return Request(more={name: value for name, value in asked.items() if value is not None})


def _fetch_response(answer: Any) -> Response:
    """Read a fetched response: the inference itself the first time a background one is done."""
    response = openai_alone.responses_response(answer)
    response.more = {**(response.more or {}), semconv.OPENAI_API_TYPE: "responses"}
    if _ended_in_background(answer) and _counted.first(response.id):
        return replace(response, operation="chat")
    status = text(field(answer, "status"))
    known = {} if status is None else {semconv.RESPONSE_STATUS: status}
    # That generation failed is no failure of fetching what came of it.
    more = {**response.more, **known}
    return replace(response, usage=Usage(), error_type=None, more=more, own=None)


def _ended_in_background(answer: Any) -> bool:
    return field(answer, "background") is True and field(answer, "status") in _ENDED


_ENDED = frozenset({"completed", "incomplete", "failed", "cancelled"})


class _Once:
    """Remembers which of the latest responses were counted."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def first(self, id: str | None) -> bool:
        """Return whether ``id`` is new, and remember it."""
        if id is None:
            return False
        with self._lock:
            known = id in self._ids
            self._ids[id] = None
            self._ids.move_to_end(id)
            if len(self._ids) > self._size:
                self._ids.popitem(last=False)
        return not known


_counted = _Once(10_000)


class _ResponsesStream(responses.ResponsesStream):
    """Also reads the service tier, and remembers a background response streamed to its end."""

    __slots__ = ()
    _read = staticmethod(_responses_response)


class _FetchStream(responses.ResponsesStream):
    """Follows a stored response again."""

    __slots__ = ()
    _read = staticmethod(_fetch_response)


RESPONSES = Endpoint(
    "chat",
    openai_alone.responses_request,
    _responses_response,
    _ResponsesStream,
    responses.CONTENT,
    served="x-ms-served-model",  # Azure's: the body repeats the name of the deployment
)
PARSED = replace(RESPONSES, parsed=True)
COMPACT = replace(RESPONSES, stream=None)
FETCH = Endpoint(
    "fetch_response",
    _fetch_request,
    _fetch_response,
    _FetchStream,
    responses.FETCHED,
    served=RESPONSES.served,
)
