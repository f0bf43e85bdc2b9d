"""OTLP over HTTP, protobuf encoding.

Which answer means what follows OTLP 1.11, "OTLP/HTTP Response".
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx2
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from otel_llm.collector.component import Signal
from otel_llm.collector.errors import (
    DeliveryError,
    Malformed,
    PartlyRejected,
    Permanent,
    Retryable,
    TooLarge,
)
from otel_llm.collector.fresh import Fresh
from otel_llm.collector.outgoing import Outgoing
from otel_llm.collector.sending.destination import (
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    MAX_SAID,
    DestinationConfig,
    check_answer,
)
from otel_llm.collector.wire.deflate import compressobj
from otel_llm.config.address import is_http_url, without_login
from otel_llm.http.deadline import Deadline
from otel_llm.http.loopback import is_loopback
from otel_llm.http.trouble import trouble
from otel_llm.version import __version__

RETRYABLE = frozenset({429, 502, 503, 504})
PROTOBUF = "application/x-protobuf"
_REJECTED = ("rejectedSpans", "rejectedDataPoints", "rejectedLogRecords")
GZIP_LEVEL = 1
"""Four times as fast as the usual 6, for a tenth more bytes."""


@dataclass(frozen=True, slots=True)
class OtlpHttpExporterConfig(DestinationConfig):
    """An OTLP destination over HTTP."""

    endpoint: str = ""
    """``https://host:port/path``; ``/v1/traces`` and its siblings are appended."""
    traces_endpoint: str | None = None
    """Where traces go instead, as it is."""
    metrics_endpoint: str | None = None
    """Where metrics go instead, as it is."""
    logs_endpoint: str | None = None
    """Where logs go instead, as it is."""
    compression: Literal["none", "gzip"] = "none"
    """``gzip`` is worth its time over a slow network."""

    def __post_init__(self) -> None:
        DestinationConfig.__post_init__(self)
        given = [self.endpoint, self.traces_endpoint, self.metrics_endpoint, self.logs_endpoint]
        if not any(given):
            raise ValueError("endpoint: required and missing")
        if self.endpoint.rstrip("/").endswith(("/v1/traces", "/v1/metrics", "/v1/logs")):
            raise ValueError("endpoint: is what /v1/traces is appended to; see traces_endpoint")
        for url in filter(None, given):
            if not is_http_url(url):
                raise ValueError(
                    f"endpoint: expected http://host:port, found {without_login(url)!r}"
                )

    def url(self, signal: Signal) -> str | None:
        """Return where a signal goes; ``None`` when it has nowhere to go."""
        own = {
            "traces": self.traces_endpoint,
            "metrics": self.metrics_endpoint,
            "logs": self.logs_endpoint,
        }[signal]
        return own or (f"{self.endpoint.rstrip('/')}/v1/{signal}" if self.endpoint else None)


class OtlpHttpExporter:
    """Sends to one HTTP server over kept-alive connections. Thread-safe."""

    def __init__(self, config: OtlpHttpExporterConfig) -> None:
        self._config = config
        self._outgoing = Outgoing(config)
        self._deadline = Deadline(config.timeout)
        self._connected = Fresh(config.tls.files, self._connect, httpx2.Client.close)

    def _connect(self) -> httpx2.Client:
        config = self._config
        return httpx2.Client(
            headers=_headers(config),
            timeout=httpx2.Timeout(config.timeout, connect=self._deadline.connect_s),
            verify=config.tls.context(),
            mounts=_past_proxies(config),
        )

    def export(self, signal: Signal, payload: bytes) -> None:
        """Deliver once. Raises as ``Exporter`` says."""
        url = self._config.url(signal)
        if url is None:
            raise Permanent(f"no endpoint for {signal}")
        payload = self._outgoing(signal, payload)
        if len(payload) > MAX_REQUEST_BYTES:
            raise TooLarge("over the request limit of OTLP")
        body, traced = self._encode(payload), {"trace": self._deadline.begin()}
        try:
            with self._connected.get().stream(
                "POST", url, content=body, extensions=traced
            ) as response:
                answer = _body(response)
        except (httpx2.RequestError, TimeoutError) as error:
            raise Retryable(trouble(error)) from None
        except RuntimeError:  # what the client raises once it is closed
            raise Retryable("the connection was closed") from None
        _check(response, answer)

    def close(self) -> None:
        """See ``Exporter``."""
        self._connected.close()

    def _encode(self, payload: bytes) -> bytes:
        if self._config.compression == "none":
            return payload
        gzip = compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        return gzip.compress(payload) + gzip.flush()


def _headers(config: OtlpHttpExporterConfig) -> dict[str, str]:
    ours = {
        "content-type": PROTOBUF,
        "user-agent": f"otel-llm-collector/{__version__}",
        "accept-encoding": "identity",  # answers are tiny; and no bomb comes back
    }
    if config.compression != "none":
        ours["content-encoding"] = config.compression
    given = {name.lower(): value for name, value in config.headers.items()}
    return {**given, **ours}


def _past_proxies(config: OtlpHttpExporterConfig) -> dict[str, None]:
    """Return, as the client takes it, which hosts are reached directly whatever the environment
    says."""
    given = (config.endpoint, config.traces_endpoint, config.metrics_endpoint, config.logs_endpoint)
    hosts = {httpx2.URL(url).host for url in given if url}
    return {f"all://{f'[{h}]' if ':' in h else h}": None for h in hosts if is_loopback(h)}


def _body(response: httpx2.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise Permanent("the answer is over the response limit of OTLP")
    return bytes(body)


def _check(response: httpx2.Response, body: bytes) -> None:
    """Return when the answer acknowledges the request; raise what it means otherwise."""
    if not response.is_success:
        raise classify(response.status_code, response.headers, body)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        _check_json(body)
    elif kind != "text/plain":  # an "ok" from a server that takes the specification lightly
        check_answer(body)


def classify(status: int, headers: Mapping[str, str], body: bytes = b"") -> DeliveryError:
    """Say what an answer other than 2xx means for the data."""
    reason = f"HTTP {status}"
    if status in RETRYABLE:
        return Retryable(reason, retry_after_s=_retry_after_s(headers.get("retry-after", "")))
    kind = {413: TooLarge, 400: Malformed, 422: Malformed}.get(status, Permanent)
    return kind(reason, said=_said(body))


def _check_json(body: bytes) -> None:
    try:
        partial: Any = json.loads(body or b"{}").get("partialSuccess") or {}
        rejected = sum(int(partial.get(name, 0)) for name in _REJECTED)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Retryable("the answer is no OTLP response") from error
    if rejected > 0:
        raise PartlyRejected(rejected, said=str(partial.get("errorMessage", ""))[:MAX_SAID])


def _retry_after_s(written: str) -> float | None:
    """Return seconds from ``Retry-After``, which holds seconds or a date."""
    if written.strip().isdecimal():
        return float(written)
    try:
        date = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:  # HTTP's oldest form names no zone, and means Greenwich
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - time.time())


def _said(body: bytes) -> str:
    """Return the message of a ``google.rpc.Status``, or the text that stands in its place."""
    try:
        message = Status.FromString(body).message
    except DecodeError:
        message = body.decode(errors="replace")
    return message[:MAX_SAID]
