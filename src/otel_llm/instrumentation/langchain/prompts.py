"""Templates of prompts: their name, and their variables where content is captured.

A template is a step of a chain before the model's; what it says holds for the model calls that
start after it in the same run of the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opentelemetry.context import Context, create_key, get_current, get_value, set_value

from otel_llm import semconv

from ..core import guarded
from ..core.said import said, saying_later
from ..core.telemetry import Telemetry
from ..shapes.values import field, fields, items, known, text

_SAY = create_key("otel-llm-langchain-prompt")
"""What says something about the model calls that are still to come in a run of a chain."""


def opened(context: Context) -> Context:
    """Return ``context`` with a place for what templates in it say."""
    inside, say = saying_later(context)
    return set_value(_SAY, say, inside)


def closed(context: Context) -> Context:
    """Return ``context`` without one: the runs of a batch share their steps."""
    return set_value(_SAY, None, context)


def rendering(telemetry: Callable[[], Telemetry | None]) -> Any:
    """Return the hook on what fills in a template."""

    def render(
        wrapped: Callable[..., Any], template: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        live, say = telemetry(), get_value(_SAY)
        if live is not None and callable(say):
            with guarded("reading the template of a prompt"):
                given = args[0] if args else kwargs.get("input")
                say({**_named(template), **_variables(live, template, given)})
        return wrapped(*args, **kwargs)

    return render


def _named(template: Any) -> dict[str, Any]:
    """Return name and version, unless the program said which prompt this is."""
    if semconv.PROMPT_NAME in said(get_current(), "chat", ()):
        return {}
    about = fields(field(template, "metadata"))
    path = (text(about.get("lc_hub_owner")), text(about.get("lc_hub_repo")))
    hub = "/".join(part for part in path if part and part != "-") if path[1] else None
    version = text(about.get("lc_hub_commit_hash")) if hub else None
    name = text(field(template, "name")) or hub
    return known(**{semconv.PROMPT_NAME: name, semconv.PROMPT_VERSION: version})


def _variables(telemetry: Telemetry, template: Any, given: Any) -> dict[str, str]:
    if not telemetry.content_on_span:
        return {}
    found = {**fields(field(template, "partial_variables")), **dict(_given(template, given))}
    return {
        f"{semconv.PROMPT_VARIABLE}.{name}": telemetry.privacy.kept_value(str(value))
        for name, value in found.items()
        if isinstance(value, str | int | float)  # others are messages: they are sent anyway
    }


def _given(template: Any, given: Any) -> Iterator[tuple[str, Any]]:
    """Yield the variables of a template that has some; a single one may be given as it is."""
    names = [name for name in items(field(template, "input_variables")) if isinstance(name, str)]
    if not isinstance(given, Mapping):
        yield from ((name, given) for name in names if len(names) == 1)
        return
    yield from ((name, given[name]) for name in names if name in given)
