"""By what calls can be told apart: the names under which rules and budgets filter and group.

The table is closed, so that a mistyped name is a mistake in the file and not a rule that never
fires. ``tag.NAME`` reads a free tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

from otel_llm.genai import Call

Read = Callable[[Call], str | None]

_FIELDS: Mapping[str, str] = {
    "service": "service",
    "environment": "environment",
    "operation": "operation",
    "provider": "provider",
    "model": "model",
    "request_model": "request_model",
    "response_model": "response_model",
    "user": "user_id",
    "session": "conversation_id",
    "feature": "feature",
    "team": "team",
    "tenant": "tenant",
    "agent": "agent_name",
    "tool": "tool_name",
    "workflow": "workflow_name",
    "prompt": "prompt_name",
    "prompt_version": "prompt_version",
    "server_address": "server_address",
    "error_type": "error_type",
    "trace": "trace_id",
}
"""Name of a dimension to the field of ``Call``."""

DIMENSIONS: Mapping[str, Read] = {name: attrgetter(field) for name, field in _FIELDS.items()}

_LONGEST = 200
"""Label values are sent by applications: longer ones are cut, so that no text travels in them."""


def dimension(name: str) -> Read:
    """Return the reader of ``name``. Raises ``KeyError`` for a name outside the catalogue."""
    if _is_tag(name):
        tag = name.removeprefix("tag.")
        return lambda call: call.tags.get(tag)
    return DIMENSIONS[name]


def dimensions(names: Sequence[str]) -> Callable[[Call], tuple[str | None, ...]]:
    """Return the reader of all of ``names`` at once. Raises as ``dimension`` does."""
    if len(names) > 1 and DIMENSIONS.keys() >= set(names):
        return attrgetter(*[_FIELDS[name] for name in names])
    readers = [dimension(name) for name in names]
    return lambda call: tuple([read(call) for read in readers])


def check_dimensions(names: Iterable[str]) -> None:
    """Raise ``ValueError`` naming every one of ``names`` that is not in the catalogue."""
    unknown = [n for n in names if n not in DIMENSIONS and not _is_tag(n)]
    if unknown:
        # The app wing asks for budgets here and has none of what settings are read with.
        from otel_llm.config.problem import suggestion

        hint = suggestion(unknown[0], (*DIMENSIONS, "tag.NAME"))
        raise ValueError(f"unknown: {', '.join(unknown)}{hint}")


def _is_tag(name: str) -> bool:
    return name.startswith("tag.") and len(name) > len("tag.")


def label(value: str | None) -> str:
    """Return ``value`` fit to be a label: unknown is empty, control characters and length cut."""
    if not value:
        return ""
    text = value[:_LONGEST]
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())
