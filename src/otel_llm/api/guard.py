"""What stands before every request: who may ask, from which page, and what a browser may do.

A dashboard without a password on loopback is still in reach of every web site its reader opens:
so the ``Host`` must be ours (a foreign name may point here), and nothing is changed by a request
that another site's page makes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otel_llm.collector.intake.tokens import TokenFile

from .config import ApiConfig
from .problems import problem

OPEN_PATHS: Final = frozenset({"/health", "/ready"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect", "font")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """Middleware that refuses what may not pass and adds ``HEADERS`` to what does."""

    def __init__(self, app: ASGIApp, config: ApiConfig, tokens: TokenFile | None) -> None:
        self._app = app
        self._tokens = tokens
        self._hosts = None if tokens else _local_hosts(config)
        self._origins = frozenset(config.cors_origins)
        self._public = config.public_url and _origin(config.public_url)
        self._prefix = config.prefix
        self._max_body = config.max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif refusal := self._refusal(scope, Headers(scope=scope)):
            await refusal(scope, receive, _with_headers(send))
        else:
            body = _Body(receive, self._max_body)
            await self._app(_whole(scope, self._prefix), body.receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            return problem(421, "This endpoint does not answer to that host name")
        if scope["method"] not in _SAFE_METHODS and self._foreign(headers):
            return problem(403, "Another web site may not change anything here")
        if self._wants_token(scope) and not self._known(headers.get("authorization", "")):
            ask = 'Bearer realm="otel-llm", Basic realm="otel-llm", charset="UTF-8"'
            return problem(401, "A token is needed", headers={"www-authenticate": ask})
        length = headers.get("content-length", "")
        if length.isdecimal() and float(length) > self._max_body:  # no int of thousands of zeros
            return problem(413, f"At most {self._max_body} bytes are taken")
        return None

    def _foreign(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin in self._origins or (origin and origin == self._public):
            return False
        # What the browser says goes first: a form may send "null" as its origin.
        if site := headers.get("sec-fetch-site"):
            return site not in ("none", "same-origin")
        return origin is not None and origin.partition("://")[2] != headers.get("host")

    def _wants_token(self, scope: Scope) -> bool:
        # A preflight carries no token by design, and answers nothing but what CORS allows.
        preflight = scope["method"] == "OPTIONS" and bool(self._origins)
        is_open = _inner(scope, self._prefix) in OPEN_PATHS
        return self._tokens is not None and not is_open and not preflight

    def _known(self, authorization: str) -> bool:
        token = bearer(authorization)
        return self._tokens is not None and token is not None and self._tokens.holds(token)


def _whole(scope: Scope, prefix: str) -> Scope:
    """Answer HEAD as GET (RFC 9110, 9.3.2; the server sends none of the body), and with ``prefix``
    what a proxy has taken it off, as ASGI has paths under a ``root_path``."""
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    path = prefix + _inner(scope, prefix)
    return {**scope, "method": method, "root_path": prefix, "path": path}


def _inner(scope: Scope, prefix: str) -> str:
    """The path below ``prefix``."""
    path: str = scope["path"]
    below = path.removeprefix(prefix) or "/"
    return below if below.startswith("/") else path


def _origin(url: str) -> str:
    """The origin of an address as browsers write it: in small letters, without the usual port."""
    parts = urlsplit(url)
    port = parts.port if parts.port != {"http": 80, "https": 443}.get(parts.scheme) else None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


class _Body:
    """The request's body, cut off with an error where it grows too long without saying so."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._left = max_bytes

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413)  # the one kind that is not taken for a broken body
        return message


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            # Files that never hold data may be kept, as long as the browser asks whether they hold.
            headers.setdefault("cache-control", "no-cache" if "etag" in headers else "no-store")
        await send(message)

    return sending


def bearer(authorization: str) -> str | None:
    """The bearer token, or password of basic authentication, in an ``Authorization`` header."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return _password(value)
    return None


def _password(encoded: str) -> str | None:
    try:
        plain = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return plain.partition(":")[2]


def _local_hosts(config: ApiConfig) -> frozenset[str] | None:
    """Names an endpoint answers to; ``None`` for all, where it is meant to be reached and nobody
    said how it is called."""
    if not config.on_loopback and not config.allowed_hosts:
        return None
    host, _ = config.address
    given = (*config.allowed_hosts, *config.public_hosts)
    return frozenset(_lower(("localhost", "127.0.0.1", "::1", host, *given)))


def _lower(names: Iterable[str]) -> Iterable[str]:
    return (name.lower() for name in names)


def _host(header: str) -> str:
    """The name in a ``Host`` header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()
