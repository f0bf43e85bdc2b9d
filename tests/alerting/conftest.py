"""A certificate for localhost, made for this run; a minute for every target."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from otel_llm.alerting.post import Poster
from tests.collector.certificates import Certificates, certificates


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target on a busy machine must not look like one that is away."""
    made = Poster.__init__

    def patient(self: Poster, url: str, *, timeout_s: float, **more: Any) -> None:
        made(self, url, timeout_s=max(timeout_s, 60.0), **more)

    monkeypatch.setattr(Poster, "__init__", patient)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificate: Certificates) -> ssl.SSLContext:
    """A server's side."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.server, certificate.server_key)
    return context
