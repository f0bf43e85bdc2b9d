"""Raw responses of the Stainless SDKs (openai, anthropic, groq): the caller wants the HTTP answer.

``with_raw_response`` has read the body of a plain call by the time we see it: its JSON is read
without calling ``parse``, whose result is the caller's. A stream, or anything from
``with_streaming_response``, is still on the wire: it is never read early, and the operation ends
when the caller has read or closed it, through ``parse()``, whole, or by hand piece by piece: then
it is read along.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any

from .activation import activate, release
from .answers import finish
from .body import Along, events_in
from .ending import Ending
from .guard import guarded, swallowed
from .operation import Operation
from .patch import Endpoint
from .reading import Reading
from .reclass import Override, reclass
from .served import served
from .streams import BODY, AsyncReads, Reads, follow, is_stream


def is_raw(result: Any) -> bool:
    """Return whether ``result`` is an SDK's wrapper around an HTTP response."""
    return hasattr(result, "http_response") and callable(getattr(result, "parse", None))


def follow_raw(raw: Any, operation: Operation, endpoint: Endpoint) -> None:
    """End the operation now if the body was read, else when it will be."""
    endpoint = served(endpoint, raw.http_response)
    body = _read_already(raw.http_response)
    if body is not None:
        if body.startswith(_EVENTS):
            BodyReading(operation, endpoint, raw.http_response).whole(body)
        else:
            finish_body(operation, endpoint, body)
        return
    reading = BodyReading(operation, endpoint, raw.http_response)
    reclass(raw, _RAW, reading)
    reclass(raw.http_response, _HTTP, reading)


_EVENTS = (b"data:", b"event:")
"""What a body of events begins with, where the SDK reads one to its end (speech of OpenAI's)."""


def _read_already(http: Any) -> bytes | None:
    try:
        body = http.content
        return body if isinstance(body, bytes) else b""  # of a mock
    except Exception:  # noqa: BLE001 - httpx.ResponseNotRead or httpx2.ResponseNotRead
        return None


def finish_body(operation: Operation, endpoint: Endpoint, body: bytes) -> None:
    """End the operation with a body that may not be JSON, nor of the shape we know."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        operation.end(Ending())
    else:
        finish(operation, endpoint, answer)


class BodyReading(Reading):
    """Follows a body that may be read whole, as a stream, or byte by byte."""

    __slots__ = ("_along", "_endpoint")

    def __init__(self, operation: Operation, endpoint: Endpoint, http: Any) -> None:
        make = endpoint.stream
        super().__init__(operation, make(operation.captured is not None) if make else None)
        self._endpoint = endpoint
        self._along = Along(http.headers)

    def read(self, advance: Callable[[Any], Any], source: Any, feed: bool = True) -> Any:
        """As of any stream; a piece of bytes (not ``feed``) is read along."""
        if feed or self.busy or self.ended:
            return super().read(advance, source, feed)
        piece = super().read(advance, source, False)
        self._take(piece)
        return piece

    async def read_async(
        self, advance: Callable[[Any], Awaitable[Any]], source: Any, feed: bool = True
    ) -> Any:
        """As of any stream; a piece of bytes (not ``feed``) is read along."""
        if feed or self.busy or self.ended:
            return await super().read_async(advance, source, feed)
        piece = await super().read_async(advance, source, False)
        self._take(piece)
        return piece

    def _take(self, piece: bytes) -> None:
        try:
            for event in self._along.take(piece):
                self._arrived(event)
        except Exception as error:  # noqa: BLE001 - bytes of the wire may be anything
            swallowed("reading a body along", error)

    def _end(self, outcome: str, error_type: str | None = None) -> None:
        body = self._along.whole() if outcome == "completed" and not self._arrivals else None
        if body:
            finish_body(self._operation, self._endpoint, body)
        else:
            super()._end(outcome, error_type)

    def parsed(self, parsed: Any) -> Any:
        """Return what ``parse()`` made, followed if it is a stream."""
        if self.ended or not is_stream(parsed):
            return parsed
        with guarded("following a parsed stream"):
            return follow(parsed, self)
        return parsed

    async def parsed_later(self, parsing: Awaitable[Any]) -> Any:
        """Return ``parsed`` of what ``parsing`` gives."""
        return self.parsed(await parsing)

    def read_whole(self, base: Any, http: Any) -> bytes:
        """Read the body for the caller and end the operation with it."""
        if self.busy or self.ended:
            return base(http)
        self.busy, token = True, activate(self._operation.context)
        try:
            body = base(http)
        except BaseException as error:
            release(token)
            self._stopped(error)
            raise
        release(token)
        self.whole(body)
        return body

    async def read_whole_async(self, base: Any, http: Any) -> bytes:
        """Read the body for the caller and end the operation with it."""
        if self.busy or self.ended:
            return await base(http)
        self.busy, token = True, activate(self._operation.context)
        try:
            body = await base(http)
        except BaseException as error:
            release(token)
            self._stopped(error)
            raise
        release(token)
        self.whole(body)
        return body

    def whole(self, body: bytes) -> None:
        """End the operation with a body that was read to its end."""
        self.busy = False
        if self._reader is None or not self._along.streamed:
            finish_body(self._operation, self._endpoint, body)
            return
        with guarded("reading a stream that was read whole"):  # when its events came is not known
            for event in events_in(body):
                self._reader.feed(event)
        self._end("completed")


def _parse(base: Any) -> Any:
    def parse(self: Any, *args: Any, **kwargs: Any) -> Any:
        reading: BodyReading = self._otel_llm
        parsed = base(self, *args, **kwargs)
        if inspect.isawaitable(parsed):
            return reading.parsed_later(parsed)
        return reading.parsed(parsed)

    return parse


def _read(base: Any) -> Any:
    def read(self: Any) -> Any:
        return self._otel_llm.read_whole(base, self)

    return read


def _aread(base: Any) -> Any:
    def aread(self: Any) -> Any:
        return self._otel_llm.read_whole_async(base, self)

    return aread


def _iter_raw(base: Any) -> Any:
    def iter_raw(self: Any, *args: Any, **kwargs: Any) -> Any:
        return Reads(base(self, *args, **kwargs), self._otel_llm, feed=False)

    return iter_raw


def _aiter_raw(base: Any) -> Any:
    def aiter_raw(self: Any, *args: Any, **kwargs: Any) -> Any:
        return AsyncReads(base(self, *args, **kwargs), self._otel_llm, feed=False)

    return aiter_raw


_RAW: dict[str, Override] = {"parse": _parse}
_HTTP: dict[str, Override] = {
    **BODY,
    "read": _read,
    "aread": _aread,
    "iter_raw": _iter_raw,
    "aiter_raw": _aiter_raw,
}
