"""One worker as the process that started it sees it: started, followed, started again."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Condition, Event, Thread

from otel_llm.collector.component import Signal
from otel_llm.collector.measures.samples import Family, merged

from .handover import BUFFER_BYTES, Channel, Kind, Status, frames, own, read_status

logger = logging.getLogger(__name__)

_PAUSES_S = (0.1, 1.0, 5.0, 15.0)
"""Before a worker that ended is started again; the last one stays."""
_WELL_S = 60.0
"""A worker that lasted so long is well: its next end is the first again."""

Take = Callable[[Kind, bytes, Channel], None]
"""Takes one frame from the worker at the other end of the channel."""


class Supervised:
    """One worker, started again whenever it ends before it should."""

    def __init__(
        self,
        number: int,
        command: Callable[[int, int], Sequence[str]],
        take: Take,
        files: Sequence[int] = (),
    ) -> None:
        """``command`` returns the command line for a number and a socket; ``take`` gets what comes
        over it; ``files`` stay open in the process."""
        self.number = number
        self.status = Status()
        self.is_up = False
        """Whether it receives."""
        self._command, self._take, self._files = command, take, files
        self._outdated = False
        self._ended: list[Family] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._changed = Condition()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=f"worker {number}", daemon=True)

    def start(self) -> None:
        """Start the process."""
        self._thread.start()

    def came_up(self, timeout_s: float) -> bool:
        """Wait for it; ``False`` when it ended instead, or takes too long."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_up or self._stopping.is_set(), timeout_s)
        return self.is_up

    def own(self, signal: Signal, payload: bytes) -> bool:
        """Give it what the owner has to tell, for its pipelines; return whether it took it."""
        channel = self._channel if self.is_up else None
        with suppress(OSError):
            if channel:
                channel.send(Kind.OWN, own(signal, payload))
                return True
        return False

    def signal(self, number: int) -> None:
        """Send a signal to the process, if there is one."""
        if self._process is not None:
            self._process.send_signal(number)

    def read_again(self) -> None:
        """Let the process look at its settings again: one that is starting, once it receives, for
        it may have read them already and does not know the signal yet."""
        with self._changed:
            self._outdated = not self.is_up
        if not self._outdated:
            self.signal(signal.SIGHUP)

    def stop(self) -> None:
        """Let the process end. Returns at once."""
        self._stopping.set()
        self.signal(signal.SIGTERM)

    def join(self, timeout_s: float) -> None:
        """Wait for its end; kill it when that takes longer."""
        if self._thread.ident is None:
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            logger.error("worker %d does not end and is killed", self.number)
            self.signal(signal.SIGKILL)
            self._thread.join()

    def families(self) -> list[Family]:
        """What it has counted, and those before it; its gauges say whose they are."""
        return [*self._ended, *(_named(family, self.number) for family in self.status.families)]

    def _run(self) -> None:
        ends = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            came_up, code = self._lived()
            if self._stopping.is_set():
                return
            if not came_up and not ends:
                self._give_up()
                return
            ends = 1 if time.monotonic() - began > _WELL_S else ends + 1
            pause_s = _PAUSES_S[min(ends, len(_PAUSES_S)) - 1]
            logger.error("worker %d ended (%s) and is started again", self.number, code)
            self._stopping.wait(pause_s)

    def _give_up(self) -> None:
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()

    def _lived(self) -> tuple[bool, int | str]:
        """As ``_live``. Where none could be started, for want of files, processes or memory, or
        what it handed over could not be taken, it has ended, too: the next one may fare better."""
        try:
            return self._live()
        except Exception as error:  # noqa: BLE001 - nobody else starts it again
            came_up = self.is_up
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            self._bury()
            return came_up, type(error).__name__

    def _live(self) -> tuple[bool, int]:
        """Start it and take what it hands over until it ends; return whether it ever received, and
        its exit code."""
        ours, theirs = socket.socketpair()
        with ours:
            for end in (ours, theirs):
                for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                    end.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            with theirs:
                self._process = subprocess.Popen(
                    self._command(self.number, theirs.fileno()),
                    pass_fds=[theirs.fileno(), *self._files],
                    start_new_session=True,  # Ctrl-C is for us to pass on
                )
            if self._stopping.is_set():
                self.signal(signal.SIGTERM)
            came_up = self._take_all(ours)
        code = self._process.wait()
        self._bury()
        return came_up, code

    def _take_all(self, connection: socket.socket) -> bool:
        came_up, channel = False, Channel(connection)
        self._channel = channel
        with suppress(OSError):
            for kind, content in frames(connection):
                if kind is not Kind.STATUS:
                    self._take(kind, content, channel)
                    continue
                self.status = read_status(content)
                if not came_up:
                    came_up = True
                    self._receives()
        return came_up

    def _receives(self) -> None:
        with self._changed:
            self.is_up = True
            outdated, self._outdated = self._outdated, False
            self._changed.notify_all()
        if outdated:
            self.signal(signal.SIGHUP)

    def _bury(self) -> None:
        """Keep the counts of a worker that ended; its gauges end with it."""
        self.is_up, self._channel = False, None
        counts = [family for family in self.status.families if family.kind != "gauge"]
        self._ended = list(merged([*self._ended, *counts]))
        self.status = Status()


def _named(family: Family, worker: int) -> Family:
    if family.kind != "gauge":
        return family
    samples = [replace(s, labels={**s.labels, "worker": str(worker)}) for s in family.samples]
    return replace(family, samples=samples)
