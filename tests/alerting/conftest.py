"""A certificate for localhost, made for this run."""

from __future__ import annotations

import ssl

import pytest

from tests.collector.certificates import Certificates, certificates


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificate: Certificates) -> ssl.SSLContext:
    """A server's side."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.server, certificate.server_key)
    return context
