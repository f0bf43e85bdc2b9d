"""By what calls can be told apart: the names under which rules and budgets filter and group.

The table is closed, so that a mistyped name is a mistake in the file and not a rule that never
fires. ``tag.NAME`` reads a free tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from otel_llm.genai import Call

Read = Callable[[Call], str | None]

DIMENSIONS: Mapping[str, Read] = {
    "service": lambda call: call.service,
    "environment": lambda call: call.environment,
    "operation": lambda call: call.operation,
    "provider": lambda call: call.provider,
    "model": lambda call: call.model,
    "request_model": lambda call: call.request_model,
    "response_model": lambda call: call.response_model,
    "user": lambda call: call.user_id,
    "session": lambda call: call.conversation_id,
    "feature": lambda call: call.feature,
    "team": lambda call: call.team,
    "agent": lambda call: call.agent_name,
    "tool": lambda call: call.tool_name,
    "workflow": lambda call: call.workflow_name,
    "prompt": lambda call: call.prompt_name,
    "prompt_version": lambda call: call.prompt_version,
    "server_address": lambda call: call.server_address,
    "error_type": lambda call: call.error_type,
    "trace": lambda call: call.trace_id,
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
