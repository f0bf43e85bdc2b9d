"""Answers whose headers name the model that served, where their body repeats the one asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from otel_llm.genai import Response

from .patch import Endpoint, Message, StreamReader


def served(endpoint: Endpoint, http: Any) -> Endpoint:
    """Return ``endpoint`` as it reads the answer ``http``: its header's model before the body's."""
    headers: Any = getattr(http, "headers", None) if endpoint.served else None
    model: str | None = headers.get(endpoint.served) if headers is not None else None
    if not model:
        return endpoint

    def response(answer: Any) -> Response:
        return replace(endpoint.response(answer), model=model)

    known = replace(endpoint, response=response, measured=None)
    if (make := endpoint.stream) is None:
        return known

    def stream(content: bool) -> StreamReader:
        return _Served(make(content), model)

    return replace(known, stream=stream)


class _Served:
    """A reader of a stream that knows better who served."""

    __slots__ = ("_model", "_reader", "feed")

    def __init__(self, reader: StreamReader, model: str) -> None:
        self._reader = reader
        self._model = model
        self.feed = reader.feed

    def response(self) -> Response:
        return replace(self._reader.response(), model=self._model)

    def output_messages(self) -> Sequence[Message]:
        return self._reader.output_messages()
