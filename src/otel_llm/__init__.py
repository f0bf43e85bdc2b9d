"""LLM observability with OpenTelemetry: an app wing and a collector in one distribution.

Importing this module loads nothing heavy: no SDK, no grpc, no protobuf, not even OpenTelemetry.
The names below are those of ``otel_llm.instrumentation.api`` and come with their first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .instrumentation.api import (
        CarryingThreadPoolExecutor,
        TraceSummary,
        agent,
        budget_ok,
        carry,
        configure,
        embedding,
        flush,
        llm_call,
        record_evaluation,
        record_feedback,
        retrieval,
        set_prompt,
        set_session,
        set_tags,
        set_user,
        tool,
        trace_summary,
        workflow,
    )

__all__ = [
    "CarryingThreadPoolExecutor",
    "TraceSummary",
    "__version__",
    "agent",
    "budget_ok",
    "carry",
    "configure",
    "embedding",
    "flush",
    "llm_call",
    "record_evaluation",
    "record_feedback",
    "retrieval",
    "set_prompt",
    "set_session",
    "set_tags",
    "set_user",
    "tool",
    "trace_summary",
    "workflow",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("otel_llm.instrumentation.api"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
