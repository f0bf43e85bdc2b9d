"""OTLP over HTTP/1.1, in the event loop of the OTLP servers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from ..component import Signal
from . import loop
from .config import HttpConfig
from .exchange import Exchange
from .http_connection import HttpConnection, Traffic
from .taking import Intake
from .tls import http_context

_BACKLOG = 1024
_SWEEP_S = 1.0


class HttpServer:
    """Serves from construction until ``stop``."""

    def __init__(self, config: HttpConfig, intake: Intake) -> None:
        """Raises ``OSError`` when the address is taken or the certificates cannot be read."""
        self._config = config
        paths: dict[str, Signal] = {
            config.traces_url_path: "traces",
            config.metrics_url_path: "metrics",
            config.logs_url_path: "logs",
        }
        self._exchange = Exchange(paths, config.max_request_body_size, intake)
        self._traffic = Traffic(config.max_connections)
        self._tls = http_context(config.tls) if config.tls else None
        self._socket = _listen(config)
        self.port: int = self._socket.getsockname()[1]
        self._stopping = asyncio.Event()
        self._grace_s = 0.0
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(), loop.loop())

    def stop(self, grace_s: float) -> Callable[[], object]:
        """Refuse new requests at once, give those under way ``grace_s`` seconds. Returns what
        waits for that."""
        self._grace_s = grace_s
        loop.loop().call_soon_threadsafe(self._stopping.set)
        return self._serving.result

    async def _serve(self) -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(self._config, self._exchange, self._traffic),
            sock=self._socket,
            ssl=self._tls,
            backlog=_BACKLOG,
        )
        await self._sweep_until_stopped()
        server.close()
        await self._finish()

    async def _sweep_until_stopped(self) -> None:
        limits = (
            self._config.read_header_timeout,
            self._config.read_timeout,
            self._config.idle_timeout,
        )
        pause = min(_SWEEP_S, *(limit / 4 for limit in limits))
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            self._sweep()

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in [c for c in self._traffic.connections if c.deadline < now]:
            connection.expire()

    async def _finish(self) -> None:
        until = monotonic() + self._grace_s
        for connection in list(self._traffic.connections):
            connection.finish()
        while self._traffic.connections and monotonic() < until:
            await asyncio.sleep(0.01)
        for connection in list(self._traffic.connections):
            connection.abort()
        await asyncio.sleep(0)  # let the transports close


def _listen(config: HttpConfig) -> socket.socket:
    host, _, port = config.endpoint.rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, ValueError) as error:
        raise OSError(f"cannot listen on {config.endpoint}: {error}") from None
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if config.reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {config.endpoint}: {error}") from None
    return listener
