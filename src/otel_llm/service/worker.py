"""One of several processes that receive on the same ports: ``otel-llm collector --workers``.

A worker receives, processes and sends; it has a journal of its own. Store, alerts, API and totals
are with the process that started it (``crew.py``), to which it hands every call.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from typing import Any

from otel_llm.collector.component import Signal
from otel_llm.collector.errors import DeliveryError
from otel_llm.evaluation import EvaluationConfig

from .assembly import Service
from .handover import Handover, Status, worker_name
from .logs import log_to_stderr
from .run import serve
from .settings import Settings
from .snapshot import read_snapshot

logger = logging.getLogger(__name__)

_TELL_S = 0.5
"""How old what the other process says about this one can be."""


class Worker:
    """A collector without anything that there can only be one of."""

    def __init__(
        self, settings: Settings, number: int, addresses: Mapping[str, str], handover: Handover
    ) -> None:
        """``addresses`` are the ones to use for those of the settings."""
        self._number, self._addresses, self._handover = number, addresses, handover
        self._service = Service(self._fitted(settings), handover=handover)
        self._journaled = settings.sections.journal is not None
        self._stopping = Event()
        self._orphaned = False
        self._telling = Thread(target=self._tell, daemon=True, name="worker tells")
        self._following = Thread(target=self._follow_owner, daemon=True, name="worker listens")

    def start(self) -> None:
        """See ``Service``."""
        self._following.start()  # what the service asks when it starts is answered there
        self._service.start()
        self._telling.start()

    def change(self, settings: Settings) -> None:
        """See ``Service``."""
        self._service.change(self._fitted(settings))

    def stop(self) -> None:
        """See ``Service``. Without its owner a worker ends soon: what it has stays in the journal,
        and whoever starts next waits for it."""
        self._service.stop(0.0 if self._orphaned and self._journaled else None)
        self._stopping.set()
        self._telling.join()
        with suppress(OSError):
            self._handover.tell(self._status())
        self._handover.close()
        self._following.join()

    def _fitted(self, settings: Settings) -> Settings:
        return worker_settings(settings, self._number, self._addresses)

    def _tell(self) -> None:
        while self._tell_once() and not self._stopping.wait(_TELL_S):
            """Tell again."""

    def _tell_once(self) -> bool:
        """Say how this worker does; return whether anybody listens."""
        try:
            self._handover.tell(self._status())
        except OSError:
            return False
        except Exception as error:  # noqa: BLE001 - the next time it may be said
            logger.error("how this worker does was not said: %s", type(error).__name__)
        return True

    def _follow_owner(self) -> None:
        """Stop when the process that owns the store is gone: calls would have nowhere to go."""
        self._handover.listen(self._send_own)
        if not self._stopping.is_set():
            self._orphaned = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _send_own(self, signal: Signal, payload: bytes) -> None:
        try:
            self._service.flow.send_own(signal, payload)
        except DeliveryError as error:
            logger.warning("own %s were not taken: %s", signal, error)

    def _status(self) -> Status:
        service = self._service
        flow = service.flow
        return Status(list(service.measure()), [s.status() for s in flow.senders], flow.full)


def worker_settings(settings: Settings, number: int, addresses: Mapping[str, str]) -> Settings:
    """Return what a worker makes of ``settings``: shared ports, directories of its own, nothing
    that there can only be one of; of the store only what it wants to be shown."""
    sections, name = settings.sections, worker_name(number)
    journal, letters = sections.journal, sections.dead_letter
    own = replace(
        sections,
        api=None,
        alerting=None,
        evaluation=_choosing(sections.evaluation),
        journal=journal and replace(journal, directory=journal.directory / name),
        dead_letter=letters and replace(letters, directory=letters.directory / name),
    )
    receivers = {n: shared(config, addresses) for n, config in settings.receivers.items()}
    return replace(settings, sections=own, receivers=receivers)


def _choosing(config: EvaluationConfig | None) -> EvaluationConfig | None:
    """Return what is needed to choose the calls that are judged elsewhere."""
    return replace(config, suites=(), embeddings=None) if config and config.judge else None


def shared(receiver: Any, addresses: Mapping[str, str]) -> Any:
    """Return a receiver's settings with ports that several processes can have."""
    protocols = receiver.protocols
    servers = {
        name: replace(
            config, endpoint=addresses.get(config.endpoint, config.endpoint), reuse_port=True
        )
        for name in ("grpc", "http")
        if (config := getattr(protocols, name)) is not None
    }
    return replace(receiver, protocols=replace(protocols, **servers))


def main() -> int:
    """Run as ``python -m otel_llm.service.worker SOCKET CALLS SAID SETTINGS NUMBER ADDRESSES``, of
    which the first four are open files."""
    connection, calls, said, snapshot, number, addresses = sys.argv[1:]
    read = partial(read_snapshot, int(snapshot))
    settings = read()
    log_to_stderr(settings, f"worker {number}")
    handover = Handover(socket.socket(fileno=int(connection)), int(calls), int(said))
    return serve(lambda: Worker(settings, int(number), json.loads(addresses), handover), read)


if __name__ == "__main__":
    sys.exit(main())
