"""Semantic relevance: how close question and answer are by an embedding model.

Word overlap (``quality.scores``) cannot tell a paraphrase from an answer beside the point;
embeddings can. Neither can tell a wrong answer from a right one on the same matter: for that there
is ``factual_accuracy``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from .paid import PaidEndpoint
from .result import Result, Subject

SEMANTIC_RELEVANCE = "semantic_relevance"


class SemanticRelevance:
    """Asks an embeddings endpoint. Thread-safe."""

    def __init__(self, endpoint: PaidEndpoint) -> None:
        self._endpoint = endpoint

    def judge(self, subject: Subject) -> Result:
        """Return the cosine of question and answer, at least 0; no score where there is none."""
        reply = self._endpoint.embed([subject.question, subject.answer], about=subject)
        value = cosine(*reply.vectors) if len(reply.vectors) == 2 else None
        why = None if value is not None else reply.error_type or "invalid_response"
        score = None if value is None else min(1.0, max(0.0, value))
        return Result(
            SEMANTIC_RELEVANCE, score, self._endpoint.model, time.time_ns(), error_type=why
        )


def cosine(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the cosine of the angle between two vectors; ``None`` where there is no angle."""
    if len(one) != len(other):
        return None
    lengths = math.hypot(*one) * math.hypot(*other)
    if not lengths or not math.isfinite(lengths):
        return None
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / lengths
