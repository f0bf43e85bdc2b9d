"""A small authority of our own, made on the spot with openssl."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from otel_llm.collector.sending.destination import TlsConfig


@dataclass(frozen=True)
class Certificates:
    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path

    def install(self, directory: Path) -> TlsConfig:
        """Put a client's side of it there, over what there was."""
        for file in (self.ca, self.client, self.client_key):
            shutil.copy(file, directory)
        return TlsConfig(
            ca_file=directory / self.ca.name,
            cert_file=directory / self.client.name,
            key_file=directory / self.client_key.name,
        )


def certificates(directory: Path) -> Certificates:
    """Make an authority and two certificates for localhost in ``directory``."""
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    _openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test "
        "-addext keyUsage=critical,keyCertSign,cRLSign",  # Python 3.13 looks for it
        "-keyout", ca_key, "-out", ca,
    )  # fmt: skip
    for name in ("server", "client"):
        _openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2",
            f"-subj /CN={name} -addext subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext keyUsage=critical,digitalSignature,keyCertSign",
            "-CA", ca, "-CAkey", ca_key,
            "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem",
        )  # fmt: skip
    return Certificates(
        ca,
        directory / "server.pem",
        directory / "server.key",
        directory / "client.pem",
        directory / "client.key",
    )


def expired(directory: Path) -> tuple[Path, Path]:
    """Make a client's certificate of the authority in ``directory`` that held until yesterday, and
    return its files."""
    authority = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "late")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())  # whoever has the key may use it for two things
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now - timedelta(days=1))
        # Python 3.13 takes no certificate without one, whatever its dates.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "expired.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return file, directory / "ca.key"


def _openssl(*arguments: object) -> None:
    words = " ".join(map(str, arguments)).split()
    subprocess.run(["openssl", *words], check=True, capture_output=True)
