"""A model as judge: criteria, accuracy against a reference, one answer against another."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .criteria import CRITERIA, comparing, judging, with_truth
from .endpoint import Reply
from .paid import PaidEndpoint
from .parsing import Better, read_better, read_verdicts
from .result import Result, Subject

Preference = Literal["first", "second", "tie"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which of two answers is better. Either ``preference`` or ``error_type`` is set."""

    preference: Preference | None
    swayed: bool = False
    """Whether the judge changed its mind when the answers changed places: then it is a tie."""
    error_type: str | None = None


class Judge:
    """Asks a model how good answers are. Thread-safe."""

    def __init__(self, endpoint: PaidEndpoint, *, explained: bool = False) -> None:
        """``explained`` also asks for a sentence of reason, which costs more and may quote what
        was said."""
        self._endpoint = endpoint
        self._explained = explained

    @property
    def model(self) -> str:
        """Who judges."""
        return self._endpoint.model

    def judge(self, subject: Subject, criteria: Mapping[str, str] = CRITERIA) -> list[Result]:
        """Judge by every criterion in one call, and by accuracy where there is a ``truth``.

        Always one result for each: a reply that is not as asked for is ``invalid_answer``.
        """
        wanted = with_truth(criteria, subject)
        if not wanted:
            return []
        messages = judging(subject, wanted, explained=self._explained)
        reply = self._endpoint.chat(messages, purpose="judge", about=subject)
        return self._results(reply, wanted)

    def compare(self, question: str, first: str, second: str, criterion: str = "") -> Comparison:
        """Compare two answers, twice, with places changed: judges prefer the first one they see.

        ``criterion`` says by what; helpfulness by default.
        """
        by = criterion or CRITERIA["helpfulness"]
        there = self._better(question, first, second, by)
        if isinstance(there, Reply):
            return Comparison(None, error_type=there.error_type)
        back = self._better(question, second, first, by)
        if isinstance(back, Reply):
            return Comparison(None, error_type=back.error_type)
        return _settled(there, back)

    def _better(self, question: str, a: str, b: str, criterion: str) -> Better | Reply:
        reply = self._endpoint.chat(comparing(question, a, b, criterion), purpose="judge")
        better = read_better(reply.text or "")
        if reply.error_type or better is None:
            return _failed(reply)
        return better

    def _results(self, reply: Reply, criteria: Mapping[str, str]) -> list[Result]:
        found = read_verdicts(reply.text or "", criteria)
        failure = _failed(reply).error_type
        at_ns = time.time_ns()
        return [
            Result(name, None, self.model, at_ns, error_type=failure)
            if (verdict := found.get(name)) is None
            else Result(name, verdict.score, self.model, at_ns, explanation=verdict.reason)
            for name in criteria
        ]


def _failed(reply: Reply) -> Reply:
    """Return ``reply`` with why it holds no valid judgement."""
    if reply.error_type:
        return reply
    why = "truncated" if reply.finish_reason == "length" else "invalid_answer"
    return Reply(reply.started_ns, reply.ended_ns, error_type=why)


_MIRROR: Mapping[Better, Better] = {"A": "B", "B": "A", "neither": "neither"}
_PREFERENCE: Mapping[Better, Preference] = {"A": "first", "B": "second", "neither": "tie"}


def _settled(there: Better, back: Better) -> Comparison:
    if there == _MIRROR[back]:
        return Comparison(_PREFERENCE[there])
    return Comparison("tie", swayed=True)
