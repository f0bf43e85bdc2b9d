"""OTLP over gRPC, in the event loop of the OTLP servers: three services, bytes as they come.

A request is read only when its sender may send and there is memory for it, and is unpacked by us:
gRPC itself would unpack whatever comes, before anyone is asked. A sender that takes its time
holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, cast

import grpc
import grpc.aio

from ..component import Signal
from ..errors import Malformed, TooLarge
from ..protocol import SERVICES
from . import loop
from .address import bound
from .answers import MALFORMED, TIMEOUT, TOO_LARGE, Failure, Outcome, Rejected, busy
from .bodies import of_message, unpacked_limit
from .config import GrpcConfig
from .taking import Intake, Waiting
from .tls import grpc_credentials

_SUCCESS = b""
"""``Export…ServiceResponse`` with ``partial_success`` unset."""
_LOOK_S = 0.01
_GOODBYE_S = 1.0
"""How long a sender may take to see its connection end, once its requests are answered."""
_CODES = {code.value[0]: code for code in grpc.StatusCode}

_Context = Any
"""``grpc.aio.ServicerContext``, of which neither message type is known to its stubs."""
_Export = Callable[[object, _Context], Awaitable[bytes]]


class GrpcServer:
    """Serves from construction until ``stop``."""

    def __init__(self, config: GrpcConfig, intake: Intake) -> None:
        """Raises ``OSError`` when the address is taken or the certificates cannot be read."""
        self._config = config
        self._intake = intake
        self._max_bytes = config.max_recv_msg_size_mib * 2**20
        self._requests = 0
        begun = partial(intake.count_handshake, "grpc")
        credentials = grpc_credentials(config.tls, begun) if config.tls else None
        self._server, self.port = loop.run(self._start(credentials))

    def stop(self, grace_s: float) -> Future[None]:
        """Refuse new requests at once, give those under way ``grace_s`` seconds. Returns what ends
        when they have."""
        return asyncio.run_coroutine_threadsafe(self._stop(grace_s), loop.loop())

    async def _stop(self, grace_s: float) -> None:
        """Wait for requests, and not for senders that are told goodbye and do not answer: the other
        end of their connection is gone, perhaps."""
        stopped = asyncio.ensure_future(self._server.stop(grace_s))
        while self._requests and not stopped.done():
            await asyncio.sleep(_LOOK_S)
        await asyncio.wait([stopped], timeout=_GOODBYE_S)
        await self._server.stop(None)
        await stopped

    async def _start(
        self, credentials: grpc.ServerCredentials | None
    ) -> tuple[grpc.aio.Server, int]:
        server = grpc.aio.server(options=_options(self._config))
        for signal, service in SERVICES.items():
            server.add_generic_rpc_handlers((_service(service, self._handler(signal)),))
        reuse_port = self._config.reuse_port
        port = _bind(server, self._config.endpoint, credentials, reuse_port=reuse_port)
        await server.start()
        return server, port

    def _handler(self, signal: Signal) -> _Export:
        async def export(_: object, context: _Context) -> bytes:
            self._requests += 1
            try:
                outcome = await self._outcome(signal, context)
            finally:
                self._requests -= 1
            if isinstance(outcome, Failure):
                _fail(context, outcome)
            return outcome.encoded() if isinstance(outcome, Rejected) else _SUCCESS

        return export

    async def _outcome(self, signal: Signal, context: _Context) -> Outcome:
        sender = self._enter(context)
        if isinstance(sender, Failure):
            return self._intake.counted("grpc", sender)
        try:
            async with asyncio.timeout(self._config.read_timeout):
                message = await context.read()
            payload = self._unpacked(message)
        except TimeoutError:
            return self._intake.counted("grpc", TIMEOUT)
        except (TooLarge, Malformed) as error:
            failure = TOO_LARGE if isinstance(error, TooLarge) else MALFORMED
            return self._intake.counted("grpc", failure)
        outcome = self._intake.take(signal, payload, "grpc", sender)
        if not isinstance(outcome, Waiting):
            return outcome
        kept = asyncio.wrap_future(outcome.kept)
        kept.add_done_callback(_seen)
        await asyncio.wait([kept])
        return self._intake.finish(outcome, "grpc")

    def _enter(self, context: _Context) -> str | Failure:
        if self._requests > self._config.max_requests:
            return busy()
        return self._intake.enter(_headers(context) if self._intake.asks else {})

    def _unpacked(self, message: object) -> bytes:
        if not isinstance(message, bytes):
            raise Malformed("a call without a request")
        limit = unpacked_limit(
            len(message), self._max_bytes, self._intake.limits.max_compression_ratio
        )
        payload = of_message(message, limit)
        if len(payload) > self._max_bytes:
            raise TooLarge("the request is too large")
        return payload


def _seen(kept: asyncio.Future[None]) -> None:
    """Look at how it ended: asyncio logs what nobody looked at."""
    if not kept.cancelled():
        kept.exception()


def _options(config: GrpcConfig) -> list[tuple[str, Any]]:
    return [
        ("grpc.max_receive_message_length", config.max_recv_msg_size_mib * 2**20),
        # It would unpack as many requests at once as are sent.
        ("grpc.per_message_decompression", 0),
        ("grpc.so_reuseport", int(config.reuse_port)),
        ("grpc.server_handshake_timeout_ms", int(config.read_timeout * 1000)),
        ("grpc.max_concurrent_streams", config.max_requests),
        # Senders behind load balancers ping more often than gRPC's five minutes.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # A sender that vanished must not be remembered for two hours.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        # In frames of 16 KiB, HTTP/2's default, a request costs a tenth more.
        ("grpc.http2.max_frame_size", 2**20),
    ]


def _bind(
    server: grpc.aio.Server,
    endpoint: str,
    credentials: grpc.ServerCredentials | None,
    *,
    reuse_port: bool,
) -> int:
    if not reuse_port:
        bound(endpoint, reuse_port=False).close()  # gRPC says in lines of its own that it is taken
    try:
        if credentials is None:
            port = server.add_insecure_port(endpoint)
        else:
            port = server.add_secure_port(endpoint, credentials)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {endpoint}: {error}") from None
    if port == 0:
        raise OSError(f"cannot listen on {endpoint}")
    return port


def _service(name: str, export: _Export) -> grpc.GenericRpcHandler:
    # Without (de)serializers the handler is given, and returns, the bytes of the message. As a
    # stream of one it is called before the message is there, and may decline to read it.
    make = cast("Callable[..., Any]", grpc.stream_unary_rpc_method_handler)
    return grpc.method_handlers_generic_handler(name, {"Export": make(export)})


def _headers(context: _Context) -> Mapping[str, str]:
    """Return the metadata, names in lower case as HTTP/2 has them; binary ones left out."""
    metadata = context.invocation_metadata() or ()
    return {key: value for key, value in metadata if isinstance(value, str)}


def _fail(context: _Context, failure: Failure) -> None:
    metadata = [("grpc-status-details-bin", failure.status().SerializeToString())]
    if failure.retry_after_s is not None:
        # Go and the specification read the hint from the details, Python from a key of its own.
        metadata.append(("google.rpc.retryinfo-bin", failure.retry_info().SerializeToString()))
    context.set_trailing_metadata(tuple(metadata))
    context.set_code(_CODES[failure.code])
    context.set_details(failure.message)
