"""The checks at work: evidence in, flags out."""

from __future__ import annotations

from collections.abc import Sequence

from .catalogue import CATALOGUE
from .check import Check
from .evidence import Content, Evidence
from .finish import plain
from .scan import Scan, scanner
from .words import Pattern

_NONE: frozenset[str] = frozenset()
_MEMORY = 1024
"""Bound of the memory of finish reasons: they come from the outside."""


class Inspector:
    """Runs checks over calls. Thread-safe; compile one and keep it."""

    def __init__(
        self,
        checks: Sequence[Check] | None = None,
        *,
        max_output_bytes: int = 65_536,
        max_input_bytes: int = 16_384,
    ) -> None:
        """``checks`` defaults to the whole catalogue. Of longer content only that much is looked
        at: of output from the start, of input from the end, where the newest messages are."""
        self._checks = tuple(CATALOGUE.values() if checks is None else checks)
        self._output = _Side(False, self._checks, max_output_bytes)
        self._input = _Side(True, self._checks, max_input_bytes)
        self._of_tokens = [c for c in self._checks if c.of_tokens]
        self._of_finish = [c for c in self._checks if c.finish_reasons]
        self._by_finish: dict[tuple[str, ...], frozenset[str]] = {}

    def flags(self, seen: Evidence) -> tuple[str, ...] | None:
        """Return the names of the checks that fired, in the catalogue's order.

        ``()`` when those that could look were silent, ``None`` when none could: no finish
        reason, no count of output tokens, no content.
        """
        looked, fired = False, _NONE
        if seen.finish_reasons and self._of_finish:
            looked, fired = True, self._finished(seen.finish_reasons)
        if seen.output_tokens is not None and self._of_tokens:
            looked, fired = True, fired | self._counted(seen.output_tokens)
        for side, content in ((self._output, seen.output), (self._input, seen.input)):
            if content is not None:
                looked, fired = looked or side.looks, fired | side.found(seen, content)
        if not looked:
            return None
        return tuple([c.name for c in self._checks if c.name in fired]) if fired else ()

    def _finished(self, reasons: tuple[str, ...]) -> frozenset[str]:
        known = self._by_finish.get(reasons)
        if known is None:
            spelled = {plain(reason) for reason in reasons}
            known = frozenset(c.name for c in self._of_finish if c.finish_reasons & spelled)
            if len(self._by_finish) >= _MEMORY:
                self._by_finish = {}
            self._by_finish[reasons] = known
        return known

    def _counted(self, output_tokens: int) -> frozenset[str]:
        if output_tokens > 0:
            return _NONE
        return frozenset(c.name for c in self._of_tokens if c.of_tokens and c.of_tokens(0))


def _scanning(
    family: Sequence[tuple[Check, Sequence[Pattern]]],
) -> tuple[Sequence[Check], Scan]:
    return [check for check, _ in family], scanner([patterns for _, patterns in family])


class _Side:
    """The signs to look for in input or in output, with a scan for all of their patterns."""

    def __init__(self, of_input: bool, checks: Sequence[Check], max_bytes: int) -> None:
        self._window = slice(-max_bytes, None) if of_input else slice(max_bytes)
        self._max = max_bytes
        looking = [(c, c.patterns if c.of_input == of_input else c.asked) for c in checks]
        self.looks = any(c.judge and c.of_input == of_input for c in checks)
        patterned = [(c, patterns) for c, patterns in looking if c.judge and patterns]
        names = sorted({check.family for check, _ in patterned})
        families = [[pair for pair in patterned if pair[0].family == name] for name in names]
        self._scans = [_scanning(family) for family in families]
        self._suspecting = [c for c in checks if c.suspect and c.of_input == of_input]

    def found(self, seen: Evidence, content: Content) -> frozenset[str]:
        raw = content.raw if len(content.raw) <= self._max else content.raw[self._window]
        signs = [checks[at] for checks, scan in self._scans for at in scan(raw)]
        signs += [c for c in self._suspecting if c.suspect and c.suspect(seen, raw)]
        return frozenset([c.name for c in signs if _deserves(c, seen)]) if signs else _NONE


def _deserves(check: Check, seen: Evidence) -> bool:
    content = seen.input if check.of_input else seen.output
    return content is not None and check.judge is not None and check.judge(seen, content)
