"""Several processes as one collector: ``otel-llm collector --workers N``.

Workers (``worker.py``) share the ports of the receivers: the kernel gives each connection to one of
them. This process starts them, starts one again that ends, passes signals on, and owns what there
can only be one of: the store, the alerts, the API, the totals.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from otel_llm.collector.component import Signal
from otel_llm.collector.measures.samples import Family, merged
from otel_llm.collector.normalize.known_calls import SHARED_BYTES
from otel_llm.collector.normalize.said_memory import bytes_for
from otel_llm.collector.processors.normalize import NormalizeConfig
from otel_llm.collector.sending.status import SenderStatus
from otel_llm.collector.shared_memory import shared_file

from .assembly import Service
from .desk import Desk
from .handover import worker_name
from .outboxes import tell_waiting
from .settings import PipelineConfig, Settings
from .snapshot import Snapshot
from .supervised import Supervised

logger = logging.getLogger(__name__)

START_S = 120.0
"""How long a worker may take until it receives."""
_STOP_S = 30.0
"""How much longer than the drain timeout a worker may take to stop."""
_LOOK_S = 0.1
_OWNED = ("content_store", "cost", "sample")
"""Processors that the owner has as well: a store to be read, prices, what is known of traces."""


class Crew:
    """A collector of several processes. ``start`` and ``stop`` are called once each, ``change``
    between them, by one thread."""

    def __init__(self, settings: Settings, workers: int) -> None:
        """Build everything that is owned here. Raises as ``Service`` does."""
        self._calls, self._said = shared_file(SHARED_BYTES), shared_file(_said_bytes(settings))
        self._snapshot = Snapshot(settings)
        self._settings = settings
        self._grace_s = settings.sections.service.drain_timeout + _STOP_S
        _let_end(_locks(settings), self._grace_s)
        self._held = [(address, *_reserve(address)) for address in _addresses(settings)]
        files = [self._calls, self._said, self._snapshot.file]
        self._service = Service(owner_settings(settings), workers=self)
        self._desk = desk = Desk(self._service, workers)
        self._workers = [Supervised(n, self._command, desk.take, files) for n in range(workers)]

    def start(self) -> None:
        """Start everything. Raises ``OSError`` when a worker does not come up."""
        self._service.office.catch_up(self._settings.sections.journal)
        self._service.start()
        if journal := self._settings.sections.journal:
            tell_waiting(journal.directory, map(worker_name, range(len(self._workers))))
        for worker in self._workers:
            worker.start()
        until = time.monotonic() + START_S
        failed = [w.number for w in self._workers if not w.came_up(until - time.monotonic())]
        if failed:
            self.stop()
            raise OSError(f"worker {failed[0]} did not start; its log says why")
        self._desk.complete.set()
        if self._service.office.writer:
            self._service.office.writer.flush()  # what workers found to be processed
        logger.info("%d workers are ready", len(self._workers))

    def change(self, settings: Settings) -> None:
        """Let everything go on with what the file now says. Raises as ``Service`` does; each worker
        decides for itself as well, by the same file."""
        before = dict(self._service.flow.processing.verdicts())
        self._service.change(owner_settings(settings))
        for name, verdicts in self._service.flow.processing.verdicts():
            if name in before and before[name] is not verdicts:
                verdicts.inherit(before[name])  # the workers still ask of what they hold
        self._settings = settings
        self._snapshot.take(settings)
        for worker in self._workers:
            worker.read_again()

    def stop(self) -> None:
        """Let the workers deliver what they can, take what they still hand over, close."""
        if self._service.office.evaluation:
            self._service.office.evaluation.stop(self._service.grace_s)
        for worker in self._workers:
            worker.stop()
        until = time.monotonic() + self._grace_s
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
        self._desk.close()
        self._service.stop()
        for _, _, held in self._held:
            held.close()
        os.close(self._calls)
        os.close(self._said)
        self._snapshot.close()

    @property
    def ready(self) -> bool:
        """Whether every worker receives."""
        return all(worker.is_up for worker in self._workers)

    def measure(self) -> Iterable[Family]:
        """What the workers have counted, as one collector's: a ``Measure``. Counts of workers that
        ended stay in it, gauges tell their worker."""
        theirs = chain.from_iterable(worker.families() for worker in self._workers)
        return merged([*theirs, *self._service.flow.measure()])

    def senders(self) -> list[SenderStatus]:
        """How each worker's destinations do."""
        return [status for worker in self._workers for status in worker.status.senders]

    @property
    def full(self) -> frozenset[str]:
        """Names of the pipelines of which a worker takes nothing: it gets its part of what comes,
        whatever the others have room for."""
        return frozenset[str]().union(*(worker.status.full for worker in self._workers))

    @property
    def pipelines(self) -> Mapping[str, PipelineConfig]:
        """What data passes through in each of them."""
        return self._settings.sections.service.pipelines

    def send_own(self, signal: Signal, payload: bytes) -> bool:
        """Let one of them take what this process has to tell; return whether one did."""
        taken = any(name.partition("/")[0] == signal for name in self.pipelines)
        return taken and any(worker.own(signal, payload) for worker in self._workers)

    def _command(self, number: int, connection: int) -> Sequence[str]:
        given = json.dumps({address: actual for address, actual, _ in self._held})
        module = [sys.executable, "-m", "otel_llm.service.worker"]
        files = map(str, (connection, self._calls, self._said, self._snapshot.file))
        return [*module, *files, str(number), given]


def owner_settings(settings: Settings) -> Settings:
    """Return what the process beside the workers makes of ``settings``: nothing flows through it;
    a content store is there to be read, prices to judge by, an exporter to tell our own metrics to;
    which traces are kept is decided here."""
    sections = settings.sections
    metrics = sections.service.telemetry.metrics
    told = [] if metrics is None else [metrics.exporter]
    none: dict[str, Any] = {}
    service = replace(sections.service, pipelines={})
    owned = {n: c for n, c in settings.processors.items() if n.partition("/")[0] in _OWNED}
    return replace(
        settings,
        sections=replace(sections, service=service, journal=None, dead_letter=None),
        receivers=MappingProxyType(none),
        exporters={name: settings.exporters[name] for name in told},
        processors=owned,
    )


def _said_bytes(settings: Settings) -> int:
    """Return how large the memory of what was said apart from spans is: what is not used of it is
    not taken."""
    given = [c for c in settings.processors.values() if isinstance(c, NormalizeConfig)]
    return bytes_for(max(c.event_memory for c in [NormalizeConfig(), *given]))


def _locks(settings: Settings) -> list[Path]:
    """Return the lock of every journal of traces that workers have, or had."""
    journal = settings.sections.journal
    return sorted(journal.directory.glob("worker-*/traces*/lock")) if journal else []


def _let_end(locks: Iterable[Path], patience_s: float) -> None:
    """Wait for workers whose owner ended suddenly: they are about to end, and have the ports and
    the journals till then."""
    until = time.monotonic() + patience_s
    for lock in locks:
        while _is_held(lock) and time.monotonic() < until:
            time.sleep(_LOOK_S)


def _is_held(lock: Path) -> bool:
    file = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


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
