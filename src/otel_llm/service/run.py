"""A collector as a process: signals, the log, exit codes."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

from .reload import reload
from .settings import Settings, read_settings

logger = logging.getLogger(__name__)


def run(file: Path | None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. SIGHUP reads ``file`` again.

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
        with _signals() as signals:
            service.start()
            settle()
            while signals.get() == signal.SIGHUP:
                reload(service, file)
                settle()
    except (OSError, StoreError) as error:
        print(f"otel-llm: cannot start: {error}", file=sys.stderr)
        return 1
    logger.info("stopping: no new data, sending what was accepted")
    service.stop()
    unsettle()
    return 0


@contextmanager
def _signals() -> Generator[SimpleQueue[int]]:
    """Turn SIGTERM, SIGINT and SIGHUP into a queue; a second one of the first two ends the process
    at once."""
    signals = SimpleQueue[int]()

    def on_signal(number: int, _: FrameType | None) -> None:
        if number != signal.SIGHUP:
            signal.signal(number, signal.SIG_DFL)
        signals.put(number)

    wanted = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in wanted}
    try:
        yield signals
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
