"""Spans that an SDK makes itself, without what exceptions say: that may quote a prompt or a key."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry.trace import Status, StatusCode

from otel_llm import semconv

from .guard import guarded
from .operation import type_name


class QuietSpan:
    """Stands for a span: statuses lose their description, exceptions are not recorded."""

    __slots__ = ("_span",)

    def __init__(self, span: Any) -> None:
        self._span = span

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status alone."""
        self._span.set_status(getattr(status, "status_code", status))

    def record_exception(self, *_: Any, **__: Any) -> None:
        """Record nothing."""


@contextmanager
def quietly(manager: AbstractContextManager[Any]) -> Generator[Any]:
    """Enter what makes a span and does not record exceptions; one is named by its type alone."""
    with manager as span:
        try:
            yield QuietSpan(span)
        except BaseException as error:
            with guarded("naming an error on a span of an SDK"):
                span.set_status(StatusCode.ERROR)
                if semconv.ERROR_TYPE not in (getattr(span, "attributes", None) or {}):
                    span.set_attribute(semconv.ERROR_TYPE, type_name(error))
            raise
