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


def before_termination(deliver: Callable[[], object]) -> None:
    """Have ``deliver`` called when SIGTERM would end the process, which then ends by it as ever.

    An application's own handler is left alone, be it there already or set later: in place of this
    one, which does nothing when it is called by another. A forked child dies at once, as it would
    have; only a process's main thread can set this.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def end(signum: int, _: object) -> None:
        if signal.getsignal(signum) is not end:
            return  # passed on by a handler that came later; the end is its affair
        signal.signal(signum, signal.SIG_DFL)  # a second one does not wait
        deliver()
        signal.raise_signal(signum)
        signal.signal(signum, end)  # still here: the first process of a container is not ended so

    def forget() -> None:
        if signal.getsignal(signal.SIGTERM) is end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, end)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget)
