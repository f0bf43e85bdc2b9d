"""OTLP over gRPC: three services, bytes as they come."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import grpc

from ..component import Consume, Signal
from ..counters import Counters
from ..protocol import SERVICES
from .answers import Failure, attempt
from .config import GrpcConfig, ServerTlsConfig

# More threads only fight for the interpreter: measured 3.6 µs a span with one, 5.1 with four.
_THREADS = 1
_SUCCESS = b""
"""``Export…ServiceResponse`` with ``partial_success`` unset."""
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcServer:
    """Serves from its own threads, from construction until ``stop``."""

    def __init__(self, config: GrpcConfig, consume: Consume, counters: Counters) -> None:
        """Raises ``OSError`` when the address is taken or the certificates cannot be read."""
        self._pool = ThreadPoolExecutor(_THREADS, "otlp-grpc")
        self._server = grpc.server(self._pool, options=_options(config))
        for signal, service in SERVICES.items():
            self._server.add_generic_rpc_handlers([_service(service, signal, consume, counters)])
        self.port = _bind(self._server, config)
        self._server.start()

    def stop(self, grace_s: float) -> Callable[[], object]:
        """Refuse new requests at once, give those under way ``grace_s`` seconds. Returns what
        waits for that."""
        stopped = self._server.stop(grace_s)

        def wait() -> None:
            stopped.wait()
            self._pool.shutdown(wait=False)

        return wait


def _options(config: GrpcConfig) -> list[tuple[str, Any]]:
    return [
        ("grpc.max_receive_message_length", config.max_recv_msg_size_mib * 2**20),
        ("grpc.so_reuseport", int(config.reuse_port)),
        # Senders behind load balancers ping more often than gRPC's five minutes.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def _bind(server: grpc.Server, config: GrpcConfig) -> int:
    try:
        if config.tls is None:
            port = server.add_insecure_port(config.endpoint)
        else:
            port = server.add_secure_port(config.endpoint, _credentials(config.tls))
    except RuntimeError as error:
        raise OSError(f"cannot listen on {config.endpoint}: {error}") from None
    if port == 0:
        raise OSError(f"cannot listen on {config.endpoint}")
    return port


def _credentials(tls: ServerTlsConfig) -> grpc.ServerCredentials:
    authorities = tls.client_ca_file.read_bytes() if tls.client_ca_file else None
    pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
    return grpc.ssl_server_credentials([pair], authorities, authorities is not None)


def _service(
    name: str, signal: Signal, consume: Consume, counters: Counters
) -> grpc.GenericRpcHandler:
    # Without (de)serializers the handler is given, and returns, the bytes of the message.
    make = cast("Callable[..., Any]", grpc.unary_unary_rpc_method_handler)
    handlers = {"Export": make(_handler(signal, consume, counters))}
    return grpc.method_handlers_generic_handler(name, handlers)


def _handler(
    signal: Signal, consume: Consume, counters: Counters
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def export(payload: bytes, context: grpc.ServicerContext) -> bytes:
        failure = attempt(consume, signal, payload, "grpc", counters)
        if failure is not None:
            _fail(context, failure)
        return _SUCCESS

    return export


def _fail(context: grpc.ServicerContext, failure: Failure) -> None:
    metadata = [("grpc-status-details-bin", failure.status().SerializeToString())]
    if failure.retry_after_s is not None:
        # Go and the specification read the hint from the details, Python from a key of its own.
        metadata.append(("google.rpc.retryinfo-bin", failure.retry_info().SerializeToString()))
    context.set_trailing_metadata(tuple(metadata))
    context.set_code(_CODES[failure.code])
    context.set_details(failure.message)
