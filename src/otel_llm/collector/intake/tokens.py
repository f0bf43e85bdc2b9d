"""Bearer tokens in a file: one per line, and after a space the tenant it stands for.

The file is read again when it changes. ``#`` begins a comment. No token is ever logged or shown.
"""

from __future__ import annotations

import hmac
import logging
import os
from contextlib import suppress

_log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]


class TokenFile:
    """The tokens of one file.

    Raises ``ValueError`` when there is none to be read at the start; a file that cannot be read
    later, or holds none, leaves the tokens as they were.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._seen: _Stamp | None = None
        self._tokens: tuple[tuple[bytes, str], ...] = ()
        try:
            self._read()
        except OSError as error:
            raise ValueError(f"token_file: cannot read {path}: {error.strerror}") from error
        if not self._tokens:
            raise ValueError(f"token_file: {path} holds no token")

    def holds(self, token: str) -> bool:
        """Whether ``token`` is one of them, in the same time whatever it is."""
        return self.tenant(token) is not None

    def tenant(self, token: str) -> str | None:
        """Return whom ``token`` stands for, ``""`` when its line names nobody, ``None`` when it is
        not one of them; in the same time whatever it is."""
        with suppress(OSError):  # being replaced: the old ones still hold
            self._read()
        given = token.encode("utf-8", "surrogateescape")
        same = [tenant for known, tenant in self._tokens if hmac.compare_digest(given, known)]
        return same[0] if same else None

    def _read(self) -> None:
        info = os.stat(self._path)
        stamp = (info.st_mtime_ns, info.st_ino, info.st_size)
        if self._seen == stamp:
            return
        with open(self._path, "rb") as file:
            tokens = tuple(_entry(line) for line in file if line.strip()[:1] not in (b"", b"#"))
        if self._seen is not None:
            _log.info("%s was read again: %d tokens", self._path, len(tokens or self._tokens))
        self._tokens = tokens or self._tokens
        self._seen = stamp


def _entry(line: bytes) -> tuple[bytes, str]:
    token, *tenant = line.split(maxsplit=1)
    return token, tenant[0].strip().decode("utf-8", "replace") if tenant else ""


def bearer(authorization: str) -> str:
    """Return the token of an ``Authorization`` header, ``""`` when it is none."""
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
