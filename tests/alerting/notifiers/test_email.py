"""Mail through a real SMTP server on loopback: TLS, refusals by kind, threads, safe texts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from otel_llm.alerting.errors import Rejected, TryLater
from otel_llm.alerting.notifiers.email import EmailConfig, EmailNotifier
from tests.collector.certificates import Certificates
from tests.e2e.running import free_port

from ..world import alert, notification


class Mailbox:
    """Keeps what arrives; refuses recipients and mails as told."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.refuse: dict[str, str] = {}
        self.answer = "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.encrypted.append(session.ssl is not None)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


@contextmanager
def _serving(mailbox: Mailbox, **more: object) -> Iterator[int]:
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=free_port(), ready_timeout=60, **more
    )
    controller.start()
    try:
        yield controller.server.sockets[0].getsockname()[1]
    finally:
        controller.stop()


def _config(port: int, **more: object) -> EmailConfig:
    given = {"host": "127.0.0.1", "to": ("oncall@example.com",), "sender": "alerts@example.com"}
    patient = {"port": port, "tls": "none", "timeout": 60.0, **more}
    return EmailConfig(**{**given, **patient})  # type: ignore[arg-type]


def test_a_mail_says_everything_as_text_and_as_html():
    mailbox = Mailbox()
    with _serving(mailbox) as port:
        config = _config(port, to=("a@example.com", "b@example.com"))
        EmailNotifier(config).send(notification(alert(labels={"model": "<b>gpt</b>"})))

    (mail,) = mailbox.mails
    text, page = (part.get_content() for part in mail.iter_parts())
    assert {name: mail[name] for name in ("From", "To", "Subject", "Message-ID", "References")} == {
        "From": "alerts@example.com",
        "To": "a@example.com, b@example.com",
        "Subject": "[FIRING:1] ErrorsHigh",
        "Message-ID": "<n1@example.com>",
        "References": "<g1@example.com>",
    }
    assert text.splitlines() == [
        "[FIRING:1] ErrorsHigh",
        "critical: 12% of calls failed (model=<b>gpt</b>)",
        f"Trace: http://ui/{'a' * 32}",
    ]
    assert "(model=&lt;b&gt;gpt&lt;/b&gt;)" in page
    assert "<b>" not in page


def test_all_mails_about_a_group_are_one_thread():
    mailbox = Mailbox()
    with _serving(mailbox) as port:
        notifier = EmailNotifier(_config(port))
        notifier.send(notification(id="n1"))
        notifier.send(notification(alert(state="resolved"), id="n2", event="resolved"))

    assert {mail["References"] for mail in mailbox.mails} == {"<g1@example.com>"}
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 2


def test_no_label_can_add_a_header():
    mailbox = Mailbox()
    evil = "x\r\nBcc: thief@example.com"
    with _serving(mailbox) as port:
        EmailNotifier(_config(port)).send(notification(labels={"user": evil}))

    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[FIRING:1] ErrorsHigh user=x  Bcc: thief@example.com"


def test_starttls_is_the_default_and_a_server_without_it_gets_no_mail():
    mailbox = Mailbox()
    with _serving(mailbox) as port, pytest.raises(Rejected, match="offers no STARTTLS"):
        EmailNotifier(_config(port, tls=None)).send(notification())

    assert mailbox.mails == []


def test_over_starttls_with_a_login_the_mail_is_encrypted(
    certificate: Certificates, tls: ssl.SSLContext
):
    mailbox = Mailbox()
    logins: list[tuple[bytes, bytes]] = []

    def check(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    options = {"tls_context": tls, "authenticator": check}
    with _serving(mailbox, **options) as port:
        more = {"tls": "starttls", "ca_file": str(certificate.ca), "username": "me"}
        EmailNotifier(_config(port, password="right", **more)).send(notification())
        with pytest.raises(Rejected, match="answered 535"):
            EmailNotifier(_config(port, password="wrong", **more)).send(notification())

    assert mailbox.encrypted == [True]
    assert set(logins) == {(b"me", b"right"), (b"me", b"wrong")}


@pytest.mark.parametrize("without", [[], ["PLAIN"]])
def test_a_login_may_hold_more_than_ascii(
    certificate: Certificates, tls: ssl.SSLContext, without: list[str]
):
    mailbox = Mailbox()

    def check(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        right = (data.login, data.password) == ("jörg".encode(), "Grüße".encode())
        return AuthResult(success=right, handled=False)

    options = {"tls_context": tls, "authenticator": check, "auth_exclude_mechanism": without}
    with _serving(mailbox, **options) as port:
        more = {"tls": "starttls", "ca_file": str(certificate.ca), "username": "jörg"}
        EmailNotifier(_config(port, password="Grüße", **more)).send(notification())
        with pytest.raises(Rejected, match="answered 535"):
            EmailNotifier(_config(port, password="Gruß", **more)).send(notification())

    assert mailbox.encrypted == [True]


def test_an_unknown_certificate_is_refused(tls: ssl.SSLContext):
    mailbox = Mailbox()
    with (
        _serving(mailbox, tls_context=tls) as port,
        pytest.raises(Rejected, match="certificate is not trusted"),
    ):
        EmailNotifier(_config(port, tls="starttls")).send(notification())

    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("refuse", "answer", "error", "reason"),
    [
        ({"oncall@example.com": "450 try later"}, "250 OK", TryLater, "answered 450"),
        ({"oncall@example.com": "550 no such user"}, "250 OK", Rejected, "answered 550"),
        ({}, "451 busy", TryLater, "answered 451"),
        ({}, "554 spam", Rejected, "answered 554"),
    ],
)
def test_4xx_is_to_be_tried_again_and_5xx_is_not(
    refuse: dict[str, str], answer: str, error: type[Exception], reason: str
):
    mailbox = Mailbox()
    mailbox.refuse, mailbox.answer = refuse, answer
    with _serving(mailbox) as port, pytest.raises(error, match=f"^{reason}$"):
        EmailNotifier(_config(port)).send(notification())


def test_one_wrong_address_does_not_keep_the_mail_from_the_others():
    mailbox = Mailbox()
    mailbox.refuse = {"gone@example.com": "550 no such user"}
    with _serving(mailbox) as port:
        config = _config(port, to=("gone@example.com", "oncall@example.com"))
        EmailNotifier(config).send(notification())

    assert len(mailbox.mails) == 1


def test_a_server_that_is_away_is_to_be_tried_again():
    with pytest.raises(TryLater, match="ConnectionRefusedError"):
        EmailNotifier(_config(free_port())).send(notification())


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"to": ()}, "at least one address"),
        ({"to": ("not an address",)}, "is no email address"),
        ({"sender": "a@example.com\r\nBcc: b@example.com"}, "is no email address"),
        ({"password": "p"}, "travel in the clear"),
    ],
)
def test_mistakes_are_named_at_the_start(more: dict[str, object], problem: str):
    with pytest.raises(ValueError, match=problem):
        _config(25, **more)


def test_port_465_means_tls_from_the_start_and_the_password_is_not_shown():
    config = EmailConfig("h", ("a@b.c",), "a@b.c", port=465, password="s3cret")

    assert config.security == "implicit"
    assert "s3cret" not in repr(config)


def test_a_port_that_cannot_be_is_a_mistake():
    with pytest.raises(ValueError, match="port: expected 1 to 65535, found 65536"):
        _config(65_536)
