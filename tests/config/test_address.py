"""Addresses as operators write them."""

from __future__ import annotations

import pytest

from otel_llm.collector.intake.config import GrpcConfig, HttpConfig
from otel_llm.config.address import host_and_port, is_http_url


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:4317", ("127.0.0.1", 4317)),
        ("[::1]:0", ("::1", 0)),
        (":4318", ("", 4318)),
        ("tempo.monitoring.svc:65535", ("tempo.monitoring.svc", 65_535)),
    ],
)
def test_an_address_is_a_host_and_a_port(text, parts):
    assert host_and_port(text) == parts


@pytest.mark.parametrize("text", ["", "4317", "host", "host:", "host:x", "host:-1", "host:65536"])
def test_what_is_no_address_is_a_mistake(text):
    with pytest.raises(ValueError, match="expected host:port"):
        host_and_port(text)


@pytest.mark.parametrize("config", [GrpcConfig, HttpConfig])
def test_a_receiver_on_a_port_that_cannot_be_is_a_mistake_in_the_configuration(config):
    with pytest.raises(ValueError, match="endpoint: expected host:port"):
        config("127.0.0.1:69853")


@pytest.mark.parametrize(
    ("url", "so"),
    [
        ("http://a", True),
        ("https://[::1]:4318/path", True),
        ("http://a:65536", False),
        ("http://[::1", False),
        ("http://", False),
        ("ftp://a", False),
    ],
)
def test_a_url_has_a_host_and_a_port_that_can_be(url, so):
    assert is_http_url(url) is so
