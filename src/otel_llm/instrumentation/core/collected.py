"""What has to be done when the garbage collector takes something: it strikes anywhere."""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from contextlib import suppress


def let_go(end: Callable[..., object], *args: object) -> None:
    """Call ``end``, which ends a span, from where the garbage collector may be the caller.

    The collector may strike while this thread holds a lock of the SDK that ending a span needs
    too. Another thread does it then: a raw one, which takes no lock of its own to start, unlike
    ``threading.Thread``. Nothing is done while the interpreter goes down.
    """
    if sys.is_finalizing():
        return
    if _inside_opentelemetry():
        with suppress(RuntimeError):  # the interpreter is going down
            _thread.start_new_thread(end, args)
    else:
        end(*args)


def _inside_opentelemetry() -> bool:
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage] - no public way to ask
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("opentelemetry."):
            return True
        frame = frame.f_back
    return False
