"""What a worker hands to the process that owns the store, over a pair of sockets.

Calls and logs are handed over before they are answered for: what the kernel has taken is read also
when the worker is dead by then. A frame is a kind (one byte), a length (four) and so many bytes.
"""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock
from typing import cast

from otel_llm.collector.call_codec import pack
from otel_llm.collector.samples import Family
from otel_llm.collector.sending import SenderStatus
from otel_llm.genai import Call

_HEAD = struct.Struct("<BI")
BUFFER_BYTES = 4 * 2**20
"""So much may be on the way: a burst of calls does not wait for their reader."""


class Kind(IntEnum):
    """What is in a frame."""

    CALLS = 1
    LOGS = 2
    STATUS = 3


@dataclass(frozen=True, slots=True)
class Status:
    """How a worker does."""

    families: Sequence[Family] = ()
    """What it has counted."""
    senders: Sequence[SenderStatus] = ()


class Handover:
    """The worker's end. An ``Observer``; waits while the other end is behind, so that senders wait
    and nothing is dropped."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = Lock()

    def observe(self, calls: Sequence[Call]) -> None:
        """Hand over calls. Raises ``OSError`` when nobody is there to take them."""
        self._send(Kind.CALLS, pack(calls))

    def logs(self, payload: bytes) -> None:
        """Hand over a logs request, for the scores in it."""
        self._send(Kind.LOGS, payload)

    def tell(self, status: Status) -> None:
        """Say how this worker does."""
        self._send(Kind.STATUS, pickle.dumps(status))

    def wait_for_end(self) -> None:
        """Return when the other process has ended."""
        self._connection.recv(1)

    def _send(self, kind: Kind, content: bytes) -> None:
        with self._lock:
            self._connection.sendall(_HEAD.pack(kind, len(content)) + content)


def frames(connection: socket.socket) -> Iterator[tuple[Kind, bytes]]:
    """Yield what comes, until the worker has ended; half a frame at the end is left out: what it
    held was not answered for."""
    with connection.makefile("rb", BUFFER_BYTES) as stream:
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            kind, length = _HEAD.unpack(head)
            content = stream.read(length)
            if len(content) < length:
                return
            yield Kind(kind), content


def read_status(content: bytes) -> Status:
    """Return what ``Handover.tell`` said."""
    return cast("Status", pickle.loads(content))
