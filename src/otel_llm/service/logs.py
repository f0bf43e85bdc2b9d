"""The collector's own log: lines of text or JSON on standard error, and not too many alike."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from otel_llm.alerting.notification import one_line

from .settings import LogsConfig, Settings

MOST_ALIKE: Final = 20
"""Lines of one kind within ``WINDOW_S``; the next window says how many more there were."""
WINDOW_S: Final = 60.0
_MAX_KINDS: Final = 1000
_CHATTY: Final = ("httpx2", "httpcore2", "uvicorn", "hpack")
"""Every request, every start, at info; at debug what headers others answer with."""

_GRPC: Final = "grpc._cython.cygrpc"


def log_to_stderr(settings: Settings, who: str = "") -> None:
    """Write the log as configured, each line with ``who`` writes it. Called again, it changes what
    was set before, but for ``who``."""
    config = settings.sections.service.telemetry.logs
    root = logging.getLogger()
    handler = next((h for h in root.handlers if isinstance(h, _Handler)), None)
    if handler is None:
        handler = _Handler(who)
        root.addHandler(handler)
    handler.follow(config)
    root.setLevel(config.level.upper())
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Handler(logging.StreamHandler[TextIO]):
    def __init__(self, who: str) -> None:
        super().__init__(sys.stderr)
        self._who = who
        self.addFilter(_is_meant)
        self.addFilter(Moderation())

    def follow(self, config: LogsConfig) -> None:
        text = f"%(asctime)s %(levelname)-7s {self._who and self._who + ' '}%(name)s: %(message)s"
        in_json = config.format == "json"
        self.setFormatter(JsonLines(self._who) if in_json else TextLines(text))


def _is_meant(record: logging.LogRecord) -> bool:
    """Whether somebody wrote it. Of a text that gRPC cannot read, as one that says that no file may
    be opened, it logs what stands behind it in memory: whatever was said last, perhaps."""
    return record.name != _GRPC or not str(record.msg).startswith("Invalid encoding")


class TextLines(logging.Formatter):
    """One line for each record, whatever is quoted in it: a name with the end of a line begins no
    line of its own, and none commands a terminal. What follows of an exception is indented."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Write the local time and how far it is from UTC: elsewhere it is another, and in autumn
        an hour comes twice."""
        local = datetime.fromtimestamp(record.created).astimezone()
        return local.isoformat(sep=" ", timespec="milliseconds")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Write the line."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """Write what was raised below the line."""
        lines = super().formatException(ei).splitlines()
        return "\n".join(f"    {one_line(line)}" for line in lines)


class JsonLines(logging.Formatter):
    """One JSON object for each record: ``time``, ``severity``, ``logger``, ``message``, and
    ``process`` and ``exception`` where there is one."""

    def __init__(self, who: str = "") -> None:
        super().__init__()
        self._who = who

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": self._who,
            "exception": self.formatException(record.exc_info) if record.exc_info else "",
        }
        return json.dumps({name: value for name, value in line.items() if value})


class Moderation(logging.Filter):
    """Lets through so many records of one kind in a while. A kind is who writes what at which
    level, whatever it is about."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether ``record`` is written; tells in it of those that were not."""
        kind, now = (record.name, record.levelno, str(record.msg)), self._clock()
        since, count = self._seen.get(kind, (now, 0))
        if now - since < WINDOW_S:
            self._seen[kind] = since, count + 1
            return count < MOST_ALIKE
        if len(self._seen) > _MAX_KINDS:  # somebody writes every message anew
            self._seen.clear()
        self._seen[kind] = now, 1
        if count > MOST_ALIKE:
            left_out = count - MOST_ALIKE
            record.msg = f"{record.getMessage()} ({left_out} more like it were not written)"
            record.args = ()
        return True
