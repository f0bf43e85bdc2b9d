"""One JSON POST to a notification target: guarded, bounded, its answer turned into our errors.

The name is resolved here and the connection made to the address that was checked, so that a name
cannot point elsewhere between check and use. Link-local addresses (a cloud's metadata service)
are never called; redirects are not followed; proxy variables are not read.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
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

    def __init__(self, url: str, *, timeout_s: float, private: bool = True) -> None:
        self._url = httpx2.URL(url)
        self._private = private
        self._client = httpx2.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)

    def post(
        self, body: bytes, headers: Mapping[str, str] | None = None, *, path: str = ""
    ) -> httpx2.Response:
        """Send ``body`` and return a 2xx answer.

        Raises ``TryLater`` for 408, 429, 5xx and a target that cannot be reached, ``Rejected``
        for every other answer and for an address that is not to be called.
        """
        url = self._url.copy_with(path=path) if path else self._url
        address = self._address(url)
        try:
            answer = self._client.post(
                url.copy_with(host=address),
                content=body,
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": f"otel-llm/{__version__}",
                    "Host": url.netloc.decode("ascii"),
                    **(headers or {}),
                },
                extensions={"sni_hostname": url.host},
            )
        except httpx2.HTTPError as error:
            # The kind alone: the message may quote the URL, and the URL may be the secret.
            raise TryLater(type(error).__name__) from None
        return _judge(answer)

    def _address(self, url: httpx2.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise TryLater("name cannot be resolved") from None
        address = str(found[0][4][0])
        if not allowed(address, private=self._private):
            raise Rejected("address is not allowed")
        return address

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
