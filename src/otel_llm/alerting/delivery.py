"""Gets notifications to one target: its own thread, retries, pacing. A stuck one delays nobody.

For every group only the newest message waits: what it says replaces what was not yet told, so a
target that is away for an hour hears how things are, not how they were. Nothing is dropped in
silence: what was given up is kept, counted and shown.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .errors import Rejected, TryLater, Undelivered
from .notification import Notification
from .notifiers import Notifier

_log = logging.getLogger(__name__)

Report = Callable[[Notification, bool], None]
"""Hears of the end of every notification: delivered, or given up."""

_LONGEST_WAIT_S = 300.0
_KEPT = 100
"""So many notifications that nobody took can be looked at."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A notification that did not arrive."""

    notifier: str
    notification: Notification
    reason: str
    attempts: int
    final: bool
    """Given up; else it is still being tried."""


@dataclass(slots=True)
class _Waiting:
    """The newest notification of one group, and how often it was tried."""

    notification: Notification
    began: float
    due: float
    attempts: int = 0


class Delivery:
    """The thread of one target. ``put`` from any thread."""

    def __init__(
        self,
        name: str,
        notifier: Notifier,
        report: Report,
        *,
        min_interval_s: float = 0.0,
        retry_for_s: float = 3600.0,
        first_wait_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.delivered = 0
        self.failed = 0
        self._notifier = notifier
        self._report = report
        self._min_interval_s = min_interval_s
        self._retry_for_s = retry_for_s
        self._first_wait_s = first_wait_s
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}
        self._failing: dict[str, Failure] = {}
        self._given_up: deque[Failure] = deque(maxlen=_KEPT)
        self._changed = threading.Condition()
        self._stopping = False
        self._free_at = clock()
        self._thread = threading.Thread(target=self._run, name=f"notify-{name}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def put(self, notification: Notification) -> None:
        """Deliver ``notification`` in its turn, in place of an older one about its group."""
        now = self._clock()
        with self._changed:
            item = self._waiting.get(notification.group)
            if item is None:
                self._waiting[notification.group] = _Waiting(notification, now, now)
            else:
                item.notification = notification
            self._changed.notify_all()

    def stop(self, grace_s: float) -> None:
        """Go on for at most ``grace_s`` seconds while anything waits, then let go."""
        until = self._clock() + grace_s
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, timeout=grace_s)
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout=max(0.1, until - self._clock()))
        self._notifier.close()

    def pending(self) -> int:
        """Return how many notifications wait or are being tried."""
        with self._changed:
            return len(self._waiting)

    def failures(self) -> tuple[Failure, ...]:
        """Return what was given up, oldest first, then what is being tried again."""
        with self._changed:
            return (*self._given_up, *self._failing.values())

    def _run(self) -> None:
        while (item := self._next()) is not None:
            notification = item.notification
            error = self._attempt(notification)
            self._settle(item, notification, error)

    def _next(self) -> _Waiting | None:
        """Wait for the next notification that is due; ``None``: we are to stop."""
        with self._changed:
            while not self._stopping:
                item = min(self._waiting.values(), key=lambda item: item.due, default=None)
                now = self._clock()
                if item is not None and max(item.due, self._free_at) <= now:
                    return item
                due = None if item is None else max(item.due, self._free_at) - now
                self._changed.wait(timeout=due and min(due, _LONGEST_WAIT_S))
            return None

    def _attempt(self, notification: Notification) -> Undelivered | None:
        try:
            self._notifier.send(notification)
        except Undelivered as error:
            return error
        except Exception as error:  # noqa: BLE001  # a notifier's defect must not end the thread
            _log.exception("notifier %s failed", self.name)
            return Rejected(type(error).__name__)
        return None

    def _settle(self, item: _Waiting, sent: Notification, error: Undelivered | None) -> None:
        now = self._clock()
        item.attempts += 1
        wait_s = _wait(error, item.attempts, self._first_wait_s)
        asked = error.after_s if isinstance(error, TryLater) else None
        self._free_at = now + max(self._min_interval_s, asked or 0.0)
        if isinstance(error, TryLater) and now + wait_s - item.began <= self._retry_for_s:
            self._again(item, sent, error, now + wait_s)
        else:
            self._report(sent, error is None)
            self._finish(item, sent, error, now)

    def _again(self, item: _Waiting, sent: Notification, error: TryLater, due: float) -> None:
        if item.attempts == 1:
            _log.warning("notifier %s: %s; trying again", self.name, error)
        with self._changed:
            item.due = due
            failure = Failure(self.name, sent, str(error), item.attempts, final=False)
            self._failing[sent.group] = failure

    def _finish(
        self, item: _Waiting, sent: Notification, error: Undelivered | None, now: float
    ) -> None:
        with self._changed:
            self._failing.pop(sent.group, None)
            if item.notification is sent:
                del self._waiting[sent.group]
            else:  # there is news about the group since
                item.began, item.due, item.attempts = now, now, 0
            if error is None:
                self.delivered += 1
            else:
                self._give_up(Failure(self.name, sent, str(error), item.attempts, final=True))
            self._changed.notify_all()

    def _give_up(self, failure: Failure) -> None:
        _log.error("notifier %s: %s; given up", self.name, failure.reason)
        self.failed += 1
        self._given_up.append(failure)


def _wait(error: Undelivered | None, attempts: int, first_s: float) -> float:
    """Return seconds until the next attempt: what was asked for, else doubling, with jitter."""
    asked = error.after_s if isinstance(error, TryLater) else None
    backoff = min(_LONGEST_WAIT_S, first_s * 2 ** min(attempts - 1, 20))
    jittered = backoff * random.uniform(0.5, 1.0)  # spreads the load
    return jittered if asked is None else asked
