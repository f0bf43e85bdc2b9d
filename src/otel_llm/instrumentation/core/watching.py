"""Those who want to know what ended inside them: an agent its calls, a summary everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from opentelemetry.context import Context, create_key, set_value

from otel_llm.genai import Response

from .attributes import Attributes
from .guard import guarded

_KEY = create_key("otel-llm-watchers")


@dataclass(slots=True)
class Finished:
    """One operation that ended."""

    operation: str
    attributes: Attributes
    duration_s: float
    error_type: str | None = None
    response: Response = field(default_factory=Response)


class Watcher(Protocol):
    """Hears of every operation that ends in its context, from whatever thread."""

    def ended(self, finished: Finished) -> None:
        """Take note; must not keep it waiting."""
        ...


def watchers(context: Context) -> tuple[Watcher, ...]:
    """Return who watches ``context``, the outermost first."""
    return context.get(_KEY) or ()  # type: ignore[return-value] - only ``watched_by`` writes it


def watched_by(context: Context, *watching: Watcher) -> Context:
    """Return ``context`` with exactly these watchers."""
    return set_value(_KEY, watching, context)


def tell(context: Context, finished: Finished) -> None:
    """Tell everybody who watches ``context``."""
    for watcher in watchers(context):
        with guarded("telling what ended"):
            watcher.ended(finished)
