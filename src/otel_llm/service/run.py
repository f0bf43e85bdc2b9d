"""A collector as a process: signals, the log, exit codes."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final, Protocol

from .logs import log_to_stderr
from .reload import Changing, reload
from .settings import Settings, read_settings

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_NO_THREAD: Final = "can't start new thread"
"""What Python says where the process, its user or its container has as many as it may."""


class Running(Changing, Protocol):
    """A collector, or a part of one that is a process."""

    def start(self) -> None:
        """See ``Service``."""
        ...

    def stop(self) -> None:
        """See ``Service``."""
        ...


def run(file: Path | None, workers: int = 1) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. SIGHUP reads ``file`` again.

    Raises ``ConfigError`` before anything is started. Returns 1 when a file or an address cannot
    be used.
    """
    read = partial(read_settings, file)
    settings = read()
    log_to_stderr(settings)
    # These import every component: not before the settings are right.
    if workers > 1:
        from .crew import Crew

        return serve(lambda: Crew(settings, workers), read)
    from .assembly import Service

    return serve(lambda: Service(settings), read)


def serve(make: Callable[[], Running], read: Callable[[], Settings]) -> int:
    """Run what ``make`` makes, and change it by what ``read`` reads. Returns as ``run`` does."""
    from otel_llm.collector.garbage import prepare, settle, unsettle
    from otel_llm.store import StoreError

    _allow_many_connections()
    _keep_grpc_quiet()
    prepare()
    with _signals() as signals:  # to the end: one that comes while we drain must not cut it short
        try:
            service = make()
            service.start()
        except (OSError, StoreError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and _NO_THREAD not in str(error):
                raise  # a mistake of ours: where, is worth knowing
            print(f"otel-llm: cannot start: {error}", file=sys.stderr)
            return 1
        settle()
        while _next(signals) == signal.SIGHUP:
            reload(service, read)
            settle()
        logger.info("stopping: no new data, sending what was accepted")
        service.stop()
        unsettle()
    return 0


def _next(signals: SimpleQueue[int]) -> int:
    """Wait for a signal. One that comes between Python's last look and this thread's sleep is told
    only when the thread wakes."""
    while True:
        with suppress(Empty):
            return signals.get(timeout=_LOOK_S)


def _allow_many_connections() -> None:
    """Use all the files that this process may open: 1,024, the usual start, are soon taken up by
    senders that only connect."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # what macOS calls unlimited is not
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _keep_grpc_quiet() -> None:
    """Let gRPC's core, which writes past our log what the other end said, write errors alone. It
    looks when it is first used."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


@contextmanager
def _signals() -> Generator[SimpleQueue[int]]:
    """Turn SIGTERM, SIGINT and SIGHUP into a queue; a second one of the first two ends the process
    at once. A SIGHUP after them means nothing any more."""
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
