"""Serves the application from a thread of its own."""

from __future__ import annotations

import logging
import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from .config import ApiConfig
from .patience import CONNECTIONS, PatientProtocol

START_TIMEOUT_S = 60.0
"""A machine where much starts at once is slow."""

_log = logging.getLogger(__name__)


class ApiServer:
    """An HTTP server over ``app``. ``start`` binds, ``stop`` lets requests under way finish."""

    def __init__(
        self, app: ASGIApp, config: ApiConfig | None = None, before: ApiServer | None = None
    ) -> None:
        """``before`` was paused: where it had the same address, this one takes over its socket."""
        self._config = config or ApiConfig()
        self._before = before
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,
                log_config=None,
                server_header=False,
                lifespan="off",
                limit_concurrency=CONNECTIONS + 1,
                timeout_keep_alive=30,
                http=PatientProtocol,
                ws="none",
            )
        )
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Bind and serve in the background. Raises ``OSError`` when the address is taken."""
        kept = self._before.handed_over(self._config.address) if self._before else None
        self._socket, self._before = kept or _bind(*self._config.address), None
        if not self._config.on_loopback and not self._config.token_file:
            _log.warning("everyone who reaches %s can read it: set token_file", self.url)
        self._thread = threading.Thread(
            target=self._server.run,
            args=([self._socket.dup()],),  # which it closes
            name="otel-llm-api",
            daemon=True,
        )
        self._thread.start()
        self._wait_until_serving(self._thread)

    @property
    def url(self) -> str:
        """Where it answers, such as ``http://127.0.0.1:4319``. Call it after ``start``."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def pause(self, grace_s: float = 5.0) -> None:
        """Finish requests under way within ``grace_s`` seconds; who connects meanwhile waits for
        the server that comes after this one. Safe to call twice."""
        self._server.config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(grace_s + 2)

    def stop(self, grace_s: float = 5.0) -> None:
        """Refuse new requests, finish those under way within ``grace_s`` seconds, release the
        address. Safe to call twice, and after ``pause``."""
        self.pause(grace_s)
        if self._socket is not None:
            self._socket.close()
        if self._before is not None:
            self._before.stop(grace_s)

    def handed_over(self, address: tuple[str, int]) -> socket.socket | None:
        """Return the socket for the server that comes after this one, if it has the same
        ``address``; else release it."""
        kept, self._socket = self._socket, None
        if kept is None or address == self._config.address:
            return kept
        kept.close()
        return None

    def _wait_until_serving(self, thread: threading.Thread) -> None:
        until = time.monotonic() + START_TIMEOUT_S
        while not self._server.started and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)
        if not self._server.started:
            raise OSError("the API did not start; see the log")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)  # until then two could bind the same port
    except OSError as error:
        listening.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listening
