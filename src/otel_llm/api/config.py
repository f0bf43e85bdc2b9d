"""What an operator may say about the API and the dashboard (``api:``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from otel_llm.config.address import host_and_port
from otel_llm.config.units import Size
from otel_llm.http.loopback import is_loopback

_PUBLIC: Final = re.compile(r"https?://[^\s/?#@\"<>\\]+(/[\w.~!$&'()*+,;=:@-]+)*/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Settings of the API and the dashboard, which share one address."""

    endpoint: str = "127.0.0.1:4319"
    """``host:port``; port 0 takes a free one. An IPv6 host goes in brackets."""
    token_file: str | None = None
    """File with one token per line, read again when it changes. With it everything except
    ``/health`` and ``/ready`` wants one of them, as a bearer token or, in a browser, as the
    password of any user. Without it only this machine should reach the endpoint."""
    cors_origins: tuple[str, ...] = ()
    """Web origins, such as ``https://grafana.example``, whose pages may read the API."""
    allowed_hosts: tuple[str, ...] = ()
    """Names and addresses by which it may be called, beside ``localhost`` and its own. Keeps other
    web sites from reading it by pointing their own name here: always on loopback, elsewhere
    where one is given; with ``token_file`` nothing needs to be said."""
    public_url: str | None = None
    """Where people reach it, such as ``https://tools.example.com/otel-llm``, when a reverse proxy
    stands before it: links in alerts begin with it, and a path in it goes before every link of the
    dashboard, whether the proxy hands that path on or takes it off. Its host is an allowed one."""
    max_body: Size = 2**20
    """Larger request bodies are refused."""
    trace_links: dict[str, str] = field(default_factory=dict[str, str])
    """Where else a trace can be looked at: a name, such as ``Jaeger``, and an address with
    ``{trace_id}`` in it. Shown on its page and in its debug report."""

    def __post_init__(self) -> None:
        self.address  # noqa: B018 - refuses what is no host:port
        _check_public(self.public_url)
        _check_links(self.trace_links)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port. Raises ``ValueError`` when ``endpoint`` is no ``host:port``."""
        try:
            return host_and_port(self.endpoint)
        except ValueError as error:
            raise ValueError(f"endpoint: {error}") from None

    @property
    def url(self) -> str | None:
        """Where a browser on this machine finds it; ``None`` while the port is yet to be taken."""
        host, port = self.address
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}" if port else None

    @property
    def prefix(self) -> str:
        """The path of ``public_url``, such as ``/otel-llm``; empty when it has none."""
        return urlsplit(self.public_url or "").path.rstrip("/")

    @property
    def public_hosts(self) -> tuple[str, ...]:
        """The host name in ``public_url``, where there is one."""
        host = urlsplit(self.public_url or "").hostname
        return (host,) if host else ()

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the endpoint."""
        host, _ = self.address
        return is_loopback(host)


def _check_public(url: str | None) -> None:
    if url is not None and not _PUBLIC.fullmatch(url):
        raise ValueError("public_url: must be http:// or https://, a host and perhaps a path")


def _check_links(links: Mapping[str, str]) -> None:
    for name, address in links.items():
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"trace_links.{name}: must begin with http:// or https://")
        if "{trace_id}" not in address:
            raise ValueError(f"trace_links.{name}: must contain {{trace_id}}")
