"""What senders were answered for and no pipeline has seen yet, in a journal of its own.

Who sends waits for the disk and not for processing: an answer takes what writing takes, however
much is looked at. What is here when the process ends, however it ends, the next one processes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Final

from .component import Kept
from .errors import Refused
from .journal import Journal
from .journal.log import TRIAL_BYTES
from .journal.queue import JournalQueue
from .journal.tries import Tries
from .kept import all_of
from .wire.envelope import count
from .wire.pieces import in_pieces

logger = logging.getLogger(__name__)

AHEAD_BYTES: Final = 16 * 2**20
AHEAD_REQUESTS: Final = 2_000
"""So much may wait to be processed, and so many; whoever sends more waits with it."""
HELD_UP_S: Final = 5.0
"""When that much waits and nothing was processed for so long, nobody waits with it any more: they
would give up after ten seconds, and send it all again."""
LAST_S: Final = 5.0
"""What is in hand at the end may take so long beyond the time that there is for all."""
_LOT_BYTES: Final = 2**20
"""As much is processed before its place is moved, and its syncs are waited for together."""
_JOINED_BYTES: Final = 64 * 2**10
"""As much of small requests is processed as one: one after the other they are one in OTLP."""
_AGAIN_S, _MOST_AGAIN_S = 0.1, 5.0
"""Until what found no room behind the pipelines is processed again: longer each time, as a pipeline
that has room gets it every time."""
_READER: Final = "processing"
_MOST_TRIES: Final = 3
"""So often may the process end while it processes one request."""


class Backlog:
    """The way from a receiver to the pipelines. Thread-safe.

    While there is no room behind the pipelines, nothing is taken: what is here waits, and whoever
    sends is asked to come back.
    """

    def __init__(
        self,
        journal: Journal,
        process: Callable[[bytes], Kept],
        bury: Callable[[bytes, str], object],
    ) -> None:
        """``process`` takes one request and returns from when on it is kept elsewhere; it raises
        ``Refused`` when there is no room. What it cannot take for another reason is for ``bury``,
        with that reason, which raises ``Refused`` and ``OSError`` where it cannot be kept. The
        journal is the backlog's to close."""
        self.journal = journal
        self._process, self._bury = process, bury
        self._queue = JournalQueue(journal, _READER)
        self._tries = Tries(journal.directory / "tries")
        self._left = journal.end
        """Up to here an earlier process took it."""
        self.is_ending = False
        """Whether nothing comes any more: what was processed is not left in the files."""
        self._stuck = False
        self._moved_at = time.monotonic()
        self._ahead = 0
        """Requests that wait to be processed, without those that an earlier process left."""
        self._waiting: list[Future[None]] = []
        self._lock = Lock()
        self._leaving = Event()
        self._thread = Thread(target=self._run, name="processing", daemon=True)

    def take(self, payload: bytes) -> Kept:
        """Return from when on we answer for ``payload``; raises ``Refused`` when there is no room.
        Waits for nothing. A large request is processed in pieces, each when its turn comes."""
        if self._stuck:
            raise Refused("there is no room for what was received before")
        if self._is_held_up:
            self._answer(held_up := Refused("processing is held up"))
            raise held_up
        if not self._finds_room(len(payload)):
            self.journal.complain(OSError("the disk is nearly full"))
            raise Refused("there would be no room behind the pipelines")
        pieces = list(in_pieces(payload))
        kept = self.journal.begin(*pieces)
        with self._lock:
            self._ahead += len(pieces)
        return all_of([kept, self._turn()]) if self._is_far_ahead else kept

    @property
    def _is_held_up(self) -> bool:
        return self._is_far_ahead and time.monotonic() - self._moved_at >= HELD_UP_S

    def _finds_room(self, size: int) -> bool:
        """Whether the disk can hold what is here, and ``size`` bytes more, a second time: what was
        answered for must not be what leaves no room to process it."""
        with suppress(OSError):  # the journal finds out what is wrong with it
            return self.journal.free_bytes >= 2 * (self.size_bytes + size)
        return True

    @property
    def _is_far_ahead(self) -> bool:
        return self.size_bytes > (0 if self._ahead > AHEAD_REQUESTS else AHEAD_BYTES)

    @property
    def size_bytes(self) -> int:
        """Bytes that wait to be processed."""
        return self._queue.size_bytes

    @property
    def oldest_s(self) -> float:
        """Seconds for which the oldest request has been waiting; 0 when there is none."""
        return self._queue.oldest_s or 0.0

    @property
    def corrupt_bytes(self) -> int:
        """Bytes that the disk did not give back, and are lost."""
        return self._queue.corrupt_bytes

    @property
    def has_room(self) -> bool:
        """Whether a small request would be taken."""
        moves = not self._stuck and not self._is_held_up
        return moves and self.journal.takes_data and self._finds_room(TRIAL_BYTES)

    def start(self) -> None:
        """Begin to process."""
        self._thread.start()

    def settle(self, timeout_s: float) -> bool:
        """Wait until what is here now has been processed; return whether it was."""
        until = time.monotonic() + timeout_s
        self.journal.settle()
        end = self.journal.end
        while self._queue.position < end:
            if self._stuck or time.monotonic() >= until:
                return False
            time.sleep(0.001)
        return True

    def stop(self, grace_s: float) -> None:
        """Process what is here within ``grace_s`` seconds, and end; the rest stays on the disk. To
        be called when nothing comes any more."""
        self.journal.settle()
        self._queue.close()
        if self._thread.ident is not None:
            self._thread.join(grace_s)
            self._leaving.set()  # what is in hand is finished: it would be seen twice
            self._thread.join(LAST_S)
        self._queue.abandon()
        self._answer(Refused("shutting down"))
        self.journal.clear()
        self.journal.close()

    # --- the thread ---

    def _run(self) -> None:
        try:
            self._work()
        except BaseException:
            self._stuck = True  # nobody shall be answered for what nobody processes
            self._answer(Refused("processing has ended"))
            raise

    def _work(self) -> None:
        while not self._leaving.is_set():
            lot = self._queue.take(self._at_once, 0.0)
            if lot is None:
                return
            self._moved_at = time.monotonic()
            payloads = [bytes(payload) for payload in lot.payloads]
            if not self._gave_up(payloads) and not self._finish(payloads):
                return
            self._queue.done(lot)
            if self.is_ending:
                self.journal.clear()
            self._count(len(payloads))
            self._stuck = False
            self._answer()

    def _count(self, processed: int) -> None:
        with self._lock:
            if not self.size_bytes:  # what the disk did not take was never to be processed
                self._ahead = 0
            elif self._queue.position > self._left:
                self._ahead -= processed

    @property
    def _at_once(self) -> int:
        """Of what an earlier process left, one request at a time: it is to be known which one ends
        the process."""
        return 0 if self._queue.position < self._left else _LOT_BYTES

    def _gave_up(self, payloads: Sequence[bytes]) -> bool:
        """Whether this is what ended the process before, each time that it was processed."""
        at = self._queue.position
        is_left = at < self._left
        return is_left and self._tries.begin(at) > _MOST_TRIES and all(map(self._fatal, payloads))

    def _fatal(self, payload: bytes) -> bool:
        return self._buried(payload, f"the process ended {_MOST_TRIES} times while it had this")

    def _finish(self, payloads: Sequence[bytes]) -> bool:
        """Process all of them, however often that is tried; return whether they are kept."""
        pause_s = _AGAIN_S
        while payloads := self._unkept(payloads):
            self._tries.end()
            self._stuck = True
            self._answer(Refused("there is no room behind the pipelines"))
            if self._leaving.wait(pause_s):
                return False
            pause_s = min(2 * pause_s, _MOST_AGAIN_S)
        return True

    def _unkept(self, payloads: Sequence[bytes]) -> list[bytes]:
        """Process each; return those that were refused."""
        tried = [(group, self._tried(group)) for group in _groups(payloads)]
        refused = [group for group, kept in tried if kept and kept.exception() is not None]
        return [payload for group in refused for payload in group]

    def _tried(self, payloads: Sequence[bytes]) -> Kept:
        """Process several as one; one by one where that cannot be done."""
        try:
            return self._process(b"".join(payloads))
        except Refused as error:
            refused = Future[None]()
            refused.set_exception(error)
            return refused
        except Exception as error:  # noqa: BLE001 - its neighbours did nothing wrong
            if len(payloads) > 1:
                return all_of([self._tried([payload]) for payload in payloads])
            [payload] = payloads
            if not self._buried(payload, f"it could not be processed: {type(error).__name__}"):
                logger.error("%d spans that could not be processed are LOST", _spans(payload))
            return None

    def _buried(self, payload: bytes, reason: str) -> bool:
        try:
            self._bury(payload, reason)
        except (OSError, Refused) as error:
            logger.error("not kept in the dead letter: %s", error)
            return False
        except Exception as error:  # noqa: BLE001 - it was broken to begin with
            logger.error("not kept in the dead letter: %s", type(error).__name__)
            return False
        logger.error("%d spans are in the dead letter: %s", _spans(payload), reason)
        return True

    # --- who waits ---

    def _turn(self) -> Future[None]:
        """Return what ends when there is not too much before it any more."""
        turn = Future[None]()
        turn.set_running_or_notify_cancel()
        with self._lock:
            self._waiting.append(turn)
        if not self._is_far_ahead:  # by now
            self._answer()
        return turn

    def _answer(self, error: Refused | None = None) -> None:
        """Let those go on that wait, once that much was processed; with ``error``, at once."""
        if error is None and self._is_far_ahead:
            return
        with self._lock:
            ended, self._waiting = self._waiting, []
        for turn in ended:
            turn.set_exception(error) if error else turn.set_result(None)


def _groups(payloads: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Put those together that are small."""
    group, size = list[bytes](), 0
    for payload in payloads:
        if group and size + len(payload) > _JOINED_BYTES:
            yield group
            group, size = [], 0
        group.append(payload)
        size += len(payload)
    if group:
        yield group


def _spans(payload: bytes) -> int:
    return count("traces", payload)
