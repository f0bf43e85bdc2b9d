"""What every OTLP destination is configured with, in the OpenTelemetry Collector's shape."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otel_llm.config.units import Duration, Size

from ..errors import PartlyRejected, Retryable

MAX_REQUEST_BYTES = 64 * 2**20
"""Before compression; a larger one is never sent (OTLP 1.11)."""
MAX_RESPONSE_BYTES = 4 * 2**20
"""After decompression (OTLP 1.11)."""
MIN_QUEUE_BYTES = 64 * 2**10
MAX_SAID = 500
"""Characters kept of what a destination says about a refusal."""
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")

Dialect = Literal[
    "current",
    "otel-2026-08",
    "otel-1.36",
    "openllmetry",
    "openinference",
    "vercel-ai",
    "logfire",
    "langfuse",
    "openlit",
    "cost-proposal",
]
"""In which words a destination is told about model calls."""


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """How to know the far side, and how it knows us."""

    insecure: bool = False
    """No TLS at all. An endpoint that starts with ``http://`` means the same."""
    insecure_skip_verify: bool = False
    """Encrypt, but do not check who it is. Not over gRPC."""
    ca_file: Path | None = None
    """Authorities to trust instead of the system's, PEM. All files are read again when they
    change."""
    cert_file: Path | None = None
    """Our own certificate, PEM; needs ``key_file``."""
    key_file: Path | None = None
    """The key of ``cert_file``, PEM."""

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")

    @property
    def files(self) -> Sequence[Path | None]:
        """What is read."""
        return self.ca_file, self.cert_file, self.key_file

    def context(self) -> ssl.SSLContext:
        """Return it as Python's TLS takes it. Raises ``OSError`` for files of no use."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


@dataclass(frozen=True, slots=True)
class BatchConfig:
    """How requests are joined before they are sent."""

    flush_timeout: Duration = 0.1
    """The longest a request waits for company."""
    max_size: Size = 2**20
    """Bytes at which a batch is full. A single request may be larger."""
    max_items: int = 0
    """Spans, data points or log records a batch holds at most; larger requests are divided. 0: no
    limit."""

    def __post_init__(self) -> None:
        if self.max_items < 0:
            raise ValueError("max_items must not be below zero")


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """What waits for one destination."""

    enabled: bool = True
    """Always on: a receiver never waits for a destination."""
    sizer: Literal["bytes"] = "bytes"
    """What ``queue_size`` counts."""
    queue_size: Size = 64 * 2**20
    """Bytes. When no destination has room, senders are asked to come back."""
    batch: BatchConfig = field(default_factory=BatchConfig)
    """How requests are joined."""

    def __post_init__(self) -> None:
        if not self.enabled:
            raise ValueError("the sending queue cannot be turned off; remove enabled: false")
        if self.queue_size < MIN_QUEUE_BYTES:
            raise ValueError(
                f"queue_size: {self.queue_size} bytes are too few; it counts bytes, such as 64MiB"
            )


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """What happens when the far side is unwell. A wait it asks for goes before ours."""

    enabled: bool = True
    """Off: one attempt, then the dead letter."""
    initial_interval: Duration = 1.0
    """Wait after the first failure."""
    randomization_factor: float = 0.5
    """Each wait is spread by this share, up and down."""
    multiplier: float = 1.5
    """Growth from wait to wait."""
    max_interval: Duration = 30.0
    """The longest wait of our own."""
    max_elapsed_time: Duration = 86400.0
    """Age at which data that is still not accepted goes to the dead letter; ``0``: never."""

    def __post_init__(self) -> None:
        if not 0 <= self.randomization_factor <= 1:
            raise ValueError("randomization_factor must be between 0 and 1")
        if self.multiplier < 1:
            raise ValueError("multiplier must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationConfig:
    """What the exporters to all destinations have in common."""

    headers: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """Sent with every request, such as an API key."""
    timeout: Duration = 10.0
    """How long one attempt may take."""
    tls: TlsConfig = field(default_factory=TlsConfig)
    """How to know each other; an endpoint says by ``http://`` and ``https://`` whether there is TLS
    at all."""
    sending_queue: QueueConfig = field(default_factory=QueueConfig)
    """What waits."""
    retry_on_failure: RetryConfig = field(default_factory=RetryConfig)
    """What happens on failure."""
    dialect: Dialect = "current"
    """In which words model calls are told: those of the conventions, or what the destination reads
    best. See ``docs/processing.md``."""
    drop_content: bool = False
    """Keep what was said from this destination, as ``drop_content`` does for a whole pipeline."""

    def __post_init__(self) -> None:
        check_headers(self.headers)


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise ``ValueError`` for what cannot be sent; names the header, never its value."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"headers.{name}: not possible in a header")


def check_answer(body: bytes) -> None:
    """Read an ``Export…ServiceResponse``; the three signals share one layout.

    Raises ``PartlyRejected`` when items were rejected, and ``Retryable`` when the body is no such
    answer: whoever wrote it has not acknowledged anything.
    """
    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError as error:
        raise Retryable("the answer is no OTLP response") from error
    if partial.rejected_spans > 0:
        raise PartlyRejected(partial.rejected_spans, said=partial.error_message[:MAX_SAID])
