"""What came back decides what is done with it, not the type of the function that was called."""

from __future__ import annotations

from typing import Any

from .answers import finish
from .guard import guarded
from .operation import Operation
from .patch import Endpoint
from .raw import follow_raw, is_raw
from .reading import Reading
from .streams import follow, is_stream


def settled(operation: Operation, endpoint: Endpoint, result: Any) -> Any:
    """Return what the caller gets for ``result``; end the operation now or follow the rest."""
    if is_raw(result):
        with guarded("following a raw response"):
            follow_raw(result, operation, endpoint)
    elif endpoint.stream is not None and is_stream(result):
        with guarded("following a stream"):
            return follow(result, Reading(operation, endpoint.stream(operation.captures)))
    else:
        finish(operation, endpoint, result)
    return result
