"""OTLP over HTTP, claim by claim."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import zstandard
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from ..component import Signal
from ..wire.otlp_json import to_json
from .asking import (
    GARBAGE,
    JSON,
    NAME,
    PARTLY_SOUND,
    PROTOBUF,
    SENT,
    SIGNALS,
    SPAN_ID,
    TOO_LARGE,
    TRACE_ID,
    Answer,
    Check,
    Outcome,
    Send,
    is_partial,
    is_silent,
    is_whole,
    media_type_of,
)

_WRITTEN: Final = {s: (to_json(s, SENT[s]) or "").encode() for s in SIGNALS}


def _json(**span: object) -> bytes:
    spans = [{"name": NAME, "traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex(), **span}]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


_NO_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")


def _valued(*values: object) -> bytes:
    return _json(attributes=[{"key": str(n), "value": v} for n, v in enumerate(values)])


def _refused_deep(send: Send) -> tuple[bool, Answer]:
    value = '{"arrayValue":{"values":[' * 5000 + "]}}" * 5000
    deep = _json(attributes=[{"key": "a", "value": "PLACE"}]).replace(b'"PLACE"', value.encode())
    refused = send(deep, JSON)
    return refused.status == 400 and send(_json(), JSON).status == 200, refused


def _bomb(send: Send) -> tuple[bool, Answer]:
    packer = zlib.compressobj(wbits=31)
    packed = [packer.compress(bytes(2**20)) for _ in range(TOO_LARGE // 2**20)]
    return _refused(413, b"".join([*packed, packer.flush()]), encoding="gzip")(send)


def _took(
    signal: Signal,
    media_type: str,
    body: bytes | None = None,
    says: Callable[[Signal, Answer], bool] = is_whole,
    **request: Any,
) -> Outcome:
    """Success in the request's encoding."""

    def check(send: Send) -> tuple[bool, Answer]:
        answer = send(SENT[signal] if body is None else body, media_type, signal, **request)
        same = media_type_of(answer) == media_type.partition(";")[0]
        return answer.status == 200 and same and says(signal, answer), answer

    return check


def _refused(status: int, body: bytes, media_type: str = PROTOBUF, **request: Any) -> Outcome:
    def check(send: Send) -> tuple[bool, Answer]:
        answer = send(body, media_type, **request)
        return answer.status == status, answer

    return check


def _explained(body: bytes, media_type: str) -> Outcome:
    def check(send: Send) -> tuple[bool, Answer]:
        answer = send(body, media_type)
        return media_type_of(answer) == media_type and _is_status(answer), answer

    return check


def _is_status(answer: Answer) -> bool:
    try:
        if media_type_of(answer) == JSON:
            return bool(json.loads(answer.body).keys() & {"message", "code"})
        status = Status.FromString(answer.body)
    except (DecodeError, ValueError, AttributeError):
        return False
    return bool(status.message or status.code)


def _partly_took(media_type: str, body: bytes) -> Outcome:
    def check(send: Send) -> tuple[bool, Answer]:
        answer = send(body, media_type)
        return answer.status == 200 and is_partial(answer), answer

    return check


_PARTLY = "a span without ids is rejected alone: partial_success says how many and why"

CHECKS: Final[Sequence[Check]] = [
    *(
        (
            "MUST",
            f"{s}: protobuf is taken, partial_success unset",
            _took(s, PROTOBUF, says=is_silent),
        )
        for s in SIGNALS
    ),
    *(
        (
            "MUST",
            f"{s}: JSON is taken, partial_success unset",
            _took(s, JSON, body=_WRITTEN[s], says=is_silent),
        )
        for s in SIGNALS
    ),
    *(
        ("MUST", f"{s}: an empty protobuf request succeeds", _took(s, PROTOBUF, body=b""))
        for s in SIGNALS
    ),
    *(
        ("MUST", f"{s}: an empty JSON request succeeds", _took(s, JSON, body=b"{}"))
        for s in SIGNALS
    ),
    (
        "MUST",
        "gzip is understood",
        _took("traces", PROTOBUF, body=gzip.compress(SENT["traces"]), encoding="gzip"),
    ),
    (
        "MUST",
        "gzip is understood with JSON",
        _took("traces", JSON, body=gzip.compress(_json()), encoding="gzip"),
    ),
    (
        "usual",
        "Content-Encoding: identity is understood",
        _took("traces", PROTOBUF, encoding="identity"),
    ),
    (
        "MAY",
        "deflate is understood",
        _took("traces", PROTOBUF, body=zlib.compress(SENT["traces"]), encoding="deflate"),
    ),
    (
        "MAY",
        "zstd is understood",
        _took("traces", PROTOBUF, zstandard.compress(SENT["traces"]), encoding="zstd"),
    ),
    (
        "usual",
        "a charset beside application/json does no harm",
        _took("traces", JSON + "; charset=utf-8", body=_json()),
    ),
    (
        "MUST",
        "a chunked body is understood",
        _took("traces", PROTOBUF, form="chunked"),
    ),
    (
        "MUST",
        "a chunked body is understood with gzip",
        _took("traces", PROTOBUF, gzip.compress(SENT["traces"]), encoding="gzip", form="chunked"),
    ),
    ("MUST", "Expect: 100-continue is answered", _took("traces", PROTOBUF, form="expecting")),
    ("SHOULD", "a connection takes the next request", _took("traces", PROTOBUF, form="twice")),
    ("MUST", "HTTP/1.0 is understood", _took("traces", PROTOBUF, form="HTTP/1.0")),
    (
        "MUST",
        "gzip of nothing is an empty request",
        _took("traces", PROTOBUF, gzip.compress(b""), encoding="gzip"),
    ),
    ("MUST", "garbage behind a protobuf request is 400", _refused(400, SENT["traces"] + GARBAGE)),
    ("MUST", "garbage behind a JSON request is 400", _refused(400, _json() + b"x", JSON)),
    (
        "MUST",
        "unknown fields in protobuf are ignored",
        _took("traces", PROTOBUF, SENT["traces"] + b"\xfa\x01\x01x"),
    ),
    ("MUST", "garbage in protobuf is 400", _refused(400, GARBAGE)),
    ("MUST", "a protobuf request that is cut off is 400", _refused(400, SENT["traces"][:-2])),
    ("MUST", "garbage in JSON is 400", _refused(400, b"{", JSON)),
    ("MUST", "what is no gzip is 400", _refused(400, GARBAGE, encoding="gzip")),
    ("MUST", "a failure is a google.rpc.Status in protobuf", _explained(GARBAGE, PROTOBUF)),
    ("MUST", "a failure is a google.rpc.Status in JSON", _explained(b"{", JSON)),
    ("MUST", "too large is 413", _refused(413, bytes(TOO_LARGE))),
    ("MUST", "too large once unpacked is 413", _bomb),
    ("usual", "another Content-Type is 415", _refused(415, b"x", "text/plain")),
    ("usual", "another Content-Encoding is 415", _refused(415, b"x", encoding="br")),
    ("usual", "GET is 405", _refused(405, b"", method="GET")),
    ("usual", "an unknown path is 404", _refused(404, b"", signal="nothing")),
    ("MAY", f"protobuf: {_PARTLY}", _partly_took(PROTOBUF, PARTLY_SOUND)),
    (
        "MAY",
        f"JSON: {_PARTLY}",
        _partly_took(JSON, (to_json("traces", PARTLY_SOUND) or "").encode()),
    ),
    (
        "MUST",
        "JSON: ids are hex, in either case",
        _took(
            "traces",
            JSON,
            body=_json(traceId="5B8EFFF798038103d269b633813fc60c", spanId="EEE19B7EC3C1B174"),
        ),
    ),
    (
        "MUST",
        "JSON: ids in base64 are refused",
        _refused(400, _json(traceId="AQIDBAUGBwgJCgsMDQ4PEA=="), JSON),
    ),
    (
        "MUST",
        "JSON: 64-bit integers are taken as strings",
        _took("traces", JSON, body=_json(startTimeUnixNano="1544712660000000000")),
    ),
    (
        "MUST",
        "JSON: 64-bit integers are taken as numbers",
        _took("traces", JSON, body=_json(startTimeUnixNano=1544712660000000000)),
    ),
    ("MUST", "JSON: enums are taken as numbers", _took("traces", JSON, body=_json(kind=2))),
    (
        "MUST",
        "JSON: names of enums are refused",
        _refused(400, _json(kind="SPAN_KIND_SERVER"), JSON),
    ),
    (
        "MUST",
        "JSON: integers in attributes are taken as strings and as numbers",
        _took("traces", JSON, body=_valued({"intValue": "9007199254740993"}, {"intValue": 5})),
    ),
    (
        "MUST",
        "JSON: NaN and Infinity are taken as strings",
        _took("traces", JSON, body=_valued(*({"doubleValue": v} for v in _NO_NUMBERS))),
    ),
    (
        "MUST",
        "JSON: null is the default of a field",
        _took("traces", JSON, body=_json(kind=None, attributes=None, status=None)),
    ),
    (
        "MUST",
        "JSON: bytes are base64",
        _took("traces", JSON, body=_valued({"bytesValue": "AQI="}, {"bytesValue": "-_8"})),
    ),
    (
        "MUST",
        "JSON: names in snake_case are unknown",
        _took("traces", JSON, body=_json(start_time_unix_nano="no number")),
    ),
    (
        "MUST",
        "JSON: what is nested too deep is refused, and the next request taken",
        _refused_deep,
    ),
    (
        "MUST",
        "JSON: unknown fields are ignored",
        _took("traces", JSON, body=_json(unheardOf={"a": [1]})),
    ),
]
