"""OTLP over HTTP/1.1, in the event loop of the OTLP servers."""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic

from ..component import Signal
from . import loop
from .address import bound
from .config import HttpConfig
from .exchange import Exchange
from .http_connection import HttpConnection, Traffic
from .refusals import of_handshake
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
        self._refusals = intake.refusals("http", config.endpoint)
        self._tls = http_context(config.tls, self._refuse) if config.tls else None
        self._socket = bound(config.endpoint, reuse_port=config.reuse_port, backlog=_BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._stopping = asyncio.Event()
        self._grace_s = 0.0
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(), loop.loop())

    def stop(self, grace_s: float) -> Future[None]:
        """Refuse new requests at once, give those under way ``grace_s`` seconds. Returns what ends
        when they have."""
        self._grace_s = grace_s
        loop.loop().call_soon_threadsafe(self._stopping.set)
        return self._serving

    def _refuse(self, error: ssl.SSLError) -> None:
        self._refusals.add(of_handshake(error))

    async def _serve(self) -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(self._config, self._exchange, self._traffic, self._refusals),
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
