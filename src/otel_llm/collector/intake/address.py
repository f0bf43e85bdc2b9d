"""The address of a server, taken before anything is served at it."""

from __future__ import annotations

import socket


def bound(endpoint: str, *, reuse_port: bool, backlog: int = 0) -> socket.socket:
    """Return a socket that is bound to ``host:port``, and listens where so many connections may
    wait. Raises ``OSError`` when the address is taken or is none; with ``reuse_port``, others that
    say so may have it too.
    """
    host, _, port = endpoint.rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, ValueError) as error:
        raise OSError(f"cannot listen on {endpoint}: {error}") from None
    family, kind, protocol, _, address = found[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
        if backlog:
            made.listen(backlog)
    except OSError as error:
        made.close()
        raise OSError(f"cannot listen on {endpoint}: {error}") from None
    return made
