"""Messages that came as log records, as they did until version 1.36 of the conventions, and wait
for their span.

A record names its span. Records are sent while a call is under way, its span when it has ended, so
that they are here first; nothing waits for one that is not. The records themselves go on as they
came: what finds no span is lost to nobody.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm import semconv

from ..errors import Malformed
from ..wire.any_values import plain
from .events import ANSWERS, ASKS, said_by
from .json_values import as_map, parsed
from .messages import Message
from .work import Work

if TYPE_CHECKING:
    from ..data import SpanView
    from ..data.records import Record, Records

_EVENTS: Final = ASKS | ANSWERS
_OVERHEAD: Final = 500
"""Bytes that a record costs beside its own."""
_Ids = tuple[bytes, bytes]


class _Said(NamedTuple):
    at_ns: int
    name: str
    attributes: dict[str, Any]


class SaidApart:
    """Remembers the records of recent calls, up to a number of bytes. Thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._said: OrderedDict[_Ids, dict[bytes, _Said]] = OrderedDict()
        self._lock = Lock()
        self.joined = 0
        """Spans that were given messages."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._said)

    def note(self, records: Records) -> None:
        """Remember what is said in ``records``; the oldest is forgotten for it. A record that comes
        again counts once. A request that cannot be read says nothing."""
        found: list[Record] = []
        with suppress(Malformed):
            found += [r for r in records.genai() if r.name in _EVENTS and r.trace_id and r.span_id]
        with self._lock:
            for record in found if self._max_bytes else ():
                self._note(record)

    def _note(self, record: Record) -> None:
        message = record.message
        encoded: bytes = message.SerializeToString()
        said = self._said.setdefault((message.trace_id, message.span_id), {})
        if encoded in said:
            return
        at_ns = message.time_unix_nano or message.observed_time_unix_nano
        attributes = {name: record.value(name) for name in record.names()}
        attributes |= as_map(parsed(plain(message.body)))
        said[encoded] = _Said(at_ns, record.name, attributes)
        self._bytes += _size(encoded)
        while self._bytes > self._max_bytes and self._said:
            _, oldest = self._said.popitem(last=False)
            self._bytes -= sum(map(_size, oldest))

    def join(self, span: SpanView) -> None:
        """Put what was said apart from ``span`` where messages are now, unless it has messages. It
        stays remembered: the span may come again."""
        with self._lock:
            said = list(self._said.get(span.ids[:2], {}).values())
        if not said:
            return
        said.sort(key=lambda one: one.at_ns)  # stable: what has no time stays in its order
        work = Work(span, keep=True)
        joined = [
            work.put_messages(name, messages)
            for name, events in ((semconv.INPUT_MESSAGES, ASKS), (semconv.OUTPUT_MESSAGES, ANSWERS))
            if (messages := _messages([one for one in said if one.name in events]))
            and not span.has(name)
        ]
        self.joined += any(joined)


def _messages(said: Sequence[_Said]) -> list[Message]:
    """Return the messages that say something: without content captured, records are empty."""
    messages = [m for one in said for m in said_by(one.name, one.attributes)]
    return [message for message in messages if message.get("parts")]


def _size(encoded: bytes) -> int:
    return 4 * len(encoded) + _OVERHEAD  # as bytes, as Python's objects
