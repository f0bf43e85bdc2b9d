"""Messages that are sent: by version 2 in spans of its own, by version 1 in spans of ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, get_args

from opentelemetry.context import get_value, set_value
from opentelemetry.trace import SpanKind, get_current_span

from otel_llm import semconv
from otel_llm.semconv import metrics

from ..core import guarded
from ..core.activation import activate, release
from ..core.exchange import Exchange
from ..core.operation import type_name
from ..core.quiet import QuietSpan, quietly
from ..shapes import mcp as shape
from ..shapes.mcp import Attributes, Link
from ..shapes.values import field, fields, integer, text
from .links import EXCHANGE, LINK, link_of, signals


async def send(
    wrapped: Callable[..., Any], peer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Measure a message that version 2 sends, in a span of its own."""
    named = {**dict(zip(("method", "params"), args, strict=False)), **kwargs}
    exchange = link = None
    with guarded("starting an MCP message"):
        method, params = named.get("method"), named.get("params")
        exchange, link = _sent(peer, method, params)
        if exchange is not None:
            exchange.show(shape.details(None, params))
            exchange.put_content(*called_with(method, params))
    if exchange is None or link is None:
        return await wrapped(*args, **kwargs)
    exchange.context = set_value(EXCHANGE, exchange, set_value(LINK, link, exchange.context))
    return await follow(exchange, link, wrapped, args, kwargs)


async def send_request(
    wrapped: Callable[..., Any], session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Send a request of version 1 in a span, with the trace in a copy of it."""
    exchange = link = None
    with guarded("starting an MCP request"):
        request = args[0] if args else kwargs["request"]
        asked = field(request, "root")
        method, params = field(asked, "method"), field(asked, "params")
        exchange, link = _sent(session, method, params)
        if exchange is not None and link is not None:
            id = integer(field(session, "_request_id"))
            details = {**shape.details(id, params), **link.shown()}
            if not exchange.join_span(details):
                exchange.start_span(name_of(method, params), SpanKind.CLIENT, details)
                exchange.put_content(*called_with(method, params))
            args, kwargs = (_carrying(request, exchange), *args[1:]), {**kwargs}
            kwargs.pop("request", None)
    if exchange is None or link is None:
        return await wrapped(*args, **kwargs)
    return await follow(exchange, link, wrapped, args, kwargs)


def _sent(peer: Any, method: Any, params: Any) -> tuple[Exchange | None, Link | None]:
    telemetry, link = signals(), link_of(peer)
    if telemetry is None or text(method) is None:
        return None, None
    attributes = {**shape.about(method, params), **link.measured()}
    return Exchange(telemetry, metrics.MCP_CLIENT_OPERATION_DURATION, attributes), link


def called_with(method: Any, params: Any) -> tuple[str, Any]:
    """Return the attribute of what a tool is called with, and that, if it is a tool's call."""
    return semconv.TOOL_CALL_ARGUMENTS, shape.arguments_of(method, params)


def name_of(method: Any, params: Any) -> str:
    """Name the span of a message: its method, and the tool or prompt that it is about."""
    target = text(fields(params).get("name")) if method in (shape.TOOL, shape.PROMPT) else None
    return f"{method} {target}" if target else f"{method}"


def _carrying(request: Any, exchange: Exchange) -> Any:
    """Return a copy of a request of version 1 that brings the trace along; the caller's stays."""
    carrier: dict[str, Any] = {}
    exchange.carry(carrier)
    asked, params = request.root, request.root.params
    params = _model(asked, "params")() if params is None else params
    told: dict[str, Any] = params.meta.model_dump(exclude_unset=True) if params.meta else {}
    meta = _model(params, "meta").model_validate({**told, **carrier})
    params = params.model_copy(update={"meta": meta})
    return request.model_copy(update={"root": asked.model_copy(update={"params": params})})


def _model(owner: Any, name: str) -> Any:
    """Return the class of an optional field of a pydantic model."""
    declared: Any = owner.__class__.model_fields[name].annotation
    return next(kind for kind in (*get_args(declared), declared) if hasattr(kind, "model_fields"))


async def notify(
    wrapped: Callable[..., Any], session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Measure a notification of version 1."""
    exchange = link = None
    with guarded("starting an MCP notification"):
        notice = field(args[0] if args else kwargs["notification"], "root")
        exchange, link = _sent(session, field(notice, "method"), field(notice, "params"))
    if exchange is None or link is None:
        return await wrapped(*args, **kwargs)
    return await follow(exchange, link, wrapped, args, kwargs)


async def follow(
    exchange: Exchange,
    link: Link,
    wrapped: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Wait for the answer to a message, or for its being sent."""
    token = activate(exchange.context)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        release(token)
        with guarded("measuring a failed MCP message"):
            exchange.end(raised(error))
        raise
    release(token)
    with guarded("measuring an MCP message"):
        link.version = shape.version_of(result) or link.version
        keep_result(exchange, result)
        exchange.end({**shape.failed(result), **link.measured()})
    return result


def keep_result(exchange: Exchange, result: Any) -> None:
    """Keep what a tool gave, where content is captured."""
    if exchange.captures:
        exchange.put_content(semconv.TOOL_CALL_RESULT, shape.result_of(result))


def raised(error: BaseException) -> Attributes:
    """Return the JSON-RPC code of what the other side answered, else the exception's class."""
    code = integer(field(field(error, "error"), "code"))
    if code in shape.TIMEOUTS and isinstance(error.__context__, TimeoutError):
        return {semconv.ERROR_TYPE: type_name(error.__context__)}  # nobody answered
    return {semconv.ERROR_TYPE: type_name(error)} if code is None else shape.refused(code)


def named_span(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Make the span of version 2 for a message, with what it leaves out and no exception's text."""
    given, exchange = kwargs, _spanless()
    with guarded("describing an MCP message"):
        said, link = fields(kwargs.get("attributes")), get_value(LINK)
        method = text(said.get(semconv.MCP_METHOD_NAME)) or ""
        name = text(args[0] if args else kwargs.get("name")) or ""
        target = name.removeprefix(f"MCP send {method}").removeprefix(method).strip()
        more = {**link.measured(), **link.shown()} if isinstance(link, Link) else {}
        about = shape.about(method, {"name": target or None})
        shown = {**about, **more, **said}
        given = {**kwargs, **_SILENT, "attributes": shown}
        client = kwargs.get("kind") is SpanKind.CLIENT
        if client and exchange is not None and exchange.join_span(shown):
            return nullcontext(QuietSpan(get_current_span()))
    manager = quietly(wrapped(*args, **given))
    return manager if exchange is None else exchange.adopt_span(manager)


def _spanless() -> Exchange | None:
    """Return the message that the span is made for; not one that has its span, further out."""
    exchange = get_value(EXCHANGE)
    return exchange if isinstance(exchange, Exchange) and not exchange.has_span else None


_SILENT = {"record_exception": False, "set_status_on_exception": False}
