"""The event loop that all OTLP servers of a process live in: one thread, so that none fights
another for the interpreter, and because grpc wants one for the life of the process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import cache
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` in the loop, from any other thread, and return what it gives. Raises
    ``OSError`` where the system gives no files or threads for a loop."""
    try:
        made = loop()
    except (OSError, RuntimeError) as error:
        work.close()
        raise OSError(f"cannot begin to serve: {error}") from None
    return asyncio.run_coroutine_threadsafe(work, made).result()


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Return the loop; the first call starts its thread."""
    made = _new()
    Thread(target=made.run_forever, name="otlp", daemon=True).start()
    return made


def _new() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not on every platform
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
