"""Sessions, from their first message to their last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import set_value

from otel_llm import semconv
from otel_llm.semconv import metrics

from ..core import guarded
from ..core.activation import activate, release
from ..core.exchange import Exchange
from ..core.operation import type_name
from ..shapes.mcp import Attributes, Link
from .links import LINK, link_at, link_of, signals

_began: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""When a client's session began, by the session."""


def serving(position: int) -> Any:
    """Return the hook on a coroutine function that serves a session.

    ``position`` is that of the stream to write to. What runs inside knows of its transport.
    """

    async def serve(
        wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        telemetry, link = signals(), Link()
        with guarded("starting an MCP session"):
            stream = args[position] if len(args) > position else kwargs.get("write_stream")
            link = link_at(stream)
        if telemetry is None or kwargs.get("stateless"):  # then each request has its own
            return await wrapped(*args, **kwargs)
        session = Exchange(telemetry, metrics.MCP_SERVER_SESSION_DURATION, {})
        token = activate(set_value(LINK, link, session.context))
        error: BaseException | None = None
        try:
            return await wrapped(*args, **kwargs)
        except BaseException as raised:
            error = raised
            raise
        finally:
            release(token)
            with guarded("measuring an MCP session"):
                session.end({**link.measured(), **_broken(error)})

    return serve


def _broken(error: BaseException | None) -> Attributes:
    """Return how a session failed; being cancelled is how many end."""
    return {semconv.ERROR_TYPE: type_name(error)} if isinstance(error, Exception) else {}


async def enter(
    wrapped: Callable[..., Any], session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Note when a client's session begins."""
    result = await wrapped(*args, **kwargs)
    with guarded("starting an MCP session"):
        _began[session] = perf_counter_ns()
    return result


async def leave(
    wrapped: Callable[..., Any], session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Measure a client's session."""
    with guarded("measuring an MCP session"):
        began_ns, telemetry = _began.pop(session, None), signals()
        if began_ns is not None and telemetry is not None:
            error = args[1] if len(args) > 1 else kwargs.get("exc_val")
            attributes: Mapping[str, Any] = {**link_of(session).measured(), **_broken(error)}
            seconds = (perf_counter_ns() - began_ns) / 1e9
            telemetry.histogram(metrics.MCP_CLIENT_SESSION_DURATION).record(seconds, attributes)
    return await wrapped(*args, **kwargs)
