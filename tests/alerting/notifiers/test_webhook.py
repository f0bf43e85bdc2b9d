"""The signed webhook: what arrives, how it is proven, where it may go."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
from contextlib import closing

import pytest

from otel_llm.alerting import post
from otel_llm.alerting.errors import Rejected, TryLater
from otel_llm.alerting.notifiers.webhook import WebhookConfig, WebhookNotifier, render, sign
from tests.collector.certificates import Certificates

from ..world import START, Target, alert, notification, serving


def test_the_body_is_alertmanagers_with_our_fields_beside():
    given = notification(alert(labels={"model": "gpt-4o"}))
    labels = {"alertname": "ErrorsHigh", "severity": "critical", "model": "gpt-4o"}

    assert render(given) == {
        "version": "4",
        "groupKey": "g1",
        "status": "firing",
        "event": "firing",
        "title": "[FIRING:1] ErrorsHigh",
        "severity": "critical",
        "groupLabels": {"alertname": "ErrorsHigh"},
        "truncatedAlerts": 0,
        "alerts": [
            {
                "id": given.alerts[0].id,
                "fingerprint": given.alerts[0].id,
                "rule": "ErrorsHigh",
                "severity": "critical",
                "state": "firing",
                "status": "firing",
                "labels": labels,
                "annotations": {"summary": "12% of calls failed"},
                "signal": "error_rate",
                "value": 0.12,
                "threshold": 0.1,
                "active_at": START,
                "fired_at": START,
                "startsAt": "2026-01-01T00:00:00.000Z",
                "trace_id": "a" * 32,
                "trace_url": f"http://ui/{'a' * 32}",
                "generatorURL": f"http://ui/{'a' * 32}",
                "silenced": False,
                "inhibited": False,
            }
        ],
    }


@pytest.mark.parametrize(("most", "told", "left_out"), [(0, 40, 0), (15, 15, 25), (99, 40, 0)])
def test_a_machine_is_told_of_as_many_alerts_as_it_takes(most: int, told: int, left_out: int):
    body = render(notification(*[alert(str(n)) for n in range(40)]), most)

    assert (len(body["alerts"]), body["truncatedAlerts"]) == (told, left_out)


def test_less_than_no_alert_is_a_mistake():
    with pytest.raises(ValueError, match="max_alerts must not be negative"):
        WebhookConfig("https://example.com", max_alerts=-1)


def test_the_signature_covers_time_and_body_and_the_key_is_that_of_the_notification():
    with serving(Target()) as target:
        config = WebhookConfig(target.url, secret="s3cret", headers={"X-Team": "llm"})
        notifier = WebhookNotifier(config, clock=lambda: START + 0.9)
        notifier.send(notification(id="n42"))
        notifier.close()

    (request,) = target.received
    expected = hmac.new(b"s3cret", f"{int(START)}.".encode() + request.body, hashlib.sha256)
    assert request.headers["X-Otel-Llm-Signature"] == f"t={int(START)},v1={expected.hexdigest()}"
    assert request.headers["Idempotency-Key"] == "n42"
    assert request.headers["X-Team"] == "llm"
    assert json.loads(request.body)["groupKey"] == "g1"


def test_another_body_or_time_or_secret_gives_another_signature():
    known = {sign("s", b"x", 1), sign("s", b"y", 1), sign("t", b"x", 1)}

    assert len({*known, sign("s", b"x", 2)}) == 4


def test_without_a_secret_nothing_is_signed():
    with serving(Target()) as target:
        notifier = WebhookNotifier(WebhookConfig(target.url))
        notifier.send(notification())
        notifier.close()

    assert "X-Otel-Llm-Signature" not in target.received[0].headers


@pytest.mark.parametrize(
    ("address", "private", "allowed"),
    [
        ("169.254.169.254", True, False),
        ("fe80::1%eth0", True, False),
        ("::ffff:169.254.169.254", True, False),
        ("fd00:ec2::254", True, False),
        ("168.63.129.16", True, False),
        ("192.0.0.192", True, False),
        ("64:ff9b::a9fe:a9fe", True, False),
        ("2002:a9fe:a9fe::1", True, False),
        ("64:ff9b::a00:7", False, False),
        ("64:ff9b::808:808", False, True),
        ("0.0.0.0", True, False),
        ("224.0.0.1", True, False),
        ("127.0.0.1", True, True),
        ("10.0.0.7", True, True),
        ("127.0.0.1", False, False),
        ("10.0.0.7", False, False),
        ("::1", False, False),
        ("::ffff:10.0.0.7", False, False),
        ("8.8.8.8", False, True),
        ("2606:4700::1111", False, True),
    ],
)
def test_what_may_be_called(address: str, private: bool, allowed: bool):
    assert post.allowed(address, private=private) is allowed


def test_a_target_in_a_private_network_can_be_forbidden():
    with serving(Target()) as target:
        notifier = WebhookNotifier(WebhookConfig(target.url, private_networks=False))
        with pytest.raises(Rejected, match="address is not allowed"):
            notifier.send(notification())
        notifier.close()

    assert target.received == []


def _named(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let ``hooks.example`` lead here; return the names that are asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: object, *more: object, **named: object) -> object:
        asked.append(str(host))
        return real("127.0.0.1" if host == "hooks.example" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch):
    """A name that answers differently the second time (DNS rebinding) gains nothing."""
    asked = _named(monkeypatch)
    with serving(Target()) as target:
        port = target.url.rpartition(":")[2]
        notifier = WebhookNotifier(WebhookConfig(f"http://hooks.example:{port}/x?token=1"))
        notifier.send(notification())
        notifier.close()

    assert asked.count("hooks.example") == 1
    assert target.received[0].headers["Host"] == f"hooks.example:{port}"
    assert target.received[0].path == "/x?token=1"


def test_over_tls_the_name_is_checked_although_the_address_is_called(
    certificate: Certificates, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
):
    """``localhost`` may lead to ::1 first, where nobody listens: the next address is tried."""
    _named(monkeypatch)
    ca = str(certificate.ca)
    with serving(Target(), tls) as target:
        elsewhere = target.url.replace("localhost", "hooks.example")
        _send(WebhookConfig(target.url, ca_file=ca))
        for config in (WebhookConfig(target.url), WebhookConfig(elsewhere, ca_file=ca)):
            with pytest.raises(TryLater, match="certificate is not accepted"):
                _send(config)

    assert len(target.received) == 1


def _send(config: WebhookConfig) -> None:
    with closing(WebhookNotifier(config)) as notifier:
        notifier.send(notification())


def test_a_name_that_does_not_resolve_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    def nowhere(*args: object, **named: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    notifier = WebhookNotifier(WebhookConfig("http://hooks.example"))
    with pytest.raises(TryLater, match="name cannot be resolved"):
        notifier.send(notification())
    notifier.close()


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example", "ftp://x/y", "file:///etc/passwd", "http://"),
        *("http://h:99999/", "http://h:abc/", "http://h:0/", "http://[::1", "http://h\n/x"),
        *(f"http://{'a' * 64}.example/", "http://a..example/"),
    ],
)
def test_what_is_no_http_url_is_a_mistake_in_the_file(url: str):
    with pytest.raises(ValueError, match="must be http"):
        WebhookConfig(url)


def test_what_is_down_for_many_services_is_told_whole_by_default():
    with serving(Target()) as target:
        notifier = WebhookNotifier(WebhookConfig(target.url))

        notifier.send(notification(*[alert(str(n)) for n in range(100)]))

        notifier.close()
    told = json.loads(target.received[0].body)
    assert (len(told["alerts"]), told["truncatedAlerts"]) == (100, 0)
