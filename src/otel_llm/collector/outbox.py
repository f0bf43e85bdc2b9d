"""Where a pipeline ends: one signal, all of its destinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .component import Exporter, Signal
from .dead_letter import DeadLetter
from .errors import Refused
from .queues import MemoryQueue
from .sending import Sender, Sending, drain


class Outbox:
    """Gives every destination the same bytes. Thread-safe.

    When no destination has room, the request is refused and nobody has it. When only some have
    none, those get theirs through the dead letter, so that a destination that is gone holds up no
    other; without a dead letter, the request is refused.
    """

    def __init__(
        self,
        signal: Signal,
        destinations: Mapping[str, tuple[Exporter, Sending]],
        dead_letter: DeadLetter | None = None,
    ) -> None:
        self.senders: Sequence[Sender[MemoryQueue]] = [
            Sender(name, signal, exporter, config, _queue(config), dead_letter)
            for name, (exporter, config) in destinations.items()
        ]

    def start(self) -> None:
        """Begin to send."""
        for sender in self.senders:
            sender.start()

    def put(self, payload: bytes) -> None:
        """Return when we answer for ``payload``; raises ``Refused`` when there is no room."""
        full = [sender for sender in self.senders if not sender.queue.has_room(len(payload))]
        if full:
            self._overflow(full, payload)
        for sender in self.senders:
            if sender not in full:
                sender.queue.put(payload)

    def stop(self, grace_s: float) -> None:
        """Send what is left within ``grace_s`` seconds; the rest is buried."""
        drain(self.senders, grace_s)

    def _overflow(self, full: Sequence[Sender[MemoryQueue]], payload: bytes) -> None:
        if len(full) == len(self.senders):
            raise Refused("every sending queue is full")
        try:
            for sender in full:
                sender.overflow(payload)
        except OSError as error:
            raise Refused("a sending queue is full, and so is the disk") from error


def _queue(config: Sending) -> MemoryQueue:
    return MemoryQueue(config.sending_queue.queue_size)
