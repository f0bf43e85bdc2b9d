"""Sees to it that the store has all that it keeps of the journals, also after a sudden end.

Data is answered for when it is in a journal; the store learns of it a moment later. So the store
has a place of its own in every journal of traces: the journal keeps what is behind it, and what is
behind it at the start is read again. The store knows a span it has.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from otel_llm.genai import Call
from otel_llm.store import PlainSpan, StoreError

from ..calls.recount import calls_in_batch, payloads, payloads_of
from ..data import Batch
from ..errors import Malformed
from ..journal import Journal
from ..journal.cursor import Cursor, position
from ..journal.segments import SUFFIX
from .trace_spans import plain_spans

_log = logging.getLogger(__name__)

FILE: Final = "store.position"
ROUND_S: Final = 5.0
"""Between two moves. What was accepted before one round was observed before the next: so long may
the way from the journal to the observers take."""
BATCH: Final = 20_000
_UNREAD: Final = -1
"""Missed calls that were made good, where it is not known."""


class _Place:
    """How far the store has come in one journal. A ``Reader``."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._cursor = Cursor(journal.directory / FILE, journal.start, journal.end)
        self._seen = self._cursor.position
        self._turn = threading.Lock()
        self._left = False
        journal.join(self)

    @property
    def position(self) -> int:
        """See ``Reader``."""
        return self._cursor.position

    def heard(self) -> None:
        """See ``Reader``: it looks for itself."""

    def behind(self) -> Iterator[bytes]:
        """Yield what was accepted by now and perhaps not stored."""
        at, now = self.position, self.journal.end
        while at < now and (segment := self.journal.segment_after(at)):
            start, end = max(at, segment.start), min(segment.end, now)
            yield from payloads(segment.file, start - segment.start, end - segment.start)
            at = end

    def move(self, *, now: bool = False) -> None:
        """Come to where the journal ended at the last call, or ended ``now``."""
        with self._turn:
            if self._left:
                return
            end = self.journal.end
            self._cursor.move(end if now else self._seen)
            self._seen = end
        self.journal.release()

    @property
    def is_in_the_way(self) -> bool:
        """Whether senders are, or soon will be, asked to come back for what is held here."""
        return self.journal.crowded or self.journal.waits_for(self)

    def leave(self) -> None:
        """Move no more; the file keeps the place, and the journal what is behind it."""
        with self._turn:
            if not self._left:
                self._left = True
                self._cursor.close()


class StoreKeeper:
    """Moves the store's place in every journal it was told of. ``catch_up`` once, before data
    comes; then ``start``."""

    def __init__(
        self,
        write: Callable[[list[Call], list[PlainSpan]], int],
        flush: Callable[[], bool],
        missed: Callable[[], int] = lambda: 0,
        whole: Callable[[], bool] = lambda: False,
    ) -> None:
        """``write`` keeps calls and other spans, returns when they are kept and how many calls are
        new; ``flush`` returns whether no more wait to be kept, ``missed`` how many could not be,
        ``whole`` whether other spans than calls are wanted."""
        self._write = write
        self._flush = flush
        self._missed, self._whole = missed, whole
        self._made_good = missed()
        self.refilled = 0
        """Calls that the store did not take when they came, and has now."""
        self._places: dict[int, _Place] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-keeper", daemon=True)

    def follow(self, journal: Journal) -> Callable[[], None]:
        """Keep a place in ``journal``, from before anything of it is released; return what lets go
        of it. One that was opened anew takes the place of the one before; what it holds behind the
        store's place is read in the next round, or by ``catch_up``."""
        for place in list(self._places.values()):
            if place.journal.directory == journal.directory:
                self.forget(place.journal)
        self._places[id(journal)] = place = _Place(journal)
        if place.position < journal.end:
            self._made_good = _UNREAD
        return partial(self.forget, journal)

    def forget(self, journal: Journal) -> None:
        """Let go of ``journal``, which is about to be closed."""
        if place := self._places.pop(id(journal), None):
            place.leave()

    def catch_up(self) -> int:
        """Write what the journals hold behind the store's places; returns how many calls."""
        found = 0
        for place in list(self._places.values()):
            found += self._refill(place.behind())
            place.move(now=True)
        return found

    def read_again(self, directory: Path) -> int:
        """Give the store what it may not have of the journals below ``directory`` that are not
        followed; return how many calls. Their places stay: they move when the journal is used
        again."""
        followed = {place.journal.directory for place in self._places.values()}
        journals = {file.parent for file in directory.rglob(FILE)} - followed
        return sum([self._refill(behind(journal)) for journal in sorted(journals)])

    def _refill(self, payloads: Iterable[bytes]) -> int:
        found, calls, spans, whole = 0, list[Call](), list[PlainSpan](), self._whole()
        for payload in payloads:
            try:
                batch = Batch.open(payload)
            except Malformed:
                continue
            calls += calls_in_batch(batch)
            spans += plain_spans(batch) if whole else ()
            if len(calls) + len(spans) >= BATCH:
                self.refilled += self._write(calls, spans)
                found, calls, spans = found + len(calls), [], []
        if calls or spans:
            self.refilled += self._write(calls, spans)
        return found + len(calls)

    def start(self) -> None:
        """Begin to move."""
        self._thread.start()

    def stop(self) -> None:
        """End, where everything is stored at the end of the journals. Call it when nothing comes
        any more and the journals are still open. Safe to call twice."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._is_whole():
            self._each(lambda place: place.move(now=True))
        for place in list(self._places.values()):
            self.forget(place.journal)

    def _run(self) -> None:
        while not self._stopping.wait(ROUND_S):
            self.move()

    def move(self) -> None:
        """One round. A store that does not keep up does not hold up the senders: where a journal
        is crowded, or the disk that it has in common with the store full, it is left behind."""
        kept = self._is_whole()
        self._each(lambda place: place.move() if kept or place.is_in_the_way else None)

    def _is_whole(self) -> bool:
        """Whether the store has all that was observed; what it had no room for is read again, as
        soon as nothing waits. The places have not moved past it."""
        if not self._flush():
            return False
        missed = self._missed()
        if missed == self._made_good:
            return True
        if not all([self._made_whole(place) for place in list(self._places.values())]):
            return False
        self._made_good = missed
        return self._missed() == missed

    def _made_whole(self, place: _Place) -> bool:
        try:
            self._refill(place.behind())
        except (OSError, StoreError) as error:
            _log.warning("%s: the store lacks some of it: %s", place.journal.directory, error)
            return False
        return True

    def _each(self, do: Callable[[_Place], None]) -> None:
        for place in list(self._places.values()):
            try:
                do(place)
            except OSError as error:  # at worst more is read again
                _log.warning("%s: %s", place.journal.directory, error)


def behind(journal: Path) -> Iterator[bytes]:
    """Yield what is in the directory of a journal behind the store's place in it, changing
    nothing; nothing when the store has no place there."""
    place = journal / FILE
    at = position(place.read_bytes()) if place.exists() else None
    for file in sorted(journal.glob(f"*{SUFFIX}")) if at is not None else ():
        start, size = int(file.stem), file.stat().st_size
        if at is not None and start + size > at:
            yield from payloads_of(file, max(at - start, 0))
