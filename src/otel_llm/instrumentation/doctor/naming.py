"""Names in the environment that nobody reads, where it is clear which one was meant.

Others use our prefix, too: the collector's files, and Kubernetes for a service called otel-llm. So
a name that is like none of ours is none of our business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import fields
from difflib import get_close_matches

from ..core.budget import BUDGET_FILE, BUDGET_TOKEN, BUDGET_URL
from ..core.settings import Settings
from .finding import Finding

NAMES = (
    *(str(field.metadata["env"]) for field in fields(Settings) if field.metadata.get("env")),
    *(BUDGET_FILE, BUDGET_URL, BUDGET_TOKEN),
    "OTEL_LLM_EXIT_TIMEOUT",  # of the distro, which is above us
)
"""The variables of the app wing."""
_PREFIXES = ("OTEL_LLM_", "OTEL_INSTRUMENTATION_GENAI_")
OURS = "otel_llm_"
"""What the names of our instrumentors begin with."""


def misnamed(
    environ: Mapping[str, str], disabled: Set[str], installed: Set[str]
) -> Iterator[Finding]:
    """Name variables, and instrumentations to leave out, that mean nothing but nearly do."""
    for name in sorted(environ.keys() - set(NAMES)):
        if meant := _variable(name):
            yield Finding("settings", "warning", f"{name} means nothing", meant)
    for name in sorted(disabled - installed - {"*"}):
        meant = _instrumentor(name, installed)
        if meant and meant not in disabled:
            text = f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: nothing here is called {name}"
            yield Finding("settings", "warning", text, f"ours is {meant}")


def _variable(name: str) -> str | None:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            ends = [n.removeprefix(prefix) for n in NAMES if n.startswith(prefix)]
            close = get_close_matches(name.removeprefix(prefix), ends, n=1, cutoff=0.8)
            return prefix + close[0] if close else None
    return None


def _instrumentor(name: str, installed: Set[str]) -> str | None:
    ours = [one for one in installed if one.startswith(OURS)]
    if OURS + name in ours:
        return OURS + name
    close = get_close_matches(name, ours, n=1, cutoff=0.85) if name.startswith(OURS) else []
    return close[0] if close else None
