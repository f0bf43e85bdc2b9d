"""What a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .evidence import Content, Evidence
from .words import Pattern


@dataclass(frozen=True, slots=True)
class Check:
    """One check: cheap signs to look for first, and a sure judgement where there is one.

    A sign is any of: a finish reason, a pattern in the encoded content, a quick ``suspect``. Only
    a check whose sign was seen has its content decoded and judged.
    """

    name: str
    """The flag it raises."""
    about: str
    """What the flag says, for documentation and dashboards."""
    finish_reasons: frozenset[str] = frozenset()
    """Reasons (lower case, see ``finish.plain``) that say it without any content."""
    patterns: tuple[Pattern, ...] = ()
    """What to look for in the encoded content."""
    family: str = ""
    """Checks of one family share an automaton. Patterns that may begin in any word multiply the
    states of all others: a pass more over 3 kB costs 7 us, the states of words that were not seen
    before ten times as much."""
    asked: tuple[Pattern, ...] = ()
    """What to look for in the encoded input, to judge the output by."""
    suspect: Callable[[Evidence, bytes], bool] | None = None
    """A sign in the encoded content that is no pattern."""
    judge: Callable[[Evidence, Content], bool] | None = None
    """Whether content with a sign deserves the flag; ``None``: there is no check of content."""
    of_input: bool = False
    """Whether the content is the input and not the output."""
    of_tokens: Callable[[int], bool] | None = None
    """Whether a count of output tokens alone deserves the flag."""
