"""An endpoint that costs money: nothing is asked that today's cap does not cover, everything that
was asked is traced.

Before a call its dearest possible outcome is set aside (a byte of the prompt is at most a token,
the answer at most ``max_output_tokens``), after it what it really came to. A model without a price
is not asked at all while there is a cap: nobody could say when it is reached.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from decimal import Decimal

from otel_llm.genai import Usage
from otel_llm.pricing import PriceBook

from .endpoint import Endpoint, Message, Reply
from .otlp import OwnCall, call_span
from .result import Subject
from .spending import Reservation, Spending

_log = logging.getLogger(__name__)
_ROOM = 64
"""Tokens that a chat format puts around each message, and more."""
_NOTHING = Decimal(0)

TakeTrace = Callable[[bytes], object]
"""Gets a trace export request. Does not block; what it raises is logged."""


class PaidEndpoint:
    """Asks ``endpoint`` within ``spending``. Thread-safe."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        book: PriceBook | None = None,
        spending: Spending | None = None,
        trace: TakeTrace = lambda _: None,
    ) -> None:
        """``book`` is needed when ``spending`` has a limit; ``trace`` gets the span of every
        call."""
        self._endpoint = endpoint
        self._book = book
        self._spending = spending or Spending()
        self._trace = trace
        self._said_unpriced = False

    @property
    def model(self) -> str:
        """The model that is asked for."""
        return self._endpoint.config.model

    def chat(
        self,
        messages: Sequence[Message],
        *,
        purpose: str,
        about: Subject | None = None,
    ) -> Reply:
        """Ask once. A call that the cap forbids has ``error_type`` ``budget`` or ``unpriced``."""
        longest = Usage(_most_tokens(messages), self._endpoint.config.max_output_tokens)
        return self._paid(longest, "chat", lambda: self._endpoint.chat(messages), purpose, about)

    def embed(self, texts: Sequence[str], *, about: Subject | None = None) -> Reply:
        """Return a vector for each text, under the same cap."""
        longest = Usage(_most_tokens([{"content": text} for text in texts]), 0)
        ask = lambda: self._endpoint.embed(texts)  # noqa: E731
        return self._paid(longest, "embeddings", ask, "embeddings", about)

    def close(self) -> None:
        """Release the connections. Safe to call twice."""
        self._endpoint.close()

    def _paid(
        self,
        longest: Usage,
        operation: str,
        ask: Callable[[], Reply],
        purpose: str,
        about: Subject | None,
    ) -> Reply:
        reservation = self._reserve(longest)
        if isinstance(reservation, str):
            now = time.time_ns()
            return Reply(now, now, error_type=reservation)
        reply = ask()
        if reservation is not None:
            self._settle(reservation, self._spent(reply, longest))
        self._tell(
            OwnCall(
                purpose,
                operation,
                self._endpoint.config.provider,
                self.model,
                self._endpoint.server,
                reply,
                about,
            )
        )
        return reply

    def _reserve(self, longest: Usage) -> Reservation | str | None:
        most = self._cost(self.model, longest)
        if most is None:
            return self._unpriced() if self._spending.limit is not None else None
        try:
            return self._spending.reserve(most) or "budget"
        except sqlite3.Error as error:
            _log.error("what is spent cannot be kept, so nothing is asked: %s", error)
            return "state_file"

    def _settle(self, reservation: Reservation, spent: Decimal) -> None:
        try:
            self._spending.settle(reservation, spent)
        except sqlite3.Error as error:  # what was set aside counts as spent
            _log.error("what is spent cannot be kept: %s", error)

    def _spent(self, reply: Reply, longest: Usage) -> Decimal:
        """Return what a call came to; where that is not known, the most it can have been."""
        if reply.error_type and not reply.maybe_billed:
            return _NOTHING
        known = self._cost(reply.model or self.model, reply.usage)
        known = known if known is not None else self._cost(self.model, reply.usage)
        return known if known is not None else self._cost(self.model, longest) or _NOTHING

    def _cost(self, model: str, usage: Usage) -> Decimal | None:
        if self._book is None:
            return None
        config, (host, _) = self._endpoint.config, self._endpoint.server
        asked, now = config.parameters.get("service_tier"), time.time_ns()
        bills = [
            self._book.cost(config.provider, model, usage, now, tier, server=host)
            for tier in (None, asked if isinstance(asked, str) else None)
        ]  # which of them served, nobody may say
        return max((bill.total for bill in bills if bill), default=None)

    def _unpriced(self) -> str:
        if not self._said_unpriced:
            self._said_unpriced = True
            _log.warning(
                "the model %s of %s has no price, so that a budget cannot hold: it is not asked. "
                "Give it a price under processors.cost.prices, or take the budget away "
                "(daily_budget: null, no --max-judge-cost)",
                self.model,
                self._endpoint.config.provider,
            )
        return "unpriced"

    def _tell(self, call: OwnCall) -> None:
        try:
            self._trace(call_span(call))
        except Exception as error:  # noqa: BLE001  # a full queue costs a span, never a result
            _log.warning("the span of a call to %s was lost: %s", call.model, type(error).__name__)


def _most_tokens(messages: Sequence[Message]) -> int:
    """Return more tokens than ``messages`` can have: tokenizers fall back to bytes."""
    return sum(
        len(json.dumps(message["content"], ensure_ascii=False).encode(errors="replace")) + _ROOM
        for message in messages
    )
