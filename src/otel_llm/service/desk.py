"""Where the process that owns the store takes what its workers hand over, and answers them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Final

from otel_llm.collector.calls.codec import unpack
from otel_llm.collector.processors.sample import SampleProcessor
from otel_llm.genai import Call
from otel_llm.store import StoreError

from .assembly import Service
from .handover import (
    Channel,
    Kind,
    answer_which,
    read_chosen,
    read_kept,
    read_question,
    read_seen,
    read_spans,
    read_which,
)

logger = logging.getLogger(__name__)

_BEHIND_S: Final = 0.01
_ALL_UP_S: Final = 120.0


class Desk:
    """``take`` is called by a thread for each worker."""

    def __init__(self, service: Service, workers: int) -> None:
        self._service = service
        self.complete = Event()
        """Set when every worker has said what it found in its journal: before, nothing is decided
        of it."""
        # What is asked may take its time; what is handed over meanwhile must not wait for it.
        self._answering = ThreadPoolExecutor(4 * workers, "desk")

    def take(self, kind: Kind, content: bytes, channel: Channel) -> None:
        """Take one frame of the worker at the other end of ``channel``."""
        match kind:
            case Kind.CALLS:
                self._observe(self._service.office.once.new(unpack(content)))
            case Kind.LOGS:
                if self._service.office.scores:
                    self._service.office.scores.take(content)
            case Kind.SPANS:
                if self._service.office.spans:
                    self._service.office.spans.observe(read_spans(content))
            case Kind.CHOSEN:
                if self._service.office.evaluation:
                    self._service.office.evaluation.offer(read_chosen(content))
            case Kind.SEEN:
                name, seen = read_seen(content)
                if processor := self._sample(name):
                    processor.verdicts.learn(seen)
            case Kind.WHICH:
                self._answering.submit(self._answer, content, channel, self._which)
            case Kind.STORED:
                self._answering.submit(self._answer, content, channel, self._stored)
            case Kind.KEEP:
                self._answering.submit(self._answer, content, channel, self._keep)
            case _:
                logger.error("a worker said what it should not: %s", kind.name)

    def close(self) -> None:
        """Answer what is asked, and end."""
        self.complete.set()
        self._answering.shutdown()

    def _observe(self, calls: Sequence[Call]) -> None:
        office = self._service.office
        while office.writer and not office.writer.has_room(len(calls)):
            time.sleep(_BEHIND_S)  # the worker waits, and so do its senders
        office.observe(calls)

    def _answer(self, content: bytes, channel: Channel, find: Callable[[bytes], bytes]) -> None:
        number, question = read_question(content)
        try:
            answer = find(question)
        except Exception as error:  # noqa: BLE001 - whoever asks would wait for ever
            logger.error("a worker's question was not answered: %s", type(error).__name__)
            answer = b""
        with suppress(OSError):  # the worker has ended
            channel.send(Kind.ANSWER, number + answer)

    def _which(self, question: bytes) -> bytes:
        self.complete.wait(_ALL_UP_S)
        name, trace_ids = read_which(question)
        processor = self._sample(name)
        return answer_which(processor.verdicts.kept(trace_ids) if processor else trace_ids)

    def _stored(self, _: bytes) -> bytes:
        office = self._service.office
        return b"%d" % office.missed() if office.is_kept() else b""

    def _keep(self, kept: bytes) -> bytes:
        office = self._service.office
        try:
            new = office.keep(*read_kept(kept))
        except StoreError as error:
            logger.warning("the store lacks some of a journal: %s", error)
            return b""
        office.keeper.refilled += new
        return b"%d" % new

    def _sample(self, name: str) -> SampleProcessor | None:
        """Return the processor whose traces are meant; ``None`` when it is no more."""
        found = self._service.flow.processing.processors.get(name)
        return found if isinstance(found, SampleProcessor) else None
