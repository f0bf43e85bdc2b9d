"""Instrumentations by others of the same SDK, in this process: calls may have two spans.

Some know our marks or we theirs (see ``vendors``); of the rest the user is warned, with the line
that ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Final

from opentelemetry.instrumentation.dependencies import get_dependency_conflicts
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

GROUP: Final = "opentelemetry_instrumentor"
_PEACEFUL: Final = (
    "otel_llm.",
    "opentelemetry.instrumentation.botocore.",
    "opentelemetry.instrumentation.genai.",
)
"""Modules of instrumentations that make one span per call together with ours."""


@dataclass(frozen=True, slots=True)
class Rival:
    """An instrumentation of somebody else's."""

    module: str
    entry: str | None
    """What ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` takes; ``None``: the program made it."""

    @property
    def fix(self) -> str:
        """The line that leaves ours alone."""
        if self.entry is None:
            return f"do not call instrument() of {self.module}"
        return f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={self.entry}"


def rivals(requires: Iterable[str]) -> Iterator[Rival]:
    """Yield those that were made in this process for one of the SDKs in ``requires``."""
    ours = names(requires)
    for kind in dict.fromkeys(_below(BaseInstrumentor)):
        made = getattr(kind, "_instance", None)  # making one ourselves would run its __init__ again
        if made is None or f"{kind.__module__}.".startswith(_PEACEFUL):
            continue
        if ours & names(made.instrumentation_dependencies()) and _traces(made):
            yield Rival(kind.__module__, _entry(kind.__module__))


def _traces(made: BaseInstrumentor) -> bool:
    """Whether it instruments, or is about to: one for other versions only complains and stops."""
    if made.is_instrumented_by_opentelemetry:
        return True
    return get_dependency_conflicts(made.instrumentation_dependencies()) is None


def names(requirements: Iterable[str]) -> frozenset[str]:
    """Return the distributions that are required, as they are spelled in an index."""
    found = (re.match(r"[A-Za-z0-9._-]+", one) for one in requirements)
    return frozenset(one[0].lower().replace("_", "-") for one in found if one)


def _entry(module: str) -> str | None:
    """Return the name of the entry point that loads a module, or a package above it."""
    for entry in entry_points(group=GROUP):
        loaded = entry.value.partition(":")[0]
        if f"{module}.".startswith(f"{loaded}."):
            return entry.name
    return None


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
