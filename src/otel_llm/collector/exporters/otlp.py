"""OTLP over gRPC.

The bytes go out as they are: no message is built. Which answer means what follows the table of
OTLP 1.11, "Failures".
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from otel_llm.collector.component import Signal
from otel_llm.collector.errors import DeliveryError, Malformed, Permanent, Retryable, TooLarge
from otel_llm.collector.fresh import Fresh
from otel_llm.collector.outgoing import Outgoing
from otel_llm.collector.protocol import METHODS
from otel_llm.collector.sending.destination import (
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    MAX_SAID,
    DestinationConfig,
    TlsConfig,
    check_answer,
)
from otel_llm.config.address import host_and_port, is_http_url
from otel_llm.config.units import Duration
from otel_llm.http.addresses import addresses, refusals
from otel_llm.http.loopback import is_loopback
from otel_llm.version import __version__

NO_ADDRESS_ANSWERS = "failed to connect to all addresses"
NO_CONNECTION = (NO_ADDRESS_ANSWERS, "errors resolving")
RESET = ("Stream removed", "Received RST_STREAM with error code")
"""What gRPC itself says (the second: grpcio 1.68 to 1.80 at least), not the server, of a call whose
stream was torn off: mostly by a proxy, in whose code ``INTERNAL`` and ``RESOURCE_EXHAUSTED`` mean
nothing about the data."""
GOODBYE = re.compile(r"GOAWAY received; Error code: \d+")
"""What gRPC says of a connection that the far side ended. 11: pinged more often than it likes."""
OVER_A_PROXYS_LIMIT = "Received http2 header with status: 413"
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
"""Environment variables by which gRPC calls somebody else than the endpoint."""
_GRPC_NAMES = ("unix:", "unix-abstract:", "vsock:", "dns:", "ipv4:", "ipv6:", "xds:")
RETRYABLE = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
MALFORMED = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL})
"""What one broken request may have caused: INTERNAL is what gRPC's own servers answer to bytes that
they cannot parse, as where values are nested deeper than their parser goes."""


@dataclass(frozen=True, slots=True)
class KeepaliveConfig:
    """Pings that notice a dead connection. Servers drop clients that ping too often."""

    time: Duration = 300.0
    """Silence after which to ping."""
    timeout: Duration = 20.0
    """How long to wait for the pong."""
    permit_without_stream: bool = False
    """Also ping while nothing is being sent."""


@dataclass(frozen=True, slots=True)
class OtlpExporterConfig(DestinationConfig):
    """An OTLP destination over gRPC."""

    endpoint: str
    """``host:port``; with ``http://`` in front it is spoken to without TLS, with ``https://``
    or nothing in front with TLS, unless ``tls.insecure`` says otherwise."""
    compression: Literal["none", "gzip"] = "none"
    """``gzip`` costs several times what everything else does; worth it over a slow network."""
    keepalive: KeepaliveConfig = field(default_factory=KeepaliveConfig)
    """Pings."""

    def __post_init__(self) -> None:
        DestinationConfig.__post_init__(self)
        try:
            _target(self.endpoint)
        except ValueError as error:
            raise ValueError(f"endpoint: {error}") from None
        if self.tls.insecure_skip_verify:
            raise ValueError("tls.insecure_skip_verify: not possible over gRPC; set ca_file")


class OtlpExporter:
    """Sends to one gRPC server over one connection. Thread-safe."""

    def __init__(self, config: OtlpExporterConfig) -> None:
        self._config = config
        self._timeout_s = config.timeout
        self._outgoing = Outgoing(config)
        self._metadata = tuple((name.lower(), value) for name, value in config.headers.items())
        self._connected = Fresh(config.tls.files, partial(_Connection, config), _Connection.close)

    def export(self, signal: Signal, payload: bytes) -> None:
        """Deliver once. Raises as ``Exporter`` says."""
        payload = self._outgoing(signal, payload)
        if len(payload) > MAX_REQUEST_BYTES:
            raise TooLarge("over the request limit of OTLP")
        try:
            answer = self._call(signal, payload)
        except grpc.RpcError as error:
            raise self._explained(classify(error)) from None
        except ValueError:  # what grpc raises on a closed channel
            raise Retryable("the connection was closed") from None
        if len(answer) > MAX_RESPONSE_BYTES:
            raise Permanent("the answer is over the response limit of OTLP")
        check_answer(answer)

    def _call(self, signal: Signal, payload: bytes) -> bytes:
        """Call over the present connection. One that nobody answers is given up, as gRPC itself
        never does: a host behind the same address may be well."""
        connection = self._connected.get()
        answered = connection.answered
        try:
            answer = connection.calls[signal](
                payload, timeout=self._timeout_s, metadata=self._metadata
            )
        except grpc.RpcError as error:
            late = cast("Any", error).code() is grpc.StatusCode.DEADLINE_EXCEEDED
            if late and connection.answered == answered:
                self._again(connection)
            raise
        connection.answered += 1
        return answer

    def _explained(self, error: DeliveryError) -> DeliveryError:
        """Where no address answered, add what those say that gRPC does not tell of."""
        if NO_ADDRESS_ANSWERS not in str(error):
            return error
        others = [f"; {said}" for said in _other_refusals(self._config, unquote(str(error)))]
        return Retryable("".join([str(error), *others]))

    def _again(self, connection: _Connection) -> None:
        with suppress(OSError):  # certificates of no use just now: as before, then
            self._connected.replace(connection)

    def close(self) -> None:
        """See ``Exporter``; calls under way end with ``Retryable``."""
        self._connected.close()


class _Connection:
    """A channel, and what can be called over it."""

    def __init__(self, config: OtlpExporterConfig) -> None:
        channel = _channel(config)
        self._channel = channel
        self.answered = 0
        """Calls that were taken over it."""
        self.calls: dict[Signal, Callable[..., bytes]] = {
            signal: cast("Any", channel.unary_unary(method))  # untyped in grpc
            for signal, method in METHODS.items()
        }

    def close(self) -> None:
        """Calls under way end."""
        self._channel.close()


def classify(error: grpc.RpcError) -> DeliveryError:
    """Say what a failed call means for the data."""
    call = cast("Any", error)  # grpc raises its errors as calls, which its types do not say
    code: grpc.StatusCode = call.code()
    said, delay_s = (
        str(call.details() or "")[:MAX_SAID],
        _retry_delay_s(call.trailing_metadata() or ()),
    )
    exhausted = code is grpc.StatusCode.RESOURCE_EXHAUSTED
    reset = said.startswith(RESET) and (exhausted or code in MALFORMED)
    if code in RETRYABLE or reset or (exhausted and delay_s is not None):
        return Retryable(_reason(code, said), retry_after_s=delay_s)
    if exhausted or said == OVER_A_PROXYS_LIMIT:
        return TooLarge(code.name, said=said)
    if code in MALFORMED:
        return Malformed(code.name, said=said)
    return Permanent(code.name, said=said)


def _reason(code: grpc.StatusCode, said: str) -> str:
    """Name the code, and why there is no connection: that is grpc's own text, not the server's."""
    if said.startswith(RESET) and code not in RETRYABLE:
        return f"{code.name}: the stream was torn off"
    if said.startswith(NO_CONNECTION):
        return f"{code.name}: {said}"
    goodbye = GOODBYE.search(said)
    return f"{code.name}: the far side took its leave ({goodbye[0]})" if goodbye else code.name


def _other_refusals(config: OtlpExporterConfig, said: str) -> Iterator[str]:
    """Yield why the addresses do not answer that are not named in ``said``."""
    target = _target(config.endpoint)
    if not _is_here(target) and any(map(os.environ.get, _PROXIES)):
        return
    others = [(ip, port) for ip, port in _addresses(target) if f"{ip}:" not in f"{said}:"]
    with suppress(OSError, ValueError):  # certificates of no use just now
        tls = None if _plain(config) else config.tls.context()
        yield from refusals(others, tls, _name(target))


def _name(target: str) -> str | None:
    """Return whose certificate is to be shown; ``None`` where each address has its own."""
    if target.startswith(_GRPC_NAMES) and not target.startswith("dns:"):
        return None
    return host_and_port(target.removeprefix("dns:").rpartition("/")[2])[0]


def _addresses(target: str) -> list[tuple[str, int]]:
    """Return where gRPC looks for ``target``; nothing where that is no network."""
    kind, _, listed = target.partition(":")
    if kind in ("ipv4", "ipv6"):
        return [host_and_port(one) for one in listed.split(",")]
    if target.startswith(tuple(name for name in _GRPC_NAMES if name != "dns:")):
        return []
    host, port = host_and_port(target.removeprefix("dns:").rpartition("/")[2])
    return addresses(host, port)


def _retry_delay_s(metadata: Any) -> float | None:
    """Return the wait in seconds from either place where servers put a ``RetryInfo``."""
    for name, value in metadata:
        try:
            if name == "google.rpc.retryinfo-bin":
                return _seconds(RetryInfo.FromString(value))
            if name == "grpc-status-details-bin":
                for detail in Status.FromString(value).details:
                    if detail.type_url.endswith("/google.rpc.RetryInfo"):
                        return _seconds(RetryInfo.FromString(detail.value))
        except DecodeError:
            continue
    return None


def _seconds(info: RetryInfo) -> float:
    return info.retry_delay.seconds + info.retry_delay.nanos / 1e9


def _channel(config: OtlpExporterConfig) -> grpc.Channel:
    compression = grpc.Compression.Gzip if config.compression == "gzip" else None
    target = _target(config.endpoint)
    options = [*_options(config.keepalive), ("grpc.enable_http_proxy", int(not _is_here(target)))]
    if _plain(config):
        return grpc.insecure_channel(target, options, compression)
    return grpc.secure_channel(target, _credentials(config.tls), options, compression)


def _options(keepalive: KeepaliveConfig) -> list[tuple[str, Any]]:
    return [
        ("grpc.primary_user_agent", f"otel-llm-collector/{__version__}"),
        ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
        # above the limit that we check: grpc itself would answer as if the request were too large
        ("grpc.max_receive_message_length", 4 * MAX_RESPONSE_BYTES),
        ("grpc.keepalive_time_ms", int(keepalive.time * 1000)),
        ("grpc.keepalive_timeout_ms", int(keepalive.timeout * 1000)),
        ("grpc.keepalive_permit_without_calls", int(keepalive.permit_without_stream)),
        # a new channel is a new connection, whoever else calls that address
        ("grpc.use_local_subchannel_pool", 1),
        # we wait between attempts ourselves; grpc's two minutes would outlast the outage
        ("grpc.initial_reconnect_backoff_ms", 500),
        ("grpc.max_reconnect_backoff_ms", 5000),
        # nor may a name that leads elsewhere now be looked up only after half a minute
        ("grpc.dns_min_time_between_resolutions_ms", 5000),
        ("grpc.enable_retries", 0),
    ]


def _target(endpoint: str) -> str:
    """Return ``host:port`` or a grpc name such as ``unix:/path``. Raises ``ValueError`` when it is
    neither."""
    if is_http_url(endpoint):
        parts = urlsplit(endpoint)
        default = 443 if parts.scheme == "https" else 80
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or default}"
    if not endpoint.startswith(_GRPC_NAMES):
        host_and_port(endpoint)
    return endpoint


def _is_here(target: str) -> bool:
    return is_loopback(target.rpartition(":")[0].strip("[]"))


def _plain(config: OtlpExporterConfig) -> bool:
    return config.tls.insecure or config.endpoint.startswith("http://")


def _credentials(tls: TlsConfig) -> grpc.ChannelCredentials:
    tls.context()  # raises where grpc would only fail every handshake
    return grpc.ssl_channel_credentials(
        _read(tls.ca_file), _read(tls.key_file), _read(tls.cert_file)
    )


def _read(file: Path | None) -> bytes | None:
    return file.read_bytes() if file else None
