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

    def __init__(self, app: ASGIApp, config: ApiConfig | None = None) -> None:
        self._config = config or ApiConfig()
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
        self._socket = _bind(*self._config.address)
        if not self._config.on_loopback and not self._config.token_file:
            _log.warning("everyone who reaches %s can read it: set token_file", self.url)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="otel-llm-api", daemon=True
        )
        self._thread.start()
        self._wait_until_serving(self._thread)

    @property
    def url(self) -> str:
        """Where it answers, such as ``http://127.0.0.1:4319``. Call it after ``start``."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def stop(self, grace_s: float = 5.0) -> None:
        """Refuse new requests, finish those under way within ``grace_s`` seconds, release the
        address. Safe to call twice."""
        self._server.config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(grace_s + 2)
        if self._socket is not None:
            self._socket.close()

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
