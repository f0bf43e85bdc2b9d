"""Messages that came as log records, as they did until version 1.36 of the conventions, and wait
for their span.

A record names its span. Records are sent while a call is under way, its span when it has ended, so
that they are here first; nothing waits for one that is not. The records themselves go on as they
came: what finds no span is lost to nobody.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otel_llm import semconv

from ..errors import Malformed
from ..wire.any_values import plain
from .events import ANSWERS, ASKS, said_by
from .json_values import as_map, parsed
from .messages import Message
from .said_memory import OwnSaid, SaidMemory
from .work import Work

if TYPE_CHECKING:
    from ..data import SpanView
    from ..data.records import Record, Records

_EVENTS: Final = ASKS | ANSWERS
_ALWAYS_ALIKE: Final = 2
"""The version in which equal values are written as equal bytes."""


class _Said(NamedTuple):
    at_ns: int
    name: str
    attributes: dict[str, Any]


class SaidApart:
    """Remembers the records of recent calls, up to a number of bytes. Thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self._remembers = max_bytes > 0
        self.memory: SaidMemory = OwnSaid(max_bytes)
        """What is remembered: replace it by what several processes remember together."""
        self.joined = 0
        """Spans that were given messages."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return self._remembers and bool(self.memory)

    def note(self, records: Records) -> None:
        """Remember what is said in ``records``; the oldest is forgotten for it. A record that comes
        again counts once. A request that cannot be read says nothing."""
        found: list[Record] = []
        with suppress(Malformed):
            found += [r for r in records.genai() if r.name in _EVENTS and r.trace_id and r.span_id]
        for record in found if self._remembers else ():
            ids = record.message.trace_id, record.message.span_id
            self.memory.add(ids, marshal.dumps(tuple(_said(record)), _ALWAYS_ALIKE))

    def join(self, span: SpanView) -> None:
        """Put what was said apart from ``span`` where messages are now, unless it has messages. It
        stays remembered: the span may come again."""
        said = [_Said(*marshal.loads(one)) for one in self.memory.of(span.ids[:2])]
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


def _said(record: Record) -> _Said:
    message = record.message
    attributes = {name: record.value(name) for name in record.names()}
    attributes |= as_map(parsed(plain(message.body)))
    return _Said(message.time_unix_nano or message.observed_time_unix_nano, record.name, attributes)


def _messages(said: Sequence[_Said]) -> list[Message]:
    """Return the messages that say something: without content captured, records are empty."""
    messages = [m for one in said for m in said_by(one.name, one.attributes)]
    return [message for message in messages if message.get("parts")]
