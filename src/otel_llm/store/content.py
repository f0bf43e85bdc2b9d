"""What was said, apart from the spans and encrypted: the content store.

The ``content_store`` processor takes content off the spans and puts it here; the span keeps a
reference. Each entry is sealed with AES-256-GCM under the first of the configured keys, with its
reference and key id as authenticated data, so that neither a changed nor a misplaced entry is ever
shown. To rotate, put a new key before the old one; the old one may go when what it sealed has
expired. Needs the extra ``collector``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
import os
import re
import sqlite3
import time
import zlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final, NamedTuple, cast

from otel_llm.config.units import Duration, Size
from otel_llm.sqlite import stamp

from .steady import SteadyClock

logger = logging.getLogger(__name__)

_TRIAL: Final = (
    "INSERT OR REPLACE INTO content VALUES ('trial', 0, '', 4096, zeroblob(4096))",
    "DELETE FROM content WHERE reference = 'trial'",
)
"""What is kept, and removed, to see whether a disk that failed is well again."""
SWEEP_S: Final = 60.0
"""How often what has expired is looked for."""
_KEY_BYTES, _ID_DIGITS, _REFERENCE_DIGITS = 32, 8, 32
_REFERENCE: Final = re.compile(r"[0-9a-f]{32}")
_VERSION: Final = 1
_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
PRAGMA busy_timeout = 10000;
CREATE TABLE IF NOT EXISTS content (
    reference TEXT PRIMARY KEY, at REAL NOT NULL, key_id TEXT NOT NULL,
    size INTEGER NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS content_by_age ON content (at, size);
"""
_OVERSIZE: Final = """
DELETE FROM content WHERE reference IN (
    SELECT reference FROM (
        SELECT reference, SUM(size) OVER (ORDER BY at DESC, reference) AS kept FROM content
    ) WHERE kept > ?
)
"""


class ContentError(Exception):
    """An entry is there and cannot be shown. The message holds no content."""


class WrongKey(ContentError):
    """The key that sealed it is not among those configured."""


class Tampered(ContentError):
    """It is not what was sealed."""


@dataclass(frozen=True, slots=True)
class ContentConfig:
    """Where content is kept that was taken off the spans (``content_store:``)."""

    path: Path
    """Database file, made for its owner alone."""
    key: str = field(default="", repr=False)
    """AES-256 keys, 32 bytes each as base64 or hexadecimal, separated by spaces: the first seals,
    all unseal. From ``${env:NAME}``."""
    key_file: Path | None = None
    """As ``key``, from a file, one key per line."""
    retain_for: Duration = 30 * 86_400.0
    """Content older than this is removed; 0 keeps it for ever."""
    max_size: Size = 1 * 2**30
    """When there is more, the oldest goes; 0 sets no limit."""
    token_file: str | None = None
    """Tokens that may read content through the API, one per line; other tokens may not. Without
    it, the API serves none."""

    def __post_init__(self) -> None:
        if bool(self.key) == bool(self.key_file):
            raise ValueError("give key or key_file, and not both")
        if self.key:
            _keys(self.key)


class Taken(NamedTuple):
    """The content of one span."""

    trace_id: str
    span_id: str
    content: Mapping[str, object]
    """Attribute name -> value: what JSON can say, or bytes, which are kept as base64."""


class ContentStore:
    """Entries by reference. Thread-safe; several processes may use one file."""

    def __init__(self, config: ContentConfig) -> None:
        """Open or make the file. Raises ``OSError`` and ``ValueError`` for a key or a file that
        cannot be used."""
        self.token_file = config.token_file
        """Tokens that may read through the API."""
        self._config = config
        self._keys = _keys(config.key_file.read_text("ascii") if config.key_file else config.key)
        self._key_id = next(iter(self._keys))
        self._lock = Lock()
        self._now = SteadyClock()
        self._stopped = Event()
        self._thread = Thread(target=self._sweep, name="content store", daemon=True)
        self._database = _opened(config.path)

    def start(self) -> None:
        """Begin to remove what expires. Nothing happens when it has begun."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self, grace_s: float) -> None:
        """As ``close``, which does not take long."""
        self.close()

    def close(self) -> None:
        """Stop and release the file. Safe to call twice."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()
        with self._lock:
            self._database.close()

    def put(self, content: Mapping[str, object], trace_id: str, span_id: str) -> str:
        """Keep the content of one span; return its reference. See ``put_all``."""
        return self.put_all([Taken(trace_id, span_id, content)])[0]

    def put_all(self, taken: Sequence[Taken]) -> list[str]:
        """Keep the content of some spans, all or none; return their references, in order.

        It survives the end of this process when this returns. The same content of the same span
        has the same reference. Raises ``OSError`` when it cannot be kept.
        """
        plain = [_packed(one.content) for one in taken]
        references = [self._reference(o, p) for o, p in zip(taken, plain, strict=True)]
        rows = [self._row(r, p) for r, p in zip(references, plain, strict=True)]
        with self._transaction() as database:
            database.executemany("INSERT OR IGNORE INTO content VALUES (?, ?, ?, ?, ?)", rows)
        return references

    def read(self, reference: str) -> dict[str, object] | None:
        """Return content by attribute name; ``None`` when there is none (any more).

        Raises ``WrongKey`` and ``Tampered``, and ``ContentError`` when the file cannot be read.
        """
        if not _REFERENCE.fullmatch(reference):
            return None
        asked = "SELECT key_id, CAST(sealed AS BLOB) FROM content WHERE reference = ?"
        try:
            with self._lock:
                row = self._database.execute(asked, (reference,)).fetchone()
        except sqlite3.Error as error:
            raise ContentError(f"the content store cannot be read: {error}") from error
        return None if row is None else _unpacked(self._unsealed(reference, *row))

    def expire(self, now: float | None = None) -> int:
        """Remove what is too old or too much; return how many entries went. ``now``: Unix s."""
        config, now = self._config, self._now() if now is None else now
        gone = 0
        with self._transaction() as database:
            if config.retain_for:
                oldest = now - config.retain_for
                gone += database.execute("DELETE FROM content WHERE at < ?", (oldest,)).rowcount
            if config.max_size and self._size(database) > config.max_size:
                gone += database.execute(_OVERSIZE, (config.max_size,)).rowcount
        if gone:
            self._give_back()
        return gone

    @property
    def takes_data(self) -> bool:
        """Whether something can be kept: it is tried."""
        try:
            for trial in _TRIAL:
                with self._transaction() as database:
                    database.execute(trial)
        except OSError:
            return False
        return True

    def size(self) -> int:
        """Return the bytes of all entries, as they lie on the disk."""
        with self._lock:
            return self._size(self._database)

    def _size(self, database: sqlite3.Connection) -> int:
        return int(database.execute("SELECT COALESCE(SUM(size), 0) FROM content").fetchone()[0])

    def _give_back(self) -> None:
        """Give what became free back to the disk, and leave nothing of it in the log."""
        with self._lock, suppress(sqlite3.Error):  # busy: next time
            self._database.execute("PRAGMA incremental_vacuum").fetchall()
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._database:
                    self._database.execute("BEGIN IMMEDIATE")
                    yield self._database
            except sqlite3.Error as error:
                raise OSError(f"the content store cannot be written: {error}") from error

    def _reference(self, taken: Taken, plain: bytes) -> str:
        """Nobody without the key can tell it in advance, or tell from it what was said."""
        said = f"{taken.trace_id}/{taken.span_id}/".encode() + plain
        return hmac.digest(self._keys[self._key_id], said, "sha256").hex()[:_REFERENCE_DIGITS]

    def _row(self, reference: str, plain: bytes) -> tuple[str, float, str, int, bytes]:
        from .sealing import seal

        sealed = seal(self._keys[self._key_id], plain, _about(reference, self._key_id))
        return reference, time.time(), self._key_id, len(sealed), sealed

    def _unsealed(self, reference: str, key_id: str, sealed: bytes) -> bytes:
        if key_id not in self._keys:
            raise WrongKey(f"sealed with the key {key_id}, which is not configured")
        from .sealing import unseal

        try:
            return unseal(self._keys[key_id], sealed, _about(reference, key_id))
        except ValueError as error:
            raise Tampered(f"{reference} is not what was sealed") from error

    def _sweep(self) -> None:
        while True:
            try:
                self.expire()
            except OSError as error:
                logger.error("%s", error)
            if self._stopped.wait(SWEEP_S):
                return


def _keys(text: str) -> dict[str, bytes]:
    """Return keys by id, the sealing one first. Raises ``ValueError``, never quoting one."""
    keys = [_key(word) for word in text.split()]
    if not keys:
        raise ValueError("key: there is none")
    return {hmac.digest(key, b"otel-llm key id", "sha256").hex()[:_ID_DIGITS]: key for key in keys}


def _key(word: str) -> bytes:
    with suppress(binascii.Error, ValueError):
        key = bytes.fromhex(word) if len(word) == 2 * _KEY_BYTES else _from_base64(word)
        if len(key) == _KEY_BYTES:
            return key
    raise ValueError(
        "key: not 32 bytes in base64 or hexadecimal; make one with: openssl rand -base64 32"
    )


def _from_base64(word: str) -> bytes:
    return base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)


def _about(reference: str, key_id: str) -> bytes:
    return f"{reference}/{key_id}".encode()


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)  # its log files take the mode of the database
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        if not path.stat().st_size:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # holds from the first page on
        stamp(database, path, _VERSION)
        database.executescript(_SCHEMA)
    except OSError:
        database.close()
        raise
    except sqlite3.Error as error:
        database.close()
        raise OSError(f"{path} cannot be used: {error}") from error
    return database


def _packed(content: Mapping[str, object]) -> bytes:
    text = json.dumps(dict(content), ensure_ascii=False, sort_keys=True, default=_plain)
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return list(cast("Iterable[object]", value)) if isinstance(value, Iterable) else str(value)


def _unpacked(plain: bytes) -> dict[str, object]:
    return json.loads(zlib.decompress(plain).decode("utf-8", "surrogatepass"))
