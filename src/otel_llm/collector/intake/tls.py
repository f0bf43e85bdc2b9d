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


def http_context(config: ServerTlsConfig) -> ssl.SSLContext:
    """Return what the HTTP server encrypts with, in asyncio. Raises ``OSError`` for files of no
    use."""
    outer = _Renewed(ssl.PROTOCOL_TLS_SERVER)
    outer.fresh = Fresh(_files(config), partial(_context, config))
    return outer


def grpc_credentials(config: ServerTlsConfig) -> grpc.ServerCredentials:
    """Return what the gRPC server encrypts with. Raises ``OSError`` for files of no use."""
    fresh = Fresh(_files(config), partial(_certificates, config))
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
