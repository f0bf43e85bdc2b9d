"""By what calls can be told apart: the names under which rules and budgets filter and group.

The table is closed, so that a mistyped name is a mistake in the file and not a rule that never
fires. ``tag.NAME`` reads a free tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

from otel_llm.genai import Call

Read = Callable[[Call], str | None]

DIMENSIONS: Mapping[str, Read] = {
    "service": attrgetter("service"),
    "environment": attrgetter("environment"),
    "operation": attrgetter("operation"),
    "provider": attrgetter("provider"),
    "model": attrgetter("model"),
    "request_model": attrgetter("request_model"),
    "response_model": attrgetter("response_model"),
    "user": attrgetter("user_id"),
    "session": attrgetter("conversation_id"),
    "feature": attrgetter("feature"),
    "team": attrgetter("team"),
    "agent": attrgetter("agent_name"),
    "tool": attrgetter("tool_name"),
    "workflow": attrgetter("workflow_name"),
    "prompt": attrgetter("prompt_name"),
    "prompt_version": attrgetter("prompt_version"),
    "server_address": attrgetter("server_address"),
    "error_type": attrgetter("error_type"),
    "trace": attrgetter("trace_id"),
}

_LONGEST = 200
"""Label values are sent by applications: longer ones are cut, so that no text travels in them."""


def dimension(name: str) -> Read:
    """Return the reader of ``name``. Raises ``KeyError`` for a name outside the catalogue."""
    if name.startswith("tag.") and len(name) > len("tag."):
        tag = name.removeprefix("tag.")
        return lambda call: call.tags.get(tag)
    return DIMENSIONS[name]


def check_dimensions(names: Iterable[str]) -> None:
    """Raise ``ValueError`` naming every one of ``names`` that is not in the catalogue."""
    unknown = [n for n in names if n not in DIMENSIONS and not n.startswith("tag.")]
    if unknown:
        known = ", ".join(DIMENSIONS)
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {known}, tag.NAME")


def label(value: str | None) -> str:
    """Return ``value`` fit to be a label: unknown is empty, control characters and length cut."""
    if not value:
        return ""
    text = value[:_LONGEST]
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())
