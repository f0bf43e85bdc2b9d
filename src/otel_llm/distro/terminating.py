"""SIGTERM where nobody handles it: telemetry is delivered first, then the process ends by it.

What a signal ends runs nothing that was registered for the exit. That holds for a program without
a handler, and for servers such as uvicorn, which stop gracefully and then end themselves by the
signal that stopped them: every deployment would cost the last spans and a minute of metrics.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable


class Termination:
    """Calls ``deliver`` when SIGTERM would end the process, which then ends by it as ever.

    An application's own handler is left alone, be it there already or set later: in place of this
    one, which does nothing when it is called by another. A forked child dies at once, as it would
    have, unless it takes hold itself; only a process's main thread can.
    """

    def __init__(self, deliver: Callable[[], object]) -> None:
        self._deliver = deliver
        self._handler = self._end
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.let_go)

    def take_hold(self) -> None:
        """Stand in for the default action, if that is what there is."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._handler)

    def let_go(self) -> None:
        """Put the default action back, unless somebody else's handler is there."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is self._handler:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _end(self, signum: int, _: object) -> None:
        if signal.getsignal(signum) is not self._handler:
            return  # passed on by a handler that came later; the end is its affair
        signal.signal(signum, signal.SIG_DFL)  # a second one does not wait
        self._deliver()
        signal.raise_signal(signum)
        signal.signal(signum, self._handler)  # still here: the first of a container is not ended so
