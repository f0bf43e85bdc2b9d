"""One JSON POST to a notification target: guarded, bounded, its answer turned into our errors.

The name is resolved here and the connection made to the address that was checked, so that a name
cannot point elsewhere between check and use. Link-local addresses (a cloud's metadata service)
are never called; redirects are not followed; proxy variables are not read.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from otel_llm.version import __version__

from .errors import Rejected, TryLater


def check_url(url: str) -> None:
    """Raise ``ValueError`` for what is no http(s) URL with a host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url must be http:// or https:// with a host")


class Poster:
    """A connection to one target. Used by one thread."""

    def __init__(
        self, url: str, *, timeout_s: float, private: bool = True, ca_file: str | None = None
    ) -> None:
        """Raises ``OSError`` when ``ca_file`` cannot be read."""
        self._url = httpx2.URL(url)
        self._private = private
        trust = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._client = httpx2.Client(
            timeout=timeout_s, trust_env=False, follow_redirects=False, verify=trust
        )

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """Send ``body`` and return a 2xx answer.

        Raises ``TryLater`` for 408, 429, 5xx and a target that cannot be reached, ``Rejected``
        for every other answer and for an address that is not to be called.
        """
        error = "no address"
        for address in self._addresses():
            try:
                return _judge(self._send(address, body, headers or {}))
            except httpx2.ConnectError as failed:  # the name may have others
                error = type(failed).__name__
            except httpx2.HTTPError as failed:
                # The kind alone: the message may quote the URL, and the URL may be the secret.
                raise TryLater(type(failed).__name__) from None
        raise TryLater(error)

    def _send(self, address: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        return self._client.post(
            self._url.copy_with(host=address),
            content=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"otel-llm/{__version__}",
                "Host": self._url.netloc.decode("ascii"),
                **headers,
            },
            extensions={"sni_hostname": self._url.host},
        )

    def _addresses(self) -> Sequence[str]:
        """Return where the target's name leads. One forbidden address forbids them all."""
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(self._url.host, port, type=socket.SOCK_STREAM)
        except OSError:
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
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or str(ip) in _METADATA:
        return False
    return private or ip.is_global


_METADATA = frozenset({"fd00:ec2::254", "100.100.100.200"})
"""Metadata services outside the link-local range (AWS over IPv6, Alibaba)."""


def _judge(answer: httpx2.Response) -> httpx2.Response:
    status = answer.status_code
    if 200 <= status < 300:
        return answer
    if status in (408, 429) or status >= 500:
        raise TryLater(f"answered {status}", after_s=retry_after(answer))
    raise Rejected(f"answered {status}")


def retry_after(answer: httpx2.Response) -> float | None:
    """Return ``Retry-After`` in seconds, given as seconds or as a date (RFC 9110, 10.2.3)."""
    given = answer.headers.get("Retry-After", "")
    if given.strip().isdigit():
        return float(given)
    try:
        then = parsedate_to_datetime(given).timestamp()
        now = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
    return max(0.0, then - now)
