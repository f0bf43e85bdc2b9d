"""Settings of the ``otlp`` receiver, in the OpenTelemetry Collector's shape and names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from otel_llm.config.units import Duration, Size


@dataclass(frozen=True, slots=True)
class ServerTlsConfig:
    """How senders know us, and how we know them."""

    cert_file: Path
    """Our certificate with its chain, PEM."""
    key_file: Path
    """The key of ``cert_file``, PEM."""
    client_ca_file: Path | None = None
    """Authorities that must have signed the sender's certificate (mTLS), PEM."""


@dataclass(frozen=True, slots=True)
class GrpcConfig:
    """The gRPC server."""

    endpoint: str = "127.0.0.1:4317"
    """``host:port``; port 0 takes a free one."""
    max_recv_msg_size_mib: int = 64
    """Largest request in MiB, also after decompression."""
    tls: ServerTlsConfig | None = None
    """Encrypts; without it anyone who reaches the port can read and send."""
    reuse_port: bool = False
    """Let several processes share the port. Without it a second collector fails to start."""


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """The HTTP server."""

    endpoint: str = "127.0.0.1:4318"
    """``host:port``; port 0 takes a free one."""
    max_request_body_size: Size = 64 * 2**20
    """Bytes of one body, before and after decompression."""
    max_buffered: Size = 256 * 2**20
    """Bytes of unfinished bodies of all connections; beyond it senders are asked to come back."""
    max_connections: int = 1024
    """Connections at once; further ones are asked to come back."""
    read_header_timeout: Duration = 60.0
    """The longest a sender may take for a request's headers."""
    read_timeout: Duration = 60.0
    """The longest a sender may take for a request's body."""
    idle_timeout: Duration = 60.0
    """How long a connection may wait for its next request."""
    traces_url_path: str = "/v1/traces"
    """Where traces are posted to."""
    metrics_url_path: str = "/v1/metrics"
    """Where metrics are posted to."""
    logs_url_path: str = "/v1/logs"
    """Where logs are posted to."""
    tls: ServerTlsConfig | None = None
    """Encrypts; without it anyone who reaches the port can read and send."""
    reuse_port: bool = False
    """Let several processes share the port. Without it a second collector fails to start."""


OFF = ""
"""Endpoint of a protocol that is not served."""


@dataclass(frozen=True, slots=True)
class ProtocolsConfig:
    """What is served. A protocol that is not named is off; ``grpc:`` alone is its defaults."""

    # ``None`` is what an operator writes by ``grpc:`` with nothing behind it.
    grpc: GrpcConfig | None = field(default_factory=lambda: GrpcConfig(OFF))
    """The gRPC server."""
    http: HttpConfig | None = field(default_factory=lambda: HttpConfig(OFF))
    """The HTTP server."""

    def __post_init__(self) -> None:
        served = [self.grpc is None or self.grpc.endpoint, self.http is None or self.http.endpoint]
        if not any(served):
            raise ValueError("name at least one of grpc and http")


@dataclass(frozen=True, slots=True)
class OtlpConfig:
    """Settings of the ``otlp`` receiver."""

    protocols: ProtocolsConfig = field(
        default_factory=lambda: ProtocolsConfig(GrpcConfig(), HttpConfig())
    )
    """What is served; both, unless given."""
