"""What is sent to the server under test, and what came back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, Final, Literal, TypeAlias, cast
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ..component import Signal
from ..protocol import METHODS

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")
NAME: Final = "otlp-conformance"
TRACE_ID, SPAN_ID = bytes(range(1, 17)), bytes(range(1, 9))
GARBAGE: Final = b"\xff\xff\xff garbage"
TOO_LARGE: Final = 2 * 64 * 2**20 + 2**20
"""Bytes: beyond twice the recommended limit every server should refuse."""
TIMEOUT_S: Final = 60.0

Level: TypeAlias = Literal["MUST", "SHOULD", "MAY", "usual"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: an HTTP status or the name of a gRPC code, headers, body."""

    status: int | str
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {self.headers.get('content-type', '')}".strip()


Form: TypeAlias = Literal["whole", "chunked", "twice", "expecting", "HTTP/1.0"]
"""How a request is sent: at once, in chunks, two over one connection, after ``100 Continue``."""
_FORMS: Final[Mapping[Form, Mapping[str, str]]] = {
    "whole": {},
    "chunked": {"Transfer-Encoding": "chunked"},
    "twice": {"Connection": "keep-alive"},
    "expecting": {"Expect": "100-continue"},
    "HTTP/1.0": {},
}

Send: TypeAlias = Callable[..., Answer]
"""``over_grpc`` or ``over_http``, bound to a server."""
Outcome: TypeAlias = Callable[[Send], tuple[bool, Answer]]
"""Sends, and says whether the answer was right."""
Check: TypeAlias = tuple[Level, str, Outcome]
"""How binding it is, what is claimed, how to see."""


def _requests() -> dict[Signal, Message]:
    traces = ExportTraceServiceRequest()
    traces.resource_spans.add().scope_spans.add().spans.add(
        name=NAME, trace_id=TRACE_ID, span_id=SPAN_ID, kind=1
    )
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name=NAME)
    metric.gauge.data_points.add(as_int=1, time_unix_nano=1)
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add(event_name=NAME, severity_number=9)
    return {"traces": traces, "metrics": metrics, "logs": logs}


def _partly_sound() -> bytes:
    traces = ExportTraceServiceRequest()
    spans = traces.resource_spans.add().scope_spans.add().spans
    spans.add(name=NAME, trace_id=TRACE_ID, span_id=SPAN_ID)
    spans.add(name=NAME, trace_id=bytes(16), span_id=SPAN_ID)
    return traces.SerializeToString()


PARTLY_SOUND: Final = _partly_sound()
"""Two spans, one of which has no id: all zeros is none (``trace.proto``)."""

SENT: Final = {signal: message.SerializeToString() for signal, message in _requests().items()}
RESPONSES: Final[dict[Signal, type[Message]]] = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}


def over_http(
    base: str,
    body: bytes,
    media_type: str = PROTOBUF,
    signal: str = "traces",
    method: str = "POST",
    encoding: str | None = None,
    *,
    form: Form = "whole",
) -> Answer:
    """Post ``body`` to the server at ``base``."""
    url = urlsplit(base if "//" in base else f"//{base}")
    connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = connect(url.hostname or "127.0.0.1", url.port, timeout=TIMEOUT_S)
    headers = {"Content-Type": media_type, **_FORMS[form]}
    if encoding:
        headers["Content-Encoding"] = encoding
    path = f"{url.path.rstrip('/')}/v1/{signal}"
    if form == "HTTP/1.0":
        _speak_http_1_0(connection)

    def ask() -> Answer:
        sent = iter([body[:5], body[5:]]) if form == "chunked" else body
        with suppress(BrokenPipeError, ConnectionResetError):  # what is too large is not read
            connection.request(method, path, sent, headers, encode_chunked=form == "chunked")
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())

    try:
        first = ask()
        return ask() if form == "twice" and first.status == 200 else first
    finally:
        connection.close()


def _speak_http_1_0(connection: HTTPConnection) -> None:
    private = cast("Any", connection)  # there is no public way
    private._http_vsn, private._http_vsn_str = 10, "HTTP/1.0"


def over_grpc(
    channel: grpc.Channel,
    payload: bytes,
    signal: Signal = "traces",
    compression: grpc.Compression | None = None,
    method: str | None = None,
) -> Answer:
    """Call ``Export``; the status is the name of the gRPC code."""
    call = cast("Callable[..., bytes]", channel.unary_unary(method or METHODS[signal]))
    try:
        return Answer("OK", {}, call(payload, timeout=TIMEOUT_S, compression=compression))
    except grpc.RpcError as error:
        failed = cast("Any", error)
        metadata = {item.key: "" for item in failed.trailing_metadata() or ()}
        return Answer(failed.code().name, metadata, b"")


def media_type_of(answer: Answer) -> str:
    """Return the answer's ``Content-Type`` without parameters."""
    return answer.headers.get("content-type", "").partition(";")[0].strip()


def is_whole(signal: Signal, answer: Answer) -> bool:
    """Whether a success says that all was taken."""
    if media_type_of(answer) == JSON:
        said = cast("dict[str, Any]", json.loads(answer.body or b"{}").get("partialSuccess") or {})
        return not any(int(said[name]) for name in said if name.startswith("rejected"))
    partial = cast("Any", RESPONSES[signal].FromString(answer.body)).partial_success
    return all(field.name == "error_message" for field, _ in partial.ListFields())


def is_silent(signal: Signal, answer: Answer) -> bool:
    """Whether a success says so as OTLP wants it: ``partial_success`` unset, not only empty."""
    if media_type_of(answer) == JSON:
        return "partialSuccess" not in json.loads(answer.body or b"{}")
    return not cast("Any", RESPONSES[signal].FromString(answer.body)).HasField("partial_success")


def is_partial(answer: Answer) -> bool:
    """Whether a success says that one span was not taken, and why."""
    if media_type_of(answer) == JSON:
        said = json.loads(answer.body or b"{}").get("partialSuccess", {})
        return int(said.get("rejectedSpans", 0)) == 1 and bool(said.get("errorMessage"))
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    return partial.rejected_spans == 1 and bool(partial.error_message)
