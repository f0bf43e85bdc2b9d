"""Everything the instrumentors share. Only this package touches wrapt, spans or contexts."""

from .guard import guarded
from .hooks import apart, apart_async
from .instrumentor import LLMInstrumentor
from .patch import Content, Endpoint, Hook, Message, Origin, Patch, StreamReader
from .rounds import count_round

__all__ = [
    "Content",
    "Endpoint",
    "Hook",
    "LLMInstrumentor",
    "Message",
    "Origin",
    "Patch",
    "StreamReader",
    "apart",
    "apart_async",
    "count_round",
    "guarded",
]
