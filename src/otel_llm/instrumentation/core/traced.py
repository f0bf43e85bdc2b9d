"""Whether one of our instrumentors traces an SDK, for the frameworks above it."""

from __future__ import annotations

from .instrumentor import LLMInstrumentor


def traced(package: str) -> bool:
    """Return whether calls of ``package`` (``openai``, ``google.genai``) make spans of ours now.

    Also before the package's modules were imported: they are patched on their first use.
    """
    return any(_covers(kind, package) for kind in LLMInstrumentor.__subclasses__())


def _covers(kind: type[LLMInstrumentor], package: str) -> bool:
    if kind.telemetry is None:
        return False
    return any(f"{patch.module}.".startswith(f"{package}.") for patch in kind.patches)
