"""Processes that end, or are frozen, without running what is registered for their exit.

``multiprocessing`` and its kin end forked children by ``os._exit``; gunicorn's workers for ASGI by
the signal that stopped them; Lambda freezes a process once it has the result. Whatever they did
since the last export, all of it in a short job, would be lost. Here telemetry is delivered
before; where nobody answers it is waited for as long as at any exit.
"""

from __future__ import annotations

import pickle
import select
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Final, TypeAlias

import wrapt

from otel_llm.instrumentation.core import guarded
from otel_llm.instrumentation.core.operation import forks

from .terminating import Termination

Deliver: TypeAlias = Callable[..., object]
_Args: TypeAlias = tuple[Any, ...]
_Kwargs: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ends:
    """What the wrappers need: how to deliver, and the hold on SIGTERM."""

    deliver: Deliver
    termination: Termination


_Around: TypeAlias = Callable[[Ends, Callable[..., Any], _Args, _Kwargs], Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A function of a host, and what is put around it."""

    module: str
    name: str
    around: _Around


def watch(deliver: Deliver, termination: Termination) -> None:
    """Put a wrapper around each place as soon as its module is imported."""
    ends = Ends(deliver, termination)
    for place in PLACES:
        wrapt.register_post_import_hook(partial(_put, place, ends), place.module)


def _put(place: Place, ends: Ends, module: Any) -> None:
    with guarded(f"watching {place.module}"):
        kind, _, name = place.name.rpartition(".")
        owner = getattr(module, kind, None) if kind else module
        original = getattr(owner, name, None)
        if original is not None:
            setattr(owner, name, _wrapped(place, ends, original))


def _wrapped(place: Place, ends: Ends, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a plain function: processes that are spawned are sent it by its name."""

    @wraps(original)
    def around(*args: Any, **kwargs: Any) -> Any:
        return place.around(ends, original, args, kwargs)

    return around


def _child(ends: Ends, child: Callable[..., Any], args: _Args, kwargs: _Kwargs) -> Any:
    """Run a child process to its end. One that was not forked exits like any other."""
    code = child(*args, **kwargs)
    if forks():
        ends.termination.take_hold()  # a parent that has what it wants does not wait
        ends.deliver()
    return code


def _before(ends: Ends, end: Callable[..., Any], args: _Args, kwargs: _Kwargs) -> Any:
    ends.deliver()
    return end(*args, **kwargs)


def _job(ends: Ends, run: Callable[..., Any], args: _Args, kwargs: _Kwargs) -> Any:
    """Run the one job of a forked "work horse"."""
    try:
        return run(*args, **kwargs)
    finally:
        if getattr(args[0], "is_horse", False):
            ends.deliver()


def _loaded(ends: Ends, load: Callable[..., Any], args: _Args, kwargs: _Kwargs) -> Any:
    """Load what a worker serves, with its signals set up: some have none of their own."""
    try:
        return load(*args, **kwargs)
    finally:
        ends.termination.take_hold()


def _pooled(ends: Ends, work: Callable[..., Any], args: _Args, kwargs: _Kwargs) -> Any:
    """Work for a pool, which terminates whom it no longer needs.

    It does that while they wait for more, from the moment they have handed in a result. In the
    middle of a task they die at once, as they would have: that may never give way to Python.
    """
    with guarded("watching a worker of a pool"):
        tasks, results, hold = args[0], args[1], ends.termination
        if forks() and hasattr(tasks, "_writer"):  # else a pool of threads
            get, put = _getting(tasks), results.put

            def put_then_wait(result: Any) -> None:
                hold.take_hold()
                put(result)

            def wait() -> Any:
                hold.take_hold()
                task = get()
                if task is not None:
                    hold.let_go()
                return task

            tasks.get, results.put = wait, put_then_wait
    return work(*args, **kwargs)


def _getting(tasks: Any) -> Callable[[], Any]:
    """Return what gives the next task as ``tasks.get`` does, but comes back to Python every second
    while there is none.

    A signal that arrives right before a call that waits has its handler run behind that call. Pools
    are terminated as soon as the last result is there, when their workers are about to wait: they
    would wait for ever, and the program for them.
    """
    lock, reader, arrival = tasks._rlock, tasks._reader, select.poll()
    arrival.register(reader, select.POLLIN)

    def get() -> Any:
        while True:
            # In a process that another than the main thread forked, CPython 3.13.0 does not look by
            # itself whether a signal has come; sending none makes it look.
            signal.pthread_kill(threading.get_ident(), 0)
            if lock.acquire(timeout=_LOOK_S):
                try:
                    said = reader.recv_bytes() if arrival.poll(_LOOK_S * 1000) else None
                finally:
                    lock.release()
                if said is not None:
                    return pickle.loads(said)

    return get


_LOOK_S: Final = 1


def _handler(ends: Ends, find: Callable[..., Any], args: _Args, kwargs: _Kwargs) -> Any:
    """Find what handles events, and deliver what each of them led to."""
    handle = find(*args, **kwargs)

    @wraps(handle)
    def handled(event: Any, context: Any) -> Any:
        try:
            return handle(event, context)
        finally:
            with guarded("delivering before a function is frozen"):
                ends.deliver(context.get_remaining_time_in_millis() / 1000 - _SPARE_S)

    return handled


_SPARE_S: Final = 0.5
"""What is left of a function's time, for its answer."""

PLACES: Final = (
    Place("multiprocessing.process", "BaseProcess._bootstrap", _child),
    Place("multiprocessing.pool", "worker", _pooled),
    Place("billiard.process", "BaseProcess._bootstrap", _child),
    Place("billiard.pool", "Worker._do_exit", _before),
    Place("rq.worker", "BaseWorker.perform_job", _job),
    Place("gunicorn.workers.base", "Worker.load_wsgi", _loaded),
    Place("awslambdaric.bootstrap", "_get_handler", _handler),
)
