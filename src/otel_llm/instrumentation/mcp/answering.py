"""Requests that are answered: by version 2 in spans of its own, by version 1 in spans of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.trace import SpanKind

from otel_llm import semconv
from otel_llm.semconv import metrics

from ..core import guarded
from ..core.activation import activate, release
from ..core.exchange import Exchange
from ..shapes import mcp as shape
from ..shapes.mcp import Link
from ..shapes.values import field, fields, text
from .links import EXCHANGE, LINK, link_of, signals
from .sending import called_with, follow, keep_result, name_of, raised

_ANSWERING = create_key("otel-llm-mcp-answering")
"""The ``Answering`` of the request that is being answered (version 1)."""


async def answer(
    wrapped: Callable[..., Any], middleware: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Measure a message that version 2 received, in a span of its own."""
    telemetry, exchange = signals(), None
    with guarded("starting to answer an MCP message"):
        told = args[0] if args else kwargs.get("ctx")
        # What runs here runs in the context of whoever put the message into the stream.
        link = link_of(field(field(field(told, "session"), "_connection"), "outbound"))
        link.version = text(field(told, "protocol_version")) or link.version
        measured, shown = shape.asked_by(field(told, "request"))
        about = shape.about(field(told, "method"), field(told, "params"))
        if telemetry is not None and semconv.MCP_METHOD_NAME in about:
            attributes = {**about, **link.measured(), **measured}
            exchange = Exchange(telemetry, metrics.MCP_SERVER_OPERATION_DURATION, attributes)
            seen = Link({**link.network, **measured, **shown}, link.version, link.session)
            exchange.show(shape.details(None, field(told, "params")))
            exchange.put_content(*called_with(field(told, "method"), field(told, "params")))
            exchange.context = set_value(LINK, seen, exchange.context)
            exchange.context = set_value(EXCHANGE, exchange, exchange.context)
    if exchange is None:
        return await wrapped(*args, **kwargs)
    return await follow(exchange, Link(), wrapped, args, kwargs)


def _of_server() -> Link:
    link = get_value(LINK)
    return link if isinstance(link, Link) else Link()


class Answering:
    """A request that version 1 is answering: its end is known when the answer is sent."""

    __slots__ = ("_exchange", "_link", "answer")

    def __init__(self, exchange: Exchange, link: Link) -> None:
        self._exchange = exchange
        self._link = link
        self.answer: Any = None

    @property
    def context(self) -> Context:
        """What is current while it is answered."""
        return set_value(_ANSWERING, self, self._exchange.context)

    def end(self, error: BaseException | None) -> None:
        """End it by its answer, or by what was raised in place of one."""
        with guarded("measuring an MCP request"):
            self._link.version = shape.version_of(self.answer) or self._link.version
            keep_result(self._exchange, self.answer)
            how = raised(error) if error is not None else shape.failed(self.answer)
            self._exchange.end({**how, **self._link.measured()})


def answering(position: int, *, only: str | None = None) -> Any:
    """Return the hook on a coroutine function of version 1 that answers a request.

    ``position`` is that of the responder; ``only``: of a function that sees other requests too.
    """

    async def answer(
        wrapped: Callable[..., Any], session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        answering: Answering | None = None
        with guarded("starting to answer an MCP request"):
            responder = args[position] if len(args) > position else kwargs.get("responder")
            answering = _begin_answer(responder, only)
        if answering is None:
            return await wrapped(*args, **kwargs)
        token = activate(answering.context)
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            release(token)
            answering.end(error)
            raise
        release(token)
        answering.end(None)
        return result

    return answer


def _begin_answer(responder: Any, only: str | None) -> Answering | None:
    telemetry, link = signals(), _of_server()
    asked = field(field(responder, "request"), "root")
    method, params = text(field(asked, "method")), field(asked, "params")
    if telemetry is None or method is None or only not in (None, method):
        return None
    measured, shown = shape.asked_by(field(field(responder, "message_metadata"), "request_context"))
    attributes = {**shape.about(method, params), **link.measured(), **measured}
    exchange = Exchange(telemetry, metrics.MCP_SERVER_OPERATION_DURATION, attributes)
    details = {**shape.details(field(responder, "request_id"), params), **link.shown(), **shown}
    carrier = fields(field(responder, "request_meta"))
    exchange.start_span(name_of(method, params), SpanKind.SERVER, details, carrier)
    exchange.put_content(*called_with(method, params))
    return Answering(exchange, link)


async def respond(
    wrapped: Callable[..., Any], responder: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Note the answer that version 1 sends."""
    answering = get_value(_ANSWERING)
    if isinstance(answering, Answering):
        answering.answer = args[0] if args else kwargs.get("response")
    return await wrapped(*args, **kwargs)
