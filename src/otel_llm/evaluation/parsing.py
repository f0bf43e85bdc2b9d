"""A judge's words as scores, strictly: what is not exactly what was asked for is no score."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, cast

from otel_llm.quality.messages import whole, without_reasoning

Better = Literal["A", "B", "neither"]

WORST, BEST = 1, 10
_MOST_CHARS = 2000
"""Characters of a reason that are kept: one sentence was asked for."""


class Verdict(NamedTuple):
    """One criterion as judged."""

    score: float
    """From 0 (a 1) to 1 (a 10)."""
    reason: str | None = None


def read_verdicts(text: str, names: Iterable[str]) -> Mapping[str, Verdict]:
    """Return the verdicts in a judge's reply; a name without a valid one is left out.

    Valid is one JSON object, alone or in a code fence, with a number from 1 to 10 for the name, or
    an object with such a ``score``. No text around it but the reasoning that local models write
    between tags before it, no number as text, no other scale, no key twice: a judge that does not
    do as it is told may not have judged as it was told either.
    """
    given = _object(text)
    found = {name: _verdict(given[name]) for name in names if name in given}
    return {name: verdict for name, verdict in found.items() if verdict is not None}


def read_better(text: str) -> Better | None:
    """Return which answer a judge prefers; ``None`` when it does not say so as asked."""
    better = _object(text).get("better")
    return better if better in ("A", "B", "neither") else None


def _object(text: str) -> Mapping[str, object]:
    try:
        given: object = json.loads(
            _unfenced(without_reasoning(text).strip()), object_pairs_hook=_once
        )
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", given) if isinstance(given, dict) else {}


def _unfenced(text: str) -> str:
    """Return what is in a code fence that is all of ``text``; else ``text``."""
    first, _, rest = text.partition("\n")
    fenced = first.strip() in ("```", "```json") and rest.endswith("```")
    return rest.removesuffix("```") if fenced else text


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _verdict(given: object) -> Verdict | None:
    if not isinstance(given, dict):
        score = _score(given)
        return None if score is None else Verdict(score)
    entry = cast("dict[str, object]", given)
    score, reason = _score(entry.get("score")), entry.get("reason")
    if score is None:
        return None
    said = reason if isinstance(reason, str) else ""
    return Verdict(score, whole(said[:_MOST_CHARS]) or None)


def _score(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    if not WORST <= given <= BEST:  # nor is what is not a number
        return None
    return (given - WORST) / (BEST - WORST)
