"""Several processes as one collector: ``otel-llm collector --workers N``.

Workers (``worker.py``) share the ports of the receivers: the kernel gives each connection to one of
them. This process starts them, starts one again that ends, passes signals on, and owns what there
can only be one of: the store, the alerts, the API, the totals.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from threading import Condition, Event, Thread
from types import MappingProxyType
from typing import Any

from otel_llm.collector.call_codec import unpack
from otel_llm.collector.samples import Family, merged
from otel_llm.collector.sending import SenderStatus

from .assembly import Service
from .handover import BUFFER_BYTES, Kind, Status, frames, read_status
from .settings import Settings

logger = logging.getLogger(__name__)

START_S = 120.0
"""How long a worker may take until it receives."""
_PAUSES_S = (0.1, 1.0, 5.0, 15.0)
"""Before a worker that ended is started again; the last one stays."""
_WELL_S = 60.0
"""A worker that lasted so long is well: its next end is the first again."""
_STOP_S = 30.0
"""How much longer than the drain timeout a worker may take to stop."""
_BEHIND_S = 0.01

Take = Callable[[Kind, bytes], None]


class Crew:
    """A collector of several processes. ``start`` and ``stop`` are called once each, ``change``
    between them, by one thread."""

    def __init__(self, settings: Settings, file: Path | None, workers: int) -> None:
        """Build everything that is owned here. Raises as ``Service`` does."""
        self._file = file
        self._held = [(address, *_reserve(address)) for address in _addresses(settings)]
        self._workers = [_Supervised(n, self._command, self._take) for n in range(workers)]
        self._grace_s = settings.sections.service.drain_timeout + _STOP_S
        self._service = Service(owner_settings(settings), workers=self)

    def start(self) -> None:
        """Start everything. Raises ``OSError`` when a worker does not come up."""
        self._service.start()
        for worker in self._workers:
            worker.start()
        until = time.monotonic() + START_S
        failed = [w.number for w in self._workers if not w.came_up(until - time.monotonic())]
        if failed:
            self.stop()
            raise OSError(f"worker {failed[0]} did not start; its log says why")
        logger.info("%d workers are ready", len(self._workers))

    def change(self, settings: Settings) -> None:
        """Let everything go on with what the file now says. Raises as ``Service`` does; each worker
        decides for itself as well, by the same file."""
        self._service.change(owner_settings(settings))
        for worker in self._workers:
            worker.signal(signal.SIGHUP)

    def stop(self) -> None:
        """Let the workers deliver what they can, take what they still hand over, close."""
        for worker in self._workers:
            worker.stop()
        until = time.monotonic() + self._grace_s
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
        self._service.stop()
        for _, _, held in self._held:
            held.close()

    @property
    def ready(self) -> bool:
        """Whether every worker receives."""
        return all(worker.is_up for worker in self._workers)

    def measure(self) -> Iterable[Family]:
        """What the workers have counted, as one collector's: a ``Measure``. Counts of workers that
        ended stay in it, gauges tell their worker."""
        return merged(chain.from_iterable(worker.families() for worker in self._workers))

    def senders(self) -> list[SenderStatus]:
        """How each worker's destinations do."""
        return [status for worker in self._workers for status in worker.status.senders]

    def _take(self, kind: Kind, content: bytes) -> None:
        service = self._service
        if kind is Kind.LOGS:
            if service.scores:
                service.scores.take(content)
            return
        calls = unpack(content)
        while service.writer and not service.writer.has_room(len(calls)):
            time.sleep(_BEHIND_S)  # the worker waits, and so do its senders
        service.observe(calls)

    def _command(self, number: int, connection: int) -> Sequence[str]:
        given = json.dumps({address: actual for address, actual, _ in self._held})
        module = [sys.executable, "-m", "otel_llm.service.worker"]
        file = [str(self._file)] if self._file else []
        return [*module, str(connection), str(number), given, *file]


class _Supervised:
    """One worker, started again whenever it ends before it should."""

    def __init__(
        self, number: int, command: Callable[[int, int], Sequence[str]], take: Take
    ) -> None:
        self.number = number
        self.status = Status()
        self.is_up = False
        """Whether it receives."""
        self._command, self._take = command, take
        self._ended: list[Family] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = Condition()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=f"worker {number}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def came_up(self, timeout_s: float) -> bool:
        """Wait for it; ``False`` when it ended instead, or takes too long."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_up or self._stopping.is_set(), timeout_s)
        return self.is_up

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self) -> None:
        self._stopping.set()
        self.signal(signal.SIGTERM)

    def join(self, timeout_s: float) -> None:
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
            came_up, code = self._live()
            if self._stopping.is_set():
                return
            if not came_up and not ends:
                self._give_up()
                return
            ends = 1 if time.monotonic() - began > _WELL_S else ends + 1
            pause_s = _PAUSES_S[min(ends, len(_PAUSES_S)) - 1]
            logger.error("worker %d ended (%d) and is started again", self.number, code)
            self._stopping.wait(pause_s)

    def _give_up(self) -> None:
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()

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
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C is for us to pass on
                )
            if self._stopping.is_set():
                self.signal(signal.SIGTERM)
            came_up = self._take_all(ours)
        code = self._process.wait()
        self._bury()
        return came_up, code

    def _take_all(self, connection: socket.socket) -> bool:
        came_up = False
        with suppress(OSError):
            for kind, content in frames(connection):
                if kind is not Kind.STATUS:
                    self._take(kind, content)
                    continue
                self.status = read_status(content)
                if not came_up:
                    came_up = True
                    with self._changed:
                        self.is_up = True
                        self._changed.notify_all()
        return came_up

    def _bury(self) -> None:
        """Keep the counts of a worker that ended; its gauges end with it."""
        self.is_up = False
        counts = [family for family in self.status.families if family.kind != "gauge"]
        self._ended = list(merged([*self._ended, *counts]))
        self.status = Status()


def owner_settings(settings: Settings) -> Settings:
    """Return what the process beside the workers makes of ``settings``: nothing flows through it;
    a content store is there to be read, and an exporter to tell our own metrics to."""
    sections = settings.sections
    metrics = sections.service.telemetry.metrics
    told = [] if metrics is None else [metrics.exporter]
    none: dict[str, Any] = {}
    service = replace(sections.service, pipelines={})
    stores = {n: c for n, c in settings.processors.items() if n.startswith("content_store")}
    return replace(
        settings,
        sections=replace(sections, service=service, journal=None, dead_letter=None),
        receivers=MappingProxyType(none),
        exporters={name: settings.exporters[name] for name in told},
        processors=stores,
    )


def _addresses(settings: Settings) -> list[str]:
    protocols = [config.protocols for config in settings.receivers.values()]
    servers = [server for p in protocols for server in (p.grpc, p.http) if server is not None]
    return [server.endpoint for server in servers if server.endpoint]


def _reserve(address: str) -> tuple[str, socket.socket]:
    """Take an address for the workers; return it with its port. Raises ``OSError`` when it is in
    use: sharing a port, two collectors would each get a part of the data."""
    host, _, port = address.rpartition(":")
    found = socket.getaddrinfo(host.strip("[]") or None, int(port), type=socket.SOCK_STREAM,
                               flags=socket.AI_PASSIVE)  # fmt: skip
    family, kind, protocol, _, where = found[0]
    for options in ((socket.SO_REUSEADDR,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)):
        held = socket.socket(family, kind, protocol)
        for option in options:
            held.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            held.bind(where)
        except OSError as error:
            held.close()
            raise OSError(f"cannot listen on {address}: {error}") from None
        where = held.getsockname()
        if socket.SO_REUSEPORT not in options:
            held.close()
    return f"{host}:{where[1]}", held


def _named(family: Family, worker: int) -> Family:
    if family.kind != "gauge":
        return family
    samples = [replace(s, labels={**s.labels, "worker": str(worker)}) for s in family.samples]
    return replace(family, samples=samples)
