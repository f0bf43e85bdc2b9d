"""One JSON POST to a notification target: guarded, bounded, its answer turned into our errors.

The name is resolved here and the connection made to the address that was checked, so that a name
cannot point elsewhere between check and use. Link-local addresses (a cloud's metadata service)
are never called; redirects are not followed; proxy variables are not read.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from otel_llm.http.deadline import Deadline
from otel_llm.http.trouble import trouble
from otel_llm.version import __version__

from .errors import Rejected, TryLater

LONGEST_ASKED_S = 3600.0
_MOST_BYTES = 2**16


def check_url(url: str) -> None:
    """Raise ``ValueError`` for what is no http(s) URL with a host."""
    if not _callable(url):
        raise ValueError("url must be http:// or https:// with a host")


def _callable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna"), parts.port
        written = httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL):
        return False
    return written.scheme in ("http", "https") and bool(host) and port != 0


class Poster:
    """A connection to one target. Used by one thread."""

    def __init__(
        self, url: str, *, timeout_s: float, private: bool = True, ca_file: str | None = None
    ) -> None:
        """Raises ``OSError`` when ``ca_file`` cannot be read."""
        self._url = httpx2.URL(url)
        self._private = private
        self._deadline = Deadline(timeout_s)
        trust = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._client = httpx2.Client(
            timeout=timeout_s, trust_env=False, follow_redirects=False, verify=trust
        )

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """Send ``body`` and return the beginning of a 2xx answer.

        Raises ``TryLater`` for 408, 429, 5xx and a target that cannot be reached, ``Rejected``
        for every other answer and for an address that is not to be called.
        """
        error = "no address"
        for address in self._addresses():
            try:
                return self._send(address, body, headers or {})
            except httpx2.ConnectError as failed:  # the name may have others
                error = trouble(failed)
            except (httpx2.HTTPError, TimeoutError) as failed:
                raise TryLater(trouble(failed)) from None
        raise TryLater(error)

    def _send(self, address: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        with self._client.stream(
            "POST",
            self._url.copy_with(host=address),
            content=body,
            headers={
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": f"otel-llm/{__version__}",
                "Host": self._url.netloc.decode("ascii"),
                **headers,
            },
            extensions={"sni_hostname": self._url.host, "trace": self._deadline.begin()},
        ) as answer:
            _judge(answer)
            return _beginning(answer)

    def _addresses(self) -> Sequence[str]:
        """Return where the target's name leads. One forbidden address forbids them all."""
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(self._url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise TryLater("name cannot be resolved") from None
        addresses = [str(one[4][0]) for one in found]
        if not all(allowed(address, private=self._private) for address in addresses):
            raise Rejected("address is not allowed")
        return addresses

    def close(self) -> None:
        """Release the connection."""
        self._client.close()


def allowed(address: str, *, private: bool) -> bool:
    """Whether a target at ``address`` may be called; ``private`` ones only if so configured."""
    ip = _reached(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or str(ip) in _METADATA:
        return False
    return private or ip.is_global


def _reached(ip: _Address) -> _Address:
    """Return the IPv4 address that is reached through an IPv6 one, where there is one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _TRANSLATED else None
    return ip.ipv4_mapped or ip.sixtofour or inside or ip


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052)."""
_METADATA = frozenset(
    {"fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254"}
)
"""Metadata services outside the link-local range (AWS over IPv6, Alibaba, Azure, Oracle, Google
over IPv6)."""


def _judge(answer: httpx2.Response) -> None:
    status = answer.status_code
    if status in (408, 429) or status >= 500:
        raise TryLater(f"answered {status}", after_s=retry_after(answer.headers))
    if not 200 <= status < 300:
        raise Rejected(f"answered {status}")


def _beginning(answer: httpx2.Response) -> bytes:
    """Return what came first and in time: an answer without end is nothing to wait for."""
    body = b""
    with suppress(TimeoutError, httpx2.ReadTimeout):
        for piece in answer.iter_raw():
            body += piece
            if len(body) >= _MOST_BYTES:
                break
    return body[:_MOST_BYTES]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return ``Retry-After`` in seconds, given as seconds or as a date (RFC 9110, 10.2.3); an
    hour at most, so that no target can make us forget it."""
    given = headers.get("Retry-After", "").strip()
    if given.isdecimal():
        return min(float(given), LONGEST_ASKED_S)
    then, now = _moment(given), _moment(headers.get("Date", ""))
    if then is None:
        return None
    return min(max(0.0, then - (time.time() if now is None else now)), LONGEST_ASKED_S)


def _moment(date: str) -> float | None:
    try:
        found = parsedate_to_datetime(date)
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()  # without a zone: Greenwich
    except (ValueError, TypeError, OverflowError):
        return None
