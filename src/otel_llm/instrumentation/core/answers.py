"""Whole answers: read what came back and end the operation."""

from __future__ import annotations

from typing import Any

from otel_llm.genai import Response

from .ending import Ending
from .guard import swallowed
from .operation import Operation
from .patch import Endpoint


def finish(
    operation: Operation, endpoint: Endpoint, answer: Any, error_type: str | None = None
) -> None:
    """End ``operation`` with an answer that is all there, or as much of it as there will be."""
    try:
        brief = None if operation.described else endpoint.measured
        response = (brief or endpoint.response)(answer)
    except Exception as error:  # noqa: BLE001 - a reader's mistake is not the caller's
        swallowed(f"reading a {endpoint.operation} response", error)
        response = Response()
    ending = Ending(response, error_type)
    if operation.captured is not None and (content := endpoint.content) is not None:
        ending.output = lambda: content.output_messages(answer)
    operation.end(ending)
