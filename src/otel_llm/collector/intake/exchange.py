"""One OTLP/HTTP request and its answer, apart from how they travel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import Final

from ..component import Signal
from ..errors import Malformed, TooLarge
from .answers import (
    INVALID_ARGUMENT,
    MALFORMED,
    NOT_FOUND,
    TOO_LARGE,
    UNIMPLEMENTED,
    Failure,
    Outcome,
    Rejected,
)
from .bodies import DECODERS, unpacked_limit
from .json_request import request_from_json
from .taking import Intake, Waiting

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
_MORE_HEADERS: Final = {
    405: "Allow: POST\r\n",
    401: 'WWW-Authenticate: Bearer realm="otlp"\r\n',
}


@dataclass(slots=True)
class Head:
    """What is known of a request before its body. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    tenant: str = ""
    """Whose it is, once that was asked."""

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

    def __init__(self, paths: Mapping[str, Signal], max_body: int, intake: Intake) -> None:
        self._paths = paths
        self._max_body = max_body
        self._intake = intake

    def refusal(self, head: Head) -> Failure | None:
        """Return why a request cannot be taken whatever its body is, or ``None``."""
        if head.path not in self._paths:
            return _NO_PATH
        if head.method != "POST":
            return _NO_METHOD
        sender = self._intake.enter(head.headers)
        if isinstance(sender, Failure):
            return sender
        head.tenant = sender
        if head.media_type not in _SUCCESS:
            return _NO_TYPE
        if head.encoding not in DECODERS:
            return _NO_ENCODING
        return TOO_LARGE if _announced(head) > self._max_body else None

    def answer(self, head: Head, body: bytes) -> bytes | Waiting:
        """Take a whole request that was not refused; return the response, or what it waits for."""
        signal = self._paths[head.path]
        try:
            limits = self._intake.limits
            most = unpacked_limit(len(body), self._max_body, limits.max_compression_ratio)
            payload = DECODERS[head.encoding](body, most)
            if head.media_type == JSON:
                payload = request_from_json(signal, payload, limits.max_json_values)
        except (TooLarge, Malformed) as error:
            return self.failed(head, TOO_LARGE if isinstance(error, TooLarge) else MALFORMED)
        outcome = self._intake.take(signal, payload, "http", head.tenant)
        return outcome if isinstance(outcome, Waiting) else self._response(head, outcome)

    def finish(self, head: Head, waiting: Waiting) -> bytes:
        """Return the response to a request whose waiting is over."""
        return self._response(head, self._intake.finish(waiting, "http"))

    def failed(self, head: Head, failure: Failure) -> bytes:
        """Count a failure that no pipeline saw; return the response."""
        self._intake.counted("http", failure)
        return response(head, failure)

    def _response(self, head: Head, outcome: Outcome) -> bytes:
        if isinstance(outcome, Failure):
            return response(head, outcome)
        body = _SUCCESS[head.media_type]
        if isinstance(outcome, Rejected):
            signal = self._paths[head.path]
            in_json = head.media_type == JSON
            body = outcome.in_json(signal) if in_json else outcome.encoded()
        return _written(HTTPStatus.OK, head.media_type, body)


def _announced(head: Head) -> float:
    length = head.headers.get("content-length", "0")
    return float(length) if length.isdecimal() else 0.0  # no int of thousands of zeros


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
    written = _written(HTTPStatus(failure.http_status), media_type, body, more)
    return written[: -len(body)] if head.method == "HEAD" else written  # a body would be read next


def _written(status: HTTPStatus, media_type: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body
