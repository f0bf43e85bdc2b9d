"""What forked children inherit of the SDK, and had better not.

Sums: what the parent has counted is sent once more, under the name that the SDK gives the child
(``service.instance.id``). Locks: one that another thread of the parent held at that moment is held
for ever; the child's next call waits for it, or nothing is sent. Connections: over the socket that
the exporter for HTTP keeps open all of them would talk at once. Seen with SDK 1.39 to 1.45, whose
own care ends with the locks of its providers.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock, RLock
from typing import Any, Final, cast

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

from otel_llm.instrumentation.core import guarded


def begin_anew_in_children() -> None:
    """Have every process that this one forks count from nothing and connect by itself."""
    with guarded("looking for connections that a fork would share"):
        for session in _sessions():
            os.register_at_fork(after_in_child=partial(_connect_anew, session))
    os.register_at_fork(after_in_child=_count_anew)


@contextmanager
def beside_greenlets() -> Generator[None]:
    """Have what the block registers for forked children wait where threads are greenlets.

    gevent starts other programs by a fork in Python. What the SDK begins in the child then is no
    thread but hands the child over to the parent's greenlets: it hangs, and the parent with it.
    """
    register = os.register_at_fork
    os.register_at_fork = cast(Any, partial(_register, register))
    try:
        yield
    finally:
        os.register_at_fork = register


def _register(register: Callable[..., None], **hooks: Any) -> None:
    if "after_in_child" in hooks:
        hooks["after_in_child"] = partial(_begin, hooks["after_in_child"])
    register(**hooks)


def _begin(hook: Callable[[], object]) -> None:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        sys.modules["gevent"].spawn(hook)  # when the child waits for something, if it ever does
    else:
        hook()


def _count_anew() -> None:
    with guarded("counting anew after a fork"):
        consumer = getattr(metrics.get_meter_provider(), "_measurement_consumer", None)
        _unlock(consumer)
        for reader, storage in getattr(consumer, "_reader_storages", {}).items():
            _unlock(reader)
            _unlock(storage)
            for kept in _kept(storage):
                _unlock(kept)
                kept._attributes_aggregation.clear()


def _kept(storage: Any) -> Iterator[Any]:
    """Return what holds the sums of each instrument."""
    for matches in storage._instrument_view_instrument_matches.values():
        yield from matches


def _unlock(owner: Any) -> None:
    for name in _LOCKS:
        lock = getattr(owner, name, None)
        if lock is not None:
            setattr(owner, name, RLock() if isinstance(lock, _RLOCK) else Lock())


_LOCKS: Final = ("_lock", "_export_lock")
_RLOCK: Final = type(RLock())


def _sessions() -> Iterator[Any]:
    """Return the ``requests.Session`` of every exporter, wherever this version keeps it."""
    requests = sys.modules.get("requests")
    if requests is None:
        return
    providers = [trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider()]
    seen, next_up = set[int](), list[Any](providers)
    while next_up:
        one = next_up.pop()
        if isinstance(one, requests.Session):
            yield one
        elif id(one) not in seen and _is_of_the_sdk(one):
            seen.add(id(one))
            next_up.extend(gc.get_referents(one))


def _is_of_the_sdk(one: Any) -> bool:
    kind = cast("type[object]", type(one))
    return kind in (dict, list, tuple) or kind.__module__.startswith("opentelemetry.")


def _connect_anew(session: Any) -> None:
    with guarded("connecting anew after a fork"):
        for adapter in session.adapters.values():
            held = cast("dict[str, Any]", vars(adapter)).copy()
            _OF_THE_PARENT.append(held)  # collected, they would wait for locks too
            adapter.__setstate__(adapter.__getstate__())  # as after pickling: without connections


_OF_THE_PARENT: Final = list[Any]()
