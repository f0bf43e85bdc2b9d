"""Where requests wait until their traces are decided: between the processors and the senders.

With a journal of its own, what waits outlives the process: a request leaves it when what is kept of
it has arrived in the senders' journal. After a crash it is read again, learnt from again and waited
for again; at worst, some of it is sent twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Protocol

from ..component import Kept
from ..data import Batch
from ..errors import DeliveryError, Malformed, Refused
from ..journal import Journal
from ..journal.queue import JournalQueue
from ..sending.queues import Lot, MemoryQueue, Queue
from ..wire.pieces import in_pieces
from .verdicts import Undecided

logger = logging.getLogger(__name__)

CHUNK_BYTES = 2**20
FLUSH_S = 0.5
LOOK_S = 0.5
"""How often to look whether room is needed."""
PAUSE_S = 0.1
"""Before the senders are asked again, when they had no room."""
CROWDED = 0.9
NAME = "sample"
"""Of the reader of the journal."""


class Decider(Protocol):
    """``SampleProcessor``."""

    def process(self, batch: Batch) -> None:
        """Learn about traces."""
        ...

    def kept(self, payload: bytes) -> bytes:
        """Return what to keep of a request. Raises ``Undecided``."""
        ...


class Sampling:
    """Holds requests for ``wait_s`` seconds and gives on what is kept of them. Owns its thread."""

    def __init__(self, decider: Decider, wait_s: float, buffer_bytes: int) -> None:
        """Without a journal, ``buffer_bytes`` may wait in memory."""
        self.forward: Callable[[bytes], Kept] = _nowhere
        """Takes what is kept."""
        self.open_journal: Callable[[], Journal] | None = None
        """Opens the journal, which is then its own."""
        self._decider = decider
        self._wait_s = wait_s
        self._journal: Journal | None = None
        self._queue: Queue = MemoryQueue(buffer_bytes)
        self._stopping = Event()
        self._over = False
        self._thread = Thread(target=self._run, name="sampling", daemon=True)

    def put(self, payload: bytes) -> Kept:
        """Let a request wait. Raises ``Refused`` when there is no room."""
        if self._journal is not None:
            return self._journal.begin(*in_pieces(payload))
        if self.open_journal is not None:
            raise Refused("the journal is not open")
        queue = self._queue
        if not isinstance(queue, MemoryQueue) or not queue.has_room(len(payload)):
            raise Refused("too much waits for a decision")
        for piece in in_pieces(payload):
            queue.put(piece)
        return None

    def open(self) -> None:
        """Open the journal and learn from what an earlier process left in it. Raises ``OSError``
        when it cannot be used. Nothing happens when it is open."""
        if self.open_journal is None or self._journal is not None:
            return
        journal = self.open_journal()
        queue = self._queue = JournalQueue(journal, NAME)
        for payload in queue.pending():
            self._learn(payload)
        self._journal = journal

    def start(self) -> None:
        """Begin. Raises as ``open``. Nothing happens when it has begun."""
        if self._thread.ident is None:
            self.open()
            self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Decide all that waits, within ``grace_s`` seconds; the rest stays in the journal, or is
        lost."""
        if self._journal is not None:
            self._journal.settle()
        self._queue.close()
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, grace_s))
        self._over = True
        if lost := self._queue.abandon():
            logger.error("%d requests that waited to be sampled are LOST", len(lost))
        if self._thread.ident is not None:
            self._thread.join()
        if self._journal is not None:
            self._journal.close()

    def _learn(self, payload: bytes) -> None:
        try:
            self._decider.process(Batch.open(payload))
        except Malformed:
            logger.error("a request in the journal cannot be read")

    def _run(self) -> None:
        while lot := self._queue.take(CHUNK_BYTES, FLUSH_S):
            self._let_age(lot)
            try:
                kept = [kept for p in lot.payloads if (kept := self._kept(bytes(p)))]
            except Undecided:
                logger.error("what waits to be sampled stays in the journal")
                return
            if self._released(kept):
                self._queue.done(lot)

    def _let_age(self, lot: Lot) -> None:
        due = time.monotonic() + min(max(lot.until + self._wait_s - time.time(), 0.0), self._wait_s)
        while (left := due - time.monotonic()) > 0 and not self._crowded():
            if self._stopping.wait(min(left, LOOK_S)):
                return

    def _crowded(self) -> bool:
        return self._queue.size_bytes > CROWDED * self._queue.capacity_bytes

    def _kept(self, payload: bytes) -> bytes:
        try:
            return self._decider.kept(payload)
        except Undecided:
            if self._journal is not None:
                raise
            return payload  # it would be lost with this process
        except Exception as error:  # noqa: BLE001 - rather too much than lost
            logger.error("%s while sampling; a request is kept whole", type(error).__name__)
            return payload

    def _released(self, payloads: list[bytes]) -> bool:
        """Give them on as there is room for them; ``False`` when there is no more time."""
        while payloads := self._given_on(payloads):
            if self._over:
                return False
            time.sleep(PAUSE_S)
        return True

    def _given_on(self, payloads: list[bytes]) -> list[bytes]:
        """Give them on together; return those that have not arrived."""
        begun: list[tuple[bytes, Kept]] = []
        refused: list[bytes] = []
        for payload in payloads:
            try:
                begun.append((payload, self.forward(payload)))
            except DeliveryError:
                refused.append(payload)
        return refused + [p for p, kept in begun if kept is not None and kept.exception()]


def _nowhere(_: bytes) -> Kept:
    raise Refused("there are no destinations yet")
