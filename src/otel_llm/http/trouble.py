"""Why there was no answer, in words that quote neither what the far side wrote nor a URL: both may
hold a secret."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final

import httpx2

_WORDS: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (httpx2.ConnectTimeout, "", "no connection in time"),
    (httpx2.WriteTimeout, "", "the request was not taken in time"),
    (httpx2.TimeoutException, "", "no answer in time"),
    (TimeoutError, "", "no answer in time"),
    (httpx2.ConnectError, "", "cannot connect"),
    (httpx2.ProxyError, "", "the proxy gives no connection"),
    (httpx2.NetworkError, "", "the connection broke"),
    (httpx2.RemoteProtocolError, "Server disconnected", "the connection was closed unanswered"),
    (httpx2.RemoteProtocolError, "peer closed", "the connection was closed amid the answer"),
    (httpx2.RemoteProtocolError, "", "the answer is not HTTP/1.1"),
)
"""Of which error, and how its message begins if that matters: the first that fits."""


def trouble(error: Exception) -> str:
    """Say what a client's error means, and what the system or TLS gave as its reason."""
    for kind, begins, words in _WORDS:
        if isinstance(error, kind) and str(error).startswith(begins):
            return ": ".join([words, *reason(error)])
    return type(error).__name__


def reason(error: BaseException | None) -> Iterator[str]:
    """Yield what the system's own error says from which this one came, if there is one."""
    while error and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    if isinstance(error, ssl.SSLCertVerificationError):
        yield f"its certificate is not accepted: {error.verify_message}"
    elif isinstance(error, ssl.SSLError):
        yield f"TLS: {error.reason or 'ended'}"
    elif isinstance(error, TimeoutError) and "handshake" in str(error):
        yield "TLS: the handshake did not end"
    elif error and error.strerror:
        yield error.strerror
