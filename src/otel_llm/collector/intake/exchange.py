"""One OTLP/HTTP request and its answer, apart from how they travel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Final

from ..component import Consume, Signal
from ..counters import Counters
from ..errors import Malformed, TooLarge
from .answers import (
    INVALID_ARGUMENT,
    MALFORMED,
    NOT_FOUND,
    TOO_LARGE,
    UNIMPLEMENTED,
    Failure,
    attempt,
    counted,
)
from .bodies import DECODERS
from .json_request import request_from_json

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_SUCCESS: Final = {PROTOBUF: b"", JSON: b"{}"}
"""``Export…ServiceResponse`` with ``partial_success`` unset."""

_NO_PATH = Failure("not_found", 404, NOT_FOUND, "nothing is served at this path")
_NO_METHOD = Failure("bad_method", 405, UNIMPLEMENTED, "send telemetry by POST")
_NO_TYPE = Failure(
    "bad_media_type", 415, INVALID_ARGUMENT, f"the Content-Type must be {PROTOBUF} or {JSON}"
)
_NO_ENCODING = Failure(
    "bad_media_type",
    415,
    INVALID_ARGUMENT,
    f"the Content-Encoding must be one of {', '.join(name for name in DECODERS if name)}",
)
_MORE_HEADERS: Final = {405: "Allow: POST\r\n"}


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a request before its body. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def media_type(self) -> str:
        """``Content-Type`` without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def encoding(self) -> str:
        """``Content-Encoding``."""
        return self.headers.get("content-encoding", "").strip().lower()


class Exchange:
    """Answers requests: what is wrong with a head, what came of a body."""

    def __init__(
        self, paths: Mapping[str, Signal], max_body: int, consume: Consume, counters: Counters
    ) -> None:
        self._paths = paths
        self._max_body = max_body
        self._consume = consume
        self._counters = counters

    def refusal(self, head: Head) -> Failure | None:
        """Return why a request cannot be taken whatever its body is, or ``None``."""
        if head.path not in self._paths:
            return _NO_PATH
        if head.method != "POST":
            return _NO_METHOD
        if head.media_type not in _SUCCESS:
            return _NO_TYPE
        if head.encoding not in DECODERS:
            return _NO_ENCODING
        return TOO_LARGE if _announced(head) > self._max_body else None

    def answer(self, head: Head, body: bytes) -> bytes:
        """Take a whole request that was not refused; return the response."""
        signal = self._paths[head.path]
        try:
            payload = DECODERS[head.encoding](body, self._max_body)
            if head.media_type == JSON:
                payload = request_from_json(signal, payload)
        except (TooLarge, Malformed) as error:
            return self.failed(head, TOO_LARGE if isinstance(error, TooLarge) else MALFORMED)
        failure = attempt(self._consume, signal, payload, "http", self._counters)
        if failure is not None:
            return response(head, failure)
        return _written(HTTPStatus.OK, head.media_type, _SUCCESS[head.media_type])

    def failed(self, head: Head, failure: Failure) -> bytes:
        """Count a failure that no pipeline saw; return the response."""
        counted(self._counters, "http", failure)
        return response(head, failure)


def _announced(head: Head) -> int:
    length = head.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


def response(head: Head, failure: Failure) -> bytes:
    """Write a failure as ``google.rpc.Status`` in the request's encoding; JSON when that is
    neither."""
    status = failure.status()
    if head.media_type == PROTOBUF:
        media_type, body = PROTOBUF, status.SerializeToString()
    else:
        media_type = JSON
        body = json.dumps({"code": status.code, "message": status.message}).encode()
    more = _MORE_HEADERS.get(failure.http_status, "")
    if failure.retry_after_s is not None:
        more += f"Retry-After: {ceil(failure.retry_after_s)}\r\n"
    return _written(HTTPStatus(failure.http_status), media_type, body, more)


def _written(status: HTTPStatus, media_type: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body
