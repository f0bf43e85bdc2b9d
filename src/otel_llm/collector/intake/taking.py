"""What becomes of a request between its head and its answer, the same over gRPC and HTTP."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from ..component import Arrival, Bury, Consume, Signal
from ..measures.counters import Counters
from ..protocol import ITEMS
from .access import Access
from .admission import Admission
from .answers import Failure, Outcome, Rejected, busy, failure_of
from .config import OtlpConfig
from .memory import Memory
from .refusals import Refusals

_log = logging.getLogger(__name__)

_REMIND_S = 60.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that is taken as soon as ``kept`` ends well."""

    kept: Future[None]
    outcome: Outcome
    """What came of it then."""


class Intake:
    """One receiver's way in. Thread-safe."""

    def __init__(
        self,
        config: OtlpConfig,
        consume: Consume,
        counters: Counters,
        bury: Bury | None = None,
    ) -> None:
        """Raises ``OSError`` when the tokens cannot be read."""
        self.limits = config.limits
        self._consume = consume
        self._bury = bury
        self._counters = counters
        self._access = Access(config.auth, config.tenant)
        self._admission = Admission(config.limits)
        self._memory = Memory(config.limits.max_memory)
        self._said = -_REMIND_S

    @property
    def asks(self) -> bool:
        """Whether the headers matter."""
        return self._access.asks

    def refusals(self, transport: str, endpoint: str) -> Refusals:
        """Return what counts the connections of one server that end before a request."""
        return Refusals(transport, endpoint, self._counters)

    def count_handshake(self, transport: str) -> None:
        """Count a TLS handshake that begins."""
        self._counters.add("otel_llm_receiver_handshakes", transport=transport)

    def enter(self, headers: Mapping[str, str]) -> str | Failure:
        """Return whose request it is, by its headers, or why it is not even read."""
        sender = self._access.sender(headers) if self._access.asks else ""
        return busy() if isinstance(sender, str) and self._memory.short() else sender

    def take(
        self, signal: Signal, payload: bytes, transport: str, tenant: str = ""
    ) -> Outcome | Waiting:
        """Hand a request on, and count it."""
        self._counters.add("otel_llm_receiver_bytes", len(payload), transport=transport)
        if self._memory.short(len(payload)):  # they may have come in together, and be too many
            return self.counted(transport, busy())
        try:
            payload, rejected = self._admission.admit(signal, payload)
            if tenant:
                payload = self._access.labelled(payload, tenant)
            arrival = Arrival(transport=transport)
            kept = self._consume(signal, payload, arrival)
        except Exception as error:  # noqa: BLE001 - what it was decides the answer
            return self.counted(transport, failure_of(error))
        if arrival.rejected:
            rejected = _told(signal, arrival, rejected)
        if rejected is not None:
            self._note(signal, transport, rejected)
        if kept is not None:
            return Waiting(kept, rejected)
        return self.counted(transport, rejected)

    def finish(self, waiting: Waiting, transport: str) -> Outcome:
        """Count a request whose ``kept`` has ended, and return what came of it."""
        error = waiting.kept.exception()
        failed = failure_of(error) if isinstance(error, Exception) else None
        return self.counted(transport, failed or waiting.outcome)

    def counted(self, transport: str, outcome: Outcome) -> Outcome:
        """Count one request by its outcome, and return that."""
        name = outcome.outcome if isinstance(outcome, Failure) else "accepted"
        self._counters.add("otel_llm_receiver_requests", transport=transport, outcome=name)
        return outcome

    def _note(self, signal: Signal, transport: str, rejected: Rejected) -> None:
        """Count and say what is lost: Python's exporters say nothing of partial success."""
        name = f"otel_llm_receiver_rejected_{ITEMS[signal]}"
        self._counters.add(name, rejected.count, transport=transport)
        if self._bury is not None and rejected.payload:
            self._bury(signal, rejected.payload, rejected.reason)
        if time.monotonic() - self._said >= _REMIND_S:
            self._said = time.monotonic()
            _log.warning("rejected for good: %s (counted as %s)", rejected.reason, name)


def _told(signal: Signal, arrival: Arrival, rejected: Rejected | None) -> Rejected:
    """Return what was rejected on the way in and by the pipeline, which says no more of it: nobody
    could look into it."""
    things = ITEMS[signal].replace("_", " ")
    said = "; ".join(f"{count} {things} {reason}" for reason, count in arrival.rejected.items())
    later = Rejected(sum(arrival.rejected.values()), said)
    return rejected.beside(later) if rejected else later
