"""Where data goes that no destination took: files that can be read, moved and sent again.

Per destination and signal one file of OTLP JSON lines (opentelemetry-proto, file-exporter.md), so
any OTLP tool can read it, and beside it ``….reasons.jsonl``: for each line its byte offset, when,
how many items and why. What a receiver rejected stands in ``rejected-RECEIVER-SIGNAL.jsonl``. What
JSON cannot express stands there whole, as base64 (``payload``). Telemetry may hold anything: the
files are readable by their owner alone.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

from otel_llm.config.units import Size

from ..component import Signal
from ..durable import make_directory, sync_directory
from ..errors import Malformed, Refused
from ..protocol import METHODS
from ..wire.envelope import count
from ..wire.otlp_json import from_json, to_json

SPARE: Final = 0.25
"""Share of ``max_size`` that may be filled before only destinations have room."""


@dataclass(frozen=True, slots=True)
class DeadLetterConfig:
    """Where undeliverable data is kept."""

    directory: Path
    """Made when missing, for its owner alone."""
    max_size: Size = 2**30
    """Bytes of all files together. When they are full, nothing more is given up on."""


class DeadLetter:
    """Appends to the files of one directory. Thread-safe."""

    def __init__(self, config: DeadLetterConfig) -> None:
        """Raises ``OSError`` for a directory that cannot be used."""
        self._config = config
        make_directory(self._config.directory)
        self._lock = Lock()

    def bury(
        self, destination: str, signal: Signal, payload: bytes, reason: str, said: str = ""
    ) -> None:
        """Keep one request; on return it is on the disk.

        Raises ``Refused`` when the files have reached ``max_size`` and ``OSError`` as the disk
        does.
        """
        line = to_json(signal, payload)
        note: dict[str, object] = {
            "signal": signal,
            "time": datetime.now(UTC).isoformat(),
            "reason": reason,
            "said": said,
            "items": count(signal, payload),
            "payload": base64.b64encode(payload).decode() if line is None else None,
        }
        with self._lock:
            self._write(f"{safe_name(destination)}-{signal}", line, note)

    @property
    def has_room_to_spare(self) -> bool:
        """Whether most of it is empty."""
        return self.size_bytes() < SPARE * self._config.max_size

    def size_bytes(self) -> int:
        """Bytes of all files together."""
        directory = self._config.directory
        return sum(file.stat().st_size for file in directory.glob("*.jsonl") if file.is_file())

    def _write(self, stem: str, line: str | None, note: dict[str, object]) -> None:
        make_directory(self._config.directory)  # somebody may have cleared up
        data = b"" if line is None else f"{line}\n".encode()
        if self.size_bytes() + len(data) > self._config.max_size:
            raise Refused("the dead letter is full")
        file = self._config.directory / f"{stem}.jsonl"
        offset = _append(file, data)
        if data:
            note["offset"] = offset
        said = {key: value for key, value in note.items() if value not in (None, "")}
        try:
            _append(file.with_suffix(".reasons.jsonl"), f"{json.dumps(said)}\n".encode())
        except OSError:
            os.truncate(file, offset)  # it will be buried again, and must not be there twice
            raise


def _complain(error: Malformed) -> None:
    raise error


def read(
    file: Path, broken: Callable[[Malformed], object] = _complain
) -> Iterator[tuple[Signal, bytes]]:
    """Yield the requests of a dead letter, or of any file of OTLP JSON lines, that are there now.

    ``broken`` gets what names a line that is none; by default it is raised. Raises ``OSError`` when
    it cannot be read. Half a line at the end was being written when the process died, and nothing
    was forgotten for it.
    """
    for number, line in _lines(file):
        try:
            yield from_json(line)
        except Malformed as error:
            if line.endswith(b"\n"):
                broken(Malformed(f"{file.name}, line {number}: {error}"))
    notes = file.with_name(f"{file.stem}.reasons.jsonl")
    if not notes.exists():
        return
    for number, line in _lines(notes):
        try:
            yield from _whole(line)
        except (ValueError, TypeError, KeyError):
            if line.endswith(b"\n"):
                broken(Malformed(f"{notes.name}, line {number}: not a note of a dead letter"))


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Number the lines that are there now: what is sent again may come back at the end."""
    with file.open("rb") as lines:
        left = os.fstat(lines.fileno()).st_size
        for number, line in enumerate(lines, start=1):
            if left <= 0:
                return
            left -= len(line)
            if line.strip():
                yield number, line


def _whole(line: bytes) -> Iterator[tuple[Signal, bytes]]:
    """Yield the request that stands in its note, if one does."""
    note: dict[str, Any] = json.loads(line)
    if "payload" in note:
        if note["signal"] not in METHODS:
            raise ValueError(note["signal"])
        yield note["signal"], base64.b64decode(note["payload"], validate=True)


def _append(file: Path, data: bytes) -> int:
    """Append all of ``data`` or nothing, durably; returns the offset at which it starts."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        start = _mend(descriptor)
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
            if not start:  # it may be new
                sync_directory(file.parent)
        except OSError:
            os.ftruncate(descriptor, start)
            raise
        return start
    finally:
        os.close(descriptor)


def _mend(descriptor: int) -> int:
    """Cut off half a line that a dying process left; returns where the next one starts."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        size = os.pread(descriptor, size, 0).rfind(b"\n") + 1
        os.ftruncate(descriptor, size)
    return size


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def safe_name(destination: str) -> str:
    """Return what stands for an exporter's name in a file's."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", destination)
