"""Our side of TLS, from files that are read again when they change: no restart for a new
certificate."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import grpc

from ..fresh import Fresh
from .config import ServerTlsConfig

_Fetch = Callable[[], grpc.ServerCertificateConfiguration]
"""As the stubs have it; grpc takes ``None`` for: as before."""


class _Renewed(ssl.SSLContext):
    """Gives every connection to the context that holds now. What a sender remembers of the one
    before (a session, a ticket) lets nobody in whom the new one does not know."""

    fresh: Fresh[ssl.SSLContext]

    def wrap_bio(self, *given: Any, **named: Any) -> ssl.SSLObject:
        return self.fresh.get().wrap_bio(*given, **named)


def http_context(
    config: ServerTlsConfig, failed: Callable[[ssl.SSLError], object]
) -> ssl.SSLContext:
    """Return what the HTTP server encrypts with, in asyncio, which keeps to itself what ``failed``
    is told. Raises ``OSError`` for files of no use."""
    watched = _watched(failed)

    def made() -> ssl.SSLContext:
        context = _context(config)
        context.sslobject_class = watched
        return context

    outer = _Renewed(ssl.PROTOCOL_TLS_SERVER)
    outer.fresh = Fresh(_files(config), made)
    return outer


def _watched(failed: Callable[[ssl.SSLError], object]) -> type[ssl.SSLObject]:
    class Watched(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError):
                raise  # to be gone on with; or given up, as by whoever only looks for a port
            except ssl.SSLError as error:
                failed(error)
                raise

    return Watched


def grpc_credentials(
    config: ServerTlsConfig, begun: Callable[[], object]
) -> grpc.ServerCredentials:
    """Return what the gRPC server encrypts with. ``begun`` is called at every handshake, in a
    thread of gRPC's, which does not say how one ended. Raises ``OSError`` for files of no use."""
    fresh = Fresh(_files(config), partial(_certificates, config))
    given = fresh.get()

    def at_handshake() -> grpc.ServerCertificateConfiguration | None:
        nonlocal given
        begun()
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


def _files(config: ServerTlsConfig) -> tuple[Path | None, ...]:
    return config.cert_file, config.key_file, config.client_ca_file


def _context(config: ServerTlsConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=config.client_ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.cert_file, config.key_file)
    if config.client_ca_file:
        context.verify_mode = ssl.CERT_REQUIRED
        context.num_tickets = 0  # with one, a sender would outlive its certificate
        context.options |= ssl.OP_NO_TICKET
    return context


def _certificates(config: ServerTlsConfig) -> grpc.ServerCertificateConfiguration:
    _context(config)  # raises where grpc would only fail every handshake
    authorities = config.client_ca_file.read_bytes() if config.client_ca_file else None
    pair = (config.key_file.read_bytes(), config.cert_file.read_bytes())
    return grpc.ssl_server_certificate_configuration([pair], authorities)
