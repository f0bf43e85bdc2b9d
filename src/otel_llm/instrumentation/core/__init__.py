"""Everything the instrumentors share. Only this package touches wrapt, spans or contexts."""

from .guard import guarded
from .instrumentor import LLMInstrumentor
from .patch import Content, Endpoint, Hook, Message, Origin, Patch, StreamReader
from .rounds import count_round
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
    "guarded",
    "tool",
    "tool_async",
]
