"""Where a pipeline ends: one signal, all of its destinations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .component import Exporter, Signal
from .dead_letter import DeadLetter
from .errors import Refused
from .journal import Journal
from .journal_queue import JournalQueue, strangers
from .queues import MemoryQueue
from .sending import Sender, Sending, drain

Destinations = Mapping[str, tuple[Exporter, Sending]]
"""Exporters by name, each with its settings. They stay the caller's to close."""


class Outbox(ABC):
    """Gives every destination the same bytes. Thread-safe."""

    senders: Sequence[Sender[Any]]

    def put(self, payload: bytes) -> None:
        """Return when we answer for ``payload``; raises ``Refused`` when there is no room. An
        empty request goes nowhere."""
        if payload and self.senders:
            self._keep(payload)

    @abstractmethod
    def _keep(self, payload: bytes) -> None: ...

    def start(self) -> None:
        """Begin to send."""
        for sender in self.senders:
            sender.start()

    @abstractmethod
    def close(self) -> None:
        """Release what it keeps data in, once its senders have ended."""

    def stop(self, grace_s: float) -> None:
        """Send what is left within ``grace_s`` seconds; the rest stays in the journal, or is
        buried."""
        stop_all([self], grace_s)


class MemoryOutbox(Outbox):
    """Each destination has a queue in memory: quick, and lost with the process.

    When no destination has room, the request is refused and nobody has it. When only some have
    none, those get theirs through the dead letter, so that a destination that is gone holds up no
    other; without a dead letter, the request is refused.
    """

    def __init__(
        self, signal: Signal, destinations: Destinations, dead_letter: DeadLetter | None = None
    ) -> None:
        self.senders: Sequence[Sender[MemoryQueue]] = [
            Sender(name, signal, exporter, config, _queue(config), dead_letter)
            for name, (exporter, config) in destinations.items()
        ]

    def _keep(self, payload: bytes) -> None:
        full = [sender for sender in self.senders if not sender.queue.has_room(len(payload))]
        if full:
            self._overflow(full, payload)
        for sender in self.senders:
            if sender not in full:
                sender.queue.put(payload)

    def close(self) -> None:
        """See ``Outbox``: nothing."""

    def _overflow(self, full: Sequence[Sender[MemoryQueue]], payload: bytes) -> None:
        if len(full) == len(self.senders):
            raise Refused("every sending queue is full")
        try:
            for sender in full:
                sender.overflow(payload)
        except OSError as error:
            raise Refused("a sending queue is full, and so is the disk") from error


class JournalOutbox(Outbox):
    """All destinations read from one journal: what is not delivered when the process ends, however
    it ends, is delivered by the next one.
    """

    def __init__(
        self,
        signal: Signal,
        destinations: Destinations,
        journal: Journal,
        dead_letter: DeadLetter | None = None,
    ) -> None:
        """The journal is the outbox's to close."""
        self.journal = journal
        self.senders: Sequence[Sender[JournalQueue]] = [
            Sender(name, signal, exporter, config, JournalQueue(journal, name), dead_letter)
            for name, (exporter, config) in destinations.items()
        ]
        self._strangers = strangers(journal, destinations)
        journal.release()

    def _keep(self, payload: bytes) -> None:
        try:
            self.journal.append(payload)
        finally:
            if self.journal.crowded:
                self._make_room()

    def close(self) -> None:
        """See ``Outbox``."""
        self.journal.close()

    def _make_room(self) -> None:
        while self._strangers:
            self._strangers.pop().give_up()
        for sender in self.senders:
            if sender.queue.pressed:
                sender.hurry()


def stop_all(outboxes: Collection[Outbox], grace_s: float) -> None:
    """Stop several, together within ``grace_s`` seconds."""
    drain([sender for outbox in outboxes for sender in outbox.senders], grace_s)
    for outbox in outboxes:
        outbox.close()


def _queue(config: Sending) -> MemoryQueue:
    return MemoryQueue(config.sending_queue.queue_size)
