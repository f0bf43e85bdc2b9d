"""Fills the store off the hot path: takes calls as an observer, writes them in its own thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from otel_llm.genai import Call

from .config import StoreConfig
from .spans import PlainSpan
from .store import Store, StoreError, StoreUnavailable

_log = logging.getLogger(__name__)

MAX_BATCH: Final = 20_480
"""As many as the store takes at the best price (see ``duck_file.ROW_GROUP``)."""
RETAIN_EVERY_S: Final = 60.0
AWAY_S: Final = 2.0
"""Between two attempts at an engine that cannot be reached, or that could not write."""


Item = TypeVar("Item")


class Writer(Generic[Item]):
    """Keeps what it sees.

    ``observe`` only appends to a bounded queue. What the store refuses and what finds no room is
    dropped and counted: ``written``, ``duplicates``, ``dropped``, ``failed``.
    """

    what = "items"
    """What it writes, for the log."""

    def __init__(
        self,
        config: StoreConfig,
        write: Callable[[Sequence[Item]], int],
        retain: Callable[[], object] = lambda: None,
    ) -> None:
        """``write`` keeps some and returns how many are new; ``retain`` is called now and then."""
        self._config = config
        self._keep, self._retain = write, retain
        self._pending: deque[Item] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._busy = False
        self._flushing = 0
        self._retain_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"store {self.what}", daemon=True)
        self.written = 0
        """Calls kept."""
        self.duplicates = 0
        """Calls that were there already, or that no table could hold (``DuckDBStore.rejected``)."""
        self.dropped = 0
        """Calls that found the queue full."""
        self.failed = 0
        """Calls the store could not take."""

    def start(self) -> None:
        """Begin writing."""
        self._thread.start()

    def observe(self, calls: Sequence[Item]) -> None:
        """See ``Observer``: queue ``calls``; the newest are dropped when there is no room."""
        with self._wake:
            was_empty = not self._pending
            room = max(0, self._config.max_pending_calls - len(self._pending))
            self._pending.extend(calls[:room])
            self.dropped += max(0, len(calls) - room)
            if was_empty or len(self._pending) >= MAX_BATCH:
                self._wake.notify_all()

    def has_room(self, calls: int) -> bool:
        """Whether that many more would be taken, for who can wait."""
        return len(self._pending) + calls <= self._config.max_pending_calls or not self._pending

    @property
    def missed(self) -> int:
        """Calls that were observed and are not kept."""
        return self.dropped + self.failed

    @property
    def pending(self) -> int:
        """Calls that wait to be written."""
        return len(self._pending)

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything observed so far can be read; ``False`` when time ran out."""
        with self._wake:
            self._flushing += 1
            self._wake.notify_all()
            try:
                return self._wake.wait_for(lambda: not self._pending and not self._busy, timeout_s)
            finally:
                self._flushing -= 1

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what is queued and stop. The store stays open. Safe to call twice."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not (self._closing and not self._pending):
            batch = self._next_batch()
            is_well = not batch or self._write(batch)
            self._retain_when_due()
            self._settle()
            if not is_well:
                self._rest()  # else every call is tried alone, when there is no room for any

    def _next_batch(self) -> list[Item]:
        """The next calls to write; empty when there is something else to do."""
        with self._wake:
            self._wake.wait_for(lambda: self._pending or self._closing, RETAIN_EVERY_S)
            if self._pending and not self._hurry():
                self._wake.wait_for(self._hurry, self._config.flush_interval)
            count = min(len(self._pending), MAX_BATCH)
            self._busy = count > 0
            return [self._pending.popleft() for _ in range(count)]

    def _settle(self) -> None:
        """Tell those who wait in ``flush`` that the batch before is written."""
        with self._wake:
            self._busy = False
            self._wake.notify_all()

    def _hurry(self) -> bool:
        return self._closing or self._flushing > 0 or len(self._pending) >= MAX_BATCH

    def _write(self, batch: list[Item]) -> bool:
        """Write what can be written; return whether the store could."""
        try:
            new = self._write_patiently(batch)
        except StoreError as error:
            self.failed += len(batch)
            self._retain_at = time.monotonic()  # it may be full
            _log.error("%d %s were not stored: %s", len(batch), self.what, error)
            return False
        except Exception:  # noqa: BLE001 - one odd call must not end the thread for all that follow
            self.failed += len(batch)
            _log.exception("%d %s were not stored", len(batch), self.what)
        else:
            self.written += new
            self.duplicates += len(batch) - new
        return True

    def _write_patiently(self, batch: list[Item]) -> int:
        """Try again as long as the engine is away and we are not told to stop: meanwhile calls
        gather in the queue."""
        while True:
            try:
                return self._keep(batch)
            except StoreUnavailable as error:
                _log.warning("the store is away: %s", error)
                if self._rest():
                    raise

    def _rest(self) -> bool:
        """Let a while pass; return whether we are told to stop."""
        with self._wake:
            return self._wake.wait_for(lambda: self._closing, AWAY_S)

    def _retain_when_due(self) -> None:
        if time.monotonic() < self._retain_at:
            return
        self._retain_at = time.monotonic() + RETAIN_EVERY_S
        try:
            self._retain()
        except StoreError as error:
            _log.error("%s", error)


class CallWriter(Writer[Call]):
    """An ``Observer`` that keeps the calls it sees."""

    what = "calls"

    def __init__(self, store: Store, config: StoreConfig | None = None) -> None:
        super().__init__(config or store.config, store.write, store.retain)


class SpanWriter(Writer[PlainSpan]):
    """Keeps the other spans of traces."""

    what = "spans"

    def __init__(self, store: Store) -> None:
        super().__init__(store.config, store.add_spans)
