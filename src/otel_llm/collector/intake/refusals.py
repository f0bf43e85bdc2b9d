"""Connections that end before there is a request: whoever opened them learns nothing but that, so
that the operator has to."""

from __future__ import annotations

import logging
import ssl
import time
from dataclasses import dataclass
from typing import Final

from ..measures.counters import Counters

_log = logging.getLogger(__name__)

_REMIND_S = 60.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a connection is of no use."""

    name: str
    """Among our own counters."""
    words: str
    """For whoever reads the log; nothing in it is the sender's."""


NO_CERTIFICATE = Reason("no_certificate", "the sender shows no certificate")
UNKNOWN_CA = Reason("unknown_ca", "the sender's certificate is of no authority in client_ca_file")
EXPIRED = Reason("expired", "the sender's certificate has expired")
OLD_TLS = Reason("tls_version", "the sender's TLS is older than 1.2")
NOT_TLS = Reason("not_tls", "the sender speaks no TLS to a port that asks for it")
PLAIN = Reason("tls_to_plain_port", "the sender speaks TLS to a port that has none")
GRPC = Reason("grpc_to_http_port", "the sender speaks gRPC to the port of OTLP over HTTP")

_BY_REASON: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": NO_CERTIFICATE,
    "HTTP_REQUEST": NOT_TLS,
    "HTTPS_PROXY_REQUEST": NOT_TLS,
    "WRONG_VERSION_NUMBER": NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": NOT_TLS,
    "RECORD_LAYER_FAILURE": NOT_TLS,
    "UNSUPPORTED_PROTOCOL": OLD_TLS,
    "VERSION_TOO_LOW": OLD_TLS,
    "NO_SHARED_CIPHER": Reason("no_shared_cipher", "the sender has no cipher in common with us"),
}
"""By what OpenSSL calls it."""
_BY_VERIFY_CODE: Final = {
    **dict.fromkeys((2, 18, 19, 20, 21), UNKNOWN_CA),
    9: Reason("not_yet_valid", "the sender's certificate is not valid yet, or a clock is wrong"),
    10: EXPIRED,
}
"""``X509_V_ERR_…``, x509_vfy.h."""


def of_handshake(error: ssl.SSLError) -> Reason:
    """Say why TLS could not begin."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"the sender's certificate is not accepted: {error.verify_message}"
        return _BY_VERIFY_CODE.get(error.verify_code, Reason("certificate", said))
    why = error.reason or "unknown"
    if "_ALERT_" in why:
        return Reason("by_sender", f"the sender does not accept our certificate or TLS: {why}")
    return _BY_REASON.get(why, Reason("other", f"TLS: {why}"))


def of_first_bytes(received: bytes) -> Reason | None:
    """Say what is spoken to us where it is no HTTP/1.1; ``None`` when it is nothing we know."""
    if received.startswith(b"\x16\x03"):
        return PLAIN
    return GRPC if received.startswith(b"PRI * HTTP/2.0") else None


class Refusals:
    """Counts them, and says each reason once a minute. Lives in the servers' event loop."""

    def __init__(self, transport: str, endpoint: str, counters: Counters) -> None:
        self._transport, self._endpoint, self._counters = transport, endpoint, counters
        self._said: dict[Reason, float] = {}
        self._since: dict[Reason, int] = {}

    def add(self, reason: Reason) -> None:
        """One more."""
        name = "otel_llm_receiver_refused_connections"
        self._counters.add(name, transport=self._transport, reason=reason.name)
        self._since[reason] = count = self._since.get(reason, 0) + 1
        now = time.monotonic()
        if now - self._said.get(reason, -_REMIND_S) >= _REMIND_S:
            self._said[reason], self._since[reason] = now, 0
            _log.warning(
                "%s: refused a connection, %d since this was last said: %s (counted as %s)",
                self._endpoint,
                count,
                reason.words,
                name,
            )
