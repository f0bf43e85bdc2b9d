"""Settings of the ``otlp`` receiver, in the OpenTelemetry Collector's shape and names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from otel_llm.config.address import host_and_port
from otel_llm.config.units import Duration, Size
from otel_llm.semconv import own


@dataclass(frozen=True, slots=True)
class ServerTlsConfig:
    """How senders know us, and how we know them."""

    cert_file: Path
    """Our certificate with its chain, PEM. All files are read again when they change."""
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
    max_requests: int = 1024
    """Requests at once; further senders are asked to come back."""
    read_timeout: Duration = 60.0
    """The longest a sender may take for a request."""
    tls: ServerTlsConfig | None = None
    """Encrypts; without it anyone who reaches the port can read and send."""
    reuse_port: bool = False
    """Let several processes share the port. Without it a second collector fails to start."""

    def __post_init__(self) -> None:
        _check_endpoint(self.endpoint)


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

    def __post_init__(self) -> None:
        _check_endpoint(self.endpoint)
        taken: set[str] = set()
        for name in ("traces_url_path", "metrics_url_path", "logs_url_path"):
            path: str = getattr(self, name)
            if not path.startswith("/"):
                raise ValueError(f"{name}: must begin with /, found {path!r}")
            if path in taken:
                raise ValueError(f"{name}: {path} is the path of another signal")
            taken.add(path)


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Who may send."""

    token_file: Path
    """Bearer tokens, one per line; after a space, the tenant it stands for. Read again when it
    changes."""


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """Whose data it is, as an attribute of every resource. What the sender wrote there itself does
    not count."""

    header: str | None = None
    """The header, over gRPC the metadata key, that names the tenant, such as ``X-Scope-OrgID``. A
    token that stands for a tenant goes before it."""
    attribute: str = own.TENANT
    """The resource attribute it becomes."""
    required: bool = False
    """Refuse who names none."""


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """How much one request may ask of us."""

    max_items: int = 100_000
    """Spans, data points or log records of one request, with their resources and scopes. Beyond it
    the request is too large."""
    max_attributes: int = 10_000
    """Attributes, events and links of one span or log record. One with more is rejected, the others
    are taken."""
    max_json_values: int = 2_000_000
    """Objects, lists and commas of one JSON body; each becomes fifty times its bytes. Beyond it the
    request is too large."""
    max_compression_ratio: int = 1_000
    """How many times its size a body may unpack to, once that is more than 8 MiB."""
    max_memory: Size | None = None
    """Bytes of this process beyond which senders are asked to come back; by default three quarters
    of the machine. In a container, or a unit with ``MemoryMax=``, it is by default three quarters
    of that, and all processes in it count, without the files that the kernel keeps in memory."""
    strict: bool = False
    """Parse every request completely: refuses text that is no UTF-8 and values nested more than a
    hundred deep, for about a microsecond a span."""


OFF = ""
"""Endpoint of a protocol that is not served."""


def _check_endpoint(endpoint: str) -> None:
    try:
        if endpoint != OFF:
            host_and_port(endpoint)
    except ValueError as error:
        raise ValueError(f"endpoint: {error}") from None


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
    auth: AuthConfig | None = None
    """Who may send; without it everyone who reaches the port."""
    tenant: TenantConfig | None = None
    """Whose data it is; by default that of the token's tenant, if it has one."""
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    """How much one request may ask of us."""
