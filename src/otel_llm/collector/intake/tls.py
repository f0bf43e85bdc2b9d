"""Our side of TLS, from files that are read again when they change: no restart for a new
certificate."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar, cast

import grpc

from .config import ServerTlsConfig

_log = logging.getLogger(__name__)

T = TypeVar("T")
_Fetch = Callable[[], grpc.ServerCertificateConfiguration]
"""As the stubs have it; grpc takes ``None`` for: as before."""


class _Fresh(Generic[T]):
    """What was made of some files, made anew when one of them changed. What cannot be used leaves
    the old one in place."""

    def __init__(self, config: ServerTlsConfig, make: Callable[[ServerTlsConfig], T]) -> None:
        """Raises ``OSError`` when the files cannot be used."""
        self._config, self._make = config, make
        self._files = [f for f in (config.cert_file, config.key_file, config.client_ca_file) if f]
        self._lock = Lock()
        self._seen = self._stamps()
        self._made = make(config)

    def get(self) -> T:
        """Return the present one. Asked at each handshake: a few looks at the file system."""
        with self._lock:
            stamps = self._stamps()
            if stamps != self._seen:
                self._seen = stamps
                self._renew()
            return self._made

    def _renew(self) -> None:
        try:
            self._made = self._make(self._config)
        except (OSError, ValueError) as error:
            _log.error("%s: the old certificate stays: %s", self._config.cert_file, _why(error))
        else:
            _log.info("%s was read again", self._config.cert_file)

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(file) for file in self._files]


def http_context(config: ServerTlsConfig) -> ssl.SSLContext:
    """Return what the HTTP server encrypts with. Raises ``OSError`` for files of no use."""
    fresh = _Fresh(config, _context)
    outer = _context(config)

    def at_hello(connection: ssl.SSLObject, name: str, context: ssl.SSLContext) -> None:
        connection.context = fresh.get()

    outer.sni_callback = at_hello
    return outer


def grpc_credentials(config: ServerTlsConfig) -> grpc.ServerCredentials:
    """Return what the gRPC server encrypts with. Raises ``OSError`` for files of no use."""
    fresh = _Fresh(config, _certificates)
    given = fresh.get()

    def at_handshake() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        now = fresh.get()
        if now is given:
            return None  # no change: grpc need not make its own anew
        given = now
        return now

    return grpc.dynamic_ssl_server_credentials(
        given,
        cast("_Fetch", at_handshake),
        require_client_authentication=config.client_ca_file is not None,
    )


def _context(config: ServerTlsConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=config.client_ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.cert_file, config.key_file)
    if config.client_ca_file:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _certificates(config: ServerTlsConfig) -> grpc.ServerCertificateConfiguration:
    _context(config)  # raises where grpc would only fail every handshake
    authorities = config.client_ca_file.read_bytes() if config.client_ca_file else None
    pair = (config.key_file.read_bytes(), config.cert_file.read_bytes())
    return grpc.ssl_server_certificate_configuration([pair], authorities)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        info = file.stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_ino, info.st_size


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__) if error.args else "unusable"
