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
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

from otel_llm.config.units import Size

from .component import Signal
from .envelope import count
from .errors import Malformed, Refused
from .otlp_json import from_json, to_json

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
        self._make_directory()
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

    def _make_directory(self) -> None:
        self._config.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def has_room_to_spare(self) -> bool:
        """Whether most of it is empty."""
        return self.size_bytes() < SPARE * self._config.max_size

    def size_bytes(self) -> int:
        """Bytes of all files together."""
        directory = self._config.directory
        return sum(file.stat().st_size for file in directory.glob("*.jsonl") if file.is_file())

    def _write(self, stem: str, line: str | None, note: dict[str, object]) -> None:
        self._make_directory()  # somebody may have cleared up
        data = b"" if line is None else f"{line}\n".encode()
        if self.size_bytes() + len(data) > self._config.max_size:
            raise Refused("the dead letter is full")
        offset = _append(self._config.directory / f"{stem}.jsonl", data)
        if data:
            note["offset"] = offset
        said = {key: value for key, value in note.items() if value not in (None, "")}
        _append(self._config.directory / f"{stem}.reasons.jsonl", f"{json.dumps(said)}\n".encode())


def read(file: Path) -> Iterator[tuple[Signal, bytes]]:
    """Yield the requests of a dead letter, or of any file of OTLP JSON lines.

    Raises ``Malformed`` naming the line that is none, ``OSError`` when it cannot be read. Half a
    line at the end was being written when the process died, and nothing was forgotten for it.
    """
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield from_json(line)
                except Malformed as error:
                    if line.endswith("\n"):
                        raise Malformed(f"{file.name}, line {number}: {error}") from error
    yield from _only_in_notes(file)


def _only_in_notes(file: Path) -> Iterator[tuple[Signal, bytes]]:
    notes = file.with_name(f"{file.stem}.reasons.jsonl")
    if not notes.exists():
        return
    with notes.open(encoding="utf-8") as lines:
        for line in lines:
            note: dict[str, Any] = json.loads(line) if line.endswith("\n") else {}
            if "payload" in note:
                yield note["signal"], base64.b64decode(note["payload"])


def _append(file: Path, data: bytes) -> int:
    """Append all of ``data`` or nothing, durably; returns the offset at which it starts."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        start = _mend(descriptor)
        try:
            _write_all(descriptor, data)
        except OSError:
            os.ftruncate(descriptor, start)
            raise
        os.fsync(descriptor)
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
