"""Everything the instrumentors share. Only this package touches wrapt, spans or contexts.

The names below come with their first use: importing the package alone loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .guard import guarded
    from .instrumentor import LLMInstrumentor
    from .patch import Content, Endpoint, Hook, Message, Origin, Patch, StreamReader
    from .rounds import count_round, counting_argument
    from .tools import Tool, tool, tool_async

__all__ = [
    "Content",
    "Endpoint",
    "Hook",
    "LLMInstrumentor",
    "Message",
    "Origin",
    "Patch",
    "StreamReader",
    "Tool",
    "count_round",
    "counting_argument",
    "guarded",
    "tool",
    "tool_async",
]

_HOMES = {
    "LLMInstrumentor": "instrumentor",
    "count_round": "rounds",
    "counting_argument": "rounds",
    "guarded": "guard",
    **dict.fromkeys(("Tool", "tool", "tool_async"), "tools"),
}
"""What is not of ``patch``."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'patch')}"), name)
