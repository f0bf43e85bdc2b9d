"""A collector as a process: signals, the log, exit codes."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType

from .settings import Settings, read_settings

logger = logging.getLogger(__name__)


def run(file: Path | None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code.

    Raises ``ConfigError`` before anything is started. Returns 1 when a file or an address cannot
    be used.
    """
    settings = read_settings(file)
    _log_to_stderr(settings)
    from otel_llm.collector.garbage import settle, unsettle
    from otel_llm.store import StoreError

    from .assembly import Service  # imports every component: not before the settings are right

    try:
        service = Service(settings)
        with _until_signalled() as signalled:
            service.start()
            settle()
            signalled.wait()
    except (OSError, StoreError) as error:
        print(f"otel-llm: cannot start: {error}", file=sys.stderr)
        return 1
    logger.info("stopping: no new data, sending what was accepted")
    service.stop()
    unsettle()
    return 0


@contextmanager
def _until_signalled() -> Generator[Event]:
    """Turn SIGTERM and SIGINT into an event; a second signal ends the process at once."""
    signalled = Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        signalled.set()

    before = {n: signal.signal(n, on_signal) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log_to_stderr(settings: Settings) -> None:
    level = settings.sections.service.telemetry.logs.level.upper()
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )
    for chatty in ("httpx2", "uvicorn"):  # every request, every start, at info
        logging.getLogger(chatty).setLevel(logging.WARNING)
