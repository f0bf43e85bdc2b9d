"""``host:port``, as operators write addresses."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

MAX_PORT: Final = 65_535


def host_and_port(text: str) -> tuple[str, int]:
    """Return the parts of ``host:port``, the host without the brackets of IPv6; empty is every
    address of this machine. Raises ``ValueError`` when it is none, or the port cannot be."""
    host, separator, port = text.rpartition(":")
    # C libraries take the port modulo 65,536 and then call somebody else.
    if not separator or "/" in host or not port.isdecimal() or int(port) > MAX_PORT:
        raise ValueError(f"expected host:port, found {without_login(text)!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def without_login(address: str) -> str:
    """Return ``address`` as it may be shown: without scheme, name and password where it has any."""
    return address.rpartition("@")[2]


def is_http_url(url: str) -> bool:
    """Whether ``url`` is http(s), with a host and, where one is given, a port that can be."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
