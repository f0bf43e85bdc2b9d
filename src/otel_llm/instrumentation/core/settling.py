"""What came back decides what is done with it, not the type of the function that was called."""

from __future__ import annotations

from typing import Any

from .answers import finish
from .ending import Ending
from .guard import swallowed
from .operation import Operation
from .patch import Endpoint
from .pending import follow_part
from .raw import follow_raw, is_raw
from .reading import Reading
from .served import served
from .streams import follow, is_stream

_kinds: dict[Any, str] = {}
"""What the types seen so far are: asking a pydantic model for what it lacks takes 7 µs."""
_MAX_KINDS = 512
"""SDKs make types as they go (``ParsedChatCompletion[Answer]``): forget them at this many."""


def settled(operation: Operation, result: Any, kind: str) -> Any:
    """Return what the caller gets for ``result``; end the operation now or follow the rest."""
    endpoint = operation.endpoint
    if endpoint.pending is not None:
        kind = "pending"
    elif kind == "whole" or (kind == "stream" and endpoint.stream is None):
        finish(operation, endpoint, result)
        return result
    try:
        return _followed(kind, operation, endpoint, result)
    except Exception as error:  # noqa: BLE001 - ours, in the middle of the user's call
        swallowed(f"following a {kind}", error)
        operation.end(Ending())
        return result


def kind_of(result: Any) -> str:
    """Return ``whole``, ``stream``, ``raw`` or ``awaitable``."""
    return _kinds.get(type(result)) or _look(result)


def _look(result: Any) -> str:
    try:
        kind = _seen(result)
        own = type(result) is result.__class__
    except Exception as error:  # noqa: BLE001 - an object of the user's (a mock) may raise anything
        swallowed("looking at what came back", error)
        kind, own = "whole", False
    if len(_kinds) >= _MAX_KINDS:
        _kinds.clear()
    if own:  # the type of a proxy says nothing of what is behind it
        _kinds[type(result)] = kind
    return kind


def _seen(result: Any) -> str:
    if hasattr(result, "__await__"):
        return "awaitable"
    return "raw" if is_raw(result) else "stream" if is_stream(result) else "whole"


def _followed(kind: str, operation: Operation, endpoint: Endpoint, result: Any) -> Any:
    if kind == "pending":
        follow_part(operation, endpoint, result)
        return result
    if kind == "stream" and endpoint.served is not None:
        endpoint = served(endpoint, getattr(result, "response", None))
    if kind == "stream" and endpoint.stream is not None:
        return follow(result, Reading(operation, endpoint.stream(operation.captured is not None)))
    follow_raw(result, operation, endpoint)
    return result
