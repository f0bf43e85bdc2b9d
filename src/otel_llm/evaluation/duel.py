"""Two targets answer the same questions, a judge says whose answer is better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .endpoint import Endpoint
from .judge import Comparison, Judge
from .runner import messages
from .side_by_side import side_by_side
from .suite import Case, Suite


@dataclass(frozen=True, slots=True)
class DuelOutcome:
    """One question."""

    case: Case
    comparison: Comparison

    @property
    def said(self) -> str:
        """What came of it, in a word."""
        if self.comparison.preference is None:
            return f"no verdict ({self.comparison.error_type})"
        swayed = " (the judge follows the order)" if self.comparison.swayed else ""
        return self.comparison.preference + swayed


def duel(
    suite: Suite,
    first: Endpoint,
    second: Endpoint,
    judge: Judge,
    *,
    criterion: str = "",
    concurrency: int = 4,
) -> list[DuelOutcome]:
    """Ask both every question, several at a time, and compare the answers."""

    def ask(case: Case) -> DuelOutcome:
        said = messages(suite, case)
        one, other = first.chat(said), second.chat(said)
        failed = one.error_type or other.error_type
        if failed or one.text is None or other.text is None:
            return DuelOutcome(case, Comparison(None, error_type=failed))
        return DuelOutcome(case, judge.compare(case.query, one.text, other.text, criterion))

    outcomes = dict(side_by_side(ask, suite.cases, concurrency))
    return [outcomes[at] for at in sorted(outcomes)]


def tally(outcomes: Sequence[DuelOutcome]) -> str:
    """Return how often each was better."""
    counts = Counter(outcome.comparison.preference or "no verdict" for outcome in outcomes)
    shown = [f"{counts[kind]} {kind}" for kind in ("first", "second", "tie", "no verdict")]
    return ", ".join(shown)
