"""What is judged, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OfSuite:
    """One case in one run of a suite."""

    suite: str
    case: str
    run: str
    """The same for all cases of the run."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One answer, with where it was given. Holds content: it is never stored or logged."""

    question: str
    answer: str
    truth: str | None = None
    """What a right answer says, for ``factual_accuracy``."""
    trace_id: str | None = None
    span_id: str | None = None
    """Lower-case hex; ``None`` for an answer that no span stands for."""
    response_id: str | None = None
    service: str | None = None
    model: str | None = None
    """The model that answered."""
    prompt_name: str | None = None
    prompt_version: str | None = None
    of_suite: OfSuite | None = None
    """Where a suite asked."""


@dataclass(frozen=True, slots=True)
class Result:
    """One judgement (``gen_ai.evaluation.result``). Either ``value`` or ``error_type`` is set."""

    name: str
    """``relevance``, ``factual_accuracy``, …"""
    value: float | None
    """From 0 (worst) to 1; ``None``: there is no score."""
    evaluator: str
    """Which model or rule judged."""
    at_ns: int
    label: str | None = None
    explanation: str | None = None
    """Why, in the judge's words; may quote what was said."""
    error_type: str | None = None
    """Why there is no score: ``invalid_answer``, ``timeout``, ``429``, ``budget``, …"""
