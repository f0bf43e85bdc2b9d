"""Where a pipeline ends: one signal, all of its destinations."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from .component import Exporter, Kept, Signal
from .errors import Refused
from .journal import Journal
from .journal.queue import JournalQueue, Stranger, strangers
from .sending import Sender, Sending, drain
from .sending.dead_letter import DeadLetter
from .sending.queues import MemoryQueue
from .wire.pieces import in_pieces

Destinations = Mapping[str, tuple[Exporter, Sending]]
"""Exporters by name, each with its settings. They stay the caller's to close."""


class Outbox(ABC):
    """Gives every destination the same bytes. Thread-safe."""

    senders: Sequence[Sender[Any]]

    def put(self, payload: bytes) -> Kept:
        """Return from when on we answer for ``payload``; raises ``Refused`` when there is no room.
        A large one is kept in pieces, all of them or none. An empty request goes nowhere."""
        return self._keep(payload) if payload and self._is_read else None

    @property
    def _is_read(self) -> bool:
        """Whether anybody wants what is put."""
        return bool(self.senders)

    @abstractmethod
    def _keep(self, payload: bytes) -> Kept: ...

    @property
    @abstractmethod
    def has_room(self) -> bool:
        """Whether a small request would be taken."""

    @abstractmethod
    def prepare(
        self, destinations: Destinations, dead_letter: DeadLetter | None
    ) -> Sequence[Sender[Any]]:
        """Make what sends to those of them that are new, for ``change`` or ``discard``. Raises
        ``OSError`` when that is impossible; then nothing has changed."""

    @abstractmethod
    def change(
        self,
        destinations: Destinations,
        dead_letter: DeadLetter | None,
        prepared: Sequence[Sender[Any]],
    ) -> Callable[[float], None]:
        """Send to these from now on, to the new ones by what ``prepare`` made of the same. A
        destination with the same exporter goes on as if nothing had happened. Returns what brings
        the others to their end within so many seconds: to be called once. One thread changes an
        outbox; others go on putting."""

    def discard(self, prepared: Sequence[Sender[Any]]) -> None:
        """Let go of what ``prepare`` made."""
        for sender in prepared:
            sender.queue.abandon()

    def _leaving(
        self, destinations: Destinations, dead_letter: DeadLetter | None
    ) -> list[Sender[Any]]:
        return [
            sender
            for sender in self.senders
            if sender.name not in destinations
            or not sender.serves(*destinations[sender.name], dead_letter)
        ]

    def start(self) -> None:
        """Begin to send."""
        for sender in self.senders:
            sender.start()

    @abstractmethod
    def settle(self) -> None:
        """Answer for what was put and is not answered for yet."""

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
        self._signal: Signal = signal
        self.senders: Sequence[Sender[MemoryQueue]] = [
            self._sender(name, destinations, dead_letter) for name in destinations
        ]

    def prepare(
        self, destinations: Destinations, dead_letter: DeadLetter | None
    ) -> Sequence[Sender[Any]]:
        """See ``Outbox``."""
        leaving = self._leaving(destinations, dead_letter)
        staying = {sender.name for sender in self.senders if sender not in leaving}
        new = [name for name in destinations if name not in staying]
        return [self._sender(name, destinations, dead_letter) for name in new]

    def change(
        self,
        destinations: Destinations,
        dead_letter: DeadLetter | None,
        prepared: Sequence[Sender[Any]],
    ) -> Callable[[float], None]:
        """See ``Outbox``: what a destination whose settings changed still has to send is handed
        over."""
        leaving = self._leaving(destinations, dead_letter)
        added = {sender.name: sender for sender in prepared}
        for sender in added.values():
            sender.start()
        self.senders = [*(s for s in self.senders if s not in leaving), *added.values()]

        def finish(grace_s: float) -> None:
            until = time.monotonic() + grace_s
            for sender in leaving:
                sender.close()
            for sender in leaving:
                heir = added.get(sender.name)
                if heir is None:
                    sender.join(until - time.monotonic())
                    continue
                for payload in sender.hand_over(until - time.monotonic()):
                    heir.queue.put(payload)

        return finish

    def _sender(
        self, name: str, destinations: Destinations, dead_letter: DeadLetter | None
    ) -> Sender[MemoryQueue]:
        exporter, config = destinations[name]
        return Sender(name, self._signal, exporter, config, _queue(config), dead_letter)

    def _keep(self, payload: bytes) -> None:
        full = [sender for sender in self.senders if not sender.queue.has_room(len(payload))]
        if full and len(full) == len(self.senders):
            raise Refused("every sending queue is full")
        pieces = list(in_pieces(payload))
        for piece in pieces if full else ():
            self._overflow(full, piece)
        for sender in self.senders:
            if sender not in full:
                for piece in pieces:
                    sender.queue.put(piece)

    @property
    def has_room(self) -> bool:
        """See ``Outbox``."""
        return not self.senders or any(sender.queue.has_room(1) for sender in self.senders)

    def settle(self) -> None:
        """See ``Outbox``: nothing."""

    def close(self) -> None:
        """See ``Outbox``: nothing."""

    def _overflow(self, full: Sequence[Sender[MemoryQueue]], payload: bytes) -> None:
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
        """The journal is the outbox's to close, also when this raises ``OSError``."""
        self.journal = journal
        self._signal: Signal = signal
        self.senders: Sequence[Sender[JournalQueue]] = []
        try:
            self.senders = self.prepare(destinations, dead_letter)
        except BaseException:
            journal.close()
            raise
        self._strangers = strangers(journal, destinations)
        journal.release()

    def prepare(
        self, destinations: Destinations, dead_letter: DeadLetter | None
    ) -> Sequence[Sender[Any]]:
        """See ``Outbox``."""
        here = {sender.name for sender in self.senders}
        made: list[Sender[JournalQueue]] = []
        try:
            for name in destinations:
                if name not in here:
                    made.append(self._sender(name, destinations, dead_letter))
        except BaseException:
            self.discard(made)
            raise
        return made

    def discard(self, prepared: Sequence[Sender[Any]]) -> None:
        """See ``Outbox``."""
        for sender in prepared:
            sender.queue.forget()

    def change(
        self,
        destinations: Destinations,
        dead_letter: DeadLetter | None,
        prepared: Sequence[Sender[Any]],
    ) -> Callable[[float], None]:
        """See ``Outbox``: whoever sends, the journal keeps the place."""
        leaving = self._leaving(destinations, dead_letter)
        self.senders = [*self.senders, *prepared]
        for sender in prepared:
            sender.start()
        self._strangers = [s for s in self._strangers if not s.left_for(destinations)]

        def finish(grace_s: float) -> None:
            until = time.monotonic() + grace_s
            for sender in leaving:
                sender.close()
            for sender in leaving:
                sender.hand_over(until - time.monotonic())
                self._replace(sender, destinations, dead_letter)

        return finish

    def _replace(
        self,
        sender: Sender[JournalQueue],
        destinations: Destinations,
        dead_letter: DeadLetter | None,
    ) -> None:
        """Let another sender of that name go on where ``sender`` was, or keep its place."""
        others = [other for other in self.senders if other is not sender]
        if sender.name in destinations:
            heir = self._sender(sender.name, destinations, dead_letter)
            self.senders = [*others, heir]
            heir.start()
        else:
            self.senders = others
            if sender.queue.size_bytes:
                self._strangers.append(Stranger(self.journal, sender.name, sender.queue.position))
        self.journal.leave(sender.queue)
        self.journal.release()

    def _sender(
        self, name: str, destinations: Destinations, dead_letter: DeadLetter | None
    ) -> Sender[JournalQueue]:
        exporter, config = destinations[name]
        queue = JournalQueue(self.journal, name)
        return Sender(name, self._signal, exporter, config, queue, dead_letter)

    @property
    def _is_read(self) -> bool:
        return self.journal.is_read

    def _keep(self, payload: bytes) -> Kept:
        try:
            return self.journal.begin(*in_pieces(payload))
        finally:
            if self.journal.crowded:
                self._make_room()

    @property
    def has_room(self) -> bool:
        """See ``Outbox``."""
        return self.journal.takes_data

    def settle(self) -> None:
        """See ``Outbox``."""
        self.journal.settle()

    def close(self) -> None:
        """See ``Outbox``."""
        self.journal.close()

    def _make_room(self) -> None:
        strangers, self._strangers = self._strangers, []
        for stranger in strangers:
            stranger.give_up()
        for sender in self.senders:
            if sender.queue.pressed:
                sender.hurry()


def stop_all(outboxes: Collection[Outbox], grace_s: float) -> None:
    """Stop several, together within ``grace_s`` seconds."""
    for outbox in outboxes:
        outbox.settle()
    drain([sender for outbox in outboxes for sender in outbox.senders], grace_s)
    for outbox in outboxes:
        outbox.close()


def _queue(config: Sending) -> MemoryQueue:
    return MemoryQueue(config.sending_queue.queue_size)
