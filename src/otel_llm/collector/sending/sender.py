"""One signal on its way to one destination: queue, batch, retry, dead letter.

Each destination has its own thread and its own queue, so that one that is slow or gone delays no
other. Nothing accepted is dropped: it is delivered, or buried with the reason, or still waiting.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Event, Thread
from typing import Generic, Protocol, TypeVar

from ..component import Exporter, Signal
from ..errors import (
    DeliveryError,
    Malformed,
    PartlyRejected,
    Permanent,
    Refused,
    Retryable,
    TooLarge,
)
from ..wire.envelope import count, halve
from .destination import QueueConfig, RetryConfig
from .queues import Lot, Queue
from .retry import intervals
from .status import REMIND_S, Circuit, Clock, SenderStatus, Tally

logger = logging.getLogger(__name__)

LONGEST_ASKED_WAIT_S = 3600.0
"""A destination may ask for more; an hour later we look again."""
CHANCE_S = 300.0
"""How long a destination must have failed before anything is too old for it: what is old may have
lain in a machine that slept, or one whose clock was set."""

Q = TypeVar("Q", bound=Queue)
Part = tuple[bytes | memoryview, ...]
"""Requests that are sent as one."""


class Sending(Protocol):
    """What the settings of every exporter hold."""

    @property
    def sending_queue(self) -> QueueConfig:
        """What waits."""
        ...

    @property
    def retry_on_failure(self) -> RetryConfig:
        """What happens on failure."""
        ...


class Grave(Protocol):
    """Where what cannot be delivered goes: ``DeadLetter``, or whoever wants to know."""

    def bury(
        self, destination: str, signal: Signal, payload: bytes, reason: str, said: str = ""
    ) -> None:
        """Keep one request, for good when this returns. Raises ``Refused`` when there is no room
        and ``OSError`` as the disk does."""
        ...


class _Abandoned(Exception):
    """The time to drain is over."""


class Sender(Generic[Q]):
    """Sends one signal to one destination. Owns its thread and the queue, not the exporter."""

    def __init__(
        self,
        name: str,
        signal: Signal,
        exporter: Exporter,
        config: Sending,
        queue: Q,
        dead_letter: Grave | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.signal: Signal = signal
        self.queue = queue
        self._exporter = exporter
        self._batch = config.sending_queue.batch
        self._retry = config.retry_on_failure
        self._dead_letter = dead_letter
        self._clock = clock or Clock()
        self._tally = Tally()
        self._circuit = Circuit(f"{name} ({signal})", self._clock.steady)
        self._wake = Event()
        self._over = False
        self._buried_told = self._clock.steady() - REMIND_S
        self._thread = Thread(target=self._run, name=f"sender {name} {signal}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self) -> None:
        """Accept no more and hurry: no waiting for company, one attempt now if one is due later.
        Returns at once.
        """
        self.queue.close()
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait until all is delivered, at most ``timeout_s``; what is left is buried as
        ``unsent at shutdown``, or stays in the journal if that is where it is.
        """
        for payload in self.hand_over(timeout_s):
            try:
                self._bury_or_drop(payload, Permanent("unsent at shutdown"))
            except (OSError, Refused) as error:  # the next one is smaller, perhaps
                self._lose(payload, error)

    def _lose(self, payload: bytes, error: Exception) -> None:
        lost = count(self.signal, payload)
        self._tally.failed += lost
        logger.error("%s (%s): %s; %d items LOST", self.name, self.signal, error, lost)

    def hand_over(self, timeout_s: float) -> tuple[bytes, ...]:
        """As ``join``, but what is left is returned, for another sender to send; nothing from a
        journal."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, timeout_s))
        self._over = True
        self._wake.set()
        return self.queue.abandon()

    def serves(self, exporter: Exporter, config: Sending, dead_letter: Grave | None) -> bool:
        """Whether this is what would send to ``exporter`` in such batches and bury in
        ``dead_letter``."""
        same = self._batch == config.sending_queue.batch and self._dead_letter is dead_letter
        return same and self._exporter is exporter

    def overflow(self, payload: bytes) -> None:
        """Bury a request for which the queue has no room. Raises ``Refused`` or ``OSError`` when
        that is not possible either.
        """
        if self._dead_letter is None:
            raise Refused("queue full")
        self._dead_letter.bury(self.name, self.signal, payload, "queue full")
        items = count(self.signal, payload)
        self._tally.enqueue_failed += items
        self._tally.dead_lettered += items

    def status(self) -> SenderStatus:
        """Describe the state now. Cheap; from any thread."""
        tally, circuit, failing_s = self._tally, self._circuit, self._circuit.failing_s
        return SenderStatus(
            name=self.name,
            signal=self.signal,
            queue_bytes=self.queue.size_bytes,
            queue_capacity_bytes=self.queue.capacity_bytes,
            oldest_s=self.queue.oldest_s,
            sent=tally.sent,
            failed=tally.failed,
            rejected=tally.rejected,
            dead_lettered=tally.dead_lettered,
            enqueue_failed=tally.enqueue_failed,
            requests=tally.requests,
            sent_bytes=tally.sent_bytes,
            retries=tally.retries,
            corrupt_bytes=self.queue.corrupt_bytes,
            circuit="closed" if failing_s is None else "open",
            failing_s=failing_s,
            last_error=circuit.error,
        )

    def hurry(self) -> None:
        """End a wait between attempts: the next one is made now."""
        self._wake.set()

    def _run(self) -> None:
        try:
            while lot := self.queue.take(self._batch.max_size, self._batch.flush_timeout):
                while not self._delivered(lot):
                    self._pause(self._retry.max_interval)
                self.queue.done(lot)
        except _Abandoned:
            return

    def _delivered(self, lot: Lot) -> bool:
        """Deliver; ``False`` when a mistake of ours stopped it. The thread must not end by one."""
        try:
            self.deliver(lot)
        except _Abandoned:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the data must survive it
            logger.error("%s: %s while sending; trying again", self.name, type(error).__name__)
            return False
        return True

    def deliver(self, lot: Lot) -> None:
        """Bring a lot to its end: every part of it accepted or buried.

        A part that is too large is halved, again and again. Once a size was refused, nothing as
        large is tried again: a destination that is out of quota answers like one for which the
        data is too large, and is not asked once per span.
        """
        parts, limit = self._portions(lot.payloads), float("inf")
        while parts:
            part = parts.pop()
            size = sum(map(len, part))
            try:
                if size >= limit:
                    raise TooLarge("larger than what was too large")
                self._send(b"".join(part), lot.since)
            except TooLarge as error:
                limit = min(limit, size)
                parts += self._smaller(part, error)
            except Malformed as error:
                parts += self._alone(part, error)
            except Permanent as error:
                self._bury(b"".join(part), error)

    def _portions(self, part: Part) -> list[Part]:
        """Divide what holds more items than a batch may, last first."""
        most = self._batch.max_items
        if not most or sum([count(self.signal, bytes(payload)) for payload in part]) <= most:
            return [part]
        halves = self._smaller(part, TooLarge("more items than a batch may hold"))
        return [portion for half in halves for portion in self._portions(half)]

    def _smaller(self, part: Part, error: TooLarge) -> Sequence[Part]:
        """Return two halves, last first, or bury what cannot be halved."""
        if len(part) > 1:
            middle = len(part) // 2
            return part[middle:], part[:middle]
        payload = b"".join(part)
        try:
            halves = halve(payload)
        except Malformed:
            halves = None
        if halves:
            return (halves[1],), (halves[0],)
        self._bury(payload, error)
        return ()

    def _alone(self, part: Part, error: Malformed) -> Sequence[Part]:
        """Return the requests one by one, last first: one sender's broken data spoils no other's.
        A single one is buried.
        """
        if len(part) > 1:
            return [(payload,) for payload in reversed(part)]
        self._bury(b"".join(part), error)
        return ()

    def _send(self, payload: bytes, since: float) -> None:
        """Try until it is accepted. Raises ``Permanent`` when it never will be."""
        for wait_s in intervals(self._retry):
            try:
                self._attempt(payload)
            except Retryable as error:
                self._tally.retries += 1
                asked_s = min(error.retry_after_s or 0.0, LONGEST_ASKED_WAIT_S)
                self._later(error, since, max(wait_s, asked_s))
            else:
                return

    def _attempt(self, payload: bytes) -> None:
        """Try once, and count. A bug in an exporter counts as a failure of the destination."""
        try:
            self._exporter.export(self.signal, payload)
        except Permanent:
            self._circuit.worked()  # it refuses, so it is there
            raise
        except DeliveryError:
            raise
        except Exception as error:
            raise Retryable(f"unexpected {type(error).__name__}") from error
        self._circuit.worked()
        self._tally.sent += count(self.signal, payload)
        self._tally.requests += 1
        self._tally.sent_bytes += len(payload)

    def _later(self, error: Retryable, since: float, wait_s: float) -> None:
        if self.queue.pressed:
            raise Permanent(f"given up for want of room: {error}")
        if not self._retry.enabled or self._is_too_old(since):
            raise Permanent(f"given up: {error}")
        self._circuit.failed(error, wait_s)
        self._pause(wait_s)

    def _is_too_old(self, since: float) -> bool:
        limit_s = self._retry.max_elapsed_time
        if not limit_s or self._clock.time() - since < limit_s:
            return False
        return (self._circuit.failing_s or 0.0) >= min(limit_s, CHANCE_S)

    def _pause(self, seconds: float) -> None:
        self._clock.wait(self._wake, seconds)
        self._wake.clear()  # before the look at the flag: the one who sets it wakes us after
        if self._over:
            raise _Abandoned

    def _bury(self, payload: bytes, error: Permanent) -> None:
        """Bury, and wait for room if there is none: nothing is forgotten that was not kept."""
        self._circuit.error = str(error)
        for wait_s in intervals(self._retry):
            try:
                self._bury_or_drop(payload, error)
            except (OSError, Refused) as obstacle:
                self._circuit.failed(obstacle, wait_s)
                self._pause(wait_s)
            else:
                return

    def _bury_or_drop(self, payload: bytes, error: Permanent) -> None:
        items = count(self.signal, payload)
        lost = min(error.rejected, items) if isinstance(error, PartlyRejected) else items
        if self._dead_letter is not None:
            self._dead_letter.bury(self.name, self.signal, payload, str(error), error.said)
            self._tally.dead_lettered += lost
        self._tally.failed += lost
        if isinstance(error, PartlyRejected):
            self._tally.rejected += lost
            self._tally.sent += max(0, items - lost)
        self._tell(error, lost)

    def _tell(self, error: Permanent, lost: int) -> None:
        now = self._clock.steady()
        if now - self._buried_told < REMIND_S:
            return
        self._buried_told = now
        fate = "kept in the dead letter" if self._dead_letter else "LOST: no dead letter is set"
        logger.error("%s (%s): %s; %d items %s", self.name, self.signal, error, lost, fate)


def drain(senders: Sequence[Sender[Q]], grace_s: float) -> None:
    """Stop all senders, together within ``grace_s`` seconds."""
    deadline = time.monotonic() + grace_s
    for sender in senders:
        sender.close()
    for sender in senders:
        sender.join(deadline - time.monotonic())
