"""What each address of a host says to whoever connects: a client that tries them in turn tells of
the last one, which may not be the one that should answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from .trouble import reason

_TIMEOUT_S: Final = 1.0
_MOST: Final = 4

Address = tuple[str, int]


def addresses(host: str, port: int) -> list[Address]:
    """Return those of a host; none where its name cannot be resolved."""
    with suppress(OSError):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(str(address[0]), port) for *_, address in found]
    return []


def refusals(
    tried: Iterable[Address], tls: ssl.SSLContext | None, host: str | None = None
) -> Iterator[str]:
    """Connect to the first four of them and yield what each that takes no connection says. May
    take two seconds for each. ``host`` is whose certificate is to be shown; without it that of the
    address."""
    for ip, port in list(tried)[:_MOST]:
        try:
            with socket.create_connection((ip, port), _TIMEOUT_S) as connection:
                if tls:
                    tls.wrap_socket(connection, server_hostname=host or ip).close()
        except OSError as error:
            yield ": ".join([ip, *reason(error)])
