"""Alerts by email over SMTP: plain text and HTML, one thread per group of alerts.

STARTTLS is required unless switched off; port 465 means TLS from the start.
"""

from __future__ import annotations

import base64
import html
import smtplib
import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Literal

from otel_llm.config.address import MAX_PORT
from otel_llm.config.units import Duration

from ..errors import Rejected, TryLater
from ..notification import Notification, describe

_SUBJECT = 200

_LOGGED_IN, _GO_ON = 235, 334
"""RFC 4954, 6 and 4."""


@dataclass(frozen=True, slots=True)
class EmailConfig:
    """A mail server, and who hears of alerts."""

    host: str
    """The SMTP server."""
    to: tuple[str, ...]
    """Addresses of those who are told."""
    sender: str
    """The address mail comes from."""
    port: int = 587
    """465 is TLS from the start."""
    username: str = ""
    """Empty: no login."""
    password: str = field(default="", repr=False)
    """The login's password."""
    tls: Literal["starttls", "implicit", "none"] | None = None
    """How the connection is protected; by default ``implicit`` on port 465, else ``starttls``."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    timeout: Duration = 10.0
    """How long one step of the conversation may take."""

    def __post_init__(self) -> None:
        if not self.to:
            raise ValueError("to needs at least one address")
        if not 0 < self.port <= MAX_PORT:
            raise ValueError(f"port: expected 1 to {MAX_PORT}, found {self.port}")
        for address in (*self.to, self.sender):
            _check_address(address)
        if self.password and self.security == "none":
            raise ValueError("the password would travel in the clear; set tls")

    @property
    def security(self) -> str:
        """``starttls``, ``implicit`` or ``none``."""
        return self.tls or ("implicit" if self.port == 465 else "starttls")


def _check_address(address: str) -> None:
    try:
        Address(addr_spec=address)
    except Exception:  # noqa: BLE001  # the parser raises IndexError and others for odd text
        raise ValueError(f"{address!r} is no email address") from None


def render(notification: Notification, config: EmailConfig) -> EmailMessage:
    """Return the mail. All mails about a group are answers to the same, unsent, first one."""
    domain = config.sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["From"] = config.sender
    mail["To"] = ", ".join(config.to)
    mail["Subject"] = notification.title[:_SUBJECT]
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = f"<{notification.id}@{domain}>"
    mail["In-Reply-To"] = mail["References"] = f"<{notification.group}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(notification.text())
    mail.add_alternative(_page(notification), subtype="html")
    return mail


def _page(notification: Notification) -> str:
    items = "".join(f"<li>{html.escape(describe(alert))}</li>" for alert in notification.listed())
    more = f"<p>… and {notification.unlisted} more</p>" if notification.unlisted else ""
    links = "".join(_link(name, url) for name, url in notification.links.items())
    return f"<h3>{html.escape(notification.title)}</h3><ul>{items}</ul>{more}{links}"


def _link(name: str, url: str) -> str:
    url = html.escape(url)
    return f'<p>{name.capitalize()}: <a href="{url}">{url}</a></p>'


class EmailNotifier:
    """Opens a connection for every mail: alerts are rare, and servers hang up on the idle."""

    def __init__(self, config: EmailConfig) -> None:
        self._config = config

    def send(self, notification: Notification) -> None:
        """Deliver once. Raises ``TryLater`` for 4xx answers and trouble on the line, else
        ``Rejected``. A mail that some of the addresses refused counts as delivered."""
        mail = render(notification, self._config)
        try:
            with _closing(self._connect()) as server:
                server.send_message(mail)
        except smtplib.SMTPException as error:
            raise _judge(error) from None
        except ssl.SSLCertVerificationError:
            raise Rejected("certificate is not trusted") from None
        except OSError as error:
            raise TryLater(type(error).__name__) from None

    def _connect(self) -> smtplib.SMTP:
        config = self._config
        context = ssl.create_default_context(cafile=config.ca_file)
        where, wait = (config.host, config.port), config.timeout
        if config.security == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=wait, context=context)
        else:
            server = smtplib.SMTP(*where, timeout=wait)
        try:
            if config.security == "starttls":
                server.starttls(context=context)
            if config.username:
                _log_in(server, config.username, config.password)
        except BaseException:
            server.close()
            raise
        return server

    def close(self) -> None:
        """Nothing is held open."""


def _log_in(server: smtplib.SMTP, username: str, password: str) -> None:
    if (username + password).isascii():
        server.login(username, password)
        return
    # smtplib writes ASCII alone. PLAIN says UTF-8 (RFC 4616, 2); LOGIN is written down nowhere.
    server.ehlo_or_helo_if_needed()
    if "PLAIN" in server.esmtp_features.get("auth", "").upper().split():
        answer = server.docmd("AUTH", "PLAIN " + _base64(f"\0{username}\0{password}"))
    else:
        answer = server.docmd("AUTH", "LOGIN " + _base64(username))
        if answer[0] == _GO_ON:
            answer = server.docmd(_base64(password))
    if answer[0] != _LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(*answer)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextmanager
def _closing(server: smtplib.SMTP) -> Generator[smtplib.SMTP, None, None]:
    """Say goodbye and hang up; a server that does not answer goodbye has the mail already."""
    try:
        yield server
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
    finally:
        server.close()


def _judge(error: smtplib.SMTPException) -> TryLater | Rejected:
    """Return our error: a 4xx code is temporary, 5xx final (RFC 5321, 4.2.1)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    elif isinstance(error, smtplib.SMTPResponseException):
        codes = [int(error.smtp_code)]
    elif isinstance(error, smtplib.SMTPNotSupportedError):
        return Rejected("server offers no STARTTLS or login")
    else:
        codes = [421]  # hung up
    reason = f"answered {min(codes)}"
    temporary = any(400 <= code < 500 or code < 0 for code in codes)
    return TryLater(reason) if temporary else Rejected(reason)
