"""The connections of MCP that are open, and whether anything is to be measured."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import create_key
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from ..core import guarded
from ..core.telemetry import Telemetry
from ..shapes.mcp import Attributes, Link

LINK = create_key("otel-llm-mcp-link")
"""The ``Link`` of the message that is being sent, or of the session that is being served."""

EXCHANGE = create_key("otel-llm-mcp-exchange")
"""The ``Exchange`` of the message that version 2 is about to make a span for."""

_links: WeakKeyDictionary[Any, Link] = WeakKeyDictionary()
"""By the stream that is written to."""


class Live:
    """Where signals go now; ``None`` while nothing is instrumented."""

    telemetry: Telemetry | None = None


def signals() -> Telemetry | None:
    """Return where signals go, unless the program wants none of this call."""
    return Live.telemetry if is_instrumentation_enabled() else None


def link_of(peer: Any) -> Link:
    """Return what is known of the connection of a session or a dispatcher."""
    stream = getattr(getattr(peer, "_dispatcher", peer), "_write_stream", None)
    return Link() if stream is None else link_at(stream)


def link_at(stream: Any) -> Link:
    """Return what is known of the connection that a stream writes to."""
    try:
        return _links.setdefault(_held(stream), Link())
    except TypeError:  # a stream of the program's own that cannot be weakly held
        return Link()


def _held(stream: Any) -> Any:
    """Return what stands for a stream: the wrapper of version 2 cannot be weakly held, and a
    program may put its own around that."""
    for _ in range(_DEEPEST):
        inner = getattr(stream, "_inner", None)
        if inner is None:
            break
        stream = inner
    return stream


_DEEPEST = 4
"""Wrappers around a stream, beyond which nobody looks: a mock has no end of them."""


def opening(network: Callable[..., Attributes]) -> Any:
    """Return the hook on a function whose context manager opens a transport."""

    @asynccontextmanager
    async def opened(manager: Any, url: Any) -> AsyncGenerator[Any]:
        async with manager as streams:
            with guarded("noting an MCP transport"):
                session = streams[2] if len(streams) > 2 else None
                _links[_held(streams[1])] = Link(network(url), session=session)
            yield streams

    def open(
        wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return opened(wrapped(*args, **kwargs), kwargs.get("url", args[0] if args else None))

    return open
