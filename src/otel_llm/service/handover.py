"""What a worker and the process that owns the store say to each other, over a pair of sockets.

Calls and logs are handed over before they are answered for: what the kernel has taken is read also
when the worker is dead by then. A frame is a kind (one byte), a length (four) and so many bytes; a
question has a number before its content, and so has the answer to it.
"""

from __future__ import annotations

import marshal
import pickle
import socket
import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import astuple, dataclass
from enum import IntEnum
from itertools import count
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, cast

from otel_llm.collector.calls.codec import pack, unpack
from otel_llm.collector.component import Signal
from otel_llm.collector.measures.samples import Family
from otel_llm.collector.normalize.known_calls import KnownCalls, OwnCalls, SharedCalls
from otel_llm.collector.normalize.said_memory import SaidMemory, SharedSaid
from otel_llm.collector.observers.judging import Chosen
from otel_llm.collector.sampling.verdicts import Seen, Undecided
from otel_llm.collector.sending.status import SenderStatus
from otel_llm.genai import Call
from otel_llm.store import PlainSpan, StoreError

_HEAD = struct.Struct("<BI")
_NUMBER = struct.Struct("<Q")
BUFFER_BYTES = 4 * 2**20
"""So much may be on the way: a burst of calls does not wait for their reader."""


def worker_name(number: int) -> str:
    """Return what a worker's directories are called."""
    return f"worker-{number}"


class Kind(IntEnum):
    """What is in a frame."""

    CALLS = 1
    LOGS = 2
    STATUS = 3
    CHOSEN = 4
    """A call that is to be judged."""
    SEEN = 5
    """What is known of traces that wait to be sampled."""
    WHICH = 6
    """A question: which of these traces are kept?"""
    STORED = 7
    """A question: how many calls and spans could not be stored, once none waits any more?"""
    ANSWER = 8
    """To the worker, as the one after it."""
    OWN = 9
    """What the owner itself has to tell, for the pipelines."""
    SPANS = 10
    """The other spans of traces, for a store that keeps them."""
    KEEP = 11
    """A question: how many of these calls did the store not have? It has them now, and the spans
    that came with them."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a worker does."""

    families: Sequence[Family] = ()
    """What it has counted."""
    senders: Sequence[SenderStatus] = ()
    full: Set[str] = frozenset()
    """Names of the pipelines that take nothing."""


class Channel:
    """One end, to write to. Waits while the other end is behind. Thread-safe."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = Lock()

    def send(self, kind: Kind, content: bytes) -> None:
        """Raises ``OSError`` when nobody is there to take it."""
        with self._lock:
            self._connection.sendall(_HEAD.pack(kind, len(content)) + content)


class Handover:
    """The worker's end. An ``Observer``; waits while the other end is behind, so that senders wait
    and nothing is dropped."""

    def __init__(
        self, connection: socket.socket, calls: int | None = None, said: int | None = None
    ) -> None:
        """``calls`` and ``said`` are the files in which all workers remember calls and what was
        said apart from spans (see ``SharedCalls`` and ``SharedSaid``)."""
        self._connection = connection
        self._channel = Channel(connection)
        self._calls, self._said = calls, said
        self._numbers = count()
        self._asked: dict[int, Future[bytes]] = {}
        self._over = False
        self._lock = Lock()
        self.missed = 0
        """Calls and spans that the store had no room for or did not take, when asked last."""

    # --- what is handed over ---

    def observe(self, calls: Sequence[Call]) -> None:
        """Hand over calls. Raises ``OSError`` when nobody is there to take them."""
        self._channel.send(Kind.CALLS, pack(calls))

    def logs(self, payload: bytes) -> None:
        """Hand over a logs request, for the scores in it."""
        self._channel.send(Kind.LOGS, payload)

    def spans(self, spans: Sequence[PlainSpan]) -> None:
        """Hand over spans that are no calls."""
        self._channel.send(Kind.SPANS, pickle.dumps(spans))

    def chosen(self, chosen: Chosen) -> None:
        """Hand over a call that is to be judged."""
        self._channel.send(Kind.CHOSEN, marshal.dumps(astuple(chosen)))

    def tell(self, status: Status) -> None:
        """Say how this worker does."""
        self._channel.send(Kind.STATUS, pickle.dumps(status))

    # --- what is asked ---

    def stored(self) -> bool:
        """Wait until nothing that was handed over waits to be stored; ``False`` when nobody says
        so. ``missed`` is then how many could not be."""
        try:
            missed = self._ask(Kind.STORED, b"")
        except OSError:
            return False
        self.missed = int(missed or self.missed)
        return bool(missed)

    def keep(self, calls: Sequence[Call], spans: Sequence[PlainSpan]) -> int:
        """Let the store have calls and other spans that it may lack; return how many calls it did.
        Raises ``OSError`` when nobody says so, and ``StoreError`` when it does not take them."""
        if not (new := self._ask(Kind.KEEP, pickle.dumps((pack(calls), spans)))):
            raise StoreError("the store does not take them")
        return int(new)

    def verdicts(self, name: str) -> SharedVerdicts:
        """Return what all workers know together for the ``sample`` processor ``name``."""
        return SharedVerdicts(self._channel, self._ask, name)

    def known_calls(self, name: str) -> KnownCalls:
        """Return what all workers remember together for the ``normalize`` processor ``name``."""
        return OwnCalls() if self._calls is None else SharedCalls(self._calls, name)

    def said(self, name: str) -> SaidMemory | None:
        """Return what all workers remember of what was said apart from spans."""
        return None if self._said is None else SharedSaid(self._said, name)

    def _ask(self, kind: Kind, content: bytes) -> bytes:
        """Return the answer. Raises ``OSError`` when there will be none."""
        number, answer = next(self._numbers), Future[bytes]()
        with self._lock:
            if self._over:
                raise ConnectionError("the other process has ended")
            self._asked[number] = answer
        self._channel.send(kind, _NUMBER.pack(number) + content)
        return answer.result()

    # --- what comes back ---

    def listen(self, own: Callable[[Signal, bytes], object]) -> None:
        """Take answers, and what the owner has for the pipelines, until it has ended."""
        told = SimpleQueue[bytes | None]()  # whoever waits for an answer waits for nothing else
        Thread(target=_tell_own, args=(told, own), name="worker own", daemon=True).start()
        with suppress(OSError):
            for kind, content in frames(self._connection):
                if kind is Kind.OWN:
                    told.put(content)
                elif answer := self._asked.pop(_NUMBER.unpack_from(content)[0], None):
                    answer.set_result(content[_NUMBER.size :])
        told.put(None)
        self._end()

    def close(self) -> None:
        """Say no more, and stop listening."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _end(self) -> None:
        with self._lock:
            self._over = True
            asked, self._asked = self._asked, {}
        for answer in asked.values():
            answer.set_exception(ConnectionError("the other process has ended"))


def _tell_own(told: SimpleQueue[bytes | None], own: Callable[[Signal, bytes], object]) -> None:
    while content := told.get():
        own(*cast("tuple[Signal, bytes]", marshal.loads(content)))


class SharedVerdicts:
    """``Verdicts`` of all workers: the owner decides."""

    def __init__(self, channel: Channel, ask: Callable[[Kind, bytes], bytes], name: str) -> None:
        self._channel, self._ask, self._name = channel, ask, name

    def learn(self, seen: Mapping[str, Seen]) -> None:
        """See ``Verdicts``. Raises ``OSError`` when nobody is there to take it."""
        plain = {trace_id: tuple(one) for trace_id, one in seen.items()}
        self._channel.send(Kind.SEEN, marshal.dumps((self._name, plain)))

    def kept(self, trace_ids: Sequence[str]) -> Collection[str]:
        """See ``Verdicts``."""
        question = marshal.dumps((self._name, list(trace_ids)))
        try:
            answer = self._ask(Kind.WHICH, question)
        except OSError as error:
            raise Undecided from error
        if not answer:
            raise Undecided
        return frozenset(cast("list[str]", marshal.loads(answer)))

    def measure(self) -> Iterator[Family]:
        """See ``Verdicts``: it is the owner that counts."""
        yield from ()


def frames(connection: socket.socket) -> Iterator[tuple[Kind, bytes]]:
    """Yield what comes, until the other end has ended; half a frame at the end is left out: what it
    held was not answered for."""
    with connection.makefile("rb", BUFFER_BYTES) as stream:
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            kind, length = _HEAD.unpack(head)
            content = stream.read(length)
            if len(content) < length:
                return
            yield Kind(kind), content


def own(signal: Signal, payload: bytes) -> bytes:
    """Return the content of an ``OWN`` frame."""
    return marshal.dumps((signal, payload))


def read_status(content: bytes) -> Status:
    """Return what ``Handover.tell`` said."""
    return cast("Status", pickle.loads(content))


def read_spans(content: bytes) -> Sequence[PlainSpan]:
    """Return what ``Handover.spans`` said."""
    return cast("Sequence[PlainSpan]", pickle.loads(content))


def read_kept(content: bytes) -> tuple[Sequence[Call], Sequence[PlainSpan]]:
    """Return what ``Handover.keep`` handed over."""
    calls, spans = cast("tuple[bytes, Sequence[PlainSpan]]", pickle.loads(content))
    return unpack(calls), spans


def read_chosen(content: bytes) -> Chosen:
    """Return what ``Handover.chosen`` said."""
    return Chosen(*cast("tuple[Any, ...]", marshal.loads(content)))


def read_seen(content: bytes) -> tuple[str, Mapping[str, Seen]]:
    """Return what ``SharedVerdicts.learn`` said: whose it is, and traces by id."""
    name, seen = cast("tuple[str, dict[str, Any]]", marshal.loads(content))
    return name, {trace_id: Seen(*one) for trace_id, one in seen.items()}


def read_question(content: bytes) -> tuple[bytes, bytes]:
    """Return the number that its answer has to begin with, and what is asked."""
    return content[: _NUMBER.size], content[_NUMBER.size :]


def read_which(content: bytes) -> tuple[str, Sequence[str]]:
    """Return what ``SharedVerdicts.kept`` asked: whose they are, and ids of traces."""
    return cast("tuple[str, list[str]]", marshal.loads(content))


def answer_which(kept: Collection[str]) -> bytes:
    """Return the answer to ``WHICH``."""
    return marshal.dumps(list(kept))
