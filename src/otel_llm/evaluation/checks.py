"""What can be said of an answer without a judge: words, a pattern, a schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .schemas import mismatch
from .suite import Case


class Checked(NamedTuple):
    """One check of one answer."""

    name: str
    value: float
    """From 0 to 1."""
    problem: str | None = None
    """What is missing or wrong; ``None`` when nothing is."""


def check(case: Case, answer: str) -> Iterator[Checked]:
    """Yield every check that ``case`` asks for."""
    if case.keywords:
        yield _keywords(case.keywords, answer)
    if case.forbidden:
        found = [word for word in case.forbidden if word.lower() in answer.lower()]
        problem = f"found {', '.join(map(repr, found))}" if found else None
        yield Checked("forbidden", 0.0 if found else 1.0, problem)
    if case.pattern is not None:
        fits = re.search(case.pattern, answer) is not None
        problem = None if fits else f"no match of {case.pattern!r}"
        yield Checked("pattern", float(fits), problem)
    if case.json_schema is not None:
        problem = mismatch(answer, case.json_schema)
        yield Checked("json_schema", 0.0 if problem else 1.0, problem)


def _keywords(wanted: tuple[str, ...], answer: str) -> Checked:
    text = answer.lower()
    missing = [word for word in wanted if word.lower() not in text]
    problem = f"missing {', '.join(map(repr, missing))}" if missing else None
    return Checked("keywords", 1 - len(missing) / len(wanted), problem)
