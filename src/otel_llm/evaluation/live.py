"""Judges calls as they pass by, in threads of its own: the hot path only leaves a note.

What finds no room is left out and counted. A call that arrives twice is judged once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence

from .config import JudgeConfig
from .judge import Judge
from .result import Result, Subject
from .semantic import SemanticRelevance

_log = logging.getLogger(__name__)
_REMEMBERED = 100_000
"""Calls of which it is remembered that they were taken."""

Read = Callable[[], Subject | None]
"""Decodes what was said; ``None`` when there is nothing to judge. Runs off the hot path."""
Deliver = Callable[[Sequence[Result], Subject], object]
"""Gets the results of one call. What it raises is logged."""


class LiveJudge:
    """A bounded queue and ``concurrency`` threads. ``offer`` from any thread."""

    def __init__(
        self,
        config: JudgeConfig,
        judge: Judge,
        deliver: Deliver,
        semantic: SemanticRelevance | None = None,
    ) -> None:
        self._criteria: Mapping[str, str] = config.meanings()
        self._judge = judge
        self._semantic = semantic
        self._deliver = deliver
        self._max_waiting = config.max_waiting
        self._max_chars = config.max_chars
        self._waiting: deque[Read] = deque()
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._changed = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"judge-{n}", daemon=True)
            for n in range(config.concurrency)
        ]
        self.judged = 0
        """Calls with at least one score."""
        self.failed: dict[str, int] = {}
        """Judgements without a score, by why."""
        self.dropped = 0
        """Calls that found no room."""

    def start(self) -> None:
        """Begin to judge."""
        for thread in self._threads:
            thread.start()

    def offer(self, key: str, read: Read) -> None:
        """Leave a call to be judged; ``key`` is the same when it arrives again. Never blocks."""
        with self._changed:
            if self._stopping or key in self._taken:
                return
            if len(self._waiting) >= self._max_waiting:
                self.dropped += 1
                return
            self._taken[key] = None
            if len(self._taken) > _REMEMBERED:
                self._taken.popitem(last=False)
            self._waiting.append(read)
            self._changed.notify()

    def stop(self, grace_s: float) -> None:
        """Take no more, give judgements under way ``grace_s`` seconds to end. What waits is left
        out: it costs money and nobody waits for it. Safe to call twice."""
        with self._changed:
            self._stopping = True
            self.dropped += len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        until = time.monotonic() + grace_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        while (read := self._next()) is not None:
            try:
                self._look(read)
            except Exception as error:  # noqa: BLE001  # one odd call must not end the thread
                # Its kind alone: the message may quote what was said.
                self._count("internal_error")
                _log.error("a call could not be judged: %s", type(error).__name__)

    def _next(self) -> Read | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            return self._waiting.popleft() if self._waiting else None

    def _look(self, read: Read) -> None:
        subject = read()
        if subject is None:
            return
        if max(len(subject.question), len(subject.answer)) > self._max_chars:
            self._count("too_long")
            return
        results = self._judge.judge(subject, self._criteria)
        if self._semantic:
            results.append(self._semantic.judge(subject))
        for result in results:
            if result.error_type:
                self._count(result.error_type)
        with self._changed:
            self.judged += any(result.value is not None for result in results)
        self._deliver(results, subject)

    def _count(self, why: str) -> None:
        with self._changed:
            self.failed[why] = self.failed.get(why, 0) + 1
